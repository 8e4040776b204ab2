"""Our symbols to espeak-ng's phoneme mnemonics, and its phoneme events back to times of our symbols."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.espeak_library import PhonemeEvent, Rendering
from ssmphony.text.vocabulary import BEGIN, PAUSES, VOWELS
from ssmphony.types import Samples

_CLOSED = frozenset("k kʰ q p pʰ t̪ t̪ʰ ʈ ʈʰ tʃ tʃʰ".split())
_LIGHT = frozenset("ə ɪ ʊ ə̃ ɪ̃ ʊ̃".split())
_CLITICS = frozenset(
    "k aː|k iː|k eː|k oː|m ẽː|s eː|n eː|p ə ɾ|ɔː ɾ|k ɪ|t̪ oː|ɦ iː|bʱ iː|ɦ ɛː|ɦ ɛ̃ː|t̪ʰ aː|t̪ʰ iː|t̪ʰ eː|n ə|j aː".split("|")
)
_INSERTED = (";",)  # a glide that the voice puts between vowels: it belongs to the vowel before
_CLOSURE_S = 0.12  # no closure is longer
_SILENT = 0.004  # of the peak


class _Entry(NamedTuple):
    mnemonics: tuple[str, ...]
    events: tuple[frozenset[str], ...]


@lru_cache(maxsize=1)
def _table() -> dict[str, _Entry]:
    """``espeak_phonemes.tsv``."""
    text = files("ssmphony.data.corpora").joinpath("espeak_phonemes.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {
        unicodedata.normalize("NFC", symbol): _Entry(
            tuple(mnemonics.split()), tuple(frozenset(event.split("/")) for event in events.split())
        )
        for symbol, mnemonics, events in rows
    }


def to_mnemonics(symbols: Sequence[str], words: Sequence[tuple[int, int]]) -> str:
    """A clip's symbols as espeak-ng input: one ``[[…]]`` a word, pauses as punctuation between them."""
    parts: list[str] = []
    position = 0
    for first, stop in [*words, (len(symbols), len(symbols))]:
        parts.extend(symbol for symbol in symbols[position:first] if symbol in PAUSES)
        if first < stop:
            parts.append(f" [[{_word(symbols[first:stop])}]]")
        position = stop
    return "".join(parts).strip()


def _word(symbols: Sequence[str]) -> str:
    """Mnemonics of one word, ``|`` between them so that none runs into the next, its stress before the vowel."""
    stressed = stressed_vowel(symbols)
    mnemonics: list[str] = []
    for index, symbol in enumerate(symbols):
        if symbol in PAUSES:
            continue
        if symbol not in _table():
            raise Rejected(f"no espeak-ng phoneme for '{symbol}'")
        first, *rest = _table()[symbol].mnemonics
        plain, _, emphatic = first.partition("/")
        mnemonics += ["'" + (emphatic or plain) if index == stressed else plain, *rest]
    return "|".join(mnemonics)


def stressed_vowel(symbols: Sequence[str]) -> int | None:
    """Index of the stressed vowel: the heaviest syllable; none in clitics.

    Among equals it is the last one, but a short vowel in the final syllable yields to the one before.

    Weight after Hussain, *Phonetic Correlates of Lexical Stress in Urdu* (1997): one mora for a short vowel, two for
    a long one, one for a coda consonant, at most three; the word's last mora does not count.
    """
    vowels = [index for index, symbol in enumerate(symbols) if symbol in VOWELS]
    if not vowels or " ".join(symbols) in _CLITICS:
        return None
    weights: list[int] = []
    for place, vowel in enumerate(vowels):
        last = place + 1 == len(vowels)
        following = (len(symbols) if last else vowels[place + 1]) - vowel - 1
        coda = following - 1 if last else max(following - 1, 0)  # the last mora, or the next syllable's onset
        weights.append(min((1 if symbols[vowel] in _LIGHT else 2) + coda, 3))
    heaviest = max(weights)
    places = [place for place, weight in enumerate(weights) if weight == heaviest]
    if len(places) > 1 and vowels[places[-1]] == vowels[-1] and symbols[vowels[-1]] in _LIGHT:
        places.pop()
    return vowels[places[-1]]


def reconcile(symbols: Sequence[str], rendering: Rendering) -> tuple[tuple[float, float], ...]:
    """(start in s, end in s) of every symbol; raises `Rejected` when the events are not those of the symbols.

    The times tile the rendering: each symbol ends where the next begins. A voiceless stop begins with its closure,
    which espeak-ng counts to the phoneme before.
    """
    starts: list[int] = []
    events = list(rendering.events)
    for symbol in symbols:
        if symbol == BEGIN:
            starts.append(0)
        elif symbol in PAUSES:
            starts.append(_pause(events, len(rendering.samples)))
        else:
            starts.append(_phone(symbol, events, rendering))
    spoken = [event.name for event in events if not event.name.startswith("_")]
    if spoken:
        raise Rejected(f"espeak-ng spoke more than the sentence: {' '.join(spoken[:5])}")
    if any(late < early for early, late in zip(starts, starts[1:], strict=False)):
        raise Rejected("espeak-ng reported phonemes out of order")
    edges = [*starts, len(rendering.samples)]
    return tuple(
        (start / rendering.rate, end / rendering.rate) for start, end in zip(edges[:-1], edges[1:], strict=True)
    )


def _pause(events: list[PhonemeEvent], end: int) -> int:
    """Start of the pause at the head of ``events``; a pause that the voice does not make lasts no time."""
    _drop_inserted(events)
    if not events:
        return end
    start = events[0].sample
    while events and events[0].name.startswith("_"):
        events.pop(0)
    return start


def _phone(symbol: str, events: list[PhonemeEvent], rendering: Rendering) -> int:
    """Take the events of one symbol off the list; the sample at which it starts."""
    start = -1
    for expected in _table()[symbol].events:
        _drop_inserted(events)
        while events and events[0].name.startswith("_"):
            events.pop(0)
        if not events or events[0].name not in expected:
            spoken = events[0].name if events else "nothing"
            raise Rejected(f"espeak-ng spoke '{spoken}' for '{symbol}'")
        event = events.pop(0)
        start = event.sample if start < 0 else start
    return _closure_start(rendering.samples, start, rendering.rate) if symbol in _CLOSED else start


def _drop_inserted(events: list[PhonemeEvent]) -> None:
    while events and events[0].name in _INSERTED:
        events.pop(0)


def _closure_start(samples: Samples, burst: int, rate: int) -> int:
    """Where the silence before ``burst`` begins, at most 120 ms earlier; ``burst`` if there is none."""
    first = max(burst - round(_CLOSURE_S * rate), 0)
    loud = np.flatnonzero(np.abs(samples[first:burst]) > _SILENT * np.abs(samples).max())
    return first + int(loud[-1]) + 1 if len(loud) else first
