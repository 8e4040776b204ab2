"""What a codec in PyTorch says of itself, so that it can be exported: which runtime decodes it, and its graphs.

There are two kinds, and a codec names its own as ``runtime``: ``spectrum``, whose graph returns spectra for the inverse
STFT of the runtime, and ``samples``, whose graph returns samples. A codec without a graph names
a runtime of its own. The config of a codec says in ``frames`` what it decodes: `LOG_MEL`, or frames of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import AfterValidator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import Array, Decoder, Encoder, State
from ssmphony.types import FrameGrid, MelFormat

LOG_MEL = "log-mel"
"""The frames of every mel codec: each of them decodes what a model made for another."""
MAX_FRAMES = 4096
"""Frames that a graph decodes in one call."""


def overlapping_segments(n_fft: int, hop_length: int) -> int:
    """How many segments of an inverse STFT overlap. Raises `ValueError` when the hops do not tile half a segment."""
    if n_fft % (2 * hop_length):
        raise ValueError(f"n_fft {n_fft} must be a multiple of twice hop_length {hop_length}")
    return n_fft // hop_length


def _overlapped(mel: MelFormat) -> MelFormat:
    overlapping_segments(mel.n_fft, mel.hop_length)
    return mel


OverlappedMel = Annotated[MelFormat, AfterValidator(_overlapped)]
"""A mel whose STFT a codec inverts, as a field of its config."""
TINY_MEL = MelFormat(sample_rate=8_000, n_fft=64, hop_length=16, n_mels=6, f_max=4_000)
"""Of the smallest codecs."""


SpectrumForm = Literal["polar", "cartesian"]
"""What a spectrum is given as: log magnitude and phase, or real and imaginary part."""


class Stft(NamedTuple):
    n_fft: int
    hop_length: int
    form: SpectrumForm = "polar"


PARTS: dict[SpectrumForm, tuple[str, str]] = {"polar": ("log_magnitude", "phase"), "cartesian": ("real", "imaginary")}
"""Outputs of the graph."""


class Codec(Decoder):
    """Base of all codecs in PyTorch. Those that encode recordings as well are `ssmphony.interfaces.Encoder`, too."""

    runtime: str
    stft: Stft | None = None
    """Of a ``spectrum`` codec."""
    mel: MelFormat | None = None
    """The log-mel that frames are, or that the encoder's graph reads; None where there is none."""

    max_frames: int | None = None
    """Frames that its graph takes in one call, where there is a bound below `MAX_FRAMES`."""

    @abstractmethod
    def graphs(self) -> tuple[GraphSpec, ...]:
        """``codec_decoder`` and, where there is a network that encodes, ``codec_encoder``."""


class Rendering(NamedTuple):
    """Whole utterances, decoded differentiably."""

    samples: Tensor
    """(batch, time * hop_length)."""
    pitch_losses: Callable[[Tensor], dict[str, Tensor]] | None = None
    """By name, how wrong the predicted pitch is, given the true one (batch, time) in Hz, 0 where there is none; None
    from a codec that predicts none."""


class NetworkCodec(nn.Module, Codec):
    """Base of codecs with weights."""

    pitch_place: float | None = None
    """Where in its hop the pitch of a frame is, 0 to 1, whose losses `render` returns, to be trained on that of
    recordings; None where no pitch is predicted."""
    mixed_precision = False
    """Whether `render` may run in mixed precision: it keeps phases and magnitudes exact itself."""

    def render(self, frames: Tensor, pitch: Tensor | None = None) -> Rendering:
        """Decode whole utterances (batch, time, channel), without lookahead, differentiably.

        ``pitch`` (batch, time), in Hz and 0 where unvoiced, takes the place of the one that a codec predicts; those
        that cannot be given one ignore it.
        """
        batch, time, _ = frames.shape
        padded = F.pad(frames, (0, 0, 0, self.lookahead))
        mask = torch.arange(time + self.lookahead, device=frames.device).expand(batch, -1) < time
        samples, _ = self.decode(padded, mask, self.initial_state(batch))
        return Rendering(samples[:, self.lookahead * self.grid.hop_length :])


class TrainableCodec(NetworkCodec, Encoder):
    """Base of codecs that encode recordings with what they decode: they can be trained on recordings alone."""

    pitch_grid: FrameGrid | None = None
    """How often `render` takes and predicts a pitch, where that is not once a frame."""
    sigreg = False
    """Whether it is for the training to make latents Gaussian, by `ssmphony.training.lewm_losses.sigreg`."""

    def analyse(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → what `render` takes, differentiably: the frames or, of codes, their values."""
        return self.encode(samples)

    def analyse_with_losses(self, samples: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """`analyse`, and by name what the frames cost in training; nothing for most codecs."""
        return self.analyse(samples), {}


def decoder_input(frames: Array, mask: Array, device: torch.device) -> tuple[Tensor, Tensor]:
    """Frames (batch, time, channel) and mask (batch, time) as tensors. Raises `ValueError` when time is 0."""
    if frames.shape[1] == 0:
        raise ValueError("a codec needs at least one step of frames, got none")
    return torch.as_tensor(frames, device=device), torch.as_tensor(mask, device=device)


class SpectrumCodec(NetworkCodec):
    """Base of codecs that end in an inverse STFT."""

    runtime = "spectrum"

    @abstractmethod
    def initial_layers(self, batch: int) -> State:
        """The state of `spectra` before the first frame."""

    @abstractmethod
    def spectra(self, frames: Tensor, mask: Tensor, layers: State) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """frames (batch, time, channel), mask (batch, time) → the two parts of the spectra in the form of ``stft``,
        each (batch, steps, n_fft / 2 + 1), which steps exist (batch, steps), and the state."""

    def graphs(self) -> tuple[GraphSpec, ...]:
        assert self.stft is not None
        return (decoder_spec(self, _Spectra(self), self.initial_layers(2), (*PARTS[self.stft.form], "present")),)


class SamplesCodec(NetworkCodec):
    """Base of codecs whose graph returns samples: it is `decode` itself."""

    runtime = "samples"

    def graphs(self) -> tuple[GraphSpec, ...]:
        return (decoder_spec(self, _Samples(self), self.initial_state(2), ("samples",)),)


class _Spectra(nn.Module):
    def __init__(self, codec: SpectrumCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, frames: Tensor, mask: Tensor, state: State) -> Any:
        return self.codec.spectra(frames, mask, state)


class _Samples(nn.Module):
    def __init__(self, codec: SamplesCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, frames: Tensor, mask: Tensor, state: State) -> Any:
        return self.codec.decode(frames, mask, state)


def decoder_spec(codec: Codec, module: nn.Module, state: State, outputs: tuple[str, ...]) -> GraphSpec:
    """The graph ``codec_decoder`` of any number of frames."""
    kind = torch.long if codec.grid.codebooks else torch.float32
    frames = torch.zeros(2, 8, codec.grid.channels, dtype=kind)
    time = Axis("time", max_length=codec.max_frames or MAX_FRAMES)
    return GraphSpec(
        name="codec_decoder",
        module=module,
        inputs={"frames": frames, "mask": torch.ones(2, 8, dtype=torch.bool)},
        outputs=outputs,
        axes={"frames": {1: time}, "mask": {1: time}},
        state=state,
        most_steps=codec.max_frames,
    )
