"""Waveforms ↔ latents by strided S4D stages: no spectrum on either side.

    samples ─stride─▶ S4D ─stride─▶ S4D ─ … ─▶ bottleneck ─▶ latents, or codes
    latents ─▶ S4D ─unstride─▶ S4D ─ … ─unstride─▶ tanh ─▶ samples

The S4D layer is that of Gu et al. 2022 (arXiv 2206.11893). Both halves are causal but for ``lookahead`` frames that the
decoder sees, and stream. ``bottleneck: vae`` is a variational autoencoder (Kingma and Welling 2014, arXiv 1312.6114)
whose log-variance is bounded; ``fsq`` rounds to codes; ``sigreg`` leaves it to the training to make latents Gaussian
(LeJEPA, arXiv 2511.08544). ``blocks: dilated`` has convolutions in the place of S4D, for comparison.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.codec import SamplesCodec, TrainableCodec, decoder_input
from ssmphony.config import Config
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import Array, SequenceLayer
from ssmphony.nn.block import Block, delay
from ssmphony.nn.conv import CausalConv, DilatedConv
from ssmphony.nn.fsq import FiniteScalarQuantiser
from ssmphony.nn.posterior import Posterior
from ssmphony.nn.stack import Stack, StackState
from ssmphony.ssm.s4_layer import S4DConfig
from ssmphony.types import FrameGrid

PIECE = 8
"""Frames that a graph takes in one call."""
FLOAT_BITS = 32

Bottleneck = Literal["none", "vae", "sigreg", "fsq"]


class S4DAutoencoderConfig(Config):
    """See the module's docstring."""

    frames: ClassVar[str] = "s4d_autoencoder"
    kind: Literal["s4d_autoencoder"] = "s4d_autoencoder"
    sample_rate: int = Field(default=16_000, ge=1_000)
    strides: tuple[int, ...] = (4, 4, 4, 2)
    """Steps of a stage in one step of the next; their product is the hop."""
    widths: tuple[int, ...] = (32, 64, 128, 128)
    """Channels after each stride."""
    n_layers: int = Field(default=2, ge=1)
    """Blocks of a stage."""
    blocks: Literal["s4d", "dilated"] = "s4d"
    d_state: int = Field(default=16, ge=2, multiple_of=2)
    lookahead: int = Field(default=2, ge=0)
    """Frames of the future that a sample depends on."""
    bottleneck: Bottleneck = "none"
    channels: int = Field(default=64, ge=1)
    """Numbers of a latent, where they are not codes."""
    levels: tuple[int, ...] = (8, 5, 5, 5)
    """Levels of each channel of a code; their product is the size of its codebook."""
    codes: int = Field(default=8, ge=1)
    """Codes of a frame."""

    @model_validator(mode="after")
    def _stages_fit(self) -> S4DAutoencoderConfig:
        if not self.strides or len(self.strides) != len(self.widths):
            raise ValueError(f"{len(self.strides)} strides and {len(self.widths)} widths: give as many")
        if min(self.strides) < 2 or min(self.widths) < 1:
            raise ValueError("strides must be 2 or more, and widths 1 or more")
        return self

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return math.prod(self.strides)

    @classmethod
    def tiny(cls) -> dict[str, S4DAutoencoderConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"sample_rate": 8_000, "strides": (4, 2), "widths": (6, 8), "n_layers": 1, "d_state": 4}
        shape |= {"channels": 5, "levels": (3, 4), "codes": 2, "lookahead": 1}
        forms: dict[str, dict[str, Any]] = {
            "": {},
            "vae": {"bottleneck": "vae", "lookahead": 0},
            "sigreg": {"bottleneck": "sigreg", "blocks": "dilated"},
            "fsq": {"bottleneck": "fsq"},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> S4DAutoencoder:
        return S4DAutoencoder(self)


class Compression(NamedTuple):
    """ratio: samples for a number of the latent. bits_per_second: of the latents, as float32 or as codes."""

    ratio: float
    bits_per_second: float


class HalfState(NamedTuple):
    """Of one half: contexts of its strided convolutions, (batch, …, channel), and the states of its stacks."""

    contexts: tuple[Tensor, ...]
    stacks: tuple[StackState, ...]


class DecoderState(NamedTuple):
    """present: (batch, lookahead) bool, which frames inside the first stack exist; half: the rest."""

    present: Tensor
    half: HalfState


class S4DAutoencoder(SamplesCodec, TrainableCodec):
    """A codec whose frames are latents or, with ``bottleneck: fsq``, codes.

    ``encode`` gives the mean of the posterior of a VAE. Frame ``t`` is of the hop of samples that begins at ``t`` hops.
    """

    max_frames = PIECE

    def __init__(self, config: S4DAutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.lookahead, self.sigreg = config.lookahead, config.bottleneck == "sigreg"
        self.quantiser: FiniteScalarQuantiser | None = None
        channels, codebooks = config.channels, ()
        if config.bottleneck == "fsq":
            self.quantiser = FiniteScalarQuantiser(config.levels, config.codes)
            channels, codebooks = config.codes, self.quantiser.codebooks
        latent = self.quantiser.channels if self.quantiser else config.channels
        self.grid = FrameGrid(config.sample_rate, config.hop, channels, codebooks)
        pairs = list(zip(config.strides, (1, *config.widths[:-1]), config.widths, strict=True))
        self.down = nn.ModuleList(nn.Conv1d(before, after, 2 * stride, stride) for stride, before, after in pairs)
        self.encoder = nn.ModuleList(_stack(config, width) for width in config.widths)
        self.to_latent = nn.Linear(config.widths[-1], latent * (2 if config.bottleneck == "vae" else 1))
        self.from_latent = nn.Linear(latent, config.widths[-1])
        widths = config.widths[::-1]
        self.decoder = nn.ModuleList(
            _stack(config, width, config.lookahead * (place == 0)) for place, width in enumerate(widths)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(after, before, 2 * stride, stride) for stride, before, after in reversed(pairs)
        )

    @property
    def compression(self) -> Compression:
        """In numbers, and in bits; a code counts as log2 of its codebook."""
        grid, rate = self.grid, self.grid.frame_rate
        numbers = self.quantiser.channels if self.quantiser else grid.channels
        bits = sum(map(math.log2, grid.codebooks)) if grid.codebooks else grid.channels * FLOAT_BITS
        return Compression(grid.hop_length / numbers, rate * bits)

    # -- samples → frames ---------------------------------------------------------------------------------------------

    def encode(self, samples: Array) -> Tensor:
        """samples (batch, n) → latents or codes (batch, 1 + n // hop_length, channel)."""
        with torch.no_grad():
            hidden = self._encoded(torch.as_tensor(samples, device=self.to_latent.weight.device))
            return self.frames_of(hidden)

    def frames_of(self, hidden: Tensor) -> Tensor:
        """What the encoder puts out → frames: the means of a VAE, the codes of ``fsq``."""
        if self.quantiser is not None:
            return self.quantiser(hidden)[1]
        return hidden[..., : self.config.channels]

    def analyse(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → latents or the values of codes, differentiably; in training a VAE's are drawn."""
        return self.analyse_with_losses(samples)[0]

    def analyse_with_losses(self, samples: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        hidden = self._encoded(samples)
        if self.quantiser is not None:
            return self.quantiser(hidden)[0], {}
        if self.config.bottleneck != "vae":
            return hidden, {}
        posterior = Posterior.of(hidden)
        return (posterior.sample() if self.training else posterior.mean), {"divergence": posterior.divergence()}

    def sample_prior(self, batch: int, time: int) -> Tensor:
        """Latents (batch, time, channel) of the prior, which ``vae`` and ``sigreg`` have: a standard normal."""
        return torch.randn(batch, time, self.config.channels, device=self.to_latent.weight.device)

    def _encoded(self, samples: Tensor) -> Tensor:
        count = 1 + samples.shape[1] // self.config.hop
        padded = F.pad(samples, (0, count * self.config.hop - samples.shape[1]))
        return self.encode_steps(padded, self.initial_encoder(len(samples)))[0]

    def initial_encoder(self, batch: int) -> HalfState:
        """The state of `encode_steps` before the first sample."""
        sizes = zip((1, *self.config.widths[:-1]), self.config.strides, strict=True)
        contexts = tuple(self.to_latent.weight.new_zeros(batch, stride, width) for width, stride in sizes)
        return HalfState(contexts, tuple(_typed(stack).initial_state(batch) for stack in self.encoder))

    def encode_steps(self, samples: Tensor, state: HalfState) -> tuple[Tensor, HalfState]:
        """samples (batch, time * hop) → what the bottleneck reads, (batch, time, channel), and the state."""
        x = samples[..., None]
        contexts: list[Tensor] = []
        stacks: list[StackState] = []
        for down, stack, stride, context, old in zip(
            self.down, self.encoder, self.config.strides, state.contexts, state.stacks, strict=True
        ):
            joined = torch.cat([context, x], dim=1)
            contexts.append(joined[:, -stride:])
            x = down(joined.transpose(1, 2)).transpose(1, 2)
            x, new = stack(x, old, torch.ones_like(x[..., 0], dtype=torch.bool))
            stacks.append(new)
        return self.to_latent(x), HalfState(tuple(contexts), tuple(stacks))

    # -- frames → samples ---------------------------------------------------------------------------------------------

    def initial_state(self, batch: int) -> DecoderState:
        new = self.to_latent.weight.new_zeros
        contexts = tuple(new(batch, 1, width) for width in self.config.widths[::-1])
        stacks = tuple(_typed(stack).initial_state(batch) for stack in self.decoder)
        return DecoderState(new(batch, self.lookahead, dtype=torch.bool), HalfState(contexts, stacks))

    def decode(self, frames: Array, mask: Array, state: DecoderState) -> tuple[Tensor, DecoderState]:
        frames, mask = decoder_input(frames, mask, self.from_latent.weight.device)
        frames = frames.masked_fill(~mask[..., None], 0)
        if self.quantiser is not None and not frames.is_floating_point():
            frames = self.quantiser.decode(frames)
        x = self.from_latent(frames)
        contexts: list[Tensor] = []
        stacks: list[StackState] = []
        present = state.present
        for place, (up, stack, stride, context, old) in enumerate(
            zip(self.up, self.decoder, self.config.strides[::-1], *state.half, strict=True)
        ):
            x, new = stack(x, old, mask)
            if place == 0:
                mask, present = delay(mask, state.present)
            x = x * mask[..., None]
            joined = torch.cat([context, x], dim=1)
            contexts.append(joined[:, -1:])
            time = x.shape[1] * stride
            x = up(joined.transpose(1, 2)).transpose(1, 2)[:, stride : stride + time]
            mask = mask[..., None].expand(-1, -1, stride).flatten(1)
            stacks.append(new)
        samples = torch.tanh(x[..., 0]) * mask
        return samples, DecoderState(present, HalfState(tuple(contexts), tuple(stacks)))

    # -- export -------------------------------------------------------------------------------------------------------

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Both halves; that of the encoder reads samples, piece by piece. S4D runs at most at the second rate."""
        most = PIECE * self.config.hop // self.config.strides[0]
        (decoder,) = super().graphs()
        encoder = GraphSpec(
            name="codec_encoder",
            module=_SamplesToFrames(self),
            inputs={"samples": torch.zeros(2, 2 * self.config.hop)},
            outputs=("frames",),
            axes={"samples": {1: Axis("frames", max_length=PIECE, multiple=self.config.hop)}},
            state=self.initial_encoder(2),
            most_steps=most,
        )
        return replace(decoder, most_steps=most), encoder


class _SamplesToFrames(nn.Module):
    def __init__(self, codec: S4DAutoencoder) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, samples: Tensor, state: HalfState) -> tuple[Tensor, HalfState]:
        hidden, state = self.codec.encode_steps(samples, state)
        return self.codec.frames_of(hidden), state


def _stack(config: S4DAutoencoderConfig, width: int, lookahead: int = 0) -> Stack:
    layers: list[SequenceLayer] = []
    if lookahead:
        layers.append(Block(width, CausalConv(width, 2 * lookahead + 1, lookahead)))
    for place in range(config.n_layers):
        s4d = S4DConfig(d_model=width, d_state=config.d_state)
        layers.append(Block(width, s4d.build() if config.blocks == "s4d" else DilatedConv(width, 3, 3**place)))
    return Stack(layers)


def _typed(stack: nn.Module) -> Stack:
    assert isinstance(stack, Stack)
    return stack
