"""What is evaluated: sentences, each recorded and spoken in several conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ssmphony.audio.files import read_audio
from ssmphony.audio.resample import resample
from ssmphony.data.crops import CropSource
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.selection import select
from ssmphony.evaluation.recorded import RecordedTiming, copy_synthesis
from ssmphony.interfaces import Frontend, Parallel
from ssmphony.types import Audio, Samples, SsmphonyError, Style, TimedSpan, Tokens, Word
from ssmphony.voice import Voice

CONDITIONS = {
    "recording": "recording",
    "copy": "copy-synthesis",
    "timed": "synthesis in the recording's timing",
    "free": "synthesis",
}


@dataclass(frozen=True)
class Rendition:
    """A sentence as spoken in one condition; ``words`` are times in s, empty where they are not known."""

    samples: Samples
    phonemes: tuple[TimedSpan, ...] = ()
    words: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Sentence:
    """``words`` are the phones of each word; ``conditions`` has ``recording`` where the sentence was recorded."""

    id: str
    text: str
    symbols: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    rate: int
    conditions: dict[str, Rendition]
    frontend: Frontend
    """What reads the text."""


def chosen_clips(corpus: Path, ids: Path | None) -> list[Clip]:
    """The clips that a list of ids names, in the order of the corpus; all transcribed ones without a list.

    Raises `SsmphonyError` when the corpus or the list is missing, or a name in it is that of no transcribed clip.
    """
    if ids is None:
        return [clip for clip in read_manifest(corpus) if clip.symbols]
    (clips,) = select([CropSource(path=str(corpus), only=str(ids))])
    if silent := [clip.id for clip in clips if not clip.symbols]:
        raise SsmphonyError(f"{ids}: clip '{silent[0]}' of {corpus} has no transcript to be evaluated with")
    return clips


def read_lines(path: Path) -> list[str]:
    """The lines that hold something; raises `SsmphonyError`."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise SsmphonyError(f"{path} is not valid UTF-8: save it as UTF-8, or convert it with iconv") from None


def recorded(voice: Voice, clip: Clip, corpus: Path) -> Sentence:
    """A clip of a corpus in all conditions that the voice has.

    Copy-synthesis takes an encoder; only exported acoustic models can take over a timing.
    """
    recording, rate = read_audio(corpus / clip.audio)
    recording = resample(recording, rate, voice.sample_rate)
    times = tuple((start, end) for _, _, start, end in clip.anchors)
    conditions = {"recording": Rendition(recording, (), times)}
    if voice.encoder is not None:
        conditions["copy"] = Rendition(copy_synthesis(voice.encoder, voice.codec, recording))
    known = set(clip.symbols or ()) <= set(voice.frontend.symbols)
    if known and clip.anchors and "timing" in voice.model.capabilities and isinstance(voice.model, Parallel):
        timing = RecordedTiming(voice.model, clip.anchors, clip.seconds, voice.codec.grid.frame_rate)
        timed = speak_tokens(replace(voice, model=timing), tokens_of(clip, voice.frontend.symbols))
        conditions["timed"] = Rendition(timed.samples, timed.phonemes)
    conditions["free"] = rendition(voice.say(clip.text))
    symbols = clip.symbols or ()
    words = tuple(symbols[first:stop] for first, stop in clip.words)
    return Sentence(clip.id, clip.text, symbols, words, voice.sample_rate, conditions, voice.frontend)


def rendition(audio: Audio) -> Rendition:
    return Rendition(audio.samples, audio.phonemes, tuple((word.start_s, word.end_s) for word in audio.words))


def tokens_of(clip: Clip, symbols: Sequence[str]) -> Tokens:
    """The clip's own phonemes, as they were trained on."""
    row = {symbol: number for number, symbol in enumerate(symbols)}
    spoken = clip.symbols or ()
    words = tuple(Word("", first, stop, 0, 0) for first, stop in clip.words)
    return Tokens(tuple(row[symbol] for symbol in spoken), tuple(spoken), words)


def speak_tokens(voice: Voice, tokens: Tokens, style: Style = Style()) -> Audio:
    """One sentence whose phonemes are given."""
    speech = voice.begin(tokens, style)
    chunks = []
    while not speech.done:
        ((chunk, speech),) = voice.step([speech])
        chunks.append(chunk)
    return Audio.join(chunks, voice.sample_rate)


def read_story(path: Path) -> str:
    """The prose of a Markdown file: headings lose their marks, pictures and rules are left out."""
    lines = (line.lstrip("#>* ").strip() for line in read_lines(path))
    return "\n".join(line for line in lines if line and not line.startswith(("![", "---", "http")))


def cut(audio: Audio) -> Iterator[Samples]:
    """The sentences of a long reading, cut where each begins (the symbol ^)."""
    starts = [round(span.start_s * audio.sample_rate) for span in audio.phonemes if span.text == "^"]
    for start, stop in zip(starts, [*starts[1:], len(audio.samples)], strict=True):
        yield np.asarray(audio.samples[start:stop], np.float32)
