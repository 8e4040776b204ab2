"""Word and phoneme times as JSON, SubRip (.srt) or WebVTT (.vtt)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ssmphony.audio.subtitles import to_srt, to_vtt
from ssmphony.types import AudioChunk, SsmphonyError, TimedSpan


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

    def render(self, text: str, *, markup: bool = False) -> str:
        """The file's contents. ``text`` is what was spoken, as it was written; ``markup`` says that it is SSML."""
        if self._suffix == ".srt":
            return to_srt(self._words, text, markup=markup)
        if self._suffix == ".vtt":
            return to_vtt(self._words, text, markup=markup)
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


def _row(span: TimedSpan) -> dict[str, object]:
    row: dict[str, object] = {
        "text": span.text,
        "start_s": round(span.start_s, 5),
        "end_s": round(span.end_s, 5),
    }
    return row if span.start < 0 else {**row, "start": span.start, "end": span.end}
