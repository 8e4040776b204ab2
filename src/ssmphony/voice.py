"""Where text becomes audio. Every voice speaks through this page, whatever its model.

    text ──frontend──▶ sentences ──model──▶ blocks of frames ──codec──▶ samples

`Voice.stream` speaks one sentence after another. A sentence is a `Speech`: a value that `Voice.begin` makes and
`Voice.step` moves on by one block of the model, so that it can be stored, resumed in another process, or stepped
together with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.config import suggest
from ssmphony.interfaces import Decoder, Encoder, Frontend, State, VoiceModel
from ssmphony.state import gather, scatter
from ssmphony.types import Audio, AudioChunk, Frames, Samples, SsmphonyError, Style, TimedSpan, Tokens, VoiceCard

BLOCKS = 2
"""Blocks of the model that the codec decodes at once when the sound runs: a third cheaper than one by one."""
KNEE = 0.9
"""Samples up to here are as the codec made them; louder ones approach full scale and never pass it."""


class Sentence(NamedTuple):
    """How far one sentence has been spoken. Counts are in frames, ``origin`` and ``pause`` in samples."""

    tokens: Tokens
    origin: int
    """Where in its stream the sentence begins."""
    pause: int
    """Silence behind it."""
    starts: tuple[int, ...] = ()
    """The first frame of each token that has begun."""
    made: int = 0
    """By the model."""
    fed: int = 0
    """To the codec, with the absent frames of its lookahead."""
    blocks: int = 1
    """Of the model that the codec takes next."""
    told: int = 0
    """Tokens whose times have been reported."""
    complete: bool = False
    """The model has made its last frame."""
    done: bool = False
    """Its last sample has been returned."""


class Speech(NamedTuple):
    """A sentence between two blocks. The states are batch first, with one row."""

    row: Sentence
    model: State
    codec: State
    waiting: tuple[Frames, ...] = ()
    """Blocks that the model has made and the codec has not taken yet."""

    @property
    def done(self) -> bool:
        return self.row.done


@dataclass(frozen=True)
class Voice:
    """A frontend, a model and a codec. Immutable: threads may share it.

    With ``overlap``, `stream` lets the model make the next block in a thread of its own while the codec decodes this
    one: two graphs on a thread each cost less than one after the other on two.
    """

    frontend: Frontend
    model: VoiceModel
    codec: Decoder
    card: VoiceCard
    overlap: bool = False
    encoder: Encoder | None = None
    """Makes the codec's frames of recordings; None where the package holds only what it takes to speak."""
    identity: str = ""
    """A checksum of what was loaded: a stored stream goes on only with the voice that began it."""

    @property
    def sample_rate(self) -> int:
        return self.codec.grid.sample_rate

    def stream(
        self,
        text: str | Iterable[str],
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
    ) -> Iterator[AudioChunk]:
        """Speak, a chunk at a time, in memory that does not grow with the text.

        ``text`` may be an iterable of strings: text that is still being written. ``speed`` 2.0 is twice as fast,
        ``pitch`` is in semitones. The concatenation of the chunks is exactly what `say` returns. Text with nothing
        to speak gives no chunks. Raises `SsmphonyError` for a style out of range and for an unknown speaker.
        """
        return self._chunks(text, self.style(speed=speed, pitch=pitch, seed=seed, speaker=speaker))

    def style(self, *, speed: float = 1.0, pitch: float = 0.0, seed: int = 0, speaker: str | None = None) -> Style:
        """Raises `SsmphonyError` for a value out of range, an unknown speaker, and a speed or pitch that the voice does
        not follow."""
        self._check_speaker(speaker)
        asked = {name for name, differs in (("speed", speed != 1.0), ("pitch", pitch != 0.0)) if differs}
        if asked - self.model.capabilities:
            learned = " and ".join(sorted({"speed", "pitch"} - self.model.capabilities, reverse=True))
            raise SsmphonyError(
                f"the voice '{self.card.name}' speaks at the {learned} that it learned: leave {learned} out"
            )
        return Style(speed=speed, pitch_semitones=pitch, seed=seed, speaker=speaker)

    def say(
        self,
        text: str | Iterable[str],
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
    ) -> Audio:
        """The whole of `stream` at once."""
        chunks = self.stream(text, speed=speed, pitch=pitch, seed=seed, speaker=speaker)
        return Audio.join(chunks, self.sample_rate)

    def begin(self, tokens: Tokens, style: Style, origin: int = 0) -> Speech:
        """Start a sentence; ``origin`` is the sample of its stream at which it begins."""
        self._check_speaker(tokens.speaker)
        style = replace(style, speaker=tokens.speaker or style.speaker)
        row = Sentence(tokens, origin, pause=round(tokens.pause_after_s / style.speed * self.sample_rate))
        return Speech(row, self.model.begin([tokens], [style]), self.codec.initial_state(1))

    def step(self, batch: Sequence[Speech]) -> list[tuple[AudioChunk, Speech]]:
        """One block of the model for every sentence: what can be heard of it, and the speech behind it.

        Pure; step until each is ``done``. A chunk is empty while the codec waits for more, and after the end of its
        sentence. The rows share nothing but the time: each is computed in the same shapes as it would be alone.
        """
        frames, state = self.model.step(gather([speech.model for speech in batch]))
        models = scatter(state, [speech.model for speech in batch])
        return self.decode([speech._replace(model=model) for speech, model in zip(batch, models, strict=True)], frames)

    def decode(self, batch: Sequence[Speech], frames: Frames) -> list[tuple[AudioChunk, Speech]]:
        """The second half of `step`: the block of frames that the model has made of every sentence becomes sound."""
        waiting = [_wait(speech, frames, i) for i, speech in enumerate(batch)]
        widths = [self._width(speech) for speech in waiting]
        decoded: dict[int, tuple[Samples, Speech]] = {}
        for width in set(widths) - {0}:  # equal shapes together: padding would change how rows are computed
            group = [i for i, other in enumerate(widths) if other == width]
            decoded.update(zip(group, self._sound([waiting[i] for i in group], width), strict=True))
        silence = np.zeros(0, np.float32)
        results: list[tuple[AudioChunk, Speech]] = []
        for i, (speech, width) in enumerate(zip(waiting, widths, strict=True)):
            sound, speech = decoded.get(i, (silence, speech))
            chunk, row = self._tell(speech.row, sound, width)
            results.append((chunk, speech._replace(row=row)))
        return results

    def _width(self, speech: Speech) -> int:
        """How many frames the codec takes now; none while blocks are missing."""
        row = speech.row
        if row.complete:  # just what remains, and the codec's lookahead
            return max(0, row.made + self.codec.lookahead - row.fed)
        if len(speech.waiting) < row.blocks:
            return 0
        return sum(frames.tokens.shape[1] for frames in speech.waiting)

    def _sound(self, group: Sequence[Speech], width: int) -> list[tuple[Samples, Speech]]:
        """Decode the waiting frames of sentences of equal width: samples (width * hop_length,) of each."""
        padded, mask = zip(*(_join(speech.waiting, width) for speech in group), strict=True)
        before = [speech.codec for speech in group]
        samples, state = self.codec.decode(np.concatenate(padded), np.concatenate(mask), gather(before))
        sound = _limit(np.asarray(samples, np.float32))
        after = scatter(state, before)
        return [
            (sound[i], speech._replace(row=_advance(speech.row), codec=after[i], waiting=()))
            for i, speech in enumerate(group)
        ]

    def _check_speaker(self, speaker: str | None) -> None:
        known = self.card.speakers
        if speaker is not None and speaker not in known:
            choice = f"choose one of {', '.join(known)}" if known else "this voice has only its own"
            raise SsmphonyError(f"unknown speaker '{speaker}'{suggest(speaker, known)}; {choice}")

    def _chunks(self, text: str | Iterable[str], style: Style) -> Iterator[AudioChunk]:
        spoken = 0
        with ThreadPoolExecutor(1) as worker:  # starts its thread when it gets work
            for tokens in self.frontend.sentences(text):
                speech = self.begin(tokens, style, spoken)
                upcoming = partial(self._blocks, speech.model, 1)
                while not speech.done:
                    blocks, model = upcoming()
                    if not _is_last(blocks[-1]):
                        upcoming = partial(self._blocks, model, _advance(speech.row).blocks)
                        if self.overlap and spoken:  # nothing may delay the first sound
                            upcoming = worker.submit(upcoming).result
                    for frames in blocks:
                        ((chunk, speech),) = self.decode([speech], frames)
                        if chunk:
                            spoken += len(chunk.samples)
                            yield chunk

    def _blocks(self, state: State, count: int) -> tuple[list[Frames], State]:
        """The next ``count`` blocks of one sentence, fewer where it ends."""
        blocks: list[Frames] = []
        while len(blocks) < count and not (blocks and _is_last(blocks[-1])):
            frames, state = self.model.step(state)
            blocks.append(frames)
        return blocks, state

    def _tell(self, row: Sentence, sound: Samples, width: int) -> tuple[AudioChunk, Sentence]:
        """Trim what ``width`` steps of the codec returned for a row, and add the times of what ends in it."""
        hop, rate, lookahead = self.codec.grid.hop_length, self.sample_rate, self.codec.lookahead
        first = min(max(row.fed - lookahead, 0), row.made)
        last = min(max(row.fed + width - lookahead, 0), row.made)
        done = row.complete and last == row.made
        samples = sound[(first + lookahead - row.fed) * hop : (last + lookahead - row.fed) * hop]
        if row.tokens.delivery:
            samples = _limit(samples * _gain(row, first, last, hop))
        if done and not row.done:
            samples = np.concatenate([samples, np.zeros(row.pause, np.float32)])

        # token k ends where token k + 1 begins; an end that is not known yet lies behind this chunk
        bounds = (*row.starts, *[row.made] * (len(row.tokens) + 1 - len(row.starts))) if row.complete else row.starts
        told = row.told
        while told + 1 < len(bounds) and bounds[told + 1] <= last:
            told += 1
        seconds = [(row.origin + bound * hop) / rate for bound in bounds[: told + 1]]
        phonemes = tuple(TimedSpan(row.tokens.symbols[k], seconds[k], seconds[k + 1]) for k in range(row.told, told))
        words = tuple(
            TimedSpan(word.text, seconds[word.first], seconds[word.stop], word.start, word.end)
            for word in row.tokens.words
            if row.told < word.stop <= told
        )
        passed = range(row.told, told + 1 if done and not row.done else told)
        marks = tuple(
            TimedSpan(mark.name, seconds[mark.token], seconds[mark.token])
            for mark in row.tokens.marks
            if mark.token in passed
        )
        chunk = AudioChunk(samples, rate, (row.origin + first * hop) / rate, phonemes, words, marks)
        return chunk, row._replace(fed=row.fed + width, told=told, done=done)


def _limit(samples: Samples) -> Samples:
    """Bend what is louder than `KNEE`, so that a sound that overshoots is not cut off at full scale. Every sample by
    itself: chunks stay equal to the whole."""
    size = np.abs(samples)
    if not (size > KNEE).any():
        return samples
    room = np.float32(1.0 - KNEE)
    bent = np.minimum(size, KNEE) + room * np.tanh(np.maximum(size - KNEE, 0.0) / room)
    return np.copysign(bent, samples)


def _gain(row: Sentence, first: int, last: int, hop: int) -> Samples:
    """What the samples of frames ``first`` to ``last`` are multiplied by; a change takes one frame."""
    token = np.searchsorted(row.starts, np.maximum(np.arange(first - 1, last), 0), side="right") - 1
    decibels = np.array([part.gain_db for part in row.tokens.delivery], np.float32)[token]
    frames = np.arange(last - first + 1) * hop
    return np.power(10.0, np.interp(np.arange(1, (last - first) * hop + 1), frames, decibels / 20)).astype(np.float32)


def _is_last(frames: Frames) -> bool:
    """Of one sentence: a block that is not full."""
    return int(frames.lengths[0]) < frames.tokens.shape[1]


def _advance(row: Sentence) -> Sentence:
    """Behind the next time that the codec decodes: the first sound comes soon, the rest at less cost."""
    return row._replace(blocks=BLOCKS if row.origin or row.fed else 1)


def _wait(speech: Speech, frames: Frames, i: int) -> Speech:
    """Take row ``i`` of a block of the model in: ``frames.tokens[i]`` are the tokens that its frames speak."""
    row = speech.row
    if row.complete:
        return speech
    block = Frames(*(np.asarray(field)[i : i + 1] for field in frames))
    length, size = int(block.lengths[0]), block.tokens.shape[1]
    starts = list(row.starts)
    for frame, token in enumerate(block.tokens[0, :length].tolist(), start=row.made):
        while len(starts) <= token:
            starts.append(frame)
    row = row._replace(starts=tuple(starts), made=row.made + length, complete=length < size)
    return speech._replace(row=row, waiting=(*speech.waiting, block))


def _join(blocks: Sequence[Frames], width: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Blocks of one sentence as (1, width, channel), cut or padded, and which of the frames are real, (1, width)."""
    values = np.concatenate([frames.values for frames in blocks], axis=1)
    padded = np.zeros((1, width, *values.shape[2:]), values.dtype)
    padded[:, : values.shape[1]] = values[:, :width]
    return padded, np.arange(width)[None] < sum(int(frames.lengths[0]) for frames in blocks)
