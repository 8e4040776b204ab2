"""The contract of systems without text, on a toy: noise through a recurrence, by seed and absolute position."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ssmphony.config import VoiceBlock, parse
from ssmphony.interfaces import Generator
from ssmphony.sampling import seeded_noise
from ssmphony.state import gather, scatter
from ssmphony.types import SsmphonyError, Style
from ssmphony.voices.manifest import read_manifest, write_manifest
from ssmphony.voices.package import load

CHANNELS = 3


class HumState(NamedTuple):
    seed: np.ndarray
    position: np.ndarray
    level: np.ndarray


class Hum(Generator):
    def __init__(self, block: int) -> None:
        self.block = block

    def begin(self, styles: Sequence[Style]) -> HumState:
        seeds = np.array([style.seed for style in styles], np.int64)
        return HumState(seeds, np.zeros(len(seeds), np.int64), np.zeros((len(seeds), CHANNELS), np.float32))

    def step(self, state: HumState) -> tuple[np.ndarray, HumState]:
        seed, position, level = state
        frames: list[np.ndarray] = []
        for _ in range(self.block):
            level = np.float32(0.9) * level + seeded_noise(seed.tolist(), position.tolist(), CHANNELS)
            position = position + 1
            frames.append(level)
        return np.stack(frames, axis=1), HumState(seed, position, level)


STYLES = (Style(seed=3), Style(seed=4))


def generate(generator: Generator, state: HumState, frames: int) -> np.ndarray:
    made: list[np.ndarray] = []
    while sum(part.shape[1] for part in made) < frames:
        part, state = generator.step(state)
        made.append(part)
    return np.concatenate(made, axis=1)[:, :frames]


@pytest.mark.parametrize("block", [1, 3, 16])
def test_blocks_and_batches_change_nothing(block: int) -> None:
    expected = generate(Hum(7), Hum(7).begin(STYLES), 40)
    np.testing.assert_array_equal(generate(Hum(block), Hum(block).begin(STYLES), 40), expected)
    for row, style in enumerate(STYLES):
        np.testing.assert_array_equal(generate(Hum(block), Hum(block).begin([style]), 40)[0], expected[row])


def test_state_is_a_value() -> None:
    generator = Hum(5)
    _, state = generator.step(generator.begin(STYLES))
    rows = scatter(state, [generator.begin([style]) for style in STYLES])
    expected = generate(generator, state, 20)
    np.testing.assert_array_equal(generate(generator, gather(rows), 20), expected)
    np.testing.assert_array_equal(generate(generator, state, 20), expected)


def test_a_voice_block_needs_no_frontend_and_reads_no_text_then(tiny_voice_folder: Path, tmp_path: Path) -> None:
    assert parse(VoiceBlock, {"model": {"kind": "hum"}, "codec": {"kind": "griffin_lim"}}).frontend == {}
    manifest = read_manifest(tiny_voice_folder)
    block = manifest.voice.model_copy(update={"frontend": {}})
    write_manifest(tmp_path, manifest.model_copy(update={"voice": block}))
    with pytest.raises(SsmphonyError, match="a generator without a frontend, it reads no text"):
        load(tmp_path)
