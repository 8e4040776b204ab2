"""What the predictor of LeWM TTS reads of the text, and where in it speech is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Memory(NamedTuple):
    """What the predictor reads of the text: keys and values of each layer as `CrossAttention.read` gives them, and
    present (batch, token)."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    present: Tensor
    text: Tensor | None = None
    """Of aligned speech: states of the text (batch, token, d_model),"""
    ends: Tensor | None = None
    """and the latent after each token's last, (batch, token) float."""
    mean: Tensor | None = None
    """What latents are predicted relative to, (batch, d_latent)."""

    def tensors(self) -> tuple[Any, ...]:
        """As `ssmphony.models.autoregressive` keeps them: (batch, head, token, channel) each."""
        parts: list[Any] = [self.keys, self.values]
        if self.text is not None and self.ends is not None:
            parts += [self.text[:, None], self.ends[:, None, :, None]]
        if self.mean is not None:
            parts.append(self.mean[:, None, None].expand(-1, 1, self.present.shape[1], -1))
        return tuple(parts)

    @classmethod
    def of(cls, tensors: Sequence[Any], present: Tensor) -> Memory:
        """The inverse of `tensors`."""
        keys, values, *more = tensors
        mean = more.pop()[:, 0, 0] if len(more) % 2 else None
        text, ends = (more[0][:, 0], more[1][:, 0, :, 0]) if more else (None, None)
        return cls(keys, values, present, text, ends, mean)


def linear_places(mask: Tensor, present: Tensor) -> Tensor:
    """A position in the text for each step, from the first token to the last at a constant rate.

    mask (batch, time), present (batch, token) → (batch, time).
    """
    share = torch.arange(mask.shape[1], device=mask.device) / mask.sum(1, keepdim=True).clamp(min=1)
    return (share * (present.sum(1, keepdim=True) - 1).clamp(min=0)).where(mask, 0.0)


def within_window(memory: Memory, token: Tensor, window: tuple[int, int] | None) -> tuple[Memory, Tensor]:
    """The part of the text that a step may attend to, and which tokens these are (batch, part).

    ``token`` (batch,) is the one spoken last. The part is cut out, not only masked: a step then costs the window, not
    the longest sentence. Keys and values may have fewer tokens than ``memory.present``.
    """
    tokens = memory.keys[0].shape[2]
    if window is None:
        return memory, torch.arange(tokens, device=token.device).expand(token.shape[0], -1)
    wanted = token[:, None] + torch.arange(-window[0], window[1] + 1, device=token.device)
    places = wanted.clamp(0, tokens - 1)
    keys, values = (tuple(_pick(part, places) for part in parts) for parts in (memory.keys, memory.values))
    near = memory.present.gather(1, places) & (places == wanted)
    return memory._replace(keys=keys, values=values, present=near), places


def _pick(part: Tensor, places: Tensor) -> Tensor:
    """part (batch, head, token, channel), places (batch, n) → (batch, head, n, channel). Whole rows of a matrix: a
    runtime copies them as they are, where an index for each number takes longer than the model itself."""
    batch, heads, tokens, channels = part.shape
    rows = torch.arange(batch * heads, device=part.device).unflatten(0, (batch, heads))[..., None] * tokens
    return part.reshape(-1, channels)[rows + places[:, None]]
