"""Where text becomes audio. Every voice speaks through this page, whatever its model.

    text ──frontend──▶ sentences ──model──▶ blocks of frames ──codec──▶ samples

`Voice.stream` speaks one sentence after another. A sentence is a `Speech`: a value that `Voice.begin` makes and
`Voice.step` moves on by one block, so that it can be stored, resumed in another process, or batched with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.config import suggest
from ssmphony.interfaces import Codec, Frontend, State, VoiceModel
from ssmphony.types import Audio, AudioChunk, Frames, Samples, SsmphonyError, Style, TimedSpan, Tokens, VoiceCard

BLOCKS = 2
"""Blocks of the model that the codec decodes at once when the sound runs: a third cheaper than one by one."""


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
    told: int = 0
    """Tokens whose times have been reported."""
    complete: bool = False
    """The model has made its last frame."""
    done: bool = False
    """Its last sample has been returned."""


class Speech(NamedTuple):
    """A batch of sentences between two blocks. The states are batch first."""

    rows: tuple[Sentence, ...]
    model: State
    codec: State


@dataclass(frozen=True)
class Voice:
    """A frontend, a model and a codec. Immutable: threads may share it.

    With ``overlap``, `stream` lets the model make the next block in a thread of its own while the codec decodes this
    one: two graphs on a thread each cost less than one after the other on two.
    """

    frontend: Frontend
    model: VoiceModel
    codec: Codec
    card: VoiceCard
    overlap: bool = False

    @property
    def sample_rate(self) -> int:
        return self.codec.format.sample_rate

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
        self._check_speaker(speaker)
        return self._chunks(text, Style(speed=speed, pitch_semitones=pitch, seed=seed, speaker=speaker))

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

    def begin(self, sentences: Sequence[Tokens], styles: Sequence[Style], origins: Sequence[int]) -> Speech:
        """Start a batch of sentences; ``origins[i]`` is the sample of its stream at which sentence ``i`` begins."""
        rows = tuple(
            Sentence(tokens, origin, pause=round(tokens.pause_after_s / style.speed * self.sample_rate))
            for tokens, style, origin in zip(sentences, styles, origins, strict=True)
        )
        return Speech(rows, self.model.begin(sentences, styles), self.codec.initial_state(len(rows)))

    def step(self, speech: Speech) -> tuple[tuple[AudioChunk, ...], Speech]:
        """The next chunk of every sentence, and the speech behind it. Pure; call it until every row is ``done``.

        A chunk is empty while the codec still waits for its lookahead, and after the end of its sentence.
        """
        frames, model = self.model.step(speech.model)
        return self._decode(speech, frames, model)

    def _decode(self, speech: Speech, frames: Frames, model: State) -> tuple[tuple[AudioChunk, ...], Speech]:
        """The second half of `step`: the model's next frames, and its state behind them, become sound."""
        values, tokens, lengths = np.asarray(frames.values), np.asarray(frames.tokens), np.asarray(frames.lengths)
        rows = [_extend(row, tokens[i, : lengths[i]], tokens.shape[1]) for i, row in enumerate(speech.rows)]

        width = tokens.shape[1]
        if all(row.complete for row in rows):  # the last block: just what remains, and the codec's lookahead
            width = max(0, *(row.made + self.codec.lookahead - row.fed for row in rows))
        sound, codec = np.zeros((len(rows), 0), np.float32), speech.codec
        if width > 0:
            padded = np.zeros((len(rows), width, *values.shape[2:]), values.dtype)
            padded[:, : values.shape[1]] = values[:, :width]
            mask = np.arange(width) < lengths[:, None]
            samples, codec = self.codec.decode(padded, mask, speech.codec)
            sound = np.minimum(np.maximum(np.asarray(samples, np.float32), -1.0), 1.0)
        told = [self._tell(row, sound[i], width) for i, row in enumerate(rows)]
        return tuple(chunk for chunk, _ in told), Speech(tuple(row for _, row in told), model, codec)

    def _check_speaker(self, speaker: str | None) -> None:
        known = self.card.speakers
        if speaker is not None and speaker not in known:
            choice = f"choose one of {', '.join(known)}" if known else "this voice has only its own"
            raise SsmphonyError(f"unknown speaker '{speaker}'{suggest(speaker, known)}; {choice}")

    def _chunks(self, text: str | Iterable[str], style: Style) -> Iterator[AudioChunk]:
        spoken = 0
        with ThreadPoolExecutor(1) as worker:  # starts its thread when it gets work
            for tokens in self.frontend.sentences(text):
                self._check_speaker(tokens.speaker)
                own = replace(style, speaker=tokens.speaker or style.speaker)
                speech = self.begin([tokens], [own], [spoken])
                upcoming = partial(self._frames, speech.model, 1)
                while not speech.rows[0].done:
                    frames, model = upcoming()
                    if int(frames.lengths[0]) == frames.tokens.shape[1]:  # a shorter block is the last
                        upcoming = partial(self._frames, model, BLOCKS if spoken else 1)
                        if self.overlap and spoken:  # nothing may delay the first sound
                            upcoming = worker.submit(upcoming).result
                    (chunk,), speech = self._decode(speech, frames, model)
                    if len(chunk.samples) or chunk.phonemes or chunk.marks:
                        spoken += len(chunk.samples)
                        yield chunk

    def _frames(self, state: State, blocks: int) -> tuple[Frames, State]:
        """The next ``blocks`` blocks of one sentence as one, fewer where it ends."""
        parts: list[Frames] = []
        while not parts or (len(parts) < blocks and int(parts[-1].lengths[0]) == parts[-1].tokens.shape[1]):
            frames, state = self.model.step(state)
            parts.append(frames)
        if len(parts) == 1:
            return parts[0], state
        values, tokens, lengths = (list(field) for field in zip(*parts, strict=True))
        return Frames(np.concatenate(values, axis=1), np.concatenate(tokens, axis=1), sum(lengths)), state

    def _tell(self, row: Sentence, sound: Samples, width: int) -> tuple[AudioChunk, Sentence]:
        """Trim what ``width`` steps of the codec returned for a row, and add the times of what ends in it."""
        hop, rate, lookahead = self.codec.format.hop_length, self.sample_rate, self.codec.lookahead
        first = min(max(row.fed - lookahead, 0), row.made)
        last = min(max(row.fed + width - lookahead, 0), row.made)
        done = row.complete and last == row.made
        samples = sound[(first + lookahead - row.fed) * hop : (last + lookahead - row.fed) * hop]
        if row.tokens.delivery:
            samples = np.clip(samples * _gain(row, first, last, hop), -1.0, 1.0)
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


def _gain(row: Sentence, first: int, last: int, hop: int) -> Samples:
    """What the samples of frames ``first`` to ``last`` are multiplied by; a change takes one frame."""
    token = np.searchsorted(row.starts, np.maximum(np.arange(first - 1, last), 0), side="right") - 1
    decibels = np.array([part.gain_db for part in row.tokens.delivery], np.float32)[token]
    frames = np.arange(last - first + 1) * hop
    return np.power(10.0, np.interp(np.arange(1, (last - first) * hop + 1), frames, decibels / 20)).astype(np.float32)


def _extend(row: Sentence, spoken: npt.NDArray[np.int64], block: int) -> Sentence:
    """Take the next frames of the model in: ``spoken[i]`` is the token that frame ``i`` speaks."""
    starts = list(row.starts)
    for frame, token in enumerate(spoken.tolist(), start=row.made):
        while len(starts) <= token:
            starts.append(frame)
    return row._replace(starts=tuple(starts), made=row.made + len(spoken), complete=row.complete or len(spoken) < block)
