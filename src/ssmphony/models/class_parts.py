"""The parts of a class in time, such as the phones of a word, and how long each takes.

A model that writes samples is told what is asked for at every sample, and with parts also how far it has come (local
conditioning: van den Oord et al. 2016, *WaveNet*, arXiv 1609.03499, section 2.5). Its training clips say when each part
ends. For a new sound, the durations are drawn from a log-normal distribution of those of its class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

NONE, OVER = 0, 1
"""Numbers that embed no class, and a class whose parts are over. The first part of the first class has the next."""
SHORTEST_S = 0.01
"""Added to durations before the logarithm: a part may take no time at all."""


class ClassParts(nn.Module):
    """Distributions of durations, which are fitted to clips and not trained."""

    mean: Tensor  # (class, part), of the logarithms of durations in seconds; 0 where a class has no such part
    spread: Tensor  # (class, part, part): lower triangular, a square root of the covariance
    longest: Tensor  # (class, part), s: of the clips

    def __init__(self, counts: Sequence[int], sample_rate: int) -> None:
        """``counts``: how many parts each class has."""
        super().__init__()
        self.counts, self.sample_rate = tuple(counts), sample_rate
        self.size = 2 + sum(counts)  # of an embedding of their numbers
        most = max(counts)
        self.register_buffer("mean", torch.zeros(len(counts), most))
        self.register_buffer("spread", torch.zeros(len(counts), most, most))
        self.register_buffer("longest", torch.ones(len(counts), most))

    def fit(self, labels: Sequence[int], ends: Sequence[Sequence[int]]) -> None:
        """labels: of clips, 1 and up; ends: in samples, of each part of each clip. Each class needs clips."""
        for row, count in enumerate(self.counts):
            rows = [parts for label, parts in zip(labels, ends, strict=True) if label == row + 1]
            durations = np.diff(np.array(rows, float) / self.sample_rate, axis=1, prepend=0.0)
            logarithms = np.log(durations + SHORTEST_S)
            covariance = np.cov(logarithms, rowvar=False, ddof=0).reshape(count, count) + 1e-6 * np.eye(count)
            self.mean[row, :count] = torch.from_numpy(logarithms.mean(0))
            self.spread[row, :count, :count] = torch.from_numpy(np.linalg.cholesky(covariance))
            self.longest[row, :count] = torch.from_numpy(durations.max(0))

    def draw(self, label: int, normal: npt.NDArray[np.float64]) -> list[int]:
        """Where each part of a new sound of the class ``label``, 1 and up, ends, in samples.

        normal: as many independent standard normal numbers as any class has parts.
        """
        row, count = label - 1, self.counts[label - 1]
        logarithms = self.mean[row].double().numpy(force=True) + self.spread[row].double().numpy(force=True) @ normal
        durations = np.clip(np.exp(logarithms) - SHORTEST_S, 0.0, self.longest[row].numpy(force=True))[:count]
        return [round(float(end) * self.sample_rate) for end in np.cumsum(durations)]

    def table(self, ends: Sequence[Sequence[int]]) -> Tensor:
        """``ends`` of sounds with different numbers of parts as one tensor (batch, part): the last is repeated."""
        most = max(self.counts)
        rows = [[*row, *([row[-1]] * (most - len(row)))] if row else [0] * most for row in ends]
        return torch.tensor(rows, dtype=torch.long)

    def numbers(self, labels: Tensor, ends: Tensor, places: Tensor) -> Tensor:
        """What is spoken at ``places``, to be embedded.

        Args:
            labels: (batch,) 0 for no class, else 1 and up.
            ends: (batch, part), see `table`.
            places: (batch, time) or (time,), in samples from the beginning.

        Returns:
            (batch, time): `NONE`, `OVER`, or the number of a part.
        """
        before = np.cumsum([2, *self.counts])[:-1]
        first = torch.tensor([NONE, *before.tolist()], device=labels.device)[labels][:, None]
        passed = (places[..., None] >= ends[:, None]).sum(-1)
        over = passed == ends.shape[1]
        return torch.where(labels[:, None] == 0, NONE, torch.where(over, OVER, first + passed))
