"""The prepared corpus on disk: a folder with ``manifest.jsonl``, one clip a line.

manifest.jsonl     {"id", "audio", "seconds", "speaker", "language", "text", "symbols", "words", "anchors", "f0_rate"}
audio/<id>.flac    mono, edges trimmed, loudness normalised; 24 kHz unless it was prepared for a codec of another rate
f0/<id>.npy        float32 Hz, 0 = unvoiced, ``f0_rate`` values a second from the first sample
features/          what training computed from the clips (see `ssmphony.data.features`); may be deleted
rejected.jsonl     {"id", "reason"}: what was left out
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssmphony.types import SsmphonyError

MANIFEST = "manifest.jsonl"
REJECTED = "rejected.jsonl"
FEATURES = "features"


@dataclass(frozen=True)
class Clip:
    """One clip. ``audio`` is relative to the folder of the manifest.

    symbols: what is spoken, or None where there is no transcript (audio for vocoders).
    words: half-open token ranges.
    anchors: known times, (first token, stop token, start in s, end in s), ordered and not overlapping.
    f0_rate: values of pitch per second.
    """

    id: str
    audio: str
    seconds: float
    speaker: str
    language: str
    text: str = ""
    symbols: tuple[str, ...] | None = None
    words: tuple[tuple[int, int], ...] = ()
    anchors: tuple[tuple[int, int, float, float], ...] = ()
    f0_rate: float = 93.75

    def check(self) -> None:
        """Raises ValueError when the parts contradict each other."""
        n_tokens = len(self.symbols or ())
        if not self.seconds > 0:
            raise ValueError(f"'seconds' is {self.seconds}")
        if not self.f0_rate > 0:
            raise ValueError(f"'f0_rate' is {self.f0_rate}")
        previous = 0
        for first, stop in self.words:
            if not previous <= first < stop <= n_tokens:
                raise ValueError(f"word range [{first}, {stop}) does not fit {n_tokens} symbols in order")
            previous = stop
        previous, clock = 0, 0.0
        for first, stop, start_s, end_s in self.anchors:
            if not previous <= first < stop <= n_tokens:
                raise ValueError(f"anchor of tokens [{first}, {stop}) does not fit {n_tokens} symbols in order")
            if not clock - 1e-6 <= start_s <= end_s <= self.seconds + 1e-3:
                raise ValueError(f"anchor {start_s:.3f}-{end_s:.3f} s is out of order or outside the clip")
            previous, clock = stop, end_s

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Clip:
        """The clip of one manifest row; raises ValueError or TypeError when the row is not one."""
        unknown = set(row) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown key '{sorted(unknown)[0]}'")
        clip = cls(
            id=str(row["id"]),
            audio=str(row["audio"]),
            seconds=float(row["seconds"]),
            speaker=str(row["speaker"]),
            language=str(row["language"]),
            text=str(row.get("text") or ""),
            symbols=None if row.get("symbols") is None else tuple(map(str, row["symbols"])),
            words=tuple((int(first), int(stop)) for first, stop in row.get("words", ())),
            anchors=tuple((int(a), int(b), float(s), float(e)) for a, b, s, e in row.get("anchors", ())),
            f0_rate=float(row.get("f0_rate", 93.75)),
        )
        clip.check()
        return clip


def read_manifest(folder: Path) -> list[Clip]:
    """Every clip of a prepared corpus; raises `SsmphonyError` naming the line that is wrong."""
    path = folder / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise SsmphonyError(f"no {MANIFEST} in {folder}: prepare the corpus first (ssmphony prepare)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SsmphonyError(f"{path}: cannot be read: {error}") from None
    clips: dict[str, Clip] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            clip = Clip.from_row(json.loads(line))
        except KeyError as error:
            raise SsmphonyError(f"{path}, line {number}: missing key {error}") from None
        except (ValueError, TypeError) as error:
            raise SsmphonyError(f"{path}, line {number}: {error}") from None
        if clip.id in clips:
            raise SsmphonyError(f"{path}, line {number}: the id '{clip.id}' occurs twice")
        clips[clip.id] = clip
    return list(clips.values())


def write_manifest(folder: Path, clips: Iterable[Clip]) -> None:
    """Write ``manifest.jsonl``; a reader sees the old file or the new one."""
    write_rows(folder / MANIFEST, (asdict(clip) for clip in clips))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines to ``path`` in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(partial, path)


def claim(path: Path, stamp: Mapping[str, Any], refusal: str) -> None:
    """Make the folder of ``path`` and write ``stamp`` there, or make sure that the same stamp began the folder.

    Raises `SsmphonyError`: ``<folder> <refusal>`` where another stamp stands, or one line when nothing can be written.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_rows(path, [stamp])
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SsmphonyError(f"{folder}: cannot be written: {error.strerror}") from None
    except ValueError:
        found = None
    if found != stamp:
        raise SsmphonyError(f"{folder} {refusal}")
