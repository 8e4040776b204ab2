"""The same sentences by the teacher or a person, and by the voices of the repository, for the page with players.

    python -m benchmarks.listen --cache FOLDER --stories PREPARED [--write]

The teacher's clips are those of `benchmarks.teacher.pictures`, in the cache; ``--stories`` is the prepared corpus of
the storyteller's recordings, of which held-out ones are taken. Sounds go to ``docs/listen`` as MP3.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import RESULTS, ROOT, write_json
from benchmarks.teacher.render import PICTURES, clip_name, read_plan
from benchmarks.voices import voice_argument
from ssmphony.audio.files import AudioWriter, read_audio
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.types import Samples
from ssmphony.voice import Voice
from ssmphony.voices.package import load

OUTPUT = ROOT / "docs" / "listen"
RESULT = RESULTS / "listen.json"
SENTENCES = (1, 4, 8, 9)
"""Lines of the teacher's plan of pictures: one for each of its speakers."""
STORIES = ("DadsBoots-014", "ChakusCycle-011")
SPEAKERS = {"hf_alpha": "alpha", "hf_beta": "beta", "hm_omega": "omega", "hm_psi": "psi", "hi_curious": "storyteller"}
"""What the teacher, or the corpus, calls a speaker → the voices' name."""
FIRST = ("000004_hf_alpha", "DadsBoots-014")
"""Of the first page."""
TITLES = {
    "default": "the default voice",
    "small": "the small voice",
    "fish": "the voice of audio codes, fish",
    "smamba": "the voice of SMamba",
    "from recordings": "the voice from recordings alone",
}
_ROW = "display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.6rem; margin: 0.3rem 0"
_NAME = "flex: 1 1 9rem"
"""In a narrow window it is below its player."""
VOICES = {
    "default": "default",
    "small": "./voices/small",
    "fish": "./voices/fish",
    "smamba": "./voices/smamba",
    "from recordings": "./voices/recorded",
}


class Original(NamedTuple):
    """A sentence, who reads it, and the file of the teacher's or the person's sound."""

    name: str
    text: str
    speaker: str
    audio: Path


def originals(cache: Path, stories: Path) -> list[Original]:
    """The sentences of the page."""
    folder = cache / "teacher" / "pictures"
    rendered: dict[str, Clip] = {clip.id: clip for clip in read_manifest(folder)}
    found = [
        Original(name, text, speaker, folder / rendered[name].audio)
        for number, speaker, text in read_plan(PICTURES)
        if number in SENTENCES and (name := clip_name(number, speaker)) in rendered
    ]
    recorded = {clip.id: clip for clip in read_manifest(stories)}
    return found + [
        Original(name, recorded[name].text, "hi_curious", stories / recorded[name].audio) for name in STORIES
    ]


def write(path: Path, samples: Samples, rate: int) -> str:
    with AudioWriter(path, rate) as writer:
        writer.write(samples)
    return path.name


def listen(sentences: list[Original], output: Path, voice: Callable[[str], Voice]) -> list[dict[str, Any]]:
    """Write all sounds; returns a row for each sentence. A voice that has other speakers of the page, but not the one
    of a sentence, is left out."""
    output.mkdir(parents=True, exist_ok=True)
    spoken = {name: voice(voice_argument(where) or where) for name, where in VOICES.items()}
    rows: list[dict[str, Any]] = []
    for sentence in sentences:
        files = {"original": write(output / f"{sentence.name}.mp3", *read_audio(sentence.audio))}
        for name, one in spoken.items():
            speaker, known = SPEAKERS[sentence.speaker], one.card.speakers
            if speaker not in known and not set(known).isdisjoint(SPEAKERS.values()):
                continue
            audio = one.say(sentence.text, speaker=speaker if speaker in known else None)
            path = output / f"{sentence.name}-{name.replace(' ', '-')}.mp3"
            files[name] = write(path, audio.samples, audio.sample_rate)
        rows.append({"text": sentence.text, "speaker": SPEAKERS[sentence.speaker], "files": files})
    return rows


def players(result: dict[str, Any]) -> str:
    """A section for each sentence, with a player for each sound."""
    return _sections(result["rows"], "")


def first_players(result: dict[str, Any]) -> str:
    """The same for the first page: a sentence of the teacher, and one of a person."""
    return _sections([row for row in result["rows"] if Path(row["files"]["original"]).stem in FIRST], "listen/")


def _sections(rows: list[dict[str, Any]], folder: str) -> str:
    sections: list[str] = []
    for row in rows:
        first = "a person" if row["speaker"] == "storyteller" else "Kokoro-82M, the teacher"
        lines = [f"**{row['speaker']}**: {escape(row['text'])}\n"]
        for name, file in row["files"].items():
            title = first if name == "original" else TITLES[name]
            player = f'<audio controls preload="none" src="{folder}{file}" title="{title}"></audio>'
            lines.append(f'<div style="{_ROW}">{player}<span style="{_NAME}">{title}</span></div>')
        sections.append("\n".join(lines))
    return "\n\n".join(sections)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", type=Path, required=True, help="that of benchmarks.teacher")
    options.add_argument("--stories", type=Path, required=True, help="a prepared corpus of the storyteller")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = options.parse_args()
    result = {
        "rows": listen(originals(arguments.cache, arguments.stories), OUTPUT, lambda where: load(where, threads=1))
    }
    if arguments.write:
        from benchmarks.update_docs import update

        write_json(result, RESULT)
        update()
    else:
        sys.stdout.write(players(result) + "\n")


if __name__ == "__main__":
    main()
