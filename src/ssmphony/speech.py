"""One sentence as it is spoken: frames of the model become samples of the codec, a block at a time.

A `Speech` is a value between two blocks, so that a sentence can be stored, resumed in another process, or stepped
together with others. The silence after a sentence is part of it and is stepped in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.limiter import limit
from ssmphony.interfaces import Decoder, State, VoiceModel
from ssmphony.state import gather, scatter
from ssmphony.timeline import Progress, after_block, after_silence, after_sound
from ssmphony.types import AudioChunk, Frames, Samples

BLOCKS = 4
"""Blocks of the model that the codec decodes at once, at most: more cost less a frame, and come later."""


class Speech(NamedTuple):
    """A sentence between two blocks. The states are batch first, with one row; once it is spoken, they are None."""

    progress: Progress
    model: State
    codec: State
    waiting: tuple[Frames, ...] = ()
    """Blocks that the model has produced and the codec has not consumed yet."""

    @property
    def done(self) -> bool:
        return self.progress.done

    @property
    def pausing(self) -> bool:
        """Only silence remains: a step needs neither the model nor the codec."""
        return self.progress.spoken and not self.progress.done


def step(model: VoiceModel, codec: Decoder, batch: Sequence[Speech]) -> list[tuple[AudioChunk, Speech]]:
    """One block of the model, or one piece of silence, for every sentence: the sound, and the speech after it.

    Pure; step until each is ``done``. A chunk is empty while the codec waits for more, and after the end of its
    sentence. The rows share nothing but the time: each is computed in the same shapes as it would be alone.
    """
    speaking = [i for i, speech in enumerate(batch) if not speech.progress.spoken]
    stepped = {i: _rest(codec, speech) for i, speech in enumerate(batch) if speech.progress.spoken}
    if speaking:
        before = [batch[i].model for i in speaking]
        frames, state = model.step(gather(before))
        after = [batch[i]._replace(model=row) for i, row in zip(speaking, scatter(state, before), strict=True)]
        stepped.update(zip(speaking, decode(codec, after, frames), strict=True))
    return [stepped[i] for i in range(len(batch))]


def decode(codec: Decoder, batch: Sequence[Speech], frames: Frames) -> list[tuple[AudioChunk, Speech]]:
    """The second half of `step`: the block of frames that the model produced for every sentence becomes sound."""
    waiting = [_receive(speech, frames, i) for i, speech in enumerate(batch)]
    widths = [_width(codec, speech) for speech in waiting]
    decoded: dict[int, tuple[Samples, Speech]] = {}
    for width in set(widths) - {0}:  # equal shapes together: padding would change how rows are computed
        group = [i for i, other in enumerate(widths) if other == width]
        decoded.update(zip(group, _sound(codec, [waiting[i] for i in group], width), strict=True))
    silence = np.zeros(0, np.float32)
    results: list[tuple[AudioChunk, Speech]] = []
    for i, (speech, width) in enumerate(zip(waiting, widths, strict=True)):
        sound, speech = decoded.get(i, (silence, speech))
        chunk, progress = after_sound(speech.progress, sound, width, codec.grid, codec.lookahead)
        speech = Speech(progress, None, None) if progress.spoken else speech._replace(progress=progress)
        results.append((chunk, speech))
    return results


def speak(model: VoiceModel, codec: Decoder, speech: Speech, worker: Executor | None) -> Iterator[AudioChunk]:
    """The chunks of one sentence.

    With a ``worker``, the model produces the next blocks in its thread while the codec decodes these; not before the
    first sound of the stream, which nothing may delay.
    """
    spoken = speech.progress.origin
    upcoming = partial(_blocks, model, speech.model, 1)
    while not speech.progress.spoken:
        blocks, state = upcoming()
        if not _is_last(blocks[-1]):
            upcoming = partial(_blocks, model, state, _advance(speech.progress).blocks)
            if worker is not None and spoken:
                upcoming = worker.submit(upcoming).result
        for frames in blocks:
            ((chunk, speech),) = decode(codec, [speech], frames)
            if chunk:
                spoken += len(chunk.samples)
                yield chunk
    while not speech.done:
        chunk, speech = _rest(codec, speech)
        yield chunk


def _rest(codec: Decoder, speech: Speech) -> tuple[AudioChunk, Speech]:
    chunk, progress = after_silence(speech.progress, codec.grid)
    return chunk, speech._replace(progress=progress)


def _blocks(model: VoiceModel, state: State, count: int) -> tuple[list[Frames], State]:
    """The next ``count`` blocks of one sentence, fewer where it ends."""
    blocks: list[Frames] = []
    while len(blocks) < count and not (blocks and _is_last(blocks[-1])):
        frames, state = model.step(state)
        blocks.append(frames)
    return blocks, state


def _is_last(frames: Frames) -> bool:
    """Of one sentence: a block that is not full."""
    return int(frames.lengths[0]) < frames.tokens.shape[1]


def _receive(speech: Speech, frames: Frames, i: int) -> Speech:
    """Add row ``i`` of a block of the model to what waits for the codec."""
    if speech.progress.complete:
        return speech
    block = Frames(*(np.asarray(field)[i : i + 1] for field in frames))
    return speech._replace(progress=after_block(speech.progress, block), waiting=(*speech.waiting, block))


def _width(codec: Decoder, speech: Speech) -> int:
    """How many frames the codec decodes now; none while blocks are missing."""
    progress = speech.progress
    if progress.complete:  # just what remains, and the codec's lookahead
        return max(0, progress.produced + codec.lookahead - progress.consumed)
    if len(speech.waiting) < progress.blocks:
        return 0
    return sum(frames.tokens.shape[1] for frames in speech.waiting)


def _sound(codec: Decoder, group: Sequence[Speech], width: int) -> list[tuple[Samples, Speech]]:
    """Decode the waiting frames of sentences of equal width: samples (width * hop_length,) of each."""
    padded, mask = zip(*(_join(speech.waiting, width) for speech in group), strict=True)
    before = [speech.codec for speech in group]
    samples, state = codec.decode(np.concatenate(padded), np.concatenate(mask), gather(before))
    sound = limit(np.asarray(samples, np.float32))
    after = scatter(state, before)
    return [
        (sound[i], speech._replace(progress=_advance(speech.progress), codec=after[i], waiting=()))
        for i, speech in enumerate(group)
    ]


def _advance(progress: Progress) -> Progress:
    """The progress after a step of the codec: the first sound comes soon, the rest at less cost."""
    if not progress.origin and not progress.consumed:
        return progress._replace(blocks=1)
    return progress._replace(blocks=BLOCKS if progress.origin else min(2 * progress.blocks, BLOCKS))


def _join(blocks: Sequence[Frames], width: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Blocks of one sentence as (1, width, channel), cut or padded, and which of the frames are real, (1, width)."""
    values = np.concatenate([frames.values for frames in blocks], axis=1)
    padded = np.zeros((1, width, *values.shape[2:]), values.dtype)
    padded[:, : values.shape[1]] = values[:, :width]
    return padded, np.arange(width)[None] < sum(int(frames.lengths[0]) for frames in blocks)
