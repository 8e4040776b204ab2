"""The Free Spoken Digit Dataset: English digits, one recording each, named ``<digit>_<speaker>_<number>.wav``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.audio_files import NO_AUDIO, some_audio_files
from ssmphony.data.corpora.reader import Item, Reader, Utterance
from ssmphony.types import SsmphonyError

ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAME = re.compile(r"(\d)_(\w+)_(\d+)")


class Fsdd(Reader):
    """The digit in English is the text of a clip. It is not transcribed: the frontends here read other languages."""

    kind: Literal["fsdd"] = "fsdd"
    path: Path

    @model_validator(mode="before")
    @classmethod
    def _english(cls, data: Any) -> Any:
        return {"language": "en", **data} if isinstance(data, dict) else data

    def items(self) -> Iterator[Item]:
        named = ((path, _NAME.fullmatch(path.stem)) for path in some_audio_files(self.path))
        found = [(path, name) for path, name in named if name]
        if not found:
            raise SsmphonyError(f"{self.path}: no recordings named <digit>_<speaker>_<number>.wav")
        for path, name in found:
            yield Item(path.stem, name[2], path, ENGLISH[int(name[1])])

    def read(self, item: Item) -> Sequence[Utterance]:
        if item.path is None:
            raise Rejected(NO_AUDIO)
        samples, rate = read_clip(item.path)
        return [Utterance(item.id, item.speaker, samples, rate, item.text)]
