"""Spoken Hindi digits, शून्य to नौ: lists that the teacher Kokoro-82M reads, cut into words at the times of its phones.

A list has all ten digits in an order of its own. Between them the teacher reads a row of full stops, after which it
pauses: commas it reads over, and its words run into each other. The lists are
kept as they were rendered, in the layout of `ssmphony.data.corpora.kokoro_corpus`: corpora of several sample rates are
prepared from one rendering.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from ssmphony.data.clips import Rejected, write_clip
from ssmphony.data.corpora.kokoro_corpus import read_rendered
from ssmphony.data.corpora.kokoro_spelling import Spelling, spell
from ssmphony.data.corpora.kokoro_teacher import BLEND, RATE, Renders
from ssmphony.data.corpora.reader import Item, Pitch, Spoken, Utterance, build
from ssmphony.data.silence import quietest, trim_span
from ssmphony.text.vocabulary import BEGIN, COMMA
from ssmphony.types import Samples, SsmphonyError

DIGITS = ("शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ")
"""Digit ``n`` is ``DIGITS[n]``; it is the text of its clips."""

_BETWEEN = ".... ...."
_EDGE_S = 0.03
"""Of the silence around a word that is kept."""
_FADE_S = 0.01


class HindiDigits(Renders):
    """Ten clips of each list, by voices of the teacher and by blends of two of them."""

    kind: Literal["hindi_digits"] = "hindi_digits"
    path: Path
    """The folder of the rendered lists; what is missing there is rendered."""
    lists: int = Field(default=3, ge=1)
    """Lists that each voice reads."""
    blends: int = Field(default=200, ge=0)
    """Blends of two voices, each of which reads one list: a Hindi voice with another one."""
    seed: int = 0
    """Of the order of the digits."""

    def items(self) -> Iterator[Item]:
        voices = self.teacher().voices
        names = sorted(path.stem for path in voices.glob("*.bin"))
        if not names:
            raise SsmphonyError(f"{voices}: holds no voices of the teacher, <name>.bin")
        self.path.mkdir(parents=True, exist_ok=True)
        speakers = [name for name in names for _ in range(self.lists)] + _blends(names, self.blends)
        for number, speaker in enumerate(speakers):
            order = np.random.default_rng((self.seed, number)).permutation(len(DIGITS))
            yield Item(f"{number:04d}_{speaker}", speaker, text=", ".join(DIGITS[digit] for digit in order) + "।")

    def read(self, item: Item) -> Sequence[Utterance]:
        row = self.path / f"clips-{item.id}.jsonl"
        if not row.exists():
            self._render(item, row)
        sound = self.path / "wavs" / f"{item.id}.flac"
        line = row.read_text(encoding="utf-8")
        rendered = Item(item.id, item.speaker, sound, json.loads(line)["text"], rendered=line)
        return _words(read_rendered(rendered, build(self.frontend)))

    def _render(self, item: Item, row: Path) -> None:
        """Write the sound of a list, and the line that describes it. Raises `Rejected`."""
        tokens = build(self.frontend).whole(item.text or "")
        found = self.teacher().render(_with_pauses(spell(tokens)), item.speaker)
        description = {
            "id": item.id,
            "speaker": item.speaker,
            "text": item.text,
            "samples": len(found.samples),
            "phones": [(tokens.symbols[index], first, stop) for index, first, stop in found.spans],
            "f0": [round(float(hertz)) for hertz in found.pitch],
        }
        write_clip(self.path / "wavs" / f"{item.id}.flac", found.samples, RATE)
        partial = row.with_name(f".{row.name}.{os.getpid()}")
        partial.write_text(json.dumps(description, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, row)


def _with_pauses(spelling: Spelling) -> Spelling:
    """`_BETWEEN` for each comma."""
    pairs = zip(spelling.characters, spelling.owners, strict=True)
    parts = [(_BETWEEN if character == COMMA else character, owner) for character, owner in pairs]
    owners = (owner for part, owner in parts for _ in part)
    return Spelling(tuple("".join(part for part, _ in parts)), tuple(owners))


def _blends(names: Sequence[str], count: int) -> list[str]:
    """Pairs of voices of which one is Hindi, in an order in which every voice occurs as often as any other."""
    native = [name for name in names if name.startswith("h")] or list(names)
    others = [name for name in names if name not in native] or list(names)
    places = ((turn, place) for turn in range(len(native)) for place in range(len(others)))
    dealt = ((native[(turn + place) % len(native)], others[place]) for turn, place in places)
    pairs = dict.fromkeys(BLEND.join(pair) for pair in dealt if pair[0] != pair[1])
    if count > len(pairs):
        raise SsmphonyError(f"{count} blends of {len(names)} voices: there are {len(pairs)}; set blends to that")
    return list(pairs)[:count]


class _Span(NamedTuple):
    """Of a word: first symbol and the one after the last; start and end of its clip in samples."""

    first: int
    stop: int
    start: int
    end: int


def _words(utterance: Utterance) -> list[Utterance]:
    """A clip for each digit. Raises `Rejected` where the list that was said is not one of digits."""
    spoken, text = utterance.spoken, utterance.text or ""
    assert spoken is not None
    said = [word.strip("। ") for word in text.split(",")]
    if len(said) != len(spoken.words) or not set(said) <= set(DIGITS):
        raise Rejected("the words that were said are not those of the list")
    spans = _spans(utterance.samples, utterance.rate, spoken)
    return [_word(utterance, spoken, span, digit) for span, digit in zip(spans, said, strict=True)]


def _spans(samples: Samples, rate: int, spoken: Spoken) -> list[_Span]:
    """The words, cut where it is quietest between two of them, without the silence around them."""
    ends = (spoken.times[stop - 1][1] for _, stop in spoken.words[:-1])
    starts = (spoken.times[first][0] for first, _ in spoken.words[1:])
    cuts = [quietest(samples, rate, end, start) for end, start in zip(ends, starts, strict=True)]
    spans: list[_Span] = []
    for (first, stop), low, high in zip(spoken.words, [0, *cuts], [*cuts, len(samples)], strict=True):
        begin, end = trim_span(samples[low:high], rate, _EDGE_S)
        spans.append(_Span(first, stop, low + begin, low + end))
    return spans


def _word(utterance: Utterance, spoken: Spoken, span: _Span, digit: str) -> Utterance:
    rate, offset = utterance.rate, span.start / utterance.rate
    samples = utterance.samples[span.start : span.end] * _fades(span.end - span.start, rate)
    symbols = (BEGIN, *spoken.symbols[span.first : span.stop])
    inside = [(start - offset, end - offset) for start, end in spoken.times[span.first : span.stop]]
    times = ((0.0, inside[0][0]), *inside[:-1], (inside[-1][0], len(samples) / rate))
    pitch = None
    if utterance.pitch is not None:
        hop = utterance.pitch.hop
        pitch = Pitch(utterance.pitch.hertz[span.start // hop :][: len(samples) // hop + 1], hop)
    name = f"{utterance.id}-{DIGITS.index(digit)}"
    whole = Spoken(symbols, ((1, len(symbols)),), times)
    return Utterance(name, utterance.speaker, samples, rate, digit, spoken=whole, pitch=pitch, trimmed=True)


def _fades(count: int, rate: int) -> Samples:
    """Gains that begin and end at zero, (count,)."""
    length = min(round(_FADE_S * rate), count // 2)
    ramp = np.arange(length, dtype=np.float32) / max(length, 1)
    gains = np.ones(count, np.float32)
    gains[:length], gains[count - length :] = ramp, ramp[::-1]
    return gains
