"""Models that imitate the speaker of a recording: the speaker's vector, and the graph that computes it."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ssmphony.audio.mel import log_mel
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.model_inputs import ModelInputs
from ssmphony.ssm.masking import hide
from ssmphony.types import STYLE, MelFormat, Samples

MOST_STYLES = 4
"""Style vectors that a reference may hold; they are averaged."""
LONGEST_REFERENCE = 2048
"""Mel frames that the style encoder's graph takes."""


class MelReader(Protocol):
    """A style encoder: mel (batch, frame, n_mels) and mask (batch, frame) → (batch, d_style)."""

    def __call__(self, mel: Tensor, mask: Tensor) -> Tensor: ...


def style_vectors(table: Tensor, inputs: ModelInputs) -> Tensor:
    """The mean style of the references, and of rows without any that of their speakers: (batch, d_style).

    ``table`` (speaker, d_style); ``inputs.speaker`` are weights (batch, speaker), or rows of it (batch,).
    """
    style = inputs.speaker @ table if inputs.speaker.ndim == 2 else table[inputs.speaker]
    if not inputs.reference:
        return style
    vectors, mask = inputs.reference[STYLE], inputs.reference[f"{STYLE}_mask"]
    mean = hide(vectors, mask).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(mask.any(dim=1, keepdim=True), mean, style)


@torch.no_grad()
def style_of(encoder: MelReader, samples: Samples, mel_format: MelFormat, device: Any) -> Samples:
    """A recording (n,) → its style (1, d_style)."""
    mel = torch.from_numpy(log_mel(samples, mel_format))[None].to(device)
    return encoder(mel, torch.ones(mel.shape[:2], dtype=torch.bool, device=mel.device)).cpu().numpy()


def style_graph(encoder: nn.Module, n_mels: int) -> GraphSpec:
    """``style_encoder``: log-mel of a recording → its style (batch, 1, d_style)."""
    return GraphSpec(
        name="style_encoder",
        module=_StyleGraph(encoder),
        inputs={"mel": torch.zeros(2, 9, n_mels)},
        outputs=("style",),
        axes={"mel": {1: Axis("frames", 2, LONGEST_REFERENCE)}},
        longest=LONGEST_REFERENCE,
    )


class _StyleGraph(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, mel: Tensor) -> Tensor:
        return self.encoder(mel, torch.ones_like(mel[..., 0], dtype=torch.bool))[:, None]
