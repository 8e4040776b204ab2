"""Word and phoneme times as JSON, SubRip (.srt) or WebVTT (.vtt)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ssmphony.types import AudioChunk, SsmphonyError, TimedSpan

_MAX_CHARACTERS = 42
_MAX_SECONDS = 6.0
_PAUSE_S = 0.25
"""A subtitle ends where a longer silence follows."""


class Timings:
    """Collect the times of a stream's chunks and render them in the format of ``path``'s ending."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        if path.suffix.lower() not in (".json", ".srt", ".vtt"):
            raise SsmphonyError(f"cannot write {path}: timings must end in .json, .srt or .vtt")
        self._suffix = path.suffix.lower()
        self._sample_rate = sample_rate
        self._seconds = 0.0
        self._words: list[TimedSpan] = []
        self._phonemes: list[TimedSpan] = []
        self._marks: list[TimedSpan] = []

    def add(self, chunk: AudioChunk) -> None:
        self._seconds += chunk.seconds
        self._words.extend(chunk.words)
        if self._suffix == ".json":
            self._phonemes.extend(chunk.phonemes)
            self._marks.extend(chunk.marks)

    def render(self) -> str:
        if self._suffix == ".srt":
            return to_srt(self._words)
        if self._suffix == ".vtt":
            return to_vtt(self._words)
        spans = {"words": self._words, "phonemes": self._phonemes}
        return to_json({**spans, "marks": self._marks} if self._marks else spans, self._seconds, self._sample_rate)


def to_json(spans: Mapping[str, Sequence[TimedSpan]], seconds: float, sample_rate: int) -> str:
    """An object with ``sample_rate``, ``seconds`` and each list of spans; a span a line, times in seconds.

    ``start`` and ``end`` of a word are character offsets into the text.
    """
    lines = [f'"sample_rate": {sample_rate}', f'"seconds": {seconds:.4f}']
    for name, listed in spans.items():
        rows = ",\n    ".join(json.dumps(_row(span), ensure_ascii=False) for span in listed)
        lines.append(f'"{name}": [\n    {rows}\n  ]' if rows else f'"{name}": []')
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def to_srt(words: Sequence[TimedSpan]) -> str:
    """SubRip: numbered lines of a few words."""
    cues = (
        f"{number}\n{_clock(cue[0].start_s, ',')} --> {_clock(cue[-1].end_s, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(_cues(words), start=1)
    )
    return "\n".join(cues)


def to_vtt(words: Sequence[TimedSpan]) -> str:
    """WebVTT: lines of a few words, with the time at which each word begins inside the line."""
    cues = [
        f"{_clock(cue[0].start_s, '.')} --> {_clock(cue[-1].end_s, '.')}\n"
        + _escape(cue[0].text)
        + "".join(f" <{_clock(word.start_s, '.')}>{_escape(word.text)}" for word in cue[1:])
        + "\n"
        for cue in _cues(words)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _row(span: TimedSpan) -> dict[str, object]:
    row: dict[str, object] = {
        "text": span.text,
        "start_s": round(span.start_s, 5),
        "end_s": round(span.end_s, 5),
    }
    return row if span.start < 0 else {**row, "start": span.start, "end": span.end}


def _cues(words: Sequence[TimedSpan]) -> Iterator[list[TimedSpan]]:
    """Group words into subtitles: no longer than a line or a few seconds, and never over a pause."""
    cue: list[TimedSpan] = []
    for word in words:
        if cue and (
            word.start_s - cue[-1].end_s > _PAUSE_S
            or word.end_s - cue[0].start_s > _MAX_SECONDS
            or len(_line([*cue, word])) > _MAX_CHARACTERS
        ):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _line(cue: Sequence[TimedSpan]) -> str:
    return " ".join(word.text for word in cue)


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
