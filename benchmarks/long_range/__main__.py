"""Remember across a silence: what S4 learns and a GRU of the same size does not.

    python -m benchmarks.long_range [--out FOLDER] [--distances 10 50 150]

Four symbols, one of eight each, are presented for ten steps each. Then comes a silence of ``distance`` steps, and after
its last step all four are to be named. Who forgot them is right one time in eight. (The idea is that of the copying
task, Hochreiter and Schmidhuber 1997; here a symbol lasts as long as a phoneme in frames.)

All models see the same batches for as many steps, with the same optimiser, at each of the same learning rates. Writes
``long_range.json`` (every run), ``long_range.md`` (the table) and ``long_range.png`` (the curve) into FOLDER. Needs
``pip install ".[train]"`` in a checkout.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.long_range.report import draw, table
from benchmarks.machine import write_json
from ssmphony.nn import StackConfig, parameter_groups

SYMBOLS, COUNT, HOLD = 8, 4, 10
SILENCE = SYMBOLS
DISTANCES = (10, 50, 150)
RATES = (3e-3, 1e-2)
SEEDS = (0, 1)
TEST_SEED = 1000
STEPS, BATCH, TEST_ROWS = 100, 16, 512

Row = dict[str, Any]


def batches(distance: int, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For ever: codes (size, COUNT * HOLD + distance), and the symbols (size, COUNT) to be named."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        symbols = torch.randint(SYMBOLS, (size, COUNT), generator=generator)
        silence = torch.full((size, distance), SILENCE)
        yield torch.cat([symbols.repeat_interleave(HOLD, 1), silence], 1), symbols


class Recall(nn.Module):
    """Embedding, a sequence model, and a linear map of its last output. Silence is embedded as zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, width, padding_idx=SILENCE)
        self.head = nn.Linear(width, COUNT * SYMBOLS)

    def forward(self, codes: Tensor) -> Tensor:
        """(batch, time) → scores (batch, COUNT, SYMBOLS)."""
        return self.head(self.sequence(self.embedding(codes))[:, -1]).unflatten(-1, (COUNT, SYMBOLS))

    def sequence(self, x: Tensor) -> Tensor:
        """(batch, time, width) → (batch, time, width)."""
        raise NotImplementedError


class S4(Recall):
    """Two S4 blocks with default settings."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(width)
        self.stack = StackConfig(d_model=width, n_layers=2, mixers=("s4",)).build()

    def sequence(self, x: Tensor) -> Tensor:
        batch, time, _ = x.shape
        y, _ = self.stack(x, self.stack.initial_state(batch), torch.ones(batch, time, dtype=torch.bool))
        return y


class GRU(Recall):
    """Two layers of PyTorch's GRU.

    With ``memory`` > 1 its update gates start open (chrono initialisation, Tallec and Ollivier 2018, arXiv
    1804.11188): the units forget over times between one step and ``memory`` steps, where PyTorch's forget half a step.
    """

    def __init__(self, width: int, memory: int = 1) -> None:
        super().__init__(width)
        self.gru = nn.GRU(width, width, num_layers=2, batch_first=True)
        if memory > 1:
            for bias in (self.gru.bias_ih_l0, self.gru.bias_ih_l1):
                nn.init.uniform_(bias.data[width : 2 * width], 1.0, memory).log_()

    def sequence(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def equal_width() -> int:
    """The smallest width at which the GRU has no fewer parameters than S4."""
    size, width = parameters(S4()), 1
    while parameters(GRU(width)) < size:
        width += 1
    return width


def models(distance: int) -> dict[str, Any]:
    """The functions that build each model for a distance."""
    width = equal_width()
    return {
        "S4": S4,
        "GRU": lambda: GRU(width),
        "GRU, gates open": lambda: GRU(width, memory=distance + COUNT * HOLD),
    }


def train(model: nn.Module, distance: int, rate: float, steps: int, seed: int) -> list[float]:
    """The loss of every step, in nats per symbol."""
    optimiser = torch.optim.AdamW(parameter_groups(model, rate, weight_decay=0.0))
    highest = [group["lr"] for group in optimiser.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, highest, total_steps=steps, pct_start=0.1)
    losses: list[float] = []
    for _, (codes, symbols) in zip(range(steps), batches(distance, BATCH, seed), strict=False):
        loss = F.cross_entropy(model(codes).flatten(0, 1), symbols.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def accuracy(model: nn.Module, distance: int) -> float:
    """The share of symbols named correctly, in rows drawn independently of the training."""
    codes, symbols = next(batches(distance, TEST_ROWS, seed=TEST_SEED))
    with torch.no_grad():
        return (model(codes).argmax(-1) == symbols).float().mean().item()


def run(name: str, distance: int, rate: float, seed: int, steps: int) -> Row:
    torch.manual_seed(seed)
    model, start = models(distance)[name](), time.perf_counter()
    losses = train(model, distance, rate, steps, seed)
    return {
        "model": name,
        "distance": distance,
        "rate": rate,
        "seed": seed,
        "parameters": parameters(model),
        "accuracy": accuracy(model, distance),
        "seconds": time.perf_counter() - start,
        "loss": losses,
    }


def compare(distances: Sequence[int], rates: Sequence[float], seeds: Sequence[int], steps: int) -> Row:
    """Every model at every distance, rate and seed."""
    start, runs = time.perf_counter(), list[Row]()
    for seed in seeds:
        for distance in distances:
            for rate in rates:
                for name in models(distance):
                    runs.append(run(name, distance, rate, seed, steps))
                    print(
                        f"{name}, distance {distance}, rate {rate}, seed {seed}: {runs[-1]['accuracy']:.3f} "
                        f"in {runs[-1]['seconds']:.0f} s",
                        flush=True,
                    )
    return {
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "minutes": (time.perf_counter() - start) / 60,
        "chance": 1 / SYMBOLS,
        "steps": steps,
        "batch": BATCH,
        "test_rows": TEST_ROWS,
        "rates": list(rates),
        "seeds": len(seeds),
        "runs": runs,
    }


def write(result: Row, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(result, folder / "long_range.json")
    (folder / "long_range.md").write_text(table(result) + "\n", encoding="utf-8")
    draw(result, folder / "long_range.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("long_range"), metavar="FOLDER")
    parser.add_argument("--distances", type=int, nargs="+", default=DISTANCES)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    result = compare(arguments.distances, RATES, SEEDS, arguments.steps)
    write(result, arguments.out)
    print(table(result))


if __name__ == "__main__":
    main()
