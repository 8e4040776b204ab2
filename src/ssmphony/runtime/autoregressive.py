"""Voice models of the autoregressive family on ONNX Runtime: an encoder that reads, a predictor that steps by one
frame, and, of frames of several codes, a graph that makes one code after another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import Booleans, Floats, Integers
from ssmphony.interfaces import Prompted
from ssmphony.model_inputs import model_inputs
from ssmphony.runtime.graph import Array, Arrays, Graph
from ssmphony.runtime.style import StyleRuntime
from ssmphony.sampling import NO_CODE, Sampler, draw_codes, seeded_noise
from ssmphony.types import Frames, MelFormat, ReferenceInput, SsmphonyError, Style, Tokens

_FEWEST_TOKENS = 2  # exported graphs take one step for a constant
_STEP = ("frame", "position", "token", "present", "noise")
"""Inputs of the predictor that are no memory of the text."""


class AutoregressiveState(NamedTuple):
    """Sentences between two frames; batch first."""

    memory: Arrays
    """What the predictor reads of the text, (batch, head, tokens, channel) each."""
    present: Booleans
    """(batch, max_tokens)."""
    frame: Array
    """(batch, channel): the last frame, of floats or of codes; with a delay, the codes drawn last."""
    noise_std: Floats
    """(batch, channel): standard deviation of the noise on a frame of floats."""
    position: Integers
    """(batch,): steps so far."""
    token: Floats
    """(batch,): the position in the text, in tokens."""
    max_frames: Integers
    """(batch,): a sentence has at most this many frames; once its end is known, exactly."""
    done: Booleans
    """(batch,)."""
    seed: Integers
    """(batch,)."""
    layers: Arrays
    recent: Arrays = ()
    """Of codes that must not repeat or are delayed, those drawn last, (batch, window, codebook); else nothing."""
    places: Arrays = ()
    """Of codes that are delayed, the positions in the text in the last steps, (batch, delay)."""
    sampling: Arrays = ()
    """Of codes, (batch, 3): what the style asks for, see `Sampler.following`."""


class AutoregressiveRuntime(Prompted, StyleRuntime):
    """``encoder`` and ``predictor`` graphs, and ``codes`` where a frame has several; ``block`` frames a step.

    A predictor of codes returns the logits of the first codebook, of which the last ends the sentence.
    """

    def __init__(
        self,
        encoder: Graph,
        predictor: Graph,
        codes: Graph | None = None,
        *,
        block: int,
        speakers: Sequence[str] = (),
        capabilities: Collection[str] = (),
        reference_inputs: Sequence[ReferenceInput] = (),
        codebooks: Sequence[int] = (),
        sampler: Sampler | None = None,
        delay: int = 0,
        reference_mel: MelFormat | None = None,
        load_style_encoder: Callable[[], Graph] | None = None,
    ) -> None:
        """``codebooks`` are the sizes of a frame of codes; empty for floats. With a ``delay``, codebook k of frame t is
        drawn in step ``t + k``."""
        super().__init__(reference_mel, load_style_encoder)
        if (len(codebooks) > 1) != (codes is not None):
            raise ValueError(f"{len(codebooks)} codebooks, and {'a' if codes else 'no'} graph of codes")
        self.encoder, self.predictor, self.codes = encoder, predictor, codes
        self.block, self.codebooks, self.sampler = block, tuple(codebooks), sampler or Sampler()
        self.delay = delay
        self.capabilities = frozenset(capabilities)
        self.speaker_names, self.reference_inputs = tuple(speakers), tuple(reference_inputs)
        tokens = predictor.shape("present")[1]
        if not isinstance(tokens, int):
            raise SsmphonyError(f"{predictor.name}: it has no largest number of tokens; export the voice again")
        self.max_tokens = tokens
        self.memory = tuple(name for name in predictor.inputs if name not in _STEP)
        self.prefilled = tuple(name for name in encoder.outputs if name.startswith("layer_"))

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> AutoregressiveState:
        read = model_inputs(self, tokens, styles, fewest=_FEWEST_TOKENS)
        room = self.max_tokens - read.ids.shape[1]
        if room < 0:
            raise SsmphonyError(
                f"a sentence has {read.ids.shape[1]} tokens, this voice reads {self.max_tokens}: cut it"
            )
        arrays = read.named()
        outputs, _ = self.encoder.run({name: arrays[name] for name in self.encoder.inputs})
        made = dict(zip(self.encoder.outputs, outputs, strict=True))
        zeros, window = np.zeros(len(tokens), np.int64), 0
        if self.codebooks:
            window = max(self.sampler.remembers, self.delay)
        filled = tuple(made[name] for name in self.prefilled)
        state = AutoregressiveState(
            memory=tuple(self._padded(made[name], name) for name in self.memory),
            present=np.pad(read.mask, ((0, 0), (0, room))),
            frame=made["start"],
            noise_std=made["noise_std"],
            position=zeros,
            token=zeros.astype(np.float32),
            max_frames=made["max_frames"],
            done=read.mask.sum(axis=1) == 0,
            seed=read.seeds,
            layers=filled or self.predictor.initial_state(len(tokens)),
            recent=(np.full((len(tokens), window, len(self.codebooks)), NO_CODE, np.int64),) if window else (),
            places=(np.zeros((len(tokens), self.delay), np.float32),) if self.delay else (),
            sampling=(read.sampling,) if self.codebooks else (),
        )
        for _ in range(self.delay):  # codes of the first frame
            state, *_ = self._advance(state)
        return state

    def step(self, state: AutoregressiveState) -> tuple[Frames, AutoregressiveState]:
        shape = (len(state.done), self.block)
        values = np.zeros((*shape, state.frame.shape[1]), state.frame.dtype)
        tokens, lengths = np.zeros(shape, np.int64), np.zeros(len(state.done), np.int64)
        for index in range(self.block):
            if state.done.all():
                break
            before = state
            state, values[:, index], tokens[:, index] = self._advance(state)
            lengths += ~before.done & (before.position - self.delay < state.max_frames)
        return Frames(values, tokens, lengths), state

    def prompt(self, frames: Integers) -> Floats:
        """The predictor's state after codes (time, codebook), whose text it is not told, as numbers in one row."""
        entry = self.reference_inputs[0]
        layers, one = self.predictor.initial_state(1), np.ones(1, np.int64)
        inputs = {name: self._nothing(name) for name in self.memory}
        inputs |= {"position": one, "token": np.zeros(1, np.float32), "present": np.zeros((1, self.max_tokens), bool)}
        for codes in self._delayed(frames):
            _, layers = self.predictor.run({**inputs, "frame": codes[None]}, layers)
        numbers = np.concatenate([part.ravel() for part in layers if part.dtype == np.float32])
        return np.pad(numbers, (0, entry.max_steps * entry.channels - len(numbers))).reshape(entry.max_steps, -1)

    def _delayed(self, frames: Integers) -> Integers:
        """Codes (time, codebook) in the steps in which they are drawn: codebook k comes k steps later."""
        if not self.delay:
            return frames
        count, codebooks = frames.shape
        rows = np.full((count + self.delay, codebooks), NO_CODE, np.int64)
        for codebook in range(codebooks):
            rows[codebook : codebook + count, codebook] = frames[:, codebook]
        return rows

    def _nothing(self, name: str) -> Floats:
        """The memory of a text that is not there."""
        shape = [size if isinstance(size, int) else _FEWEST_TOKENS for size in self.predictor.shape(name)[1:]]
        return np.zeros((1, *shape), np.float32)

    def _advance(self, state: AutoregressiveState) -> tuple[AutoregressiveState, Array, Floats]:
        """One step on, the frame whose last code was drawn, and the position in the text when its first was."""
        inputs = dict(zip(self.memory, state.memory, strict=True))
        inputs |= {"frame": state.frame, "position": state.position, "token": state.token, "present": state.present}
        if "noise" in self.predictor.inputs:
            inputs["noise"] = seeded_noise(state.seed, state.position, state.frame.shape[1])
        outputs, layers = self.predictor.run(inputs, state.layers)
        made = dict(zip(self.predictor.outputs, outputs, strict=True))
        frame, ended = self._codes(made, state) if self.codebooks else (self._floats(made, state), np.False_)
        last = state.position + (~ended & made["stop"])
        most = np.where(ended | made["stop"], np.minimum(state.max_frames, last), state.max_frames)
        if self.delay:  # frames that are not to come have no codes
            of_frame = state.position[:, None] - np.arange(self.delay + 1)
            frame = np.where(of_frame < most[:, None], frame, NO_CODE)
        position, token = state.position + 1, made["new_token"]
        done = state.done | (position - self.delay >= most)
        recent = tuple(np.concatenate([codes[:, 1:], frame[:, None]], axis=1) for codes in state.recent)
        places = tuple(np.concatenate([old[:, 1:], token[:, None]], axis=1) for old in state.places)
        new = state._replace(
            frame=frame,
            position=position,
            token=token,
            max_frames=most,
            done=done,
            layers=layers,
            recent=recent,
            places=places,
        )
        if not self.delay:
            return new, frame, token
        drawn = np.concatenate([state.recent[0][:, -self.delay :], frame[:, None]], axis=1)
        return new, drawn.diagonal(axis1=1, axis2=2).clip(min=0), state.places[0][:, 0]

    def _floats(self, made: dict[str, Array], state: AutoregressiveState) -> Floats:
        frame = made["new_frame"]
        if state.noise_std.any():
            frame = frame + state.noise_std * seeded_noise(state.seed, state.position, frame.shape[1])
        return frame

    def _codes(self, made: dict[str, Array], state: AutoregressiveState) -> tuple[Integers, Booleans]:
        """One code of each codebook, and whether the first is the end."""
        seeds, positions = state.seed.tolist(), state.position.tolist()
        kept, asked = self.sampler.remembers, state.sampling[0]

        def draw(logits: Floats, codebook: int) -> Integers:
            last = state.recent[0][:, -kept:, codebook] if kept else None
            return draw_codes(logits, seeds, positions, self.sampler, codebook, last, asked)

        first = draw(made["logits"], 0)
        frame = [np.minimum(first, self.codebooks[0] - 1)]
        if self.codes is not None:
            inner = self.codes.initial_state(len(first))
            for codebook, size in enumerate(self.codebooks[1:], start=1):
                inputs = {"hidden": made["hidden"], "code": frame[-1], "codebook": np.full_like(first, codebook)}
                (logits,), inner = self.codes.run(inputs, inner)
                code = draw(logits[:, :size], codebook)
                frame.append(np.where(state.position < codebook, NO_CODE, code) if self.delay else code)
        return np.stack(frame, axis=1), first == self.codebooks[0]

    def _padded(self, array: Floats, name: str) -> Floats:
        """Zeros where tokens are absent, for a predictor that was exported for one number of them."""
        tokens = self.predictor.shape(name)[2]
        room = tokens - array.shape[2] if isinstance(tokens, int) else 0
        return np.pad(array, ((0, 0), (0, 0), (0, room), (0, 0))) if room else array
