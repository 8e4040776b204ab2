"""The instruments of LeWM TTS: voices of one size, mistakes at the end counted right, tables that say missed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.lewm import engine, experiments, gpu, report, tables
from benchmarks.lewm.prompts import embedding
from ssmphony.config import load_yaml
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Tokens
from tests.lewm_voice import build_model

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "tiny"


@pytest.mark.parametrize("config", ["base", "small"])
def test_voices_have_one_size(config: str) -> None:
    sizes = engine.sizes_of(config).values()
    assert max(sizes) <= 1.02 * min(sizes)


@pytest.mark.parametrize(("bias", "foreseen"), [(-1e4, False), (1e4, True)])
def test_ends(bias: float, foreseen: bool) -> None:
    """A head that is never sure, and one that ends every sentence at once."""
    model = build_model("attention")  # which reaches nine tokens ahead
    nn.init.constant_(model.stop.bias, bias)
    batch = [Tokens(tuple(range(1, n)), ("x",) * (n - 1)) for n in (40, 30)]
    found = list(report.ends(model, batch))
    assert [row["foreseen"] for row in found] == [foreseen] * 2
    if foreseen:
        assert all(row["share"] < report.NEAR_END for row in found)


def test_rollout_ratio_is_of_the_clips_that_are_long_enough() -> None:
    clips = [{"rollout": {1: 1.0, 64: 3.0}}, {"rollout": {1: 9.0}}]
    drift = report.rollout(clips)
    assert drift["ratio"] == 3.0
    assert drift["errors"] == {1: 5.0, 64: 3.0}


def test_a_sound_is_nearest_to_itself_in_the_stand_in() -> None:
    time = np.arange(24_000) / 24_000
    random = np.random.default_rng(0)
    sounds = [np.sin(2 * np.pi * 120 * time), random.standard_normal(24_000), np.sign(np.sin(2 * np.pi * 300 * time))]
    sounds = [(0.2 * sound).astype(np.float32) for sound in sounds]
    _, embed = embedding(sounds, 24_000)
    known = np.stack([embed(sound) for sound in sounds])
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    assert (known @ known.T).argmax(1).tolist() == [0, 1, 2]


def test_targets_are_judged() -> None:
    rows = [
        {"way": "runtime", "mixer": mixer, "position": position, "ms": ms, "state_bytes": 1000}
        for mixer, position, ms in (("attention", 250, 2.0), ("mamba2", 10, 1.0), ("mamba2", 250, 1.04))
    ]
    part = {
        "rows": rows,
        "machine": {"date": "", "cpu": "", "cores": 2, "load_before": 0, "onnxruntime": "", "torch": ""},
    }
    text = tables.engine({"small": {"parameters": {"mamba2": 1}, "positions": part}})
    assert "| flat step, mamba2, runtime | within 5 % | 4.0% | met |" in text
    assert "| mamba2 over attention at 250, runtime | ≤ 1 | 0.52 | met |" in text


def test_the_text_in_reach_is_all_that_a_step_needs() -> None:
    """Cut out around the token, with the same result as a mask over the whole text."""
    model = build_model("attention")
    ids = torch.arange(1, 41)[None].repeat(3, 1)
    mask = torch.arange(40) < torch.tensor([40, 40, 9])[:, None]
    memory, token = model.read(ids, mask, torch.zeros(3, dtype=torch.long)), torch.tensor([0, 30, 8])
    latent, position = torch.randn(3, 8), torch.zeros(3, dtype=torch.long)
    keys = (memory.keys, memory.values)
    found = model.advance(latent, position, token, keys, memory.present, model.initial_layers(3))
    distance = torch.arange(40) - token[:, None]
    seen = memory.present & (distance >= -6) & (distance <= 9)
    every = torch.ones(3, 1, dtype=torch.bool)
    with torch.no_grad():
        wanted, _ = model.predict(latent[:, None], position, every, memory, seen[:, None], model.initial_layers(3))
    torch.testing.assert_close(found[0], wanted.latents[:, 0], atol=1e-5, rtol=1e-5)
    assert torch.equal(found[1], torch.maximum(token, wanted.attention[:, 0].argmax(-1)))


def test_the_gpu_is_measured_in_both_types_until_its_time_is_over() -> None:
    """At tiny size, on the processor."""
    voice = {**load_yaml(CONFIGS / "latents.yaml")["voice"]}
    voice["model"] = {**voice["model"], "max_seq": 256, "latents_per_token": 0.1, "extra_latents": 2}
    rows = gpu.measure(VoiceConfig(**voice), "cpu", (2,), time.monotonic() + 600)
    assert [(row["type"], row["batch"]) for row in rows] == [("float32", 2), ("bfloat16", 2)]
    assert all(row["realtime"] > 0 for row in rows)
    assert gpu.measure(VoiceConfig(**voice), "cpu", (2,), time.monotonic()) == []


def test_the_table_has_a_row_for_each_way_that_was_measured(tmp_path: Path) -> None:
    means = {"recording": {"characters": 0.3}, "synthesize": {"characters": 0.4, "mel_l1": 0.7}}
    (tmp_path / "aligned-flow.json").write_text(json.dumps({"means": means, "rollout": {"ratio": 1.5}}))
    assert experiments.rows_of(tmp_path) == [["aligned", "flow", "0.400", "0.300", "–", "0.700", "1.500"]]
    assert len(experiments.WAYS) == 6
