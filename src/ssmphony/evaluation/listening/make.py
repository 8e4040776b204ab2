"""A listening test in a folder: ``index.html`` is opened as a file, no server needed.

AB: two versions of each sentence, which is better. MUSHRA (ITU-R BS.1534): all versions, the hidden original and a
low-passed anchor are rated against the original. Files have random names; ``key.json``, which the page does not read,
says what they are.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ssmphony.audio.files import AudioWriter, PartialFile, read_audio
from ssmphony.audio.loudness import normalise
from ssmphony.audio.resample import resample
from ssmphony.evaluation.material import chosen_clips, read_lines
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voices.package import load

Kind = Literal["ab", "mushra"]

REFERENCE, ANCHOR = "original", "anchor"
ANCHOR_HZ = 7_000
"""The anchor's sample rate: nothing above 3.5 kHz is left, as the recommendation asks."""
RATE = 24_000
SUFFIXES = (".flac", ".wav", ".ogg", ".mp3")
KEY, PAGE = "key.json", "index.html"
TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Item:
    """A sentence, and its original where it was recorded."""

    id: str
    text: str
    original: Path | None = None


def items(
    sentences: Path | None, corpus: Path | None, ids: Path | None, systems: Sequence[str], count: int
) -> list[Item]:
    """What is said: the clips of a corpus, or the lines of a file, or what folders of audio files share by name.

    Raises `SsmphonyError` when that is nothing.
    """
    if corpus:
        clips = chosen_clips(corpus, ids)
        found = [Item(clip.id, clip.text, corpus / clip.audio) for clip in clips]
    elif sentences:
        found = [Item(f"{number:04d}", line) for number, line in enumerate(read_lines(sentences))]
    else:
        names = [set(_audio_files(Path(system))) for system in systems if Path(system).is_dir()]
        shared = set.intersection(*names) if len(names) == len(systems) else set[str]()
        found = [Item(name, name) for name in sorted(shared)]
    if not found:
        raise SsmphonyError("no sentences: give --sentences or --corpus, or folders with audio files of the same names")
    return found[:count]


def make_test(systems: Sequence[str], said: Sequence[Item], out: Path, kind: Kind = "ab") -> int:
    """Write the folder; returns the number of trials. ``systems`` are voices, or folders of audio files by item id.

    All clips have one loudness. Raises `SsmphonyError` when a clip is missing, when AB is not of two systems, or when
    MUSHRA has no original.
    """
    if kind == "ab" and len(systems) != 2:
        raise SsmphonyError("an AB test compares two systems; for more, use --kind mushra")
    if len(set(systems)) < len(systems):
        raise SsmphonyError("the systems of a listening test must differ")
    if kind == "mushra" and not all(item.original for item in said):
        raise SsmphonyError("a MUSHRA test rates against the original: give --corpus")
    speakers = {system: _speaker(system) for system in systems}
    (out / "clips").mkdir(parents=True, exist_ok=True)
    key: dict[str, str] = {}
    trials: list[dict[str, Any]] = []
    for item in said:
        sounds = {system: speak(item) for system, speak in speakers.items()}
        trials.append(_trial(item, sounds, kind, out, key))
    test = {"id": secrets.token_hex(4), "kind": kind, "trials": trials}
    _write(out / KEY, json.dumps({**test, "key": key}, indent=1, ensure_ascii=False))
    data = json.dumps(test, ensure_ascii=False).replace("</", "<\\/")
    _write(out / PAGE, TEMPLATE.read_text(encoding="utf-8").replace("/*TEST*/null", data))
    return len(trials)


def _trial(item: Item, sounds: Mapping[str, Samples], kind: Kind, out: Path, key: dict[str, str]) -> dict[str, Any]:
    """Write the clips of one sentence, and what the page shows of it."""
    trial: dict[str, Any] = {"id": item.id, "text": item.text}
    if kind == "mushra":
        assert item.original
        original = _at_rate(*read_audio(item.original))
        low = resample(resample(original, RATE, ANCHOR_HZ), ANCHOR_HZ, RATE)[: len(original)]
        sounds = {**sounds, REFERENCE: original, ANCHOR: low}
        trial["reference"] = _keep(original, out)
    clips = {_keep(sound, out): name for name, sound in sounds.items()}
    key.update(clips)
    return {**trial, "clips": sorted(clips)}


def _speaker(system: str) -> Any:
    """Item → samples at `RATE`, from a folder of audio files or from a voice."""
    files = _audio_files(Path(system)) if Path(system).is_dir() else {}
    if files:
        return lambda item: _at_rate(*read_audio(_file(files, item.id, system)))
    voice = load(Path(system) if Path(system).is_dir() else system)
    return lambda item: _at_rate(voice.say(item.text).samples, voice.sample_rate)


def _file(files: Mapping[str, Path], name: str, system: str) -> Path:
    if name not in files:
        raise SsmphonyError(f"{system} has no audio file for '{name}'")
    return files[name]


def _audio_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def _at_rate(samples: Samples, rate: int) -> Samples:
    return normalise(resample(samples, rate, RATE), RATE)


def _keep(samples: Samples, out: Path) -> str:
    name = f"{secrets.token_hex(6)}.flac"
    with AudioWriter(out / "clips" / name, RATE, synthetic=False) as writer:
        writer.write(np.asarray(samples, np.float32))
    return name


def _write(path: Path, text: str) -> None:
    with PartialFile(path) as file:
        file.write(text.encode("utf-8"))
