"""LeWM TTS: autoregressive text-to-speech by a joint-embedding predictor, tokens → audio latents.

    tokens + speaker ─▶ text encoder, both directions ─▶ keys and values
    z[0 … t] ─▶ n × (causal mixer, attention to the text, feed-forward) ─▶ ẑ[t + 1], end of speech

The latents are those of `ssmphony.codecs.lewm`; z[0] is learned. After LeWorldModel (le-wm.github.io), whose
predictor predicts the embedding of the next video frame. The causal mixer is attention with a cache of keys and values
or a state-space layer with a state of constant size.

Speech ends where the end-of-speech head says so, or after ``extra_latents + tokens · latents_per_token`` latents. The
place in the text never goes back. It is the token with the most attention; or, with ``pace_head``, a head predicts how
far each latent moves the place, and attention is drawn to it (the location-relative attention of Battenberg et al.,
arXiv 1910.10288, with one Gaussian a head). What sounds and when are then predicted apart, so that speech which is
conditioned only on itself follows the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, cast

import torch
from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer, State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import Advance, AutoregressiveModel, AutoregressiveState
from ssmphony.models.lewm_memory import Memory, linear_places, within_window
from ssmphony.nn import Block, CrossAttention, EncoderConfig, FeedForward, Mixer, sinusoids
from ssmphony.nn.layers import within
from ssmphony.ssm.exportable import softplus

NOISE_STEPS = 97
"""Latents after which the noise on the input repeats."""
UNCONDITIONAL = "anyone"
"""The speaker that continues a reference clip: a row of the table that is trained on all speakers."""
WIDTH = 4.0
"""Standard deviation, in tokens, of the Gaussian that attention is drawn to before training: a syllable in UTF-8."""


class LeWMConfig(Config):
    """LeWM TTS; see the module's docstring. A mixer is a kind of `ssmphony.nn.MIXERS`, or its settings."""

    renamed: ClassVar[Mapping[str, str]] = {
        "heard_noise": "input_noise",
        "most_latents": "extra_latents",
        "paced": "pace_head",
        "reach": "attention_window",
    }

    kind: Literal["lewm"] = "lewm"
    n_symbols: int
    """Tokens that the frontend knows."""
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first."""
    d_latent: int = 256
    """Channels of a latent."""
    d_model: int = 256
    d_ffn: int = 682
    n_heads: int = 4
    """Heads of the attention to the text."""
    text_layers: int = 4
    """Blocks of the text encoder."""
    text_mixer: Mixer = Field(default="attention", validate_default=True)
    """The text encoder's layer, run in both directions."""
    n_layers: int = 6
    """Blocks of the predictor."""
    mixer: Mixer = Field(default="attention", validate_default=True)
    """The predictor's causal layer."""
    cross_every: int = Field(default=1, ge=1)
    """Every so many blocks of the predictor, one attends to the text."""
    block: int = Field(default=4, ge=1)
    """Latents a step."""
    dropout: float = 0.1
    max_seq: int = 1024
    """The most tokens of a sentence."""
    extra_latents: int = 24
    """Latents that a sentence may have in addition to those of its tokens."""
    latents_per_token: float = 3.0
    """The most latents of a sentence, for each of its tokens."""
    attention_window: tuple[int, int] | None = None
    """Tokens before and after the one being spoken that a step of speech may attend to; None for all."""
    pace_head: bool = False
    """Whether a head predicts how far each latent moves the place in the text."""
    input_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviation of noise on the latents that the predictor reads while it speaks; those it returns are clean.

    More of it means more trust in the text and less in what was said, like the dropout that Tacotron 2 (arXiv
    1712.05884) keeps at inference. Train with at least as much, see ``latent_noise`` of the task.
    """
    temperature: float = Field(default=0.0, ge=0.0)
    """Noise on what is spoken, in standard deviations of the predictor's errors; 0 for the mean."""

    @field_validator("mixer", "text_mixer", mode="before")
    @classmethod
    def _share_width(cls, mixer: Any, info: ValidationInfo) -> Any:
        return within(mixer, info.data.get("d_model"))

    @model_validator(mode="after")
    def _encoder_fits(self) -> LeWMConfig:
        _ = self.text_encoder
        return self

    @property
    def text_encoder(self) -> EncoderConfig:
        """The text encoder's blocks."""
        return EncoderConfig(
            d_model=self.d_model,
            n_layers=self.text_layers,
            mixers=(self.text_mixer,),
            d_ffn=self.d_ffn,
            dropout=self.dropout,
        )

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, LeWMConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"n_symbols": n_symbols, "speakers": ("own", "other"), "d_latent": 6, "d_model": 8}
        shape |= {"d_ffn": 12, "n_heads": 2, "text_layers": 1, "n_layers": 2, "block": 8, "max_seq": 32}
        shape |= {"extra_latents": 20, "attention_window": (2, 3)}
        mamba2 = {"kind": "mamba2", "d_state": 4, "head_dim": 8}
        forms: dict[str, dict[str, Any]] = {
            "attention": {"mixer": {"kind": "attention", "n_heads": 2, "window": 24}},
            "mamba": {"mixer": {"kind": "mamba", "d_state": 4}, "cross_every": 2, "temperature": 0.5},
            "mamba2": {"mixer": mamba2, "text_mixer": "s4d"},
            "pace_head": {"mixer": mamba2, "pace_head": True},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> LeWM:
        return LeWM(self)


class Prediction(NamedTuple):
    """What the predictor says of the latent after each of its inputs."""

    latents: Tensor
    """(batch, time, d_latent)."""
    stops: Tensor
    """(batch, time): logits of being the last."""
    attention: Tensor
    """(batch, time, token): the mean over heads and layers."""
    paces: Tensor | None
    """(batch, time): by how many tokens it is further in the text; None without ``pace_head``."""


class PredictorBlock(nn.Module):
    """A causal mixer, attention to the text if ``cross``, and a feed-forward; each is pre-norm and residual."""

    def __init__(self, config: LeWMConfig, cross: bool) -> None:
        super().__init__()
        mixer = cast("SequenceLayer", config.mixer.build())
        self.mixer = Block(config.d_model, mixer, 0, config.dropout)
        self.cross_norm = nn.LayerNorm(config.d_model) if cross else None
        self.cross = CrossAttention(config.d_model, config.n_heads) if cross else None
        self.log_width = (
            nn.Parameter(torch.full((config.n_heads,), math.log(WIDTH))) if cross and config.pace_head else None
        )
        self.ffn_norm = nn.LayerNorm(config.d_model)
        self.ffn = FeedForward(config.d_model, config.d_ffn, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def pull(self, distance: Tensor | None) -> Tensor | None:
        """The bias of attention to tokens at a ``distance`` (batch, time, token): (batch, head, time, token)."""
        if distance is None or self.log_width is None:
            return None
        return -0.5 * (distance[:, None] * torch.exp(-self.log_width)[:, None, None]).square()


class LeWM(AutoregressiveModel):
    """See the module's docstring. Training goes through `read` and `teacher_forced`."""

    noise: Tensor

    def __init__(self, config: LeWMConfig) -> None:
        super().__init__()
        self.config = config
        self.block, self.max_tokens = config.block, config.max_seq
        self.speaker_names, self.reads_all = config.speakers, config.attention_window is None
        d_model = config.d_model
        self.symbols = nn.Embedding(config.n_symbols, d_model, padding_idx=0)
        self.speakers = nn.Embedding(len(config.speakers), d_model)
        self.text_place = nn.Parameter(torch.tensor(0.3))
        self.text_blocks = config.text_encoder.build()
        self.text_norm = nn.LayerNorm(d_model)
        self.beginning = nn.Parameter(0.1 * torch.randn(config.d_latent))
        self.enter = nn.Linear(config.d_latent, d_model)
        self.place = nn.Parameter(torch.tensor(0.3))
        self.blocks = nn.ModuleList(
            PredictorBlock(config, index % config.cross_every == 0) for index in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, config.d_latent)
        self.stop = nn.Linear(d_model, 1)
        self.log_spread = nn.Parameter(torch.zeros(config.d_latent))
        self.pace = nn.Linear(d_model, 1) if config.pace_head else None
        # a table, so that the same noise comes out of an exported graph
        noise = torch.randn(NOISE_STEPS, config.d_latent, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", config.input_noise * noise, persistent=False)
        nn.init.normal_(self.symbols.weight, std=0.3)
        nn.init.normal_(self.speakers.weight, std=0.1)

    # -- text -----------------------------------------------------------------------------------------------------

    def read(self, ids: Tensor, mask: Tensor, speaker: Tensor) -> Memory:
        """ids (batch, token) int, mask (batch, token) bool, speaker (batch,) int → keys and values of each layer."""
        places = sinusoids(torch.arange(ids.shape[1], device=ids.device), self.config.d_model)
        x = self.symbols(ids) + self.speakers(speaker)[:, None] + self.text_place * places
        x = self.text_norm(self.text_blocks(x * mask[..., None], mask)) * mask[..., None]
        pairs = [block.cross.read(x) for block in self._blocks() if block.cross is not None]
        return Memory(tuple(keys for keys, _ in pairs), tuple(values for _, values in pairs), mask)

    @property
    def cross_layers(self) -> int:
        """Blocks that attend to the text."""
        return sum(block.cross is not None for block in self._blocks())

    # -- latents --------------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> tuple[State, ...]:
        return tuple(block.mixer.initial_state(batch) for block in self._blocks())

    def predict(
        self,
        z: Tensor,
        first: Tensor,
        mask: Tensor,
        memory: Memory,
        seen: Tensor,
        layers: tuple[State, ...],
        distance: Tensor | None = None,
    ) -> tuple[Prediction, tuple[State, ...]]:
        """The latents after z (batch, time, d_latent), any number of steps ≥ 1, and the state after them.

        first (batch,): the position of the first step; mask (batch, time): false where z is padding; seen (batch, time
        or 1, token): which tokens a step may attend to; distance (batch, time, token): how far each token is from the
        place of the latent that is predicted, read only with ``pace_head``.
        """
        steps = first[:, None] + torch.arange(z.shape[1], device=z.device)
        x = self.enter(z.masked_fill(~mask[..., None], 0.0)) + self.place * sinusoids(steps, self.config.d_model)
        new: list[State] = []
        weights: list[Tensor] = []
        for block, state in zip(self._blocks(), layers, strict=True):
            x, state = block.mixer.forward(x, state, mask)
            new.append(state)
            if block.cross is not None and block.cross_norm is not None:
                keys, values = memory.keys[len(weights)], memory.values[len(weights)]
                y, attention = block.cross(block.cross_norm(x), keys, values, seen, block.pull(distance))
                x = x + block.dropout(y)
                weights.append(attention)
            x = x + block.dropout(block.ffn(block.ffn_norm(x)))
        x = self.norm(x)
        # one product: a runtime sums a single column in another order for one row than for many
        heads = [self.head, self.stop, *([] if self.pace is None else [self.pace])]
        weight, bias = (torch.cat([getattr(head, name) for head in heads]) for name in ("weight", "bias"))
        latents, (stops, *paces) = (y := F.linear(x, weight, bias))[..., : z.shape[2]], y[..., z.shape[2] :].unbind(-1)
        attention = torch.stack(weights).mean(0)
        pace = softplus(paces[0][..., None])[..., 0] if paces else None
        return Prediction(latents, stops, attention, pace), tuple(new)

    def teacher_forced(self, z: Tensor, mask: Tensor, memory: Memory, places: Tensor | None = None) -> Prediction:
        """Teacher forcing: prediction t is made from z[0 … t - 1] (batch, time, d_latent), the first from nothing.

        places (batch, time): where in the text each latent of z is, in tokens; a straight line, if not given.
        """
        if places is None:
            places = linear_places(mask, memory.present)
        before = torch.cat([self.beginning.expand(len(z), 1, -1), z[:, :-1]], dim=1)
        first = torch.zeros(len(z), dtype=torch.long, device=z.device)
        distance = torch.arange(memory.present.shape[1], device=z.device) - places[..., None]
        seen, layers = memory.present[:, None], self.initial_layers(len(z))
        prediction, _ = self.predict(before, first, mask, memory, seen, layers, distance)
        return prediction

    @torch.no_grad()
    def replace(
        self,
        z: Tensor,
        chosen: Tensor,
        mask: Tensor,
        memory: Memory,
        passes: int,
        places: Tensor | None = None,
        noise: Tensor | float = 0.0,
    ) -> Tensor:
        """z (batch, time, d_latent) with the predictor's own latents where ``chosen`` (batch, time) is true.

        In one pass they are predicted from true ones (Mihaylova & Martins, arXiv 1906.07651), in each further one from
        what the pass before put there (Duckworth et al., arXiv 1906.04331): up to ``passes`` latents in a row are as
        they are when it speaks freely. ``noise`` (batch, time, d_latent) is added to the input.
        """
        given = z
        for _ in range(passes):
            given = torch.where(chosen[..., None], self.teacher_forced(given + noise, mask, memory, places).latents, z)
        return given

    # -- the family's interface -----------------------------------------------------------------------------------

    def encode(self, inputs: ModelInputs) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Keys and values of each layer that attends to the text."""
        memory = self.read(inputs.ids, inputs.mask, inputs.speaker)
        return memory.keys, memory.values

    def start_frame(self) -> Tensor:
        return self.beginning

    def noise_std(self) -> Tensor:
        return self.config.temperature * self.log_spread.exp()

    def max_frames(self, mask: Tensor) -> Tensor:
        return self.config.extra_latents + (mask.sum(1) * self.config.latents_per_token).long()

    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any
    ) -> Advance:
        """One step of `predict`; see `AutoregressiveModel.advance`."""
        keys, values = memory
        near, places = within_window(Memory(keys, values, present), token.long(), self.config.attention_window)
        every, seen = torch.ones_like(position, dtype=torch.bool)[:, None], near.present[:, None]
        distance = (places - token[:, None])[:, None]
        if self.config.input_noise:
            spoken = (position > 0)[:, None]  # the learned start gets no noise
            frame = frame + self.noise[position % NOISE_STEPS] * spoken
        prediction, layers = self.predict(frame[:, None], position, every, near, seen, layers, distance)
        if prediction.paces is not None:
            token = torch.minimum(token + prediction.paces[:, 0], (present.sum(1) - 1).clamp(min=0))
        else:
            attended = places.gather(1, prediction.attention[:, 0].argmax(-1, keepdim=True))[:, 0]
            token = torch.maximum(token, attended)
        return Advance(prediction.latents[:, 0], token, prediction.stops[:, 0] > 0, layers)

    def follow(self, state: AutoregressiveState, z: Tensor) -> AutoregressiveState:
        """The state after latents z (batch, time, d_latent), as if the model had spoken them: for reference clips."""
        for latent in z.unbind(1):
            state = self.one_frame(state)[0]._replace(frame=latent, done=state.done, max_frames=state.max_frames)
        return state

    def _blocks(self) -> list[PredictorBlock]:
        return cast("list[PredictorBlock]", list(self.blocks))
