"""An autoregressive voice model on ONNX Runtime: an encoder that reads, and a predictor that steps by one frame."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.config import choose
from ssmphony.interfaces import VoiceModel
from ssmphony.runtime.expand import Booleans, Floats, Integers
from ssmphony.runtime.graph import Arrays, Graph
from ssmphony.types import Frames, SsmphonyError, Style, Tokens, seeded_noise, stack_tokens

_FEWEST_TOKENS = 2  # exported graphs take one step for a constant


class AutoregressiveState(NamedTuple):
    """Sentences between two frames; batch first."""

    memory: Arrays
    """What the predictor reads of the text, (batch, head, tokens, channel) each."""
    present: Booleans
    """(batch, max_tokens)."""
    latent: Floats
    """(batch, channel): the last frame."""
    spread: Floats
    """(batch, channel): standard deviation of the noise on a frame."""
    position: Integers
    """(batch,): frames made so far."""
    token: Floats
    """(batch,): the place in the text, in tokens."""
    most: Integers
    """(batch,): the sentence is over after so many frames."""
    over: Booleans
    """(batch,)."""
    seed: Integers
    """(batch,)."""
    layers: Arrays


class AutoregressiveRuntime(VoiceModel):
    """``encoder`` and ``predictor`` graphs (see `docs/extend.md`); ``block`` frames a step."""

    def __init__(
        self,
        encoder: Graph,
        predictor: Graph,
        *,
        block: int,
        speakers: Sequence[str] = (),
        capabilities: Collection[str] = (),
    ) -> None:
        self.encoder, self.predictor = encoder, predictor
        self.block = block
        self.capabilities = frozenset(capabilities)
        self.speakers = {name: index for index, name in enumerate(speakers)}
        tokens = predictor.shape("present")[1]
        if not isinstance(tokens, int):
            raise SsmphonyError(f"{predictor.name}: it has no largest number of tokens; export the voice again")
        self.max_tokens = tokens
        self.memory = tuple(name for name in predictor.inputs if name.startswith(("keys_", "values_")))

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> AutoregressiveState:
        """Of a style, seed and speaker count."""
        read = stack_tokens(tokens, styles, fewest=_FEWEST_TOKENS)
        room = self.max_tokens - read.ids.shape[1]
        if room < 0:
            raise SsmphonyError(
                f"a sentence has {read.ids.shape[1]} tokens, this voice reads {self.max_tokens}: cut it"
            )
        speaker = np.array([self._speaker(style) for style in styles], np.int64)
        outputs, _ = self.encoder.run({"ids": read.ids, "mask": read.mask, "speaker": speaker})
        made = dict(zip(self.encoder.outputs, outputs, strict=True))
        zeros = np.zeros(len(tokens), np.int64)
        return AutoregressiveState(
            memory=tuple(self._padded(made[name], name) for name in self.memory),
            present=np.pad(read.mask, ((0, 0), (0, room))),
            latent=made["beginning"],
            spread=made["spread"],
            position=zeros,
            token=zeros.astype(np.float32),
            most=made["most"],
            over=read.mask.sum(axis=1) == 0,
            seed=np.array([style.seed for style in styles], np.int64),
            layers=self.predictor.initial_state(len(tokens)),
        )

    def step(self, state: AutoregressiveState) -> tuple[Frames, AutoregressiveState]:
        shape = (len(state.over), self.block)
        values, tokens = np.zeros((*shape, state.latent.shape[1]), np.float32), np.zeros(shape, np.int64)
        lengths = np.zeros(len(state.over), np.int64)
        for index in range(self.block):
            if state.over.all():
                break
            lengths += ~state.over
            state = self._advance(state)
            values[:, index], tokens[:, index] = state.latent, state.token
        return Frames(values, tokens, lengths), state

    def _advance(self, state: AutoregressiveState) -> AutoregressiveState:
        inputs = dict(zip(self.memory, state.memory, strict=True))
        inputs |= {"latent": state.latent, "position": state.position, "token": state.token, "present": state.present}
        (latent, token, stop), layers = self.predictor.run(inputs, state.layers)
        if state.spread.any():
            latent = latent + state.spread * seeded_noise(state.seed, state.position, latent.shape[1])
        position = state.position + 1
        over = state.over | stop | (position >= state.most)
        return state._replace(latent=latent, position=position, token=token, over=over, layers=layers)

    def _padded(self, array: Floats, name: str) -> Floats:
        """Zeros where tokens are absent, for a predictor that was exported for one number of them."""
        tokens = self.predictor.shape(name)[2]
        room = tokens - array.shape[2] if isinstance(tokens, int) else 0
        return np.pad(array, ((0, 0), (0, 0), (0, room), (0, 0))) if room else array

    def _speaker(self, style: Style) -> int:
        return 0 if style.speaker is None else choose(self.speakers, style.speaker, "speaker")
