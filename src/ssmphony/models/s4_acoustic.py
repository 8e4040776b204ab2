"""SSMphony: non-autoregressive text-to-speech on state-space models, tokens → log-mel frames.

    tokens ─embed, convolve─▶ bidirectional S4 ─▶ h ─▶ durations, pitch, energy
    h + pitch + energy ─repeat by durations, add position in the token─▶ causal S4D ─▶ mel

The text encoder sees a whole sentence. The decoder is causal but for a short declared lookahead, so it runs block by
block with a state of constant size. Durations are trained on a monotonic alignment between the encoder's own guess of
each token's mean frame (the prior of *Grad-TTS*, arXiv 2105.06337) and the recording; pitch and energy are averages
over a token, as in *FastPitch* (arXiv 2006.06873).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config, choose
from ssmphony.interfaces import State, VoiceModel
from ssmphony.ssm import BidirectionalBlock, BidirectionalConfig, S4Config, S4DConfig, StackConfig
from ssmphony.types import Frames, Style, Tokens, stack_tokens

WORD_POSITIONS = 5
"""See `ssmphony.types.word_positions`."""
FRAME_FEATURES = 3
"""Channels of a frame beside the encoder's: pitch contour, fraction of the token, log of its length."""
CONTOUR_TURNS = 4
"""Sines and cosines of the pitch at 1, 2, 4 and 8 turns an octave: harmonics move with it, so it must be sharp."""
MAX_LOG_DURATION = math.log(200.0)
"""About two seconds a token: whatever the predictor says, speech ends."""


class S4AcousticConfig(Config):
    """``n_layers`` counts the encoder's blocks, ``decoder_layers`` the decoder's; ``d_state`` both halves of the pairs.

    ``speakers`` names the rows of the speaker table, the voice's own first. ``mel_mean`` and ``mel_std`` normalise the
    log-mel frames inside the model; frames below ``mel_floor`` (log) are silence and read as ``mel_floor``.
    ``max_seq`` is the largest number of tokens of a sentence.
    """

    kind: Literal["s4_acoustic"] = "s4_acoustic"
    n_symbols: int
    speakers: tuple[str, ...]
    n_mels: int = 100
    d_model: int = 192
    d_ffn: int = 256
    d_state: int = 32
    n_layers: int = 4
    decoder_layers: int = 5
    decoder_mixer: Literal["s4", "s4d"] = "s4d"
    lookahead: int = 2
    block: int = 32
    dropout: float = 0.1
    max_seq: int = 256
    mel_mean: float = -6.0
    mel_std: float = 3.0
    mel_floor: float = -11.5

    def build(self) -> S4Acoustic:
        return S4Acoustic(self)


class Prosody(NamedTuple):
    """Per token, (batch, time): log durations in frames, pitch in octaves above the speaker's mean, energy."""

    log_durations: Tensor
    pitch: Tensor
    energy: Tensor


class S4AcousticState(NamedTuple):
    """A batch of sentences between two blocks; batch first."""

    encoded: Tensor
    """(batch, tokens, d_model + 1), see `S4Acoustic.condition`."""
    ends: Tensor
    """(batch, tokens): the frame behind each token."""
    position: Tensor
    """(batch,): frames returned so far."""
    ahead: Tensor
    """(batch, block - lookahead, n_mels): frames behind ``position`` that the decoder has already made."""
    decoder: State


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


class S4Acoustic(nn.Module, VoiceModel):
    """See the module's docstring. Training goes through `encode`, `prior`, `predict`, `condition` and `decode`."""

    capabilities = frozenset({"pitch", "speed", "timing"})

    def __init__(self, config: S4AcousticConfig) -> None:
        super().__init__()
        self.config = config
        d_model = config.d_model
        self.symbols = nn.Embedding(config.n_symbols, d_model, padding_idx=0)
        self.positions = nn.Embedding(WORD_POSITIONS, d_model)
        self.speakers = nn.Embedding(len(config.speakers), d_model)
        self.prenet = ConvPrenet(d_model, dropout=config.dropout)
        mixer = BidirectionalConfig(mixer=S4Config(d_model=d_model, d_state=config.d_state, dropout=config.dropout))
        self.encoder = nn.ModuleList(
            BidirectionalBlock(d_model, mixer.build(), config.d_ffn, config.dropout) for _ in range(config.n_layers)
        )
        self.encoder_norm = nn.LayerNorm(d_model)
        self.prior_head = nn.Linear(d_model, config.n_mels)
        self.duration = TokenPredictor(d_model, config.dropout)
        self.pitch = TokenPredictor(d_model, config.dropout)
        self.energy = TokenPredictor(d_model, config.dropout)
        self.prosody = nn.Conv1d(2, d_model, 3, padding=1)
        self.expand = nn.Linear(d_model + FRAME_FEATURES - 1, d_model)
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
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x) * mask[..., None]

    def prior(self, h: Tensor) -> Tensor:
        """The mean normalised mel frame of each token, (batch, time, n_mels): what the alignment is made with."""
        return self.prior_head(h)

    def predict(self, h: Tensor, mask: Tensor) -> Prosody:
        """Durations are read off a detached encoder: a wrong alignment must not bend it."""
        log_durations = self.duration(h.detach(), mask).clamp(max=MAX_LOG_DURATION)
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

    # -- speaking -------------------------------------------------------------------------------------------------

    def read(
        self, ids: Tensor, word_positions: Tensor, mask: Tensor, speaker: Tensor, pitch_semitones: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What a sentence sounds like, before its frames: encoded (batch, time, d_model + 1) and log durations.

        ids, word_positions, mask and pitch_semitones are (batch, time), speaker (batch,).
        """
        h = self.encode(ids, word_positions, mask, speaker)
        prosody = self.predict(h, mask)
        pitch = prosody.pitch + pitch_semitones / 12.0
        return self.condition(h, pitch, prosody.energy, mask), prosody.log_durations

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> S4AcousticState:
        device = self.head.weight.device
        read = stack_tokens(tokens, styles, fewest=1)  # nothing but empty sentences: absent tokens, and no frames
        ids, positions, mask, speeds, pitch = (torch.from_numpy(array).to(device) for array in read)
        names = {name: row for row, name in enumerate(self.config.speakers)}
        rows = [0 if style.speaker is None else choose(names, style.speaker, "speaker") for style in styles]
        encoded, log_durations = self.read(ids, positions, mask, torch.tensor(rows, device=device), pitch)
        frames = (log_durations.exp() / speeds).round().clamp(min=1)
        ends = torch.where(mask, frames, 0).cumsum(dim=1).long()
        start = torch.zeros(len(tokens), dtype=torch.long, device=device)
        made, decoder = self._block(encoded, ends, start, self.decoder.initial_state(len(tokens)))
        return S4AcousticState(encoded, ends, start, made[:, self.config.lookahead :], decoder)

    def step(self, state: S4AcousticState) -> tuple[Frames, S4AcousticState]:
        encoded, ends, position, ahead, decoder = state
        block = self.config.block
        made, decoder = self._block(encoded, ends, position + block, decoder)
        made = torch.cat([ahead, made], dim=1)
        _, _, token = expand_tokens(encoded, ends, position, block)
        lengths = (ends[:, -1] - position).clamp(0, block)
        frames = Frames(self.denormalise(made[:, :block]), token, lengths)
        return frames, S4AcousticState(encoded, ends, position + block, made[:, block:], decoder)

    def _block(self, encoded: Tensor, ends: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        x, mask, _ = expand_tokens(encoded, ends, first, self.config.block)
        return self.decode(x, mask, state)


def expand_tokens(encoded: Tensor, ends: Tensor, first: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames ``first`` … ``first + count`` of each row, by the formula of `ssmphony.runtime.expand`.

    encoded (batch, tokens, channel), ends (batch, tokens), first (batch,) → x (batch, count, channel + 2), mask
    (batch, count) and the token each frame speaks (batch, count). The last channel of ``encoded`` is interpolated
    between the centres of the tokens, the others are repeated.
    """
    frame = first[:, None] + torch.arange(count, device=first.device)
    mask = frame < ends[:, -1:]
    token = torch.searchsorted(ends, frame.contiguous(), right=True).clamp(max=ends.shape[1] - 1)
    starts = F.pad(ends[:, :-1], (1, 0))
    begin, end = starts.gather(1, token), ends.gather(1, token)
    length = (end - begin).clamp(min=1).to(encoded.dtype)
    repeated = encoded[..., :-1].gather(1, token[..., None].expand(-1, -1, encoded.shape[2] - 1))
    fraction = (frame - begin + 0.5) / length
    late = fraction >= 0.5
    other = (token + torch.where(late, 1, -1)).clamp(0, ends.shape[1] - 1)
    other = torch.where(starts.gather(1, other) < ends.gather(1, other), other, token)  # beside the last is padding
    centres = (starts + ends).to(encoded.dtype) / 2
    here, there = centres.gather(1, token), centres.gather(1, other)
    share = (frame + 0.5 - here) / torch.where(other == token, 1.0, there - here)
    own, near = encoded[..., -1].gather(1, token), encoded[..., -1].gather(1, other)
    glide = own + (near - own) * share
    added = torch.stack([glide, fraction, length.log() / 5.0], dim=-1)
    return torch.cat([repeated, added], dim=-1) * mask[..., None], mask, token


def with_contour(x: Tensor, contour: Tensor) -> Tensor:
    """x from `expand_tokens` with another pitch contour (batch, frame), such as a recording's own."""
    return torch.cat([x[..., :-FRAME_FEATURES], contour[..., None], x[..., 1 - FRAME_FEATURES :]], dim=-1)
