"""Curious Learning's story layout: LJSpeech sentences with word times, and a list of isolated words.

metadata.csv      id|text, a sentence or a page of a book
words.csv         id|word, one isolated word a file
alignment.jsonl   {"id", "words": [[word, start in s, end in s], …]} for the sentences
wavs/             audio of both
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.audio_files import AudioIndex, existing_folder
from ssmphony.data.corpora.ljspeech import read_transcribed
from ssmphony.data.corpora.reader import Item, Reader, Utterance, WordTime
from ssmphony.data.corpora.transcripts import read_transcripts
from ssmphony.data.pages import cut_page
from ssmphony.data.silence import loud_seconds, silence_near, trim_span
from ssmphony.data.text_files import read_text
from ssmphony.types import SsmphonyError

_ADDITION_GAP_S = 0.15  # longer than the closure of a final stop


class Curious(Reader):
    """``parts`` chooses the sentences or the isolated words. Pages longer than ``longest_s`` are cut at sentences."""

    kind: Literal["curious"] = "curious"
    path: Path
    parts: Literal["sentences", "words"] = "sentences"
    speaker: str | None = None
    longest_s: float = 12.0

    def items(self) -> Iterator[Item]:
        files = AudioIndex(existing_folder(existing_folder(self.path) / "wavs"))
        speaker = self.speaker or self.path.resolve().name
        times = _word_times(self.path / "alignment.jsonl") if self.parts == "sentences" else {}
        name = "metadata.csv" if self.parts == "sentences" else "words.csv"
        table = read_transcripts(self.path / name, lambda cell: files.find(cell).path is not None, columns="id,text")
        for entry in table.entries():
            if entry.problem:
                yield Item(f"{name}, line {entry.line}", speaker, problem=entry.problem)
                continue
            found = files.find(entry.id)
            yield Item(found.id, speaker, found.path, entry.text, times.get(found.id), found.problem)

    def read(self, item: Item) -> Sequence[Utterance]:
        utterance = read_transcribed(item)
        if self.parts == "words":
            return [_isolated_word(utterance)]
        return cut_page(_without_addition(utterance), self.longest_s)


def _without_addition(utterance: Utterance) -> Utterance:
    """Some pages go on after their last word with speech that is not in the text: it is cut off at the silence."""
    if not utterance.word_times:
        return utterance
    samples, rate = utterance.samples, utterance.rate
    _, start_s, end_s = utterance.word_times[-1]
    seconds = len(samples) / rate
    silence_s, sound_s = silence_near(samples, rate, min(end_s, seconds), start_s, seconds)
    if sound_s - silence_s < _ADDITION_GAP_S or sound_s >= loud_seconds(samples, rate)[1]:
        return utterance
    return replace(utterance, samples=samples[: int((silence_s + sound_s) / 2 * rate)])


def _isolated_word(utterance: Utterance) -> Utterance:
    """The word lasts as long as there is sound."""
    start, stop = trim_span(utterance.samples, utterance.rate, keep_s=0.0)
    if stop == 0:
        raise Rejected("silent")
    word = (utterance.text or "", start / utterance.rate, stop / utterance.rate)
    return replace(utterance, word_times=(word,))


def _word_times(path: Path) -> dict[str, tuple[WordTime, ...]]:
    """Word times by clip id; a corpus without the file has none."""
    if not path.exists():
        return {}
    times: dict[str, tuple[WordTime, ...]] = {}
    for number, line in enumerate(read_text(path).rstrip("\n").split("\n"), start=1):
        try:
            row = json.loads(line)
            times[row["id"]] = tuple(_known(str(word), float(start), float(end)) for word, start, end in row["words"])
        except (ValueError, KeyError, TypeError) as error:
            raise SsmphonyError(f"{path}, line {number}: not an alignment row ({error})") from None
    return times


def _known(word: str, start_s: float, end_s: float) -> WordTime:
    """A word at the end of a page may have no end (NaN): it lasts as long as the recording."""
    return word, start_s, math.inf if math.isnan(end_s) else end_s
