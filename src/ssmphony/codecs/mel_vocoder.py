"""Log-mel frames ↔ samples: a ConvNeXt + inverse-STFT vocoder that streams by state.

Siuzdak, *Vocos: Closing the gap between time-domain and Fourier-based neural vocoders* (arXiv 2306.00814):

    Conv1d → LayerNorm → n × ConvNeXt → LayerNorm → Linear → (log magnitude, phase) → inverse STFT

Every convolution keeps its left context in the state and looks ``lookahead_per_conv`` frames ahead; with 3 the
network is the published, symmetric one, and one shot equals the zero-padded original to rounding. The default, 1,
keeps the first sound near. With ``harmonic`` the phases follow the pitch, see `ssmphony.codecs.harmonic`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import hann
from ssmphony.codecs.codec import (
    LOG_MEL,
    TINY_MEL,
    OverlappedMel,
    Rendering,
    SpectrumCodec,
    Stft,
    TrainableCodec,
    decoder_input,
    overlapping_segments,
)
from ssmphony.codecs.harmonic import HarmonicHead, octave_error
from ssmphony.codecs.log_mel import LogMel
from ssmphony.codecs.overlap_add import overlap_add
from ssmphony.config import Config
from ssmphony.interfaces import Array
from ssmphony.nn.conv import LookaheadConv
from ssmphony.nn.convnext import ConvNeXtBlock
from ssmphony.types import MelFormat


class MelVocoderConfig(Config):
    """ConvNeXt vocoder; see the module's docstring."""

    frames: ClassVar[str] = LOG_MEL
    kind: Literal["mel_vocoder"] = "mel_vocoder"
    format: OverlappedMel = MelFormat()
    """The log-mel frames, and the STFT that is inverted."""
    dim: int = 256
    """Width of the trunk."""
    intermediate: int = 768
    """Width of its feed-forward layers."""
    n_layers: int = 6
    """Blocks of the trunk."""
    kernel_size: int = 7
    """Taps of each convolution."""
    lookahead_per_conv: int = 1
    """Frames of the future that each convolution sees."""
    harmonic: bool = False
    """Whether the phases follow a predicted pitch, see `ssmphony.codecs.harmonic`."""

    @classmethod
    def tiny(cls) -> dict[str, MelVocoderConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        plain = cls(format=TINY_MEL, dim=8, intermediate=12, n_layers=2, kernel_size=5)
        return {"": plain, "harmonic": plain.model_copy(update={"harmonic": True})}

    def build(self) -> MelVocoder:
        return MelVocoder(self)


class Spectrum(NamedTuple):
    """log_magnitude, phase: (batch, time, n_fft / 2 + 1); mask: (batch, time), which steps are real; pitch: (batch,
    time) in Hz, also where nothing has one, None without harmonics."""

    log_magnitude: Tensor
    phase: Tensor
    mask: Tensor
    pitch: Tensor | None


class TrunkState(NamedTuple):
    """What the network before the inverse STFT needs of the past; batch first."""

    mask: Tensor
    """(batch, trunk lookahead) bool: which of the frames still inside the trunk are real."""
    contexts: tuple[Tensor, ...]
    """One (batch, kernel_size - 1, channel) for each convolution."""
    turns: Tensor
    """(batch, 2) of the `HarmonicHead`; (batch, 0) without."""


class MelVocoderState(NamedTuple):
    """What the next frame needs of the past; batch first."""

    trunk: TrunkState
    segments: Tensor
    """(batch, n_fft / hop - 1, n_fft): windowed segments that still overlap samples to come."""
    segment_mask: Tensor
    """(batch, n_fft / hop - 1) bool."""


class MelVocoder(SpectrumCodec, TrainableCodec):
    """The default codec. See the module's docstring for the network and `MelVocoderState` for its memory."""

    window: Tensor

    def __init__(self, config: MelVocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.format = self.mel = config.format
        self.grid = config.format.grid
        n_fft, hop = self.format.n_fft, self.format.hop_length
        self.stft = Stft(n_fft, hop)
        self.overlap = overlapping_segments(n_fft, hop)
        ahead = config.lookahead_per_conv
        self.embed = LookaheadConv(self.format.n_mels, config.dim, config.kernel_size, ahead)
        self.norm = nn.LayerNorm(config.dim, eps=1e-6)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.dim, config.intermediate, config.kernel_size, ahead, 1.0 / config.n_layers)
            for _ in range(config.n_layers)
        )
        self.final_norm = nn.LayerNorm(config.dim, eps=1e-6)
        self.head = nn.Linear(config.dim, n_fft + 2)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.pitch_place = 0.0 if config.harmonic else None
        self.harmonics = HarmonicHead(config.dim, self.format) if config.harmonic else None
        self.trunk_lookahead = config.lookahead_per_conv * (config.n_layers + 1)
        self.lookahead = self.trunk_lookahead + self.overlap // 2
        self.register_buffer("window", torch.from_numpy(hann(n_fft)).float(), persistent=False)
        self.log_mel = LogMel(self.format)

    def initial_state(self, batch: int) -> MelVocoderState:
        new = self.head.weight.new_zeros
        n_fft = self.format.n_fft
        trunk = TrunkState(
            mask=new(batch, self.trunk_lookahead, dtype=torch.bool),
            contexts=tuple(layer.initial_context(batch) for layer in self._convolutions()),
            turns=new(batch, 0) if self.harmonics is None else self.harmonics.initial_state(batch),
        )
        return MelVocoderState(
            trunk=trunk,
            segments=new(batch, self.overlap - 1, n_fft),
            segment_mask=new(batch, self.overlap - 1, dtype=torch.bool),
        )

    def _convolutions(self) -> list[LookaheadConv | ConvNeXtBlock]:
        return [self.embed, *cast("list[ConvNeXtBlock]", list(self.blocks))]

    def decode(self, frames: Array, mask: Array, state: MelVocoderState) -> tuple[Tensor, MelVocoderState]:
        """frames (batch, time, n_mels) and mask (batch, time) with time ≥ 1, tensors or NumPy arrays."""
        frames, mask = decoder_input(frames, mask, self.window.device)
        spectrum, trunk = self.trunk(frames, mask, state.trunk)
        samples, segments, segment_mask = self.inverse_stft(spectrum, state.segments, state.segment_mask)
        return samples, MelVocoderState(trunk, segments, segment_mask)

    def forward(self, frames: Tensor) -> Tensor:
        """Whole utterances, (batch, time, n_mels) → (batch, time * hop_length)."""
        return self.render(frames).samples

    def render(self, frames: Tensor, pitch: Tensor | None = None) -> Rendering:
        """As `NetworkCodec.render`; with harmonics there is a pitch also where nothing sounds."""
        batch, time, _ = frames.shape
        padded = F.pad(frames, (0, 0, 0, self.lookahead))
        mask = torch.arange(time + self.lookahead, device=frames.device).expand(batch, -1) < time
        fresh = self.initial_state(batch)
        spectrum, _ = self.trunk(padded, mask, fresh.trunk)
        samples, *_ = self.inverse_stft(spectrum, fresh.segments, fresh.segment_mask)
        samples = samples[:, self.lookahead * self.format.hop_length :]
        if spectrum.pitch is None:
            return Rendering(samples)
        found = spectrum.pitch[:, self.trunk_lookahead : self.trunk_lookahead + time]
        return Rendering(samples, lambda pitch: {"pitch": octave_error(found, pitch)})

    def trunk(self, frames: Tensor, mask: Tensor, state: TrunkState) -> tuple[Spectrum, TrunkState]:
        """The network before the inverse STFT."""
        time = frames.shape[1]
        step, contexts = self.config.lookahead_per_conv, state.contexts
        masks = torch.cat([state.mask, mask], dim=1)
        newest = self.trunk_lookahead

        def mask_after(convolutions: int) -> Tensor:
            start = newest - step * convolutions
            return masks[:, start : start + time]

        kept: list[Tensor] = []
        # not a product: padding need not be finite
        x, _, context = self.embed(frames.masked_fill(~mask[..., None], 0.0), contexts[0])
        kept.append(context)
        x = self.norm(x) * mask_after(1)[..., None]
        for depth, block in enumerate(self.blocks, start=1):
            x, context = block(x, contexts[depth], mask_after(depth + 1)[..., None])
            kept.append(context)
        x = self.final_norm(x)
        log_magnitude, phase = self.head(x).chunk(2, dim=-1)
        mask, pitch, turns = masks[:, :time], None, state.turns
        if self.harmonics is not None:
            (log_magnitude, phase, pitch), turns = self.harmonics(x, log_magnitude, phase, mask, turns)
        return Spectrum(log_magnitude, phase, mask, pitch), TrunkState(masks[:, time:], tuple(kept), turns)

    def initial_layers(self, batch: int) -> TrunkState:
        return self.initial_state(batch).trunk

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: TrunkState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], TrunkState]:
        spectrum, layers = self.trunk(frames, mask, layers)
        return spectrum[:3], layers

    def inverse_stft(self, spectrum: Spectrum, segments: Tensor, segment_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (batch, time * hop) and the new memory; see `overlap_add`."""
        spectra = torch.polar(torch.exp(spectrum.log_magnitude).clamp(max=1e2), spectrum.phase)
        return overlap_add(spectra, spectrum.mask, self.window, segments, segment_mask)

    def encode(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → log-mel (batch, 1 + n // hop_length, n_mels); see `ssmphony.audio.mel`."""
        return self.log_mel(samples)
