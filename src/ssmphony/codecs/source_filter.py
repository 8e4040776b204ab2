"""Frames of any width, and their pitch → samples: blocks, a head of harmonics, noise and a free part, inverse STFT.

    frames ─Conv1d─▶ n × block ─LayerNorm, Linear─▶ H, θ, N, F, φ
    spectrum = exp(H) e^{iπ tanh θ} · STFT(pulses at the pitch) + exp(N) · noise + exp(F) e^{iφ} ─inverse STFT─▶ samples

The trunk and the inverse STFT are those of Vocos (Siuzdak, arXiv 2306.00814), the sources those of HiFTNet (Li et al.,
arXiv 2309.09493), and the division into harmonics, noise and a free part is that of hibari-tts, whose decoder weights
(Apache-2.0) `ssmphony.codecs.hibari` reads. A speaker's vector, where there is one, is added before each block by a
projection of its own.

Every convolution keeps its left context in the state and looks ``lookahead_per_conv`` frames ahead; with half a kernel
the network is the symmetric one, and one shot equals its zero-padded original to rounding.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, NamedTuple, cast

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import hann
from ssmphony.codecs.codec import SpectrumCodec, Stft, decoder_input, overlapping_segments
from ssmphony.codecs.excitation import NoiseSpectrum, PulseSpectrum, PulseState
from ssmphony.codecs.overlap_add import overlap_add
from ssmphony.config import Config
from ssmphony.interfaces import Array, State
from ssmphony.nn.conv import LookaheadConv
from ssmphony.nn.convnext import ConvNeXtBlock, StateSpaceNeXtBlock

LOUDEST = 7.0
"""Log magnitudes end here."""
HIGHEST_PITCH_HZ = 2_000.0
MAX_FRAMES = 64
"""Frames that a graph with state spaces takes in one call: the steps of their tables."""


class SourceFilterConfig(Config):
    """The blocks and the head of every codec of this form."""

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
    def _pulses_fit(self) -> SourceFilterConfig:
        if self.lookahead_per_conv * (self.blocks.count("convnext") + 1) < 2:
            raise ValueError("the pulses need a lookahead of 2 frames: raise lookahead_per_conv")
        return self


class FilterState(NamedTuple):
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


class SourceFilterState(NamedTuple):
    """What the next frame needs of the past; batch first."""

    layers: Any
    """Of `SpectrumCodec.spectra`."""
    segments: Tensor
    """(batch, n_fft / hop - 1, n_fft): windowed segments that still overlap samples to come."""
    segment_mask: Tensor
    """(batch, n_fft / hop - 1) bool."""


class SourceFilter(SpectrumCodec):
    """Base of codecs whose frames become ``frames of any width, pitch, speaker``, which `filter` turns into spectra.

    See the module's docstring. A codec sets ``grid`` and ``lookahead``, and implements `spectra` with `filter` and
    `forward` or `render` with `synthesise`.
    """

    window: Tensor

    def __init__(
        self, config: SourceFilterConfig, sample_rate: int, n_fft: int, hop_length: int, d_in: int, d_speaker: int = 0
    ) -> None:
        """``d_in``: channels of the frames that `filter` reads, their pitch included if the network is to see it
        (`pitch_channel`)."""
        super().__init__()
        ahead, depth = config.lookahead_per_conv, len(config.blocks)
        self.stft = Stft(n_fft, hop_length, "cartesian")
        self.overlap = overlapping_segments(n_fft, hop_length)
        self.bins, self.d_speaker = n_fft // 2 + 1, d_speaker
        self.embed = LookaheadConv(d_in, config.dim, config.kernel_size, ahead)
        self.blocks = nn.ModuleList(_block(kind, config) for kind in config.blocks)
        self.speakers = nn.ModuleList(
            nn.Linear(d_speaker, config.dim, bias=False) for _ in range(depth if d_speaker else 0)
        )
        self.final_norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, 5 * self.bins)
        for projection in cast("list[nn.Linear]", list(self.speakers)):
            nn.init.zeros_(projection.weight)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        with torch.no_grad():  # about as loud as a voice
            self.head.bias.copy_(torch.tensor([-1.0, 0.0, -3.0, -4.0, 0.0]).repeat_interleave(self.bins))
        self.pulses = PulseSpectrum(sample_rate, n_fft, hop_length, config.highest_hz)
        self.noise = NoiseSpectrum(self.bins)
        self.delays = [ahead]
        for block in self._blocks():
            self.delays.append(self.delays[-1] + block.lookahead)
        self.trunk_lookahead = self.delays[-1]
        self.max_frames = MAX_FRAMES if "s4d" in config.blocks else None
        self.register_buffer("window", torch.from_numpy(hann(n_fft)).float(), persistent=False)

    # -- streams ------------------------------------------------------------------------------------------------------

    def initial_state(self, batch: int) -> SourceFilterState:
        new, kept = self.window.new_zeros, self.overlap - 1
        segments, segment_mask = new(batch, kept, len(self.window)), new(batch, kept, dtype=torch.bool)
        return SourceFilterState(self.initial_layers(batch), segments, segment_mask)

    def initial_filter(self, batch: int) -> FilterState:
        """The state of `filter` before the first frame."""
        new, ahead = self.window.new_zeros, self.trunk_lookahead
        return FilterState(
            mask=new(batch, ahead, dtype=torch.bool),
            sides=new(batch, ahead, 1 + self.d_speaker),
            contexts=tuple(layer.initial_context(batch) for layer in (self.embed, *self._blocks())),
            pulses=self.pulses.initial_state(batch),
            noise=self.noise.initial_state(batch),
        )

    def decode(self, frames: Array, mask: Array, state: SourceFilterState) -> tuple[Tensor, SourceFilterState]:
        """frames (batch, time, channel) and mask (batch, time) with time ≥ 1, tensors or NumPy arrays."""
        frames, mask = decoder_input(frames, mask, self.window.device)
        (real, imaginary, present), layers = self.spectra(frames, mask, state.layers)
        spectra = torch.complex(real, imaginary)
        samples, segments, segment_mask = overlap_add(spectra, present, self.window, state.segments, state.segment_mask)
        return samples, SourceFilterState(layers, segments, segment_mask)

    @abstractmethod
    def spectra(self, frames: Tensor, mask: Tensor, layers: State) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """Real and imaginary parts; see `SpectrumCodec.spectra`."""

    def filter(
        self, x: Tensor, pitch: Tensor, speaker: Tensor | None, mask: Tensor, state: FilterState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], FilterState]:
        """Spectra of the next frames, late by ``trunk_lookahead``.

        Args:
            x: (batch, time, d_in), zero where there is no frame.
            pitch: (batch, time) in Hz, 0 where unvoiced.
            speaker: (batch, time, d_speaker), None where the codec has no speakers.
            mask: (batch, time) bool, which frames exist.
            state: Of this stream.

        Returns:
            Real and imaginary parts (batch, time, n_fft / 2 + 1), which of them exist, and the state.
        """
        time = x.shape[1]
        masks = torch.cat([state.mask, mask], dim=1)
        sides = torch.cat([state.sides, _sides(pitch, speaker)], dim=1)
        parts, contexts = self._trunk(x, masks, sides[..., 1:], state.contexts)
        pulses = self.pulses(sides[:, : time + 2, 0].detach(), masks[:, : time + 2], state.pulses)
        noise = self.noise(masks[:, :time], state.noise)
        real, imaginary = combine(parts, pulses[:2], noise[:2])
        new = FilterState(masks[:, time:], sides[:, time:], contexts, pulses[2], noise[2])
        return (real, imaginary, masks[:, :time]), new

    def _trunk(
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
            if self.d_speaker:
                x = x + self.speakers[depth - 1](late(speakers, depth - 1))  # nothing where there is no frame
            x, context = block(x, contexts[depth], late(masks, depth)[..., None])
            kept.append(context)
        return self.head(self.final_norm(x)), tuple(kept)

    # -- whole utterances ---------------------------------------------------------------------------------------------

    def synthesise(
        self, x: Tensor, pitch: Tensor, speaker: Tensor | None = None, first: Tensor | None = None
    ) -> Tensor:
        """Samples of whole utterances, differentiably; the same as those of a stream, to rounding.

        Args:
            x: (batch, time, d_in).
            pitch: (batch, time) in Hz, 0 where unvoiced.
            speaker: (batch, time, d_speaker), None where the codec has no speakers.
            first: (batch,) int, the number of each row's first frame, which decides its noise; None is 0.

        Returns:
            Samples (batch, time * hop_length).
        """
        batch, time, _ = x.shape
        parts = self._whole_trunk(x, speaker)
        with _exact(x.device):  # phases and magnitudes need all digits
            mask = torch.ones(batch, time, dtype=torch.bool, device=x.device)
            # a stream begins with frames that do not exist: the first hop belongs to the last of them
            hertz, known = F.pad(pitch.detach().float(), (1, 2)), F.pad(mask, (1, 2))
            pulses = self.pulses(hertz, known, self.pulses.initial_state(batch))
            noise = self.noise(mask, self.noise.initial_state(batch) if first is None else first)
            half = self.overlap // 2
            real, imaginary = combine(parts.float(), (pulses[0][:, 1:], pulses[1][:, 1:]), noise[:2])
            spectra = F.pad(torch.complex(real, imaginary), (0, 0, 0, half))
            start = self.window.new_zeros(batch, self.overlap - 1, len(self.window))
            nothing = start.new_zeros(start.shape[:2], dtype=torch.bool)
            samples, _, _ = overlap_add(spectra, F.pad(mask, (0, half)), self.window, start, nothing)
        return samples[:, half * self.pulses.hop :]

    def _whole_trunk(self, x: Tensor, speaker: Tensor | None) -> Tensor:
        """`_trunk` without lookahead: each convolution gets zeros after the end, not the whole network."""
        batch, present = len(x), x.new_ones(*x.shape[:2], 1, dtype=torch.bool)
        x = self.embed(F.pad(x, (0, 0, 0, self.embed.lookahead)), self.embed.initial_context(batch))[0]
        x = x[:, self.embed.lookahead :]
        for depth, block in enumerate(self._blocks()):
            if speaker is not None and self.d_speaker:
                x = x + self.speakers[depth](speaker)
            ahead = block.lookahead
            padded, mask = F.pad(x, (0, 0, 0, ahead)), F.pad(present, (0, 0, ahead, 0))
            x = block(padded, block.initial_context(batch), mask)[0][:, ahead:]
        return self.head(self.final_norm(x))

    def _blocks(self) -> list[ConvNeXtBlock | StateSpaceNeXtBlock]:
        return cast("list[ConvNeXtBlock | StateSpaceNeXtBlock]", list(self.blocks))


def pitch_channel(pitch: Tensor) -> Tensor:
    """A channel (…, 1) by which a network sees the pitch (…) in Hz."""
    return (torch.log1p(pitch) / 5.0)[..., None]


def _sides(pitch: Tensor, speaker: Tensor | None) -> Tensor:
    return pitch[..., None] if speaker is None else torch.cat([pitch[..., None], speaker], dim=-1)


def _exact(device: torch.device) -> AbstractContextManager[Any]:
    """No mixed precision. Nothing where there is none: graphs are traced without."""
    mixed = torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if mixed else nullcontext()


def _block(kind: str, config: SourceFilterConfig) -> ConvNeXtBlock | StateSpaceNeXtBlock:
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
