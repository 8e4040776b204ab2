"""Train a language model on bytes, then let it write, one compiled step at a time.

Usage: `python examples/06_bytes.py [FILE] [STEPS]`
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ssmphony.nn import StackConfig, parameter_groups
from ssmphony.nn.decode import DecodeStack
from ssmphony.types import SsmphonyError

WIDTH, LENGTH, BATCH = 64, 128, 8

file = Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 200
text = torch.tensor(list(file.read_bytes()))
torch.manual_seed(0)

embed = nn.Embedding(256, WIDTH)
stack = StackConfig(d_model=WIDTH, n_layers=2, mixers=("mamba2",), d_ffn=128).build()
head = nn.Linear(WIDTH, 256)
optimiser = torch.optim.AdamW(parameter_groups([embed, stack, head], lr=3e-3, weight_decay=0.01))
mask = torch.ones(BATCH, LENGTH, dtype=torch.bool)

for step in range(steps):
    start = torch.randint(len(text) - LENGTH, (BATCH, 1))
    window = text[start + torch.arange(LENGTH + 1)]
    y, _ = stack(embed(window[:, :-1]), stack.initial_state(BATCH), mask)
    loss = F.cross_entropy(head(y).flatten(0, 1), window[:, 1:].flatten())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 50 == 0 or step == steps - 1:
        print(f"step {step}: {loss.item() / 0.6931:.2f} bits a byte")

# The prompt goes through the stack in one call; its state goes on in the compiled one, whose weights have 8 bits.
stack.eval()
prompt = text[:32]
one = torch.ones(1, 1, dtype=torch.bool)
with torch.no_grad():
    y, state = stack(embed(prompt)[None], stack.initial_state(1), torch.ones(1, 32, dtype=torch.bool))
    try:
        writer = DecodeStack(stack, threads=1, weights=torch.int8)
    except SsmphonyError:  # no compiler
        writer = stack
    written = prompt.tolist()
    for _ in range(100):
        written.append(int(torch.multinomial(head(y[0, -1]).softmax(-1), 1)))
        y, state = writer(embed(torch.tensor([[written[-1]]])), state, one)
print(bytes(written).decode(errors="replace"))
