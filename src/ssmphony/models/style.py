"""Models that imitate the speaker of a recording: the speaker's vector, and the graph that computes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import log_mel
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.model_inputs import ModelInputs
from ssmphony.nn import EncoderConfig
from ssmphony.nn.convnext import ConvNeXtStack
from ssmphony.ssm.masking import hide, mean_over_time
from ssmphony.types import STYLE, MelFormat, Samples

MOST_STYLES = 4
"""Style vectors that a reference may hold; they are averaged."""
LONGEST_REFERENCE = 2048
"""Mel frames that the style encoder's graph takes."""


MEL_MEAN, MEL_STD = -6.0, 3.0
"""The log-mel is normalised for the network."""
KERNEL = 5
"""Taps of its convolution."""


def style_vectors(table: Tensor, inputs: ModelInputs) -> Tensor:
    """The mean style of the references, and of rows without any that of their speakers: (batch, d_style)."""
    return vectors(table, inputs, STYLE)


def vectors(table: Tensor, inputs: ModelInputs, name: str) -> Tensor:
    """The mean of an array of the references, and of rows without any that of their speakers: (batch, channel).

    ``table`` (speaker, channel); ``inputs.speaker`` are weights (batch, speaker), or rows of it (batch,).
    """
    known = inputs.speaker @ table if inputs.speaker.ndim == 2 else table[inputs.speaker]
    if not inputs.reference:
        return known
    mean, given = mean_of(inputs, name)
    return torch.where(given[:, None], mean, known)


def mean_style(inputs: ModelInputs) -> tuple[Tensor, Tensor]:
    """The mean style of the references (batch, d_style), zeros without any, and which rows have one (batch,)."""
    return mean_of(inputs, STYLE)


def mean_of(inputs: ModelInputs, name: str) -> tuple[Tensor, Tensor]:
    """The mean of an array of the references (batch, channel), zeros without any, and which rows have one (batch,)."""
    rows, mask = inputs.reference[name], inputs.reference[f"{name}_mask"]
    return mean_over_time(rows, mask), mask.any(dim=1)


class StyleEncoder(nn.Module):
    """Log-mel of a recording → what its speaker sounds like, (batch, d_style), whatever is said and however long.

    A convolution, two-sided blocks, and attentive statistics (Okabe et al., arXiv 1803.10963): mean and standard
    deviation over time, with weights of their own for each channel. The vector has mean 0 and variance 1.
    """

    def __init__(self, n_mels: int, d_style: int, encoder: EncoderConfig) -> None:
        super().__init__()
        width = encoder.d_model
        self.enter = nn.Linear(n_mels, width)
        self.convs = ConvNeXtStack(width, 2 * width, KERNEL, depth=1)
        self.blocks = encoder.build()
        self.norm = nn.LayerNorm(width)
        self.attend = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, width))
        self.leave = nn.Linear(2 * width, d_style)

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """mel (batch, frame, n_mels), mask (batch, frame) bool with a frame in each row."""
        x = self.enter(hide((mel - MEL_MEAN) / MEL_STD, mask))
        x = self.norm(self.blocks(self.convs.whole(x, mask), mask))
        weights = self.attend(x).masked_fill(~mask[..., None], -torch.inf).softmax(dim=1)
        x = hide(x, mask)
        mean = (weights * x).sum(dim=1)
        spread = ((weights * x.square()).sum(dim=1) - mean.square()).clamp(min=1e-5).sqrt()
        style = self.leave(torch.cat([mean, spread], dim=-1))
        return F.layer_norm(style, style.shape[-1:])


@torch.no_grad()
def style_of(encoder: StyleEncoder | None, samples: Samples, mel_format: MelFormat) -> Samples:
    """A recording (n,) → its style (1, d_style)."""
    assert encoder is not None, "a model without styles"
    mel = torch.from_numpy(log_mel(samples, mel_format))[None].to(encoder.enter.weight.device)
    return encoder(mel, torch.ones_like(mel[..., 0], dtype=torch.bool)).cpu().numpy()


def style_graphs(encoder: StyleEncoder | None, mel_format: MelFormat) -> tuple[GraphSpec, ...]:
    """``style_encoder``: log-mel of a recording → its style (batch, 1, d_style). None of a model without styles."""
    if encoder is None:
        return ()
    graph = GraphSpec(
        name="style_encoder",
        module=_StyleGraph(encoder),
        inputs={"mel": torch.zeros(2, 9, mel_format.n_mels)},
        outputs=("style",),
        axes={"mel": {1: Axis("frames", 2, LONGEST_REFERENCE)}},
        longest=LONGEST_REFERENCE,
    )
    return (graph,)


class _StyleGraph(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, mel: Tensor) -> Tensor:
        return self.encoder(mel, torch.ones_like(mel[..., 0], dtype=torch.bool))[:, None]
