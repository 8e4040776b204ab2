"""The instruments of LeWM TTS: voices of one size, mistakes at the end counted right, tables that say missed."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.lewm import engine, experiments, gpu, measures, report, tables, voice, voice_tables
from benchmarks.lewm.prompts import embedding
from benchmarks.lewm.random_voices import codec_of, model_of
from ssmphony.config import load_yaml
from ssmphony.data.dataset import Corpus
from ssmphony.data.manifest import read_manifest, write_manifest
from ssmphony.export.weights import write_weights
from ssmphony.text.registry import build_frontend
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Tokens, VoiceCard
from ssmphony.voice import Voice
from tests.lewm_voice import CODEC, MIXERS, MODEL, build_model
from tests.unit.training.corpus import write_corpus

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
    found = list(measures.ends(model, batch))
    assert [row["foreseen"] for row in found] == [foreseen] * 2
    if foreseen:
        assert all(row["share"] < measures.NEAR_END for row in found)


def test_rollout_ratio_is_of_the_clips_that_are_long_enough() -> None:
    clips = [{"rollout": {1: 1.0, 64: 3.0}}, {"rollout": {1: 9.0}}]
    drift = measures.rollout(clips)
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
    text = voice_tables.experiments(experiments.result_of(tmp_path, 3.0, 1))
    assert "| aligned | `flow` | 0.400 | – | 0.700 | 1.50 |" in text
    assert "| *recordings* |  | 0.300 | – | – | – |" in text
    assert len(experiments.WAYS) == 6


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Clips with a text, of the first speaker of the voice."""
    folder = write_corpus(tmp_path / "corpus", clips=2, speakers=("own",))
    write_manifest(folder, [replace(clip, text="नमस्ते दुनिया") for clip in read_manifest(folder)])
    (tmp_path / "ids.txt").write_text("clip-0\nclip-1\n", encoding="utf-8")
    return folder


def test_a_training_is_reported_at_any_moment(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From random weights: every figure of the page is there."""
    block = {"frontend": {"kind": "bytes"}, "model": {**MODEL, **MIXERS["mamba2"]}, "codec": CODEC}
    model, codec = build_model("mamba2"), VoiceConfig(**block).codec_settings().build()
    run = tmp_path / "run"
    run.mkdir()
    config = {"voice": block, "task": {"optimiser": {"max_steps": 10}}}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_weights(run / "weights.safetensors", {"model": model, "codec": codec})
    (tmp_path / "texts.txt").write_text("नमस्ते।\nदुनिया।\n", encoding="utf-8")
    monkeypatch.setattr(report, "OUT", tmp_path / "report.json")
    inputs = ["--corpus", str(corpus), "--ids", str(tmp_path / "ids.txt"), "--texts", str(tmp_path / "texts.txt")]
    report.main([str(run), *inputs, "--recogniser", str(tmp_path / "none"), "-o", str(tmp_path / "page")])
    assert "what a recogniser hears is left out" in capsys.readouterr().out
    result = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [clip["id"] for clip in result["clips"]] == ["clip-0", "clip-1"]
    assert result["ends"]["sentences"] == 2
    text = tables.report(result)
    assert "Means over 2 held-out sentences. No recogniser was available." in text
    assert {path.name for path in (tmp_path / "page").iterdir()} == {"attention.png", "rollout.png", "ways.png"}


def test_a_voice_is_measured(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of random weights in PyTorch: every way of speaking, the drift, and the ends of sentences."""
    data = load_yaml(CONFIGS / "latents.yaml")["voice"]
    settings = {**data["model"], "speakers": ["own"], "latents_per_token": 0.5, "extra_latents": 4}
    block = VoiceConfig(**{**data, "frontend": {"kind": "bytes"}, "model": settings})
    frontend, model, codec = build_frontend({"kind": "bytes"}), model_of(block), codec_of(block)
    spoken = Voice(frontend, model, codec, VoiceCard("tiny", "hi", speakers=("own",)))
    monkeypatch.setattr(voice, "judged", lambda rate, recogniser: {"seconds": lambda sound, clip: len(sound) / rate})
    (tmp_path / "texts.txt").write_text("नमस्ते।\n", encoding="utf-8")
    held_out = Corpus(path=str(corpus), only=str(tmp_path / "ids.txt"))
    parts = voice.Parts(model, codec, frontend.symbols)
    result = voice.measure(spoken, parts, held_out, 1, texts=tmp_path / "texts.txt")
    assert set(result["means"]) == {"recording", "reconstruct", "predict", "synthesize"}
    assert result["means"]["synthesize"]["mel_l1"] > 0
    assert result["rollout"]["errors"]
    assert result["ends"]["sentences"] == 1


def test_the_targets_of_a_voice_are_judged() -> None:
    means = {
        "recording": {"characters": 0.2, "distillmos": 4.4},
        "synthesize": {"characters": 0.3, "distillmos": 3.8, "mel_l1": 0.7},
    }
    machine = {"date": "", "cpu": "", "cores": 2, "load_before": 0}
    result = {
        "machine": machine,
        "means": means,
        "rollout": {"errors": {1: 0.5, 64: 0.9}, "ratio": 1.8},
        "clips": [{}],
        "ends": {"sentences": 1000, "never_foreseen": 0, "cut_off": 3, "per_1000": 3.0},
        "prompts": {"way": "speaker encoder", "own_first": 0.85, "trials": [{"own": 0.7}]},
        "speed": {"streams": {"1": 9.0, "64": 34.0}, "early_ms": 1.0, "late_ms": 1.02},
    }
    text = voice_tables.voice(result)
    assert "| character error of free speech relative to the recording's | ≤ 1.25 | 1.50 | missed |" in text
    assert "| DistillMOS of free speech | ≥ 3.7 | 3.80 | met |" in text
    assert "| mistakes at the end, of 1,000 sentences | ≤ 2 | 3.0 | missed |" in text
    assert "| own clip nearest, of ten | ≥ 80% | 85% | met |" in text
    assert "| many streams over one | ≥ 4 times | 3.8 times | missed |" in text
    assert "| a step after 5,000 latents relative to one after 10 | within 5 % | +2.0% | met |" in text
    assert "| spoken freely | 0.300 | 3.80 | 0.700 |" in text


def test_sections_are_stored_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "sizes_of", lambda config: {"mamba": 1})
    monkeypatch.setattr(engine, "packages", lambda *arguments: {})
    monkeypatch.setattr(engine, "measure_streams", lambda *arguments: [{"streams": 1}])
    monkeypatch.setattr(engine, "measure_torch", lambda *arguments: [{"batch": 1}])
    for section in ("engine", "torch"):
        engine.main(["--only", section, "--config", "small", "--output", str(tmp_path / "engine.json")])
    stored = json.loads((tmp_path / "engine.json").read_text(encoding="utf-8"))["small"]
    assert stored["engine"]["rows"] == [{"streams": 1}]
    assert stored["torch"]["rows"] == [{"batch": 1}]


def test_each_way_is_trained_exported_and_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[tuple[Any, ...]] = []

    def train(config: Path, settings: tuple[str, ...]) -> None:
        done.append(("train", config.name, settings[-3:]))
        (tmp_path / "out" / "free-mse").mkdir(parents=True)

    def export(command: str, run: Path, folder: Path, *options: object) -> None:
        done.append((command, run.name, folder.name))
        folder.mkdir()
        (folder / "voice.json").touch()

    means = {"recording": {}, "synthesize": {"mel_l1": 0.7}}
    monkeypatch.setattr(experiments.commands, "train", train)
    monkeypatch.setattr(experiments.commands, "run", export)
    monkeypatch.setattr(experiments, "load", lambda folder, threads: None)
    monkeypatch.setattr(experiments, "parts_of", lambda folder: None)
    monkeypatch.setattr(experiments, "measure", lambda *_: {"means": means, "rollout": {"ratio": None}})
    inputs = ["--config", "kokoro.yaml", "--codec", "codec", "--corpus", "corpus", "--ids", "ids.txt", "--steps", "3"]
    for _ in range(2):
        experiments.main([*inputs, "--set", "a=1", "--only", "free-mse", "-o", str(tmp_path / "out")])
    assert done == [
        ("train", "kokoro.yaml", ("task.optimiser.max_steps=3", "task.codec=codec", "a=1")),
        ("export", "free-mse", "free-mse.voice"),
    ]
    assert "| free | `mse` | – | – | 0.700 | – |" in capsys.readouterr().out
