"""Speech that a teacher rendered earlier: recordings, and lines of JSON with the times of phones and their pitch.

clips*.jsonl   {"id", "speaker", "text", "samples", "phones": [[symbol, first sample, stop sample], …], "f0": [Hz, …]}
wavs/<id>.*    the sound; times count its samples at 24 kHz, ``f0`` has a value for every 300 of them, 0 where unvoiced

A pitch that is ahead of its sound, as in speech rendered by early versions, is moved to its place, and then corrected
by the periods of the sound (`ssmphony.data.corpora.rendered_pitch`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from ssmphony.arrays import Floats
from ssmphony.audio.resample import resample
from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.audio_files import NO_AUDIO, AudioIndex
from ssmphony.data.corpora.kokoro_teacher import HOP, RATE
from ssmphony.data.corpora.reader import Item, Pitch, Spoken, Utterance
from ssmphony.data.corpora.rendered_pitch import moved, pitch_lead, refined
from ssmphony.data.text_files import read_text
from ssmphony.interfaces import Frontend
from ssmphony.text.vocabulary import BEGIN, PAUSES
from ssmphony.types import Samples, SsmphonyError

CLIPS = "clips*.jsonl"
_SAMPLED = 24
"""Clips in which the time of the pitch is checked."""
_LIKE = 0.8
"""Share of phones that the frontend must still read in the same way, for the words to be found among them."""


def rendered_items(folder: Path, speakers: Collection[str]) -> Iterator[Item]:
    """The clips of a rendered corpus by id; those of ``speakers``, or of all when that is empty."""
    files = AudioIndex(folder)
    rows: dict[str, str] = {}
    for path in sorted(folder.glob(CLIPS)):
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            if line.strip():
                rows[_id(line, f"{path}, line {number}")] = line
    lead = pitch_lead(_sample(rows, files), RATE, HOP)
    for name in sorted(rows):
        row = json.loads(rows[name])
        if speakers and row["speaker"] not in speakers:
            continue
        if lead and isinstance(row.get("f0"), list):
            row["f0"] = moved(row["f0"], lead)
            rows[name] = json.dumps(row, ensure_ascii=False)
        found = files.find(name)
        yield Item(name, row["speaker"], found.path, row["text"], rendered=rows[name], problem=found.problem)


def _sample(rows: Mapping[str, str], files: AudioIndex) -> Iterator[tuple[Samples, Floats]]:
    """The sound and the pitch of some clips, as far as they can be read."""
    for name in sorted(rows)[:: max(1, len(rows) // _SAMPLED)]:
        path = files.find(name).path
        if path is None:
            continue
        try:
            samples, rate = read_clip(path)
            hertz = np.array(json.loads(rows[name])["f0"], np.float32)
        except (Rejected, ValueError, KeyError, TypeError):
            continue  # listed when the clip itself is read
        if hertz.ndim == 1:
            yield resample(samples, rate, RATE), hertz


def _id(line: str, where: str) -> str:
    try:
        row = json.loads(line)
        if all(isinstance(row[key], str) for key in ("id", "speaker", "text")):
            return row["id"]
    except (ValueError, KeyError, TypeError):
        pass
    raise SsmphonyError(f"{where}: not a rendered clip: it needs id, speaker, text, phones and f0")


def read_rendered(item: Item, frontend: Frontend) -> Utterance:
    """The clip of an item. Raises `Rejected` where its phones, its text and its sound do not belong together."""
    if item.path is None:
        raise Rejected(NO_AUDIO)
    samples, rate = read_clip(item.path)
    try:
        row = json.loads(item.rendered)
        phones = [(str(symbol), int(first), int(stop)) for symbol, first, stop in row["phones"]]
        hertz, hop = np.array(row["f0"], np.float32), HOP * rate // RATE
        pitch = Pitch(refined(hertz, samples, rate, hop), hop)
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected(f"phones or f0 cannot be read: {error}") from None
    if not phones or phones[-1][2] > row.get("samples", len(samples) * RATE // rate) + RATE // 100:
        raise Rejected("the phones do not fit the sound")
    symbols = (BEGIN, *(symbol for symbol, _, _ in phones))
    if unknown := sorted(set(symbols) - set(frontend.symbols)):
        raise Rejected(f"'{unknown[0]}' is not a symbol of the frontend")
    words = find_words(symbols, frontend, item.text or "")
    spoken = Spoken(symbols, words, spoken_times(phones, len(samples) / rate))
    return Utterance(item.id, item.speaker, samples, rate, item.text, spoken=spoken, pitch=pitch, trimmed=True)


def spoken_times(phones: Sequence[tuple[str, int, int]], seconds: float) -> tuple[tuple[float, float], ...]:
    """(start in s, end in s) of the beginning of the sentence and of each phone; the last lasts to the end."""
    starts = [0.0, *(first / RATE for _, first, _ in phones)]
    return tuple(zip(starts, [*starts[1:], seconds], strict=True))


def find_words(symbols: Sequence[str], frontend: Frontend, text: str) -> tuple[tuple[int, int], ...]:
    """The words of ``text`` among the symbols that were said, which an older frontend may have read a little otherwise.

    Raises `Rejected` where they are not those of the text.
    """
    try:
        tokens = frontend.whole(text)
    except SsmphonyError as error:
        raise Rejected(str(error)) from None
    words = [(word.first, word.stop) for word in tokens.words]
    if tokens.symbols == tuple(symbols):
        return tuple(words)
    match = SequenceMatcher(None, tokens.symbols, list(symbols), autojunk=False)
    if match.ratio() < _LIKE:
        raise Rejected("the text is not what was said: the frontend reads it differently")
    edges = [(a, b) for _, a, _, b, _ in match.get_opcodes()] + [(len(tokens.symbols), len(symbols))]
    place = np.interp(np.arange(len(tokens.symbols) + 1), [a for a, _ in edges], [b for _, b in edges])
    found: list[tuple[int, int]] = []
    for first, stop in words:
        begin, end = round(place[first]), round(place[stop])
        while begin < end and symbols[begin] in PAUSES:
            begin += 1
        while begin < end and symbols[end - 1] in PAUSES:
            end -= 1
        if begin < end:
            found.append((begin, end))
    return tuple(found)
