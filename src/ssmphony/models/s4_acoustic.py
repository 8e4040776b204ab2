"""Non-autoregressive text-to-speech on state-space models: tokens → log-mel frames.

    tokens ─embed, convolve─▶ bidirectional S4 ─▶ h ─▶ durations, pitch, energy
    h + pitch + energy ─repeat by durations, add position in the token─▶ causal S4D ─▶ mel

The text encoder sees a whole sentence. The decoder is causal but for a short declared lookahead, so it runs block by
block with a state of constant size. Durations are trained on a monotonic alignment between the encoder's own guess of
each token's mean frame (the prior of *Grad-TTS*, arXiv 2105.06337) and the recording; pitch and energy are averages
over a token, as in *FastPitch* (arXiv 2006.06873).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config
from ssmphony.interfaces import State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel
from ssmphony.nn import EncoderConfig, StackConfig
from ssmphony.ssm import S4Config, S4DConfig

WORD_POSITIONS = 5
"""See `ssmphony.model_inputs.word_positions`."""
CONTOUR_TURNS = 4
"""Sines and cosines of the pitch at 1, 2, 4, 8 periods an octave: harmonics move with it, so it must be precise."""
MAX_LOG_DURATION = math.log(200.0)
"""About two seconds a token: whatever the predictor says, speech ends."""


class S4AcousticConfig(Config):
    """S4 acoustic model; see the module's docstring."""

    kind: Literal["s4_acoustic"] = "s4_acoustic"
    n_symbols: int
    """Tokens that the frontend knows."""
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first."""
    n_mels: int = 100
    """Channels of a log-mel frame."""
    d_model: int = 192
    d_ffn: int = 256
    """Width of the feed-forward layers."""
    d_state: int = 32
    """States of each channel; counts both halves of the conjugate pairs."""
    n_layers: int = 4
    """Blocks of the text encoder."""
    decoder_layers: int = 5
    """Blocks of the decoder."""
    decoder_mixer: Literal["s4", "s4d"] = "s4d"
    """The decoder's layer."""
    lookahead: int = 2
    """Frames of the future that the decoder sees."""
    block: int = 32
    """Frames a step."""
    dropout: float = 0.1
    max_seq: int = 256
    """The most tokens of a sentence."""
    mel_mean: float = -6.0
    """Log-mel frames are normalised inside the model with this mean,"""
    mel_std: float = 3.0
    """and this standard deviation."""
    mel_floor: float = -11.5
    """Frames below it (log) are silence and read as this value."""

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, S4AcousticConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        return {
            "": cls(
                n_symbols=n_symbols,
                speakers=("own", "other"),
                n_mels=6,
                d_model=8,
                d_ffn=12,
                d_state=4,
                n_layers=2,
                decoder_layers=2,
                lookahead=2,
                block=8,
                max_seq=32,
                mel_std=1.0,
                mel_mean=0.0,
            )
        }

    def build(self) -> S4Acoustic:
        return S4Acoustic(self)


class Prosody(NamedTuple):
    """Per token, (batch, time): log durations in frames, pitch in octaves above the speaker's mean, energy."""

    log_durations: Tensor
    pitch: Tensor
    energy: Tensor


class ConvPrenet(nn.Module):
    """Residual convolutions over the tokens: what a phoneme sounds like depends first of all on its neighbours."""

    def __init__(self, d_model: int, layers: int = 2, kernel_size: int = 5, dropout: float = 0.1) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(layers))
        self.convs = nn.ModuleList(
            nn.Conv1d(d_model, d_model, kernel_size, padding=kernel_size // 2) for _ in range(layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), zero where mask (batch, time) is false, and so is the result."""
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv((norm(x) * mask[..., None]).transpose(1, 2)).transpose(1, 2)
            x = (x + self.dropout(F.gelu(y))) * mask[..., None]
        return x


class TokenPredictor(nn.Module):
    """One number a token: two convolutions with LayerNorm, then a linear (FastSpeech, arXiv 1905.09263)."""

    def __init__(self, d_model: int, dropout: float) -> None:
        super().__init__()
        self.body = ConvPrenet(d_model, layers=2, kernel_size=3, dropout=dropout)
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, 1)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """(batch, time, channel) → (batch, time)."""
        return self.head(self.norm(self.body(h, mask))).squeeze(-1) * mask


class S4Acoustic(ParallelModel):
    """See the module's docstring. Training goes through `encode`, `prior`, `predict`, `condition` and `decode`."""

    capabilities = frozenset({"pitch", "speed", "timing"})

    def __init__(self, config: S4AcousticConfig) -> None:
        super().__init__()
        self.config = config
        self.block, self.lookahead = config.block, config.lookahead
        self.max_tokens, self.speaker_names = config.max_seq, config.speakers
        d_model = config.d_model
        self.encoded_channels, self.frame_channels = d_model + 1, config.n_mels
        self.symbols = nn.Embedding(config.n_symbols, d_model, padding_idx=0)
        self.positions = nn.Embedding(WORD_POSITIONS, d_model)
        self.speakers = nn.Embedding(len(config.speakers), d_model)
        self.prenet = ConvPrenet(d_model, dropout=config.dropout)
        self.encoder = EncoderConfig(
            d_model=d_model,
            n_layers=config.n_layers,
            mixers=(S4Config(d_model=d_model, d_state=config.d_state, dropout=config.dropout),),
            d_ffn=config.d_ffn,
            dropout=config.dropout,
        ).build()
        self.encoder_norm = nn.LayerNorm(d_model)
        self.prior_head = nn.Linear(d_model, config.n_mels)
        self.duration = TokenPredictor(d_model, config.dropout)
        self.pitch = TokenPredictor(d_model, config.dropout)
        self.energy = TokenPredictor(d_model, config.dropout)
        self.prosody = nn.Conv1d(2, d_model, 3, padding=1)
        self.expand = nn.Linear(d_model + FRAME_FEATURES, d_model)
        self.contour = nn.Linear(1 + 2 * CONTOUR_TURNS, d_model)
        mixers = {"s4": S4Config, "s4d": S4DConfig}
        decoder_mixer = mixers[config.decoder_mixer](d_model=d_model, d_state=config.d_state, dropout=config.dropout)
        self.decoder = StackConfig(
            d_model=d_model,
            n_layers=config.decoder_layers,
            mixers=(decoder_mixer,),
            d_ffn=config.d_ffn,
            dropout=config.dropout,
            lookahead=config.lookahead,
        ).build()
        self.decoder_norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, config.n_mels)
        nn.init.zeros_(self.contour.weight)
        nn.init.normal_(self.symbols.weight, std=0.3)
        nn.init.normal_(self.positions.weight, std=0.1)
        nn.init.normal_(self.speakers.weight, std=0.1)

    # -- tokens ---------------------------------------------------------------------------------------------------

    def encode(self, ids: Tensor, word_positions: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        """ids, word_positions (batch, time) int, mask (batch, time) bool, speaker (batch,) → (batch, time, d_model)."""
        x = self.symbols(ids) + self.positions(word_positions) + self.speakers(speaker)[:, None]
        x = self.prenet(x * mask[..., None], mask)
        return self.encoder_norm(self.encoder(x, mask)) * mask[..., None]

    def prior(self, h: Tensor) -> Tensor:
        """The mean normalised mel frame of each token, (batch, time, n_mels): what the alignment is made with."""
        return self.prior_head(h)

    def predict(self, h: Tensor, mask: Tensor, detached: bool = True) -> Prosody:
        """Durations come from a ``detached`` encoder where an alignment, which may be wrong, would distort it."""
        log_durations = self.duration(h.detach() if detached else h, mask).clamp(max=MAX_LOG_DURATION)
        return Prosody(log_durations, self.pitch(h, mask), self.energy(h, mask))

    def condition(self, h: Tensor, pitch: Tensor, energy: Tensor, mask: Tensor) -> Tensor:
        """Add pitch and energy (batch, time) to the encoder's output: (batch, time, d_model + 1).

        The last channel is the pitch itself, which glides from token to token when it is expanded to frames.
        """
        prosody = torch.stack([pitch * mask, energy * mask], dim=1)
        return torch.cat([h + self.prosody(prosody).transpose(1, 2), pitch[..., None]], dim=-1) * mask[..., None]

    # -- frames ---------------------------------------------------------------------------------------------------

    def decode(self, x: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        """x from `expand_tokens` (batch, time, d_model + 3) → normalised mel (batch, time, n_mels), delayed by
        ``lookahead``; any number of steps."""
        d_model = self.config.d_model
        contour = x[..., d_model : d_model + 1]
        turns = torch.cat([contour * (2 * math.pi * 2**turn) for turn in range(CONTOUR_TURNS)], dim=-1)
        pitch = self.contour(torch.cat([contour, turns.sin(), turns.cos()], dim=-1))
        y = self.expand(torch.cat([x[..., :d_model], x[..., d_model + 1 :]], dim=-1)) + pitch
        y, state = self.decoder.forward(y, state, mask)
        return self.head(self.decoder_norm(y)), state

    def decode_all(self, x: Tensor, mask: Tensor) -> Tensor:
        """A whole utterance, (batch, time, d_model + 3) → (batch, time, n_mels) normalised."""
        ahead = self.config.lookahead
        padded, padded_mask = F.pad(x, (0, 0, 0, ahead)), F.pad(mask, (0, ahead))
        mel, _ = self.decode(padded, padded_mask, self.decoder.initial_state(len(x)))
        return mel[:, ahead:]

    def normalise(self, mel: Tensor) -> Tensor:
        return (mel.clamp(min=self.config.mel_floor) - self.config.mel_mean) / self.config.mel_std

    def denormalise(self, mel: Tensor) -> Tensor:
        return mel * self.config.mel_std + self.config.mel_mean

    # -- the family's interface -----------------------------------------------------------------------------------

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """What is predicted of a sentence before its frames: encoded (batch, time, d_model + 1) and log durations."""
        mask = inputs.mask
        h = self.encode(inputs.ids, inputs.word_positions, mask, inputs.speaker)
        prosody = self.predict(h, mask)
        pitch = prosody.pitch + inputs.pitch_semitones / 12.0
        return self.condition(h, pitch, prosody.energy, mask), prosody.log_durations

    def initial_frames(self, batch: int) -> State:
        return self.decoder.initial_state(batch)

    def frames(self, x: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        """As `decode`, but log-mel as the codec takes it."""
        mel, state = self.decode(x, mask, state)
        return self.denormalise(mel), state


def with_contour(x: Tensor, contour: Tensor) -> Tensor:
    """x from `expand_tokens` with another pitch contour (batch, frame), such as a recording's own."""
    return torch.cat([x[..., : -1 - FRAME_FEATURES], contour[..., None], x[..., -FRAME_FEATURES:]], dim=-1)
