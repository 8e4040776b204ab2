"""Classify nested lists by their value: ListOps of the Long Range Arena, generated, at a small size.

``[MAX 4 [MIN 2 8 ] 1 ]`` is 4. Operators: MIN, MAX, MED (median, rounded down) and SM (sum modulo 10).

Usage: `python examples/07_listops.py [STEPS]`
"""

from __future__ import annotations

import random
import statistics
import sys

import torch
from torch import nn
from torch.nn import functional as F

from ssmphony.nn import StackConfig, parameter_groups

OPERATORS = {
    "MIN": min,
    "MAX": max,
    "MED": lambda values: int(statistics.median(values)),
    "SM": lambda values: sum(values) % 10,
}
TOKENS = ["", "]", *map(str, range(10)), *(f"[{name}" for name in OPERATORS)]
WIDTH, LENGTH, BATCH = 64, 100, 32


def expression(depth: int) -> tuple[list[str], int]:
    """The tokens of a random list, and its value."""
    if depth == 0 or random.random() < 0.3:
        digit = random.randrange(10)
        return [str(digit)], digit
    name = random.choice(list(OPERATORS))
    parts = [expression(depth - 1) for _ in range(random.randint(2, 4))]
    tokens = [token for part, _ in parts for token in part]
    return [f"[{name}", *tokens, "]"], OPERATORS[name]([value for _, value in parts])


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """ids (batch, time), mask (batch, time), and values (batch,)."""
    found: list[tuple[list[str], int]] = []
    while len(found) < BATCH:
        tokens, value = expression(3)
        if 3 < len(tokens) <= LENGTH:
            found.append((tokens, value))
    ids = torch.zeros(BATCH, LENGTH, dtype=torch.long)
    for row, (tokens, _) in enumerate(found):
        ids[row, : len(tokens)] = torch.tensor([TOKENS.index(token) for token in tokens])
    return ids, ids > 0, torch.tensor([value for _, value in found])


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
random.seed(0)
torch.manual_seed(0)
embed, head = nn.Embedding(len(TOKENS), WIDTH), nn.Linear(WIDTH, 10)
stack = StackConfig(d_model=WIDTH, n_layers=4, mixers=("s4", "mamba"), d_ffn=128).build()
optimiser = torch.optim.AdamW(parameter_groups([embed, stack, head], lr=3e-3, weight_decay=0.01))
right = seen = 0
for step in range(steps):
    ids, mask, values = batch()
    y, _ = stack(embed(ids), stack.initial_state(BATCH), mask)
    mean = (y * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    logits = head(mean)
    optimiser.zero_grad()
    F.cross_entropy(logits, values).backward()
    optimiser.step()
    right, seen = right + int((logits.argmax(1) == values).sum()), seen + BATCH
    if (step + 1) % 100 == 0 or step == steps - 1:
        print(f"step {step + 1}: {100 * right / seen:.1f} % right of the last {seen}, each seen once")
        right = seen = 0
