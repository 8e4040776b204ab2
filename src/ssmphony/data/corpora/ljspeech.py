"""LJSpeech layout: ``metadata.csv`` with ``id|text`` or ``id|raw|normalised``, audio in ``wavs/``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.reader import Item, Reader, Utterance, audio_by_stem, existing_folder, read_table


class LJSpeech(Reader):
    """The last column is the text. ``audio`` names the audio folder; ``speaker`` defaults to the folder's name."""

    kind: Literal["ljspeech"] = "ljspeech"
    path: Path
    metadata: str = "metadata.csv"
    audio: str = "wavs"
    speaker: str | None = None

    def items(self) -> Iterator[Item]:
        files = audio_by_stem(existing_folder(self.path) / self.audio)
        speaker = self.speaker or self.path.resolve().name
        for row in read_table(self.path / self.metadata):
            yield Item(id=row[0], speaker=speaker, path=files.get(row[0]), text=row[-1] if len(row) > 1 else "")

    def read(self, item: Item) -> Sequence[Utterance]:
        return [read_transcribed(item)]


def read_transcribed(item: Item) -> Utterance:
    """The whole file of an item as one utterance."""
    if item.path is None:
        raise Rejected("no audio file of this id")
    samples, rate = read_clip(item.path)
    return Utterance(item.id, item.speaker, samples, rate, item.text, item.word_times)
