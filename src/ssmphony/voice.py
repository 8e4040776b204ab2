"""Where text becomes audio. Every voice speaks through this page, whatever its model.

    text ──frontend──▶ sentences ──model──▶ blocks of frames ──codec──▶ samples

`Voice.stream` speaks one sentence after another. A sentence is a `Speech`: a value that `Voice.begin` makes and
`Voice.step` moves on by one block of the model, so that it can be stored, resumed in another process, or stepped
together with others. The silence after it is part of it, and is stepped in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.interfaces import Decoder, Encoder, Frontend, State, VoiceModel
from ssmphony.reference import check_reference
from ssmphony.speakers import speaker_row, speaker_weights
from ssmphony.state import gather, scatter
from ssmphony.types import Audio, AudioChunk, Frames, Samples, SsmphonyError, Style, TimedSpan, Tokens, VoiceCard

BLOCKS = 2
"""Blocks of the model that the codec decodes at once when the sound runs: a third cheaper than one by one."""
PAUSE_S = 0.5
"""The longest silence in one chunk, in seconds."""
MAX_SILENCE_S = 3600.0
"""The silence that the breaks of one text may add up to, in seconds, unless a voice is told otherwise."""
KNEE = 0.9
"""Samples up to here are as the codec made them; louder ones approach full scale and never pass it."""


class Sentence(NamedTuple):
    """How far one sentence has been spoken. Counts are in frames; ``origin``, ``pause`` and ``paused`` in samples."""

    tokens: Tokens
    origin: int
    """Where in its stream the sentence begins."""
    pause: int
    """Length of the silence after it."""
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
    spoken: bool = False
    """Its last frame has been returned: only the silence after it remains."""
    paused: int = 0
    """Samples of that silence that have been returned."""

    @property
    def done(self) -> bool:
        """Its last sample has been returned."""
        return self.spoken and self.paused == self.pause


class Speech(NamedTuple):
    """A sentence between two blocks. The states are batch first, with one row; once it is spoken, they are None."""

    row: Sentence
    model: State
    codec: State
    waiting: tuple[Frames, ...] = ()
    """Blocks that the model has made and the codec has not taken yet."""

    @property
    def done(self) -> bool:
        return self.row.done

    @property
    def pausing(self) -> bool:
        """Only silence remains: a step needs neither the model nor the codec."""
        return self.row.spoken and not self.row.done


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
    max_silence_s: float = MAX_SILENCE_S
    """The silence that the breaks of one text may add up to, in seconds; a text that asks for more is refused."""

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
        to speak gives no chunks. Raises `SsmphonyError` for a style out of range and for an unknown speaker, and, where
        the chunks are read, for markup that is refused and for breaks of more than ``max_silence_s``.
        """
        return self._chunks(text, self.style(speed=speed, pitch=pitch, seed=seed, speaker=speaker))

    def style(self, *, speed: float = 1.0, pitch: float = 0.0, seed: int = 0, speaker: str | None = None) -> Style:
        """Raises `SsmphonyError` for a value out of range and for what `check` refuses."""
        return self.check(Style(speed=speed, pitch_semitones=pitch, seed=seed, speaker=speaker))

    def check(self, style: Style) -> Style:
        """The style itself, if the voice can follow it.

        Raises `SsmphonyError` for an unknown speaker, and for a speed, a pitch, a mix of speakers or a reference that
        the model does not follow.
        """
        self._check_speaker(style.speaker)
        asked = {
            name
            for name, differs in (("speed", style.speed != 1.0), ("pitch", style.pitch_semitones != 0.0))
            if differs
        }
        if asked - self.model.capabilities:
            learned = " and ".join(sorted({"speed", "pitch"} - self.model.capabilities, reverse=True))
            raise SsmphonyError(
                f"the voice '{self.card.name}' speaks at the {learned} that it learned: leave {learned} out"
            )
        if style.reference is not None:
            if "reference" not in self.model.capabilities:
                raise SsmphonyError(f"the voice '{self.card.name}' takes no reference: leave it out")
            check_reference(style.reference, self.model.reference_inputs)
        return style

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

    def silence_s(self, tokens: Tokens, style: Style, before_s: float) -> float:
        """Seconds of silence that the breaks of a text ask for: ``before_s``, and what ``tokens`` add to it.

        Raises `SsmphonyError` where that is more than ``max_silence_s``.
        """
        total_s = before_s + tokens.breaks_s / style.speed
        if total_s > self.max_silence_s + 1e-6:  # sums of tenths are not exact
            raise SsmphonyError(
                f"the breaks of this text add up to {total_s:,.6g} s of silence, and {self.max_silence_s:,.6g} s are "
                "allowed: shorten them, or speak the text in parts"
            )
        return total_s

    def step(self, batch: Sequence[Speech]) -> list[tuple[AudioChunk, Speech]]:
        """One block of the model, or one piece of silence, for every sentence: the sound, and the speech after it.

        Pure; step until each is ``done``. A chunk is empty while the codec waits for more, and after the end of its
        sentence. The rows share nothing but the time: each is computed in the same shapes as it would be alone.
        """
        speaking = [i for i, speech in enumerate(batch) if not speech.row.spoken]
        stepped = {i: self._rest(speech) for i, speech in enumerate(batch) if speech.row.spoken}
        if speaking:
            before = [batch[i].model for i in speaking]
            frames, state = self.model.step(gather(before))
            after = [batch[i]._replace(model=model) for i, model in zip(speaking, scatter(state, before), strict=True)]
            stepped.update(zip(speaking, self.decode(after, frames), strict=True))
        return [stepped[i] for i in range(len(batch))]

    def _rest(self, speech: Speech) -> tuple[AudioChunk, Speech]:
        """The next piece of the silence after a sentence."""
        row, rate = speech.row, self.sample_rate
        count = min(row.pause - row.paused, round(PAUSE_S * rate))
        start = row.origin + row.made * self.codec.grid.hop_length + row.paused
        chunk = AudioChunk(np.zeros(count, np.float32), rate, start / rate)
        return chunk, speech._replace(row=row._replace(paused=row.paused + count))

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
            speech = Speech(row, None, None) if row.spoken else speech._replace(row=row)
            results.append((chunk, speech))
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
        check = speaker_weights if "mix" in self.model.capabilities else speaker_row
        check(speaker, self.card.speakers)

    def _chunks(self, text: str | Iterable[str], style: Style) -> Iterator[AudioChunk]:
        spoken, silence_s = 0, 0.0
        with ThreadPoolExecutor(1) as worker:  # starts its thread when it gets work
            for tokens in self.frontend.sentences(text):
                silence_s = self.silence_s(tokens, style, silence_s)
                speech = self.begin(tokens, style, spoken)
                upcoming = partial(self._blocks, speech.model, 1)
                while not speech.row.spoken:
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
                while not speech.done:
                    chunk, speech = self._rest(speech)
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
        spoken = row.complete and last == row.made
        samples = sound[(first + lookahead - row.fed) * hop : (last + lookahead - row.fed) * hop]
        if row.tokens.delivery:
            samples = _limit(samples * _gain(row, first, last, hop))
        paused = row.pause if spoken and row.pause <= PAUSE_S * rate else 0  # a short pause comes with the last sound
        samples = np.concatenate([samples, np.zeros(paused, np.float32)]) if paused else samples

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
        passed = range(row.told, told + 1 if spoken else told)
        marks = tuple(
            TimedSpan(mark.name, seconds[mark.token], seconds[mark.token])
            for mark in row.tokens.marks
            if mark.token in passed
        )
        chunk = AudioChunk(samples, rate, (row.origin + first * hop) / rate, phonemes, words, marks)
        return chunk, row._replace(fed=row.fed + width, told=told, spoken=spoken, paused=paused)


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
