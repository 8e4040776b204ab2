"""Phones → states of an S4 encoder, pitch and energy, which the ``spectrum`` codec turns into samples.

    phones ─embed, ConvNeXt─▶ bidirectional S4 ─▶ text states
    phones ─embed, ConvNeXt─▶ bidirectional S4 ─▶ durations, and prosody states ─repeat─▶ ConvNeXt ─▶ pitch, energy

There is no mel between the phones and the spectrum: a frame is the state of its phone, with pitch, energy and the
speaker's vector. The two encoders share only the speakers' vectors, so that prosody can be trained separately. Pitch
and energy are predicted frame by frame, by a few convolutions with a declared lookahead, so that they stream in
constant memory. Speakers may be mixed: the vector of a mix is the mean of theirs.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.config import Config
from ssmphony.interfaces import State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel
from ssmphony.models.s4_acoustic import MAX_LOG_DURATION, WORD_POSITIONS
from ssmphony.nn import EncoderConfig
from ssmphony.nn.block import delay
from ssmphony.nn.convnext import ConvNeXtStack
from ssmphony.ssm import S4Config

FIRST_PITCH_HZ = 180.0
"""Pitch of every speaker before training."""
HIGHEST_PITCH_HZ = 1_000.0
FIRST_LOG_DURATION = 1.5
"""Of every phone before training: 4.5 frames."""
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
    """Of all S4 layers, both halves of the pairs."""
    n_layers: int = 4
    """S4 blocks of each of the two encoders, which are ``d_model`` wide."""
    d_frame: int = 96
    """Width of the convolutions that predict pitch and energy of frames."""
    frame_layers: int = 4
    """Their number."""
    frame_kernel: int = 9
    """Their kernel, in frames."""
    block: int = 40
    """Frames a step: with the lookahead of the codec, 29, the first step suffices for 100 ms of sound."""
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
                d_frame=4,
                frame_layers=2,
                frame_kernel=3,
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
    """layers: of the frame layers; waiting: (batch, lookahead, channel), the other channels, delayed as much."""

    layers: State
    waiting: Tensor


class PhoneEncoder(nn.Module):
    """Phones → (batch, token, d_model): embedding and speaker, two ConvNeXt blocks, bidirectional S4 blocks.

    With ``places``, it also reads the places of phones in their words, and the length of the sentence.
    """

    def __init__(self, config: S4SpectrumConfig, places: bool) -> None:
        super().__init__()
        width = config.d_model
        self.symbols = nn.Embedding(config.n_symbols, width, padding_idx=0)
        self.speaker = nn.Linear(config.d_speaker, width, bias=False)
        self.positions = nn.Embedding(WORD_POSITIONS, width) if places else None
        self.length = nn.Linear(1, width) if places else None
        self.convs = ConvNeXtStack(width, config.d_ffn, TEXT_KERNEL, depth=2)
        self.layers = EncoderConfig(
            d_model=width,
            n_layers=config.n_layers,
            mixers=(S4Config(d_model=width, d_state=config.d_state),),
            d_ffn=config.d_ffn,
        ).build()
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.symbols.weight, std=0.3)
        nn.init.zeros_(self.speaker.weight)

    def forward(self, ids: Tensor, word_positions: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        """ids, word_positions (batch, token) int, mask (batch, token) bool, speaker (batch, d_speaker)."""
        x = self.symbols(ids) + self.speaker(speaker)[:, None]
        if self.positions is not None and self.length is not None:
            count = mask.sum(dim=1).clamp(min=1).float()
            x = x + self.positions(word_positions) + self.length(count.log()[:, None] - 4.0)[:, None]
        x = self.layers(self.convs.whole(x, mask), mask)
        return self.norm(x) * mask[..., None]


class DurationPredictor(nn.Module):
    """States of `PhoneEncoder` → log durations in frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, 1)
        nn.init.constant_(self.head.bias, FIRST_LOG_DURATION)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, token, channel) → (batch, token)."""
        return self.head(F.gelu(self.hidden(x))).squeeze(-1).clamp(max=MAX_LOG_DURATION)


class S4Spectrum(ParallelModel):
    """See the module's docstring. Training goes through `speaker_vectors`, `text`, `prosody`, `duration` and
    `contour`."""

    capabilities = frozenset({"mix", "pitch", "speed", "timing"})
    speaker_tables = ("speakers.weight", "speaker_pitch")

    def __init__(self, config: S4SpectrumConfig) -> None:
        super().__init__()
        self.config = config
        self.block = config.block
        self.max_tokens, self.speaker_names = config.max_seq, config.speakers
        self.encoded_channels = 2 * config.d_model + config.d_speaker + 1
        self.frame_channels = config.d_model + 2 + config.d_speaker
        self.speakers = nn.Embedding(len(config.speakers), config.d_speaker)
        self.speaker_pitch = nn.Parameter(torch.full((len(config.speakers),), math.log2(FIRST_PITCH_HZ)))
        """log2 of Hz."""
        self.text = PhoneEncoder(config, places=False)
        self.prosody = PhoneEncoder(config, places=True)
        self.duration = DurationPredictor(config.d_model)
        self.frame_input = nn.Linear(config.d_model + FRAME_FEATURES, config.d_frame)
        self.frame_speaker = nn.Linear(config.d_speaker, config.d_frame, bias=False)
        self.frame_layers = ConvNeXtStack(config.d_frame, 2 * config.d_frame, config.frame_kernel, config.frame_layers)
        self.lookahead = self.frame_layers.lookahead
        self.frame_norm = nn.LayerNorm(config.d_frame)
        self.frame_head = nn.Linear(config.d_frame, len(Contour._fields))

    def speaker_vectors(self, speaker: Tensor) -> Tensor:
        """Weights (batch, speakers) → (batch, d_speaker)."""
        return speaker @ self.speakers.weight

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """encoded: text state, prosody state, speaker's vector, and log2 of the pitch in Hz about which it moves."""
        mask, speaker = inputs.mask, self.speaker_vectors(inputs.speaker)
        prosody = self.prosody(inputs.ids, inputs.word_positions, mask, speaker)
        pitch = (inputs.speaker @ self.speaker_pitch)[:, None] + inputs.pitch_semitones / 12.0
        same = speaker[:, None].expand(-1, mask.shape[1], -1)
        encoded = torch.cat(
            [self.text(inputs.ids, inputs.word_positions, mask, speaker), prosody, same, pitch[..., None]], dim=-1
        )
        return encoded * mask[..., None], self.duration(prosody) * mask

    def initial_frames(self, batch: int) -> FrameState:
        width = self.config.d_model + self.config.d_speaker + 1
        waiting = self.frame_head.weight.new_zeros(batch, self.lookahead, width)
        return FrameState(self.frame_layers.initial_state(batch), waiting)

    def frames(self, x: Tensor, mask: Tensor, state: FrameState) -> tuple[Tensor, FrameState]:
        """x from `expand_tokens` → frames of the codec: text state, pitch, energy, speaker's vector."""
        text, prosody, speaker, pitch, places = x.split(self._widths(), dim=-1)
        contour, layers = self.contour_steps(torch.cat([prosody, places], dim=-1), speaker, mask, state.layers)
        late, waiting = delay(torch.cat([text, speaker, pitch], dim=-1), state.waiting)
        text, speaker, pitch = late.split([self.config.d_model, self.config.d_speaker, 1], dim=-1)
        hertz = pitch_hz(contour, pitch[..., 0])[..., None]
        frames = torch.cat([text, hertz / PITCH_UNIT_HZ, contour.energy[..., None], speaker], dim=-1)
        return frames, FrameState(layers, waiting)

    def contour_steps(self, x: Tensor, speaker: Tensor, mask: Tensor, state: State) -> tuple[Contour, State]:
        """Prosody state, fraction of the phone and its log length of each frame (batch, time, d_model + 2), speaker
        (batch, time, d_speaker) and mask (batch, time) → the contour, delayed by ``lookahead``, and the state."""
        y = self.frame_input(x) + self.frame_speaker(speaker)
        y, state = self.frame_layers.forward(y, state, mask)
        return Contour(*self.frame_head(self.frame_norm(y)).unbind(dim=-1)), state

    def contour(self, x: Tensor, speaker: Tensor, mask: Tensor) -> Contour:
        """`contour_steps` of whole utterances, aligned with x."""
        y = self.frame_layers.whole(self.frame_input(x) + self.frame_speaker(speaker), mask)
        return Contour(*self.frame_head(self.frame_norm(y)).unbind(dim=-1))

    def _widths(self) -> list[int]:
        config = self.config
        return [config.d_model, config.d_model, config.d_speaker, 1, FRAME_FEATURES]


def pitch_hz(contour: Contour, level: Tensor) -> Tensor:
    """Pitch in Hz (batch, time), 0 where unvoiced; ``level`` (batch, time) is log2 of the speaker's."""
    hertz = torch.exp2((level + contour.octaves).clamp(max=math.log2(HIGHEST_PITCH_HZ)))
    return torch.where(contour.voicing > 0.0, hertz, 0.0)
