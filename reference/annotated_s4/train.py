"""Two small models on the spoken digits, as the demos of the paper: one hears a digit, one speaks it.

    python -m reference.annotated_s4.train classifier DIGITS [--steps 700]
    python -m reference.annotated_s4.train generator DIGITS [--steps 300]

DIGITS is a folder of files ``digit_speaker_take.wav``. Writes benchmarks/results/textbook_NAME.json (figures and
curves) and, for the generator, the sound itself in that file. Weights are not kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from reference.annotated_s4.digits import Clip, from_mu_law, halve, log_bands, mu_law, read_digits
from reference.annotated_s4.network import (
    Weights,
    adam,
    cosine,
    initial_state,
    network,
    run_batch,
    step_network,
    stepping,
)

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
Batch = tuple[Any, ...]
Loss = Callable[..., Array]


def batches(arrays: Batch, size: int, seed: int = 0) -> Iterator[Batch]:
    """Rows in a new order each time round, for ever."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(arrays[0]))
        for start in range(0, len(order) - size + 1, size):
            yield tuple(array[order[start : start + size]] for array in arrays)


def train(weights: Weights, loss: Loss, data: Iterator[Batch], steps: int, rate: float) -> tuple[Weights, list[float]]:
    """The trained weights, and the loss of every step."""

    @jax.jit
    def step(weights: Weights, moments: Any, k: Array, batch: Batch) -> Any:
        value, gradient = jax.value_and_grad(loss)(weights, *batch)
        return value, *adam(weights, gradient, moments, k, cosine(k, steps, rate))

    moments = (jax.tree.map(jnp.zeros_like, weights),) * 2
    losses: list[float] = []
    for k, batch in zip(range(1, steps + 1), data, strict=False):
        value, weights, moments = step(weights, moments, jnp.asarray(float(k)), batch)
        losses.append(float(value))
        if k % 50 == 0:
            print(f"step {k} of {steps}: loss {np.mean(losses[-50:]):.4f}", flush=True)
    return weights, losses


def count(weights: Weights) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(weights))


# ## Hearing
#
# A second of speech as 124 frames of 32 band energies; the mean of the network's outputs over time votes for a digit.

FRAMES = 124


def heard(clips: list[Clip]) -> Batch:
    features = np.stack([log_bands(clip.samples, FRAMES) for clip in clips])
    return (features + 4) / 3, np.array([clip.digit for clip in clips])


def vote(weights: Weights, features: Array) -> Array:
    """(batch, FRAMES, bands) → log probabilities (batch, 10)."""
    return jax.nn.log_softmax(run_batch(weights, features).mean(1))


def classifier_loss(weights: Weights, features: Array, digits: Array) -> Array:
    return -jnp.mean(jnp.take_along_axis(vote(weights, features), digits[:, None], 1))


def classifier(folder: Path, steps: int) -> dict[str, Any]:
    training, test = read_digits(folder)
    weights = network(0, 32, 10, H=32, N=16, layers=3)
    weights, losses = train(weights, classifier_loss, batches(heard(training), 32), steps, 5e-3)
    guesses = jax.jit(vote)

    def confusion(clips: list[Clip]) -> np.ndarray:
        features, digits = heard(clips)
        table = np.zeros((10, 10), int)
        for start in range(0, len(clips), 100):
            guess = np.argmax(guesses(weights, features[start : start + 100]), -1)
            np.add.at(table, (digits[start : start + 100], guess), 1)
        return table

    table, seen = confusion(test), confusion(training)
    return {
        "parameters": count(weights),
        "training_clips": len(training),
        "test_clips": len(test),
        "steps": len(losses),
        "batch": 32,
        "accuracy": float(np.trace(table) / table.sum()),
        "training_accuracy": float(np.trace(seen) / seen.sum()),
        "confusion": table.tolist(),
        "loss": losses,
    }


# ## Speaking
#
# At 4 kHz a digit has about 1,700 samples. The input of a step is the sample before (one of 64 levels) and the digit;
# the output is a distribution over the next sample. Behind its end a clip is silent, and only a fifth of a second of
# that silence counts in the loss.

LEVELS = 64
LENGTH = 2048
SPEAKING_RATE = 4000


def spoken(clips: list[Clip]) -> Batch:
    """Codes (clips, LENGTH), digits (clips,), and how many samples count (clips,)."""
    codes = np.full((len(clips), LENGTH), LEVELS // 2)
    ends = np.zeros(len(clips), int)
    for row, clip in enumerate(clips):
        found = mu_law(halve(clip.samples), LEVELS)[:LENGTH]
        codes[row, : len(found)] = found
        ends[row] = min(LENGTH, len(found) + SPEAKING_RATE // 5)
    return codes, np.array([clip.digit for clip in clips]), ends


def inputs_of(previous: Array, digit: Array) -> Array:
    """One-hot codes next to one-hot digits: (…,) and (…,) → (…, LEVELS + 10)."""
    return jnp.concatenate([jax.nn.one_hot(previous, LEVELS), jax.nn.one_hot(digit, 10)], -1) * 4


def generator_loss(weights: Weights, codes: Array, digits: Array, ends: Array) -> Array:
    """Mean negative log likelihood of a sample, in nats."""
    previous = jnp.pad(codes[:, :-1], ((0, 0), (1, 0)), constant_values=LEVELS // 2)
    logits = run_batch(weights, inputs_of(previous, jnp.broadcast_to(digits[:, None], codes.shape)))
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), codes[..., None], -1)[..., 0]
    counts = jnp.arange(LENGTH) < ends[:, None]
    return jnp.sum(losses * counts) / jnp.sum(counts)


@jax.jit
def speak(weights: Weights, C: list[Array], digit: Array, seed: Array) -> Array:
    """Codes (LENGTH,) drawn one after the other, each step in O(N) a channel from the state alone."""

    def step(carry: Any, key: Array) -> Any:
        state, previous = carry
        logits, state = step_network(weights, C, inputs_of(previous, digit), state)
        code = jax.random.categorical(key, logits / 0.9)
        return (state, code), code

    start = (initial_state(weights), jnp.asarray(LEVELS // 2))
    return jax.lax.scan(step, start, jax.random.split(jax.random.PRNGKey(seed), LENGTH))[1]


def unigram_bits(training: Batch, test: Batch) -> float:
    """Bits a sample of a model that knows only how often each level occurs."""

    def counted(codes: np.ndarray, _: Any, ends: np.ndarray) -> np.ndarray:
        return np.bincount(codes[np.arange(LENGTH) < ends[:, None]], minlength=LEVELS)

    known, met = counted(*training) + 1, counted(*test)
    return float(-(met / met.sum()) @ np.log2(known / known.sum()))


def generator(folder: Path, steps: int) -> dict[str, Any]:
    training, test = (spoken(clips) for clips in read_digits(folder))
    weights = network(0, LEVELS + 10, LEVELS, H=32, N=16, layers=2)
    weights, losses = train(weights, generator_loss, batches(training, 4), steps, 8e-3)
    loss = jax.jit(generator_loss)
    parts = [tuple(array[start : start + 20] for array in test) for start in range(0, len(test[0]), 20)]
    weighed = [(float(loss(weights, *part)), part[2].sum()) for part in parts]
    C = jax.jit(stepping, static_argnums=1)(weights, LENGTH)
    digits = (3, 6, 7)
    start = time.perf_counter()
    sounds = [from_mu_law(np.asarray(speak(weights, C, jnp.asarray(d), jnp.asarray(d))), LEVELS) for d in digits]
    seconds = time.perf_counter() - start
    recorded = [from_mu_law(test[0][list(test[1]).index(d)], LEVELS) for d in digits]
    return {
        "parameters": count(weights),
        "training_clips": len(training[0]),
        "test_clips": len(test[0]),
        "steps": len(losses),
        "batch": 4,
        "levels": LEVELS,
        "rate": SPEAKING_RATE,
        "bits": float(np.average([b for b, _ in weighed], weights=[n for _, n in weighed]) / np.log(2)),
        "unigram_bits": unigram_bits(training, test),
        "sampling_s_per_s": seconds / (len(digits) * LENGTH / SPEAKING_RATE),
        "digits": digits,
        "generated": [np.round(sound, 4).tolist() for sound in sounds],
        "recorded": [np.round(sound, 4).tolist() for sound in recorded],
        "loss": losses,
    }


MODELS = {"classifier": (classifier, 700), "generator": (generator, 300)}
"""Name → how to make it, and the steps that take about five minutes on one core."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("digits", type=Path)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    start = time.perf_counter()
    build, steps = MODELS[arguments.model]
    result = build(arguments.digits, arguments.steps or steps)
    result = {"date": date.today().isoformat(), "minutes": round((time.perf_counter() - start) / 60, 1), **result}
    result["loss"] = [round(value, 4) for value in result["loss"]]
    (RESULTS / f"textbook_{arguments.model}.json").write_text(json.dumps(result) + "\n", encoding="utf-8")
    print({name: value for name, value in result.items() if not isinstance(value, list)})


if __name__ == "__main__":
    main()
