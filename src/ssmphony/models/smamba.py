"""SMamba: VITS with state spaces in place of its Transformer; a clip of a few seconds gives the speaker.

    recording ─style encoder─▶ g
    tokens, g ─text encoder─▶ prior of each phone, durations ─repeat─▶ prior of each frame ─inverse flow─▶ latents
    latents, g ─▶ pitch;      latents, pitch, g ─codec of kind smamba─▶ samples
    training: speech, g ─posterior encoder─▶ latents ─flow─▶ where the prior should be

A conditional variational autoencoder with a normalising flow (Kim et al., *VITS*, arXiv 2106.06103). Text encoder, flow
and style encoder are stacks of one sequence layer in both directions, ``mixer``: Mamba-2, Mamba, S4 or, to compare,
attention. The style vector comes from another clip of the speaker, so that what is said cannot leak through it; named
speakers have a row of a table, which learns the mean of their vectors.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.config import Config
from ssmphony.graph_spec import GraphSpec
from ssmphony.interfaces import Styled
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import FRAME_FEATURES
from ssmphony.models.s4_spectrum import FIRST_PITCH_HZ, HIGHEST_PITCH_HZ
from ssmphony.models.sentence import SentenceModel
from ssmphony.models.smamba_parts import (
    Durations,
    FramePrior,
    PitchPredictor,
    PosteriorEncoder,
    TextEncoder,
    bounded_log_std,
)
from ssmphony.models.style import MOST_STYLES, StyleEncoder, style_graphs, style_of, style_vectors
from ssmphony.nn import EncoderConfig, Mixer
from ssmphony.nn.flow import Flow
from ssmphony.ssm.masking import hide
from ssmphony.types import STYLE, MelFormat, ReferenceInput, Samples


class SMambaConfig(Config):
    """SMamba; see the module's docstring. The mixer is a kind of `ssmphony.nn.MIXERS`, or its settings."""

    kind: Literal["smamba"] = "smamba"
    n_symbols: int
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first: those that the voice offers, not all that it is
    trained on."""
    d_latent: int = 128
    """Channels of the latents; the codec's."""
    d_style: int = 128
    """Channels of the style vector; the codec's."""
    d_model: int = 128
    """Width of all stacks."""
    d_ffn: int = 256
    mixer: Mixer = Field(default="mamba2", validate_default=True)
    """The sequence layer of the text encoder, the flow and the style encoder, in both directions."""
    text_layers: int = 4
    """Blocks of the text encoder."""
    flow_layers: int = 4
    """Couplings of the flow."""
    flow_blocks: int = 1
    """Blocks of each coupling."""
    style_layers: int = 2
    """Blocks of the style encoder."""
    posterior_layers: int = 6
    """ConvNeXt blocks of the posterior encoder."""
    prior_layers: int = 2
    """ConvNeXt blocks that turn the prior of a phone into those of its frames; 0, as in VITS: all have the same."""
    d_frame: int = 96
    """Width of these blocks, and of those that predict the pitch."""
    pitch_layers: int = 3
    """ConvNeXt blocks that predict the pitch."""
    n_fft: int = 1_200
    """Of the posterior encoder's spectrogram; the codec's, as the next."""
    hop_length: int = 300
    reference: MelFormat = MelFormat()
    """The log-mel that the style encoder reads."""
    drawn_durations: bool = False
    """Whether durations are sampled (log-normal), or the most likely ones are taken."""
    duration_noise: float = Field(default=0.6, ge=0.0)
    """Share of their standard deviation with which durations are sampled."""
    noise: float = Field(default=0.333, ge=0.0)
    """Share of the prior's standard deviation with which latents are sampled."""
    dropout: float = 0.1
    block: int = 40
    """Frames a step."""
    max_seq: int = 256
    """Tokens of the longest sentence."""
    max_frames: int = 2048
    """Frames that are computed at once; a longer sentence is computed in pieces."""

    @model_validator(mode="after")
    def _parts_fit(self) -> SMambaConfig:
        if self.d_latent % 2:
            raise ValueError(f"d_latent {self.d_latent} must be even: each coupling shifts a half")
        self.encoder(1)
        return self

    def encoder(self, n_layers: int) -> EncoderConfig:
        """A stack of ``n_layers`` blocks."""
        return EncoderConfig(
            d_model=self.d_model, n_layers=n_layers, mixers=(self.mixer,), d_ffn=self.d_ffn, dropout=self.dropout
        )

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, SMambaConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"n_symbols": n_symbols, "speakers": ("own", "other"), "d_latent": 6, "d_style": 4}
        shape |= {"d_model": 8, "d_ffn": 12, "text_layers": 1, "flow_layers": 2, "style_layers": 1, "max_seq": 32}
        shape |= {"posterior_layers": 1, "prior_layers": 1, "d_frame": 4, "pitch_layers": 1, "block": 8}
        shape |= {"n_fft": 64, "hop_length": 16, "max_frames": 100}
        shape |= {"reference": MelFormat(sample_rate=8_000, n_fft=64, hop_length=16, n_mels=6, f_max=4_000)}
        forms: dict[str, dict[str, Any]] = {
            "mamba2": {"mixer": {"kind": "mamba2", "d_state": 4, "head_dim": 8}},
            "attention": {"mixer": {"kind": "attention", "n_heads": 2}, "prior_layers": 0},
            "s4": {"mixer": {"kind": "s4", "d_state": 4}, "drawn_durations": True},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> SMamba:
        return SMamba(self)


class SMamba(SentenceModel, Styled):
    """See the module's docstring. Training goes through its parts."""

    capabilities = frozenset({"mix", "pitch", "reference", "speed", "timing"})

    def __init__(self, config: SMambaConfig) -> None:
        super().__init__()
        self.config = config
        self.block, self.max_tokens, self.max_frames = config.block, config.max_seq, config.max_frames
        self.speaker_names, self.draws_durations = config.speakers, config.drawn_durations
        latent, style = config.d_latent, config.d_style
        self.encoded_channels = 2 * latent + style + 1
        self.frame_channels = latent + 1 + style
        self.noise_channels = latent
        if config.drawn_durations:
            self.reads = (*SentenceModel.reads, "token_noise")
        self.reference_inputs = (ReferenceInput(STYLE, style, MOST_STYLES),)
        self.reference_mel = config.reference
        self.speakers = nn.Embedding(len(config.speakers), style)
        self.style = StyleEncoder(config.reference.n_mels, style, config.encoder(config.style_layers))
        self.text = TextEncoder(config.n_symbols, style, config.encoder(config.text_layers))
        self.prior = nn.Linear(config.d_model, 2 * latent)
        self.frame_prior = (
            FramePrior(2 * latent, style, config.d_frame, config.prior_layers) if config.prior_layers else None
        )
        self.duration = Durations(config.d_model, config.drawn_durations)
        self.posterior = PosteriorEncoder(
            config.n_fft, config.hop_length, latent, style, config.d_model, config.posterior_layers
        )
        self.flow = Flow(latent, style, config.flow_layers, config.encoder(config.flow_blocks))
        self.pitch = PitchPredictor(latent, style, config.d_frame, config.pitch_layers)

    def style_vectors(self, inputs: ModelInputs) -> Tensor:
        """See `ssmphony.models.style.style_vectors`."""
        return style_vectors(self.speakers.weight, inputs)

    def style_of(self, samples: Samples) -> Samples:
        return style_of(self.style, samples, self.config.reference)

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """encoded: mean and log standard deviation of the prior, style, and octaves by which the pitch is moved."""
        mask, style = inputs.mask, self.style_vectors(inputs)
        states = self.text(inputs.ids, inputs.word_positions, mask, style)
        log_durations, spread = self.duration(states, mask)
        if spread is not None:
            log_durations = log_durations + self.config.duration_noise * spread.exp() * inputs.token_noise
        same = style[:, None].expand(-1, mask.shape[1], -1)
        encoded = torch.cat([self.prior(states), same, inputs.pitch_semitones[..., None] / 12.0], dim=-1)
        return hide(encoded, mask), log_durations * mask

    def frames(self, x: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """Frames of the codec: latents, pitch, style."""
        latent, style_width = self.config.d_latent, self.config.d_style
        statistics, style, octaves, places = x.split([2 * latent, style_width, 1, FRAME_FEATURES], dim=-1)
        mean, log_std = self.frame_statistics(statistics, places, style, mask)
        latents = self.flow.inverse(self.draw(mean, log_std, noise, mask), style, mask)
        above, voicing = self.pitch(latents, style, mask)
        hertz = pitch_hz(above + octaves[..., 0], voicing)[..., None]
        return hide(torch.cat([latents, hertz / PITCH_UNIT_HZ, style], dim=-1), mask)

    def draw(self, mean: Tensor, log_std: Tensor, noise: Tensor, mask: Tensor) -> Tensor:
        """What the flow turns into latents, of the statistics of frames; all (batch, frame, d_latent)."""
        return hide(mean + self.config.noise * noise * log_std.exp(), mask)

    def frame_statistics(
        self, statistics: Tensor, places: Tensor, style: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Statistics of phones, repeated (batch, frame, 2 d_latent), → mean and log standard deviation of frames."""
        if self.frame_prior is not None:
            statistics = self.frame_prior(statistics, places, style, mask)
        mean, log_std = statistics.chunk(2, dim=-1)
        return mean, bounded_log_std(log_std)

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Those of the family, and ``style_encoder``."""
        return (*super().graphs(), *style_graphs(self.style, self.config.reference))


def pitch_hz(octaves: Tensor, voicing: Tensor) -> Tensor:
    """Pitch in Hz, 0 where unvoiced, of what `PitchPredictor` says; all (batch, frame)."""
    highest = math.log2(HIGHEST_PITCH_HZ / FIRST_PITCH_HZ)
    return torch.where(voicing > 0.0, FIRST_PITCH_HZ * torch.exp2(octaves.clamp(max=highest)), 0.0)
