"""States of phones, pitch and energy → samples: ConvNeXt or S4D blocks, harmonics, noise and a free part, inverse STFT.

    frames ─Conv1d─▶ n × block ─LayerNorm, Linear─▶ H, θ, N, F, φ
    spectrum = exp(H) e^{iπ tanh θ} · STFT(pulses at the pitch) + exp(N) · noise + exp(F) e^{iφ} ─inverse STFT─▶ samples

The trunk and the inverse STFT are those of Vocos (Siuzdak, arXiv 2306.00814), the sources those of HiFTNet (Li et al.,
arXiv 2309.09493), and the division into harmonics, noise and a free part is that of hibari-tts, whose decoder weights
(Apache-2.0) `ssmphony.codecs.hibari` reads. The speaker's vector is added before each block by a projection of its own.

Every convolution keeps its left context in the state and looks ``lookahead_per_conv`` frames ahead; with half a kernel
the network is the symmetric one, and one shot equals its zero-padded original to rounding.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple, cast

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.audio.mel import hann
from ssmphony.codecs.codec import SpectrumCodec, Stft
from ssmphony.codecs.excitation import NoiseSpectrum, PulseSpectrum, PulseState
from ssmphony.codecs.overlap_add import overlap_add
from ssmphony.config import Config
from ssmphony.interfaces import Array
from ssmphony.nn.conv import LookaheadConv
from ssmphony.nn.convnext import ConvNeXtBlock, StateSpaceNeXtBlock
from ssmphony.types import FrameGrid

LOUDEST = 7.0
"""Log magnitudes end here."""
HIGHEST_PITCH_HZ = 2_000.0
MAX_FRAMES = 64
"""That a graph with state spaces takes in one call: their tables have so many steps."""


class SpectrumConfig(Config):
    """A source-filter codec whose frames are states of a text encoder, pitch, energy and a speaker's vector."""

    frames: ClassVar[str] = "text-states"
    kind: Literal["spectrum"] = "spectrum"
    sample_rate: int = 24_000
    n_fft: int = 1_200
    hop_length: int = 300
    d_text: int = 128
    """Channels of the text encoder's state."""
    d_speaker: int = 64
    """Channels of a speaker's vector."""
    dim: int = 256
    """Width of the trunk."""
    intermediate: int = 768
    """Width of its feed-forward layers."""
    blocks: tuple[Literal["convnext", "s4d"], ...] = ("convnext",) * 8
    """Short convolutions, or state spaces in their place, which look at no future frame."""
    d_state: int = 32
    """Of the state spaces, both halves of the pairs."""
    kernel_size: int = 7
    lookahead_per_conv: int = 3
    """Frames of the future that each convolution sees."""
    highest_hz: float = 11_000.0
    """Partials end here."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> SpectrumConfig:
        if self.n_fft % (2 * self.hop_length):
            raise ValueError(f"n_fft {self.n_fft} must be a multiple of twice hop_length {self.hop_length}")
        if self.lookahead_per_conv * (self.blocks.count("convnext") + 1) < 2:
            raise ValueError("the pulses need a lookahead of 2 frames: raise lookahead_per_conv")
        return self

    @classmethod
    def tiny(cls) -> dict[str, SpectrumConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        plain = cls(
            sample_rate=8_000,
            n_fft=64,
            hop_length=16,
            d_text=4,
            d_speaker=2,
            dim=8,
            intermediate=12,
            blocks=("convnext",) * 2,
            d_state=4,
            kernel_size=5,
            lookahead_per_conv=1,
            highest_hz=3_600.0,
        )
        return {"": plain, "s4d": plain.model_copy(update={"blocks": ("convnext", "s4d")})}

    def build(self) -> SpectrumGenerator:
        return SpectrumGenerator(self)


class TrunkState(NamedTuple):
    """What the network before the inverse STFT needs of the past; batch first."""

    mask: Tensor
    """(batch, trunk lookahead) bool: which of the frames still inside the trunk exist."""
    sides: Tensor
    """(batch, trunk lookahead, 1 + d_speaker): their pitches in Hz and speakers."""
    contexts: tuple[Tensor, ...]
    """One (batch, kernel_size - 1, channel) for each convolution, (batch, channel, d_state) for each state space."""
    pulses: PulseState
    noise: Tensor
    """See `NoiseSpectrum`."""


class SpectrumState(NamedTuple):
    """What the next frame needs of the past; batch first."""

    trunk: TrunkState
    segments: Tensor
    """(batch, n_fft / hop - 1, n_fft): windowed segments that still overlap samples to come."""
    segment_mask: Tensor
    """(batch, n_fft / hop - 1) bool."""


class SpectrumGenerator(SpectrumCodec):
    """See the module's docstring.

    A frame is ``[text state, pitch in Hz / 128, energy, speaker's vector]``; the pitch is below 40 Hz where unvoiced,
    and the energy is that of `ssmphony.audio.frame_features.frame_energy`.
    """

    window: Tensor

    def __init__(self, config: SpectrumConfig) -> None:
        super().__init__()
        self.config = config
        n_fft, hop, ahead = config.n_fft, config.hop_length, config.lookahead_per_conv
        self.grid = FrameGrid(config.sample_rate, hop, config.d_text + 2 + config.d_speaker)
        self.stft = Stft(n_fft, hop, "cartesian")
        self.overlap, self.bins = n_fft // hop, n_fft // 2 + 1
        depth = len(config.blocks)
        self.embed = LookaheadConv(config.d_text + 2, config.dim, config.kernel_size, ahead)
        self.blocks = nn.ModuleList(_block(kind, config) for kind in config.blocks)
        self.speakers = nn.ModuleList(nn.Linear(config.d_speaker, config.dim, bias=False) for _ in range(depth))
        self.final_norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, 5 * self.bins)
        for projection in cast("list[nn.Linear]", list(self.speakers)):
            nn.init.zeros_(projection.weight)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        with torch.no_grad():  # about as loud as a voice
            self.head.bias.copy_(torch.tensor([-1.0, 0.0, -3.0, -4.0, 0.0]).repeat_interleave(self.bins))
        self.pulses = PulseSpectrum(config.sample_rate, n_fft, hop, config.highest_hz)
        self.noise = NoiseSpectrum(self.bins)
        self.delays = [ahead]
        for block in self._blocks():
            self.delays.append(self.delays[-1] + block.lookahead)
        self.trunk_lookahead = self.delays[-1]
        self.max_frames = MAX_FRAMES if "s4d" in config.blocks else None
        self.lookahead = self.trunk_lookahead + self.overlap // 2
        self.register_buffer("window", torch.from_numpy(hann(n_fft)).float(), persistent=False)

    def initial_state(self, batch: int) -> SpectrumState:
        new = self.window.new_zeros
        kept = self.overlap - 1
        segments, segment_mask = new(batch, kept, self.config.n_fft), new(batch, kept, dtype=torch.bool)
        return SpectrumState(self.initial_layers(batch), segments, segment_mask)

    def initial_layers(self, batch: int) -> TrunkState:
        new, ahead = self.window.new_zeros, self.trunk_lookahead
        return TrunkState(
            mask=new(batch, ahead, dtype=torch.bool),
            sides=new(batch, ahead, 1 + self.config.d_speaker),
            contexts=tuple(layer.initial_context(batch) for layer in (self.embed, *self._blocks())),
            pulses=self.pulses.initial_state(batch),
            noise=self.noise.initial_state(batch),
        )

    def decode(self, frames: Array, mask: Array, state: SpectrumState) -> tuple[Tensor, SpectrumState]:
        """frames (batch, time, channel) and mask (batch, time) with time ≥ 1, tensors or NumPy arrays."""
        device = self.window.device
        frames, mask = torch.as_tensor(frames, device=device), torch.as_tensor(mask, device=device)
        if frames.shape[1] == 0:
            raise ValueError("a codec needs at least one step of frames, got none")
        (real, imaginary, present), trunk = self.spectra(frames, mask, state.trunk)
        spectra = torch.complex(real, imaginary)
        samples, segments, segment_mask = overlap_add(spectra, present, self.window, state.segments, state.segment_mask)
        return samples, SpectrumState(trunk, segments, segment_mask)

    def forward(self, frames: Tensor, first: Tensor | None = None) -> Tensor:
        """Whole utterances: feed the lookahead and trim.

        Args:
            frames: (batch, time, channel).
            first: (batch,) int, the number of each row's first frame, which decides its noise; None is 0.

        Returns:
            Samples (batch, time * hop_length).
        """
        batch, time, _ = frames.shape
        state = self.initial_state(batch)
        if first is not None:
            state = state._replace(trunk=state.trunk._replace(noise=first))
        padded = F.pad(frames, (0, 0, 0, self.lookahead))
        mask = torch.arange(time + self.lookahead, device=frames.device).expand(batch, -1) < time
        samples, _ = self.decode(padded, mask, state)
        return samples[:, self.lookahead * self.config.hop_length :]

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: TrunkState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], TrunkState]:
        """Real and imaginary parts of the spectra, late by the trunk's lookahead; see `SpectrumCodec.spectra`."""
        time, width = frames.shape[1], self.config.d_text
        # not a product: padding need not be finite
        frames = frames.masked_fill(~mask[..., None], 0.0)
        text, pitch, energy, speaker = frames.split([width, 1, 1, self.config.d_speaker], dim=-1)
        pitch = (pitch * PITCH_UNIT_HZ).clamp(0.0, HIGHEST_PITCH_HZ)
        masks = torch.cat([layers.mask, mask], dim=1)
        sides = torch.cat([layers.sides, torch.cat([pitch, speaker], dim=-1)], dim=1)
        x = torch.cat([text, torch.log1p(pitch) / 5.0, energy], dim=-1)
        parts, contexts = self._filters(x, masks, sides[..., 1:], layers.contexts)
        pulses = self.pulses(sides[:, : time + 2, 0].detach(), masks[:, : time + 2], layers.pulses)
        noise = self.noise(masks[:, :time], layers.noise)
        real, imaginary = combine(parts, pulses[:2], noise[:2])
        state = TrunkState(masks[:, time:], sides[:, time:], contexts, pulses[2], noise[2])
        return (real, imaginary, masks[:, :time]), state

    def _filters(
        self, x: Tensor, masks: Tensor, speakers: Tensor, contexts: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The head's output (batch, time, 5 bins); ``masks``, ``speakers`` begin ``trunk_lookahead`` frames early."""
        time, first = x.shape[1], self.trunk_lookahead

        def late(values: Tensor, depth: int) -> Tensor:
            """As late as the output of block ``depth``; 0 is the embedding's."""
            start = first - self.delays[depth]
            return values[:, start : start + time]

        kept: list[Tensor] = []
        x, _, context = self.embed(x, contexts[0])
        kept.append(context)
        x = x * late(masks, 0)[..., None]
        for depth, block in enumerate(self._blocks(), start=1):
            x = x + self.speakers[depth - 1](late(speakers, depth - 1))  # nothing where there is no frame
            x, context = block(x, contexts[depth], late(masks, depth)[..., None])
            kept.append(context)
        return self.head(self.final_norm(x)), tuple(kept)

    def _blocks(self) -> list[ConvNeXtBlock | StateSpaceNeXtBlock]:
        return cast("list[ConvNeXtBlock | StateSpaceNeXtBlock]", list(self.blocks))


def _block(kind: str, config: SpectrumConfig) -> ConvNeXtBlock | StateSpaceNeXtBlock:
    scale = 1.0 / len(config.blocks)
    if kind == "s4d":
        return StateSpaceNeXtBlock(config.dim, config.intermediate, config.d_state, scale)
    return ConvNeXtBlock(config.dim, config.intermediate, config.kernel_size, config.lookahead_per_conv, scale)


def combine(parts: Tensor, pulses: tuple[Tensor, Tensor], noise: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The spectrum of the head's output (batch, time, 5 bins) and the sources: real and imaginary part."""
    harmonic, theta, noisy, free, phi = parts.chunk(5, dim=-1)
    size, level, rest = (part.clamp(max=LOUDEST).exp() for part in (harmonic, noisy, free))
    theta = math.pi * torch.tanh(theta)
    cosine, sine = size * theta.cos(), size * theta.sin()
    real = cosine * pulses[0] - sine * pulses[1] + level * noise[0] + rest * phi.cos()
    imaginary = cosine * pulses[1] + sine * pulses[0] + level * noise[1] + rest * phi.sin()
    return real, imaginary
