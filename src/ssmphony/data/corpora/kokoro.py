"""The teacher Kokoro-82M: texts that it reads out, or speech that it rendered earlier."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.kokoro_corpus import CLIPS, read_rendered, rendered_items, spoken_times
from ssmphony.data.corpora.kokoro_spelling import spell
from ssmphony.data.corpora.kokoro_teacher import FEWEST, HOP, RATE, Renders
from ssmphony.data.corpora.reader import Item, Pitch, Spoken, Utterance, build
from ssmphony.data.corpora.rendered_pitch import refined
from ssmphony.data.corpora.sentences import sentences_of
from ssmphony.data.text_files import read_text
from ssmphony.errors import NOTHING_TO_SPEAK
from ssmphony.types import SsmphonyError, Tokens

_LONGEST = 160
"""Tokens of a piece: longer sentences are cut at clauses. The teacher's spelling has more characters than tokens."""
_PLANNED = re.compile(r"(?:\d+\t)?[\w.:,-]+\t[^\t]+")


class Kokoro(Renders):
    """Speech of a teacher with exact times: nothing is aligned. Its pitch is corrected by that of the sound."""

    kind: Literal["kokoro"] = "kokoro"
    texts: tuple[Path, ...]
    """Rendered corpora (folders with clips.jsonl), or what is to be rendered: files of one sentence a line, or of
    ``speaker<TAB>text`` or ``number<TAB>speaker<TAB>text``, and folders of Markdown stories. Such a speaker may be a
    blend of voices: ``hf_alpha:0.5,am_adam:0.5``."""
    speakers: dict[str, int] = Field(default_factory=dict[str, int])
    """Speakers and their shares, by which sentences without a speaker are dealt; of a rendered corpus those that are
    taken, all where none is named. A list of names gives equal shares."""
    sentences: int | None = Field(default=None, ge=1)
    """How many are rendered at most, from the first; None: all."""

    @field_validator("speakers", mode="before")
    @classmethod
    def _shares(cls, value: Any) -> Any:
        names = value.split(",") if isinstance(value, str) else value
        return {str(name).strip(): 1 for name in names} if isinstance(names, (list, tuple)) else names

    @field_validator("speakers")
    @classmethod
    def _positive(cls, value: dict[str, int]) -> dict[str, int]:
        if any(share < 1 for share in value.values()):
            raise ValueError("shares are 1 or more")
        return value

    def items(self) -> Iterator[Item]:
        planned: list[Item] = []
        for path in self.texts:
            if path.is_dir() and any(path.glob(CLIPS)):
                yield from rendered_items(path, self.speakers)
            else:
                planned.extend(self._planned(path))
        if planned:
            teacher = self.teacher("; or give a rendered corpus, a folder with clips.jsonl")
            for speaker in dict.fromkeys(item.speaker for item in planned):
                teacher.style(speaker)
        yield from planned[: self.sentences]

    def read(self, item: Item) -> Sequence[Utterance]:
        if item.rendered:
            return [read_rendered(item, build(self.frontend))]
        frontend = build({**self.frontend, "max_tokens": _LONGEST})
        pieces = [tokens for tokens in frontend.sentences(item.text or "") if tokens.words]
        if not pieces:
            raise Rejected(NOTHING_TO_SPEAK)
        names = [item.id] if len(pieces) == 1 else [f"{item.id}-{number:02d}" for number in range(len(pieces))]
        spoken = [self._render(name, item.speaker, piece) for name, piece in zip(names, pieces, strict=True)]
        if all(one is None for one in spoken):
            raise Rejected(f"too short: the teacher speaks sentences of {FEWEST} characters or more well")
        return [one for one in spoken if one is not None]

    def _render(self, name: str, speaker: str, tokens: Tokens) -> Utterance | None:
        """None for a piece that is too short. Raises `Rejected`."""
        spelling = spell(tokens)
        if len(spelling.characters) < FEWEST:
            return None
        rendering = self.teacher().render(spelling, speaker)
        seconds = len(rendering.samples) / RATE
        phones = [(tokens.symbols[index], first, stop) for index, first, stop in rendering.spans]
        if [index for index, _, _ in rendering.spans] != list(range(1, len(tokens.symbols))):
            raise Rejected("a phone has no spelling")
        words = tuple((word.first, word.stop) for word in tokens.words)
        spoken = Spoken(tokens.symbols, words, spoken_times(phones, seconds))
        samples = np.asarray(rendering.samples, np.float32)
        pitch = Pitch(refined(rendering.pitch, samples, RATE, HOP), HOP)
        return Utterance(name, speaker, samples, RATE, tokens.text, spoken=spoken, pitch=pitch, trimmed=True)

    def _planned(self, path: Path) -> Iterator[Item]:
        """The sentences of a text with their speakers."""
        lines = [] if path.is_dir() else read_text(path).rstrip("\n").split("\n")
        if lines and all(_PLANNED.fullmatch(line) for line in lines):
            for number, line in enumerate(lines):
                *numbered, speaker, text = line.split("\t")
                if not self.speakers or speaker in self.speakers:
                    place = int(numbered[0]) if numbered else number
                    yield Item(f"{place:06d}_{_file_name(speaker)}", speaker, text=text.strip())
            return
        if not self.speakers:
            raise SsmphonyError(f"{path}: who reads it? name the voices: --set speakers=hf_alpha,hm_omega")
        several = f"{path.stem}-" if len(self.texts) > 1 else ""
        for number, text, speaker in zip(count(), sentences_of(path), _dealt(self.speakers)):
            if text:
                yield Item(f"{several}{number:06d}_{speaker}", speaker, text=text)


def _file_name(speaker: str) -> str:
    """A speaker as a part of a file's name, which on Windows holds no colon."""
    return speaker.replace(":", "-").replace(",", "+")


def _dealt(shares: Mapping[str, int]) -> Iterator[str]:
    """Speakers without end, so that every beginning is divided by the shares."""
    total = sum(shares.values())
    given = dict.fromkeys(shares, 0)
    for number in count(1):
        speaker = max(shares, key=lambda name: number * shares[name] - total * given[name])
        given[speaker] += 1
        yield speaker
