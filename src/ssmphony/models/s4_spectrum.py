"""Phones → states of an S4 encoder, pitch and energy, which the ``spectrum`` codec turns into samples.

    phones ─embed, ConvNeXt─▶ bidirectional S4 ─▶ text states
    phones ─embed, convolve─▶ bidirectional S4 ─▶ durations, and prosody states ─repeat─▶ causal S4D ─▶ pitch, energy

Nothing between the phones and the spectrum is a mel: a frame is the state of its phone, with pitch, energy and the
speaker's vector. The two encoders share nothing, so that prosody can be trained when the sound is done. Pitch and
energy are predicted frame by frame, by a small stack of S4D layers with a declared lookahead, so that they stream in
constant memory. Speakers may be mixed: the vector of a mix is the mean of theirs.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.config import Config
from ssmphony.interfaces import State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel
from ssmphony.models.s4_acoustic import MAX_LOG_DURATION, WORD_POSITIONS, ConvPrenet, TokenPredictor
from ssmphony.nn import BidirectionalBlock, BidirectionalConfig, StackConfig
from ssmphony.nn.block import delay
from ssmphony.nn.convnext import ConvNeXtBlock
from ssmphony.ssm import S4Config, S4DConfig

FIRST_PITCH_HZ = 180.0
"""Pitch of every speaker before training."""
HIGHEST_PITCH_HZ = 1_000.0
TEXT_KERNEL = 5


class S4SpectrumConfig(Config):
    """Phones to the frames of the ``spectrum`` codec."""

    kind: Literal["s4_spectrum"] = "s4_spectrum"
    n_symbols: int
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first."""
    d_speaker: int = 64
    """Channels of a speaker's vector; the codec's."""
    d_model: int = 128
    """Channels of the text states; the codec's ``d_text``."""
    d_ffn: int = 256
    d_state: int = 32
    """Of all S4 and S4D layers, both halves of the pairs."""
    n_layers: int = 4
    """S4 blocks of the text encoder."""
    d_prosody: int = 128
    """Width of the prosody encoder."""
    prosody_layers: int = 2
    """S4 blocks of the prosody encoder."""
    d_frame: int = 64
    """Width of the layers that predict pitch and energy of frames."""
    frame_layers: int = 3
    """Their number, S4D each."""
    lookahead: int = 8
    """Frames of the future that they see."""
    block: int = 32
    """Frames a step."""
    dropout: float = 0.1
    """Of the prosody."""
    max_seq: int = 256
    """Phones of the longest sentence."""

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, S4SpectrumConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        return {
            "": cls(
                n_symbols=n_symbols,
                speakers=("own", "other"),
                d_speaker=3,
                d_model=8,
                d_ffn=12,
                d_state=4,
                n_layers=2,
                d_prosody=6,
                prosody_layers=1,
                d_frame=4,
                frame_layers=2,
                lookahead=2,
                block=8,
                max_seq=32,
            )
        }

    def build(self) -> S4Spectrum:
        return S4Spectrum(self)


class Contour(NamedTuple):
    """Of each frame, (batch, time): pitch in octaves above the speaker's, log odds of voicing, energy."""

    octaves: Tensor
    voicing: Tensor
    energy: Tensor


class FrameState(NamedTuple):
    """stack: of the frame layers; waiting: (batch, lookahead, channel), what is not predicted waits for them."""

    stack: State
    waiting: Tensor


class TextEncoder(nn.Module):
    """Phones → (batch, token, d_model): embedding and speaker, two ConvNeXt blocks, bidirectional S4 blocks."""

    def __init__(self, config: S4SpectrumConfig) -> None:
        super().__init__()
        width, mixer = (
            config.d_model,
            BidirectionalConfig(mixer=S4Config(d_model=config.d_model, d_state=config.d_state)),
        )
        self.symbols = nn.Embedding(config.n_symbols, width, padding_idx=0)
        self.speaker = nn.Linear(config.d_speaker, width, bias=False)
        self.convs = nn.ModuleList(
            ConvNeXtBlock(width, config.d_ffn, TEXT_KERNEL, TEXT_KERNEL // 2, scale=0.125) for _ in range(2)
        )
        self.layers = nn.ModuleList(
            BidirectionalBlock(width, mixer.build(), config.d_ffn) for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(width)
        nn.init.zeros_(self.speaker.weight)

    def forward(self, ids: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        """ids (batch, token) int, mask (batch, token) bool, speaker (batch, d_speaker) → (batch, token, d_model)."""
        x = (self.symbols(ids) + self.speaker(speaker)[:, None]) * mask[..., None]
        for conv in cast("list[ConvNeXtBlock]", list(self.convs)):
            ahead = conv.lookahead
            padded = F.pad(x, (0, 0, 0, ahead))
            y, _ = conv(padded, conv.initial_context(x.shape[0]), F.pad(mask, (ahead, 0))[..., None])
            x = y[:, ahead:]
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class ProsodyEncoder(nn.Module):
    """Phones and their places in words → (batch, token, d_prosody)."""

    def __init__(self, config: S4SpectrumConfig) -> None:
        super().__init__()
        width, dropout = config.d_prosody, config.dropout
        mixer = BidirectionalConfig(mixer=S4Config(d_model=width, d_state=config.d_state, dropout=dropout))
        self.symbols = nn.Embedding(config.n_symbols, width, padding_idx=0)
        self.positions = nn.Embedding(WORD_POSITIONS, width)
        self.speaker = nn.Linear(config.d_speaker, width, bias=False)
        self.prenet = ConvPrenet(width, dropout=dropout)
        self.layers = nn.ModuleList(
            BidirectionalBlock(width, mixer.build(), config.d_ffn, dropout) for _ in range(config.prosody_layers)
        )
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.symbols.weight, std=0.3)
        nn.init.normal_(self.positions.weight, std=0.1)

    def forward(self, ids: Tensor, word_positions: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        """As `TextEncoder`, with word_positions (batch, token) int."""
        x = self.symbols(ids) + self.positions(word_positions) + self.speaker(speaker)[:, None]
        x = self.prenet(x * mask[..., None], mask)
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x) * mask[..., None]


class S4Spectrum(ParallelModel):
    """See the module's docstring. Training goes through `speaker_vectors`, `text`, `prosody`, `duration` and
    `contour`."""

    capabilities = frozenset({"mix", "pitch", "speed", "timing"})

    def __init__(self, config: S4SpectrumConfig) -> None:
        super().__init__()
        self.config = config
        self.block, self.lookahead = config.block, config.lookahead
        self.max_tokens, self.speaker_names = config.max_seq, config.speakers
        self.encoded_channels = config.d_model + config.d_prosody + config.d_speaker + 1
        self.frame_channels = config.d_model + 2 + config.d_speaker
        self.speakers = nn.Embedding(len(config.speakers), config.d_speaker)
        self.speaker_pitch = nn.Parameter(torch.full((len(config.speakers),), math.log2(FIRST_PITCH_HZ)))
        """log2 of Hz."""
        self.text = TextEncoder(config)
        self.prosody = ProsodyEncoder(config)
        self.duration = TokenPredictor(config.d_prosody, config.dropout)
        mixer = S4DConfig(d_model=config.d_frame, d_state=config.d_state, dropout=config.dropout)
        self.frame_input = nn.Linear(config.d_prosody + FRAME_FEATURES, config.d_frame)
        self.frame_stack = StackConfig(
            d_model=config.d_frame,
            n_layers=config.frame_layers,
            mixers=(mixer,),
            d_ffn=2 * config.d_frame,
            dropout=config.dropout,
            lookahead=config.lookahead,
        ).build()
        self.frame_norm = nn.LayerNorm(config.d_frame)
        self.frame_head = nn.Linear(config.d_frame, len(Contour._fields))

    def speaker_vectors(self, speaker: Tensor) -> Tensor:
        """Weights (batch, speakers) → (batch, d_speaker)."""
        return speaker @ self.speakers.weight

    def log_durations(self, prosody: Tensor, mask: Tensor) -> Tensor:
        """States of `prosody` (batch, token, d_prosody) → log durations in frames (batch, token)."""
        return self.duration(prosody, mask).clamp(max=MAX_LOG_DURATION)

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """encoded: text state, prosody state, speaker's vector, and log2 of the pitch in Hz about which it moves."""
        mask, speaker = inputs.mask, self.speaker_vectors(inputs.speaker)
        prosody = self.prosody(inputs.ids, inputs.word_positions, mask, speaker)
        pitch = (inputs.speaker @ self.speaker_pitch)[:, None] + inputs.pitch_semitones / 12.0
        same = speaker[:, None].expand(-1, mask.shape[1], -1)
        encoded = torch.cat([self.text(inputs.ids, mask, speaker), prosody, same, pitch[..., None]], dim=-1)
        return encoded * mask[..., None], self.log_durations(prosody, mask)

    def initial_frames(self, batch: int) -> FrameState:
        width = self.config.d_model + self.config.d_speaker + 1
        waiting = self.frame_head.weight.new_zeros(batch, self.lookahead, width)
        return FrameState(self.frame_stack.initial_state(batch), waiting)

    def frames(self, x: Tensor, mask: Tensor, state: FrameState) -> tuple[Tensor, FrameState]:
        """x from `expand_tokens` → frames of the codec: text state, pitch, energy, speaker's vector."""
        text, prosody, speaker, pitch, places = x.split(self._widths(), dim=-1)
        contour, stack = self.contour_steps(torch.cat([prosody, places], dim=-1), mask, state.stack)
        late, waiting = delay(torch.cat([text, speaker, pitch], dim=-1), state.waiting)
        text, speaker, pitch = late.split([self.config.d_model, self.config.d_speaker, 1], dim=-1)
        hertz = pitch_hz(contour, pitch[..., 0])[..., None]
        frames = torch.cat([text, hertz / PITCH_UNIT_HZ, contour.energy[..., None], speaker], dim=-1)
        return frames, FrameState(stack, waiting)

    def contour_steps(self, x: Tensor, mask: Tensor, state: State) -> tuple[Contour, State]:
        """Prosody state, fraction of the phone and its log length of each frame (batch, time, d_prosody + 2), mask
        (batch, time) → the contour, late by ``lookahead``, and the state of the frame layers."""
        y, state = self.frame_stack.forward(self.frame_input(x), state, mask)
        return Contour(*self.frame_head(self.frame_norm(y)).unbind(dim=-1)), state

    def contour(self, x: Tensor, mask: Tensor) -> Contour:
        """`contour_steps` of whole utterances, aligned with x."""
        ahead = self.lookahead
        padded, present = F.pad(x, (0, 0, 0, ahead)), F.pad(mask, (0, ahead))
        made, _ = self.contour_steps(padded, present, self.frame_stack.initial_state(x.shape[0]))
        return Contour(*(part[:, ahead:] for part in made))

    def _widths(self) -> list[int]:
        config = self.config
        return [config.d_model, config.d_prosody, config.d_speaker, 1, FRAME_FEATURES]


def pitch_hz(contour: Contour, level: Tensor) -> Tensor:
    """Pitch in Hz (batch, time), which falls to 0 where unvoiced; ``level`` (batch, time) is log2 of the speaker's."""
    highest = math.log2(HIGHEST_PITCH_HZ)
    return torch.exp2((level + contour.octaves).clamp(max=highest)) * torch.sigmoid(contour.voicing)
