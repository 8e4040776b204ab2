"""What judges raw audio, on runs that were never trained: copies, samples of a prior, the report's method, SaShiMi."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from benchmarks import players
from benchmarks.autoencoders import __main__ as autoencoders
from benchmarks.autoencoders import codecs, legacy, page
from benchmarks.autoencoders import tables as autoencoder_tables
from benchmarks.machine import ROOT
from benchmarks.sashimi import __main__ as sashimi
from benchmarks.sashimi import tables as sashimi_tables
from ssmphony.codecs.s4d_autoencoder import S4DAutoencoderConfig
from ssmphony.codecs.s4d_legacy import LegacyAutoencoder, LegacyVae
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.evaluation.metrics.fidelity import si_sdr
from ssmphony.evaluation.models.digits import train_classifier
from ssmphony.evaluation.models.loading import Models
from ssmphony.export.weights import Part, write_weights
from ssmphony.models.sample_models import SAMPLE_MODELS
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus


def write_run(folder: Path, part: Part, module: nn.Module, config: Mapping[str, Any]) -> Path:
    """A training's folder that has the weights of a voice."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"run": {"out": str(folder)}, **config}), encoding="utf-8")
    write_weights(folder / "weights.safetensors", {part: module})
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("sound") / "tiny", clips=16)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    torch.manual_seed(0)
    found: list[Path] = []
    for form in ("", "vae", "fsq"):
        config = S4DAutoencoderConfig.tiny()[form]
        voice = {"codec": config.model_dump(mode="json")}
        name = form or "none"
        found.append(write_run(tmp_path / name, "codec", config.build(), {"voice": voice, "task": {"kind": "codec"}}))
    return found


def test_copies_and_samples_of_the_prior_are_reported_apart(
    corpus: Path, runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(autoencoders, "load_models", lambda: Models({}, {}))
    named = [*map(str, runs), "--data", f"speech={corpus}", "--count", "10", "--seconds", "0.5"]
    named += ["--cache", str(tmp_path / "cache")]
    autoencoders.main(named)
    result = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(autoencoders, "judge", lambda *_: pytest.fail("judged again"))
    autoencoders.main(named)
    assert json.loads(capsys.readouterr().out) == result
    assert list(result["features"]) == ["mel"]
    assert set(result["left_out"]) == {"speaker", "recogniser", "distillmos"}
    rows = {row["name"]: row for row in result["runs"]}
    assert [bool(rows[name]["generation"]) for name in ("none", "vae", "fsq")] == [False, True, False]
    assert rows["none"]["numbers_per_second"] == rows["vae"]["numbers_per_second"] == 1000 * 5
    assert rows["fsq"]["bits_per_second"] == pytest.approx(1000 * 2 * math.log2(12))
    for row in rows.values():
        found = row["reconstruction"]["speech"]
        assert found["FD"]["mel"]["distance"] > result["floor"]["speech"]["mel"]["distance"]
        assert found["mel_l1"]["low"] <= found["mel_l1"]["mean"] <= found["mel_l1"]["high"]
    text = autoencoder_tables.reconstruction(result)
    assert "Equal compression, and so to be compared: none, vae." in text
    assert "| vae | 5,000 | 160 |" in text
    generated = autoencoder_tables.generation(result)
    assert "| vae |" in generated
    assert "| none |" not in generated
    assert "*recordings, half against half*" in generated
    assert autoencoder_tables.legacy(result) == "Not measured yet."


def test_a_perfect_copy_is_perfect() -> None:
    sound = np.sin(np.arange(16_000) / 20.0).astype(np.float32)
    found = autoencoders.fidelity([sound], [sound], {})
    assert found["mel_l1"]["mean"] == found["mr_stft"]["mean"] == found["log_f0_rmse"]["mean"] == 0.0
    assert found["si_sdr"]["mean"] > 100.0


def test_si_sdr_is_the_ratio_of_the_copy_to_its_noise() -> None:
    random = np.random.default_rng(0)
    sound, noise = random.standard_normal((2, 100_000)).astype(np.float32)
    assert si_sdr(sound, sound + 0.1 * noise) == pytest.approx(20.0, abs=0.1)
    assert si_sdr(sound, 7.0 * (sound + 0.1 * noise)) == pytest.approx(20.0, abs=0.1)
    assert np.isnan(si_sdr(sound, np.zeros_like(sound)))


def test_recordings_are_named(corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match="NAME=PREPARED"):
        autoencoders.recordings(["speech"], 4)
    found = autoencoders.recordings([f"speech={corpus}"], 4)
    assert len(found["speech"]) == 4


def test_the_method_of_the_report_is_one_row(corpus: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    found: list[Path] = []
    for name, network in (("autoencoder", LegacyAutoencoder(2_000)), ("vae", LegacyVae(2_000))):
        task = {"kind": "s4d_legacy", "network": name, "length": 2_000, "sources": [{"path": str(corpus)}]}
        config = {"task": {**task, "validation": [{"path": str(corpus)}]}}
        found.append(write_run(tmp_path / name, "model", network, config))
    result = legacy.measure(found[0], found[1])
    rows = {row["what"]: row for row in result["rows"] if row["of"] == "held-out"}
    assert rows["S4D autoencoder"]["lowest"] > -0.1701
    assert rows["the recording without its negative half-waves"]["energy below 0"] == 0.0
    assert rows["VAE"]["clips"] == 20
    text = autoencoder_tables.legacy({"legacy": result})
    assert "| S4D autoencoder | held-out, 20 | 20.76 |" in text
    assert autoencoder_tables.reconstruction({"runs": []}) == autoencoder_tables.UNMEASURED
    assert "| white noise as loud as the recording | training, 20 | – |" in text
    with pytest.raises(SsmphonyError, match="the training of the autoencoder first"):
        legacy.measure(found[1], found[0])


def test_sounds_and_pictures_are_small(corpus: Path, runs: list[Path], tmp_path: Path) -> None:
    loaded = [codecs.load(path) for path in runs]
    data = autoencoders.recordings([f"speech={corpus}"], 1)
    found = page.write(loaded, data, tmp_path / "page")
    assert [one["title"] for one in found] == ["copies of speech", "samples of the prior"]
    assert list(found[0]["files"]) == ["recording", "none", "vae", "fsq"]
    assert list(found[1]["files"]) == ["vae"]
    text = players.players(found)
    for one in found:
        for file in (*one["files"].values(), one["picture"]):
            assert (tmp_path / file).stat().st_size < players.PICTURE_BYTES
            assert file in text


def test_the_codec_of_a_voice_copies(corpus: Path) -> None:
    run = codecs.load(ROOT / "voices" / "fish")
    (sound,) = autoencoders.recordings([f"speech={corpus}"], 1)["speech"]
    (copy,) = codecs.copies(run, [sound])
    assert copy.shape == sound.shape
    assert np.isfinite(copy).all()
    assert run.prior is None
    assert run.compression["bits_per_second"] == pytest.approx(40 * sum(map(math.log2, run.grid.codebooks)))


@pytest.mark.integration
def test_sashimi_is_judged_on_clips_of_two_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """High and low tones of three speakers: the classifier tells them apart, and every figure of the page is there."""
    corpus = tmp_path / "tones"
    (corpus / "audio").mkdir(parents=True)
    rows: list[Clip] = []
    for number in range(48):
        text, speaker = ("low", "high")[number % 2], ("a", "b", "c")[number // 2 % 3]
        hertz = (200.0, 1_500.0)[number % 2] * (1.0 + number / 200.0)
        soundfile.write(
            corpus / "audio" / f"{number}.flac", 0.5 * np.sin(hertz * np.arange(1_600) * math.tau / 8_000), 8_000
        )
        rows.append(Clip(str(number), f"audio/{number}.flac", 0.2, speaker, "und", text=text))
    write_manifest(corpus, rows)
    layer = [{"kind": "s4d", "d_state": 4}]
    model = {
        "kind": "sashimi",
        "d_model": 4,
        "n_layers": 1,
        "mixers": layer,
        "center": layer,
        "classes": ["low", "high"],
    }
    settings = SAMPLE_MODELS["sashimi"].model_validate(model)
    task = {"kind": "samples", "model": model, "sources": [{"path": str(corpus)}], "held_out": ["c"], "longest_s": 0.2}
    run = write_run(tmp_path / "tiny", "model", settings.build(), {"task": task})
    monkeypatch.setattr(sashimi, "OUTPUT", tmp_path / "page")
    monkeypatch.setattr(sashimi, "RESULT", tmp_path / "sashimi.json")
    monkeypatch.setattr(sashimi, "LONG_S", 1.0)
    monkeypatch.setattr(sashimi, "train_classifier", partial(train_classifier, steps=150))
    monkeypatch.setattr("benchmarks.update_docs.update", lambda: None)
    sashimi.main([str(run), "--count", "16", "--write"])
    capsys.readouterr()
    result = json.loads((tmp_path / "sashimi.json").read_text(encoding="utf-8"))
    (row,) = result["rows"]
    assert row["run"] == "tiny"
    assert row["real"]["accuracy"] > 0.97
    assert row["bits"] == pytest.approx(8.0, abs=1.5)
    assert 0.0 < row["unigram_bits"] <= 8.0
    assert row["conditional"]["accuracy"] is not None
    assert row["unconditional"]["accuracy"] is None
    assert row["speed"]["rows"] == sashimi.SPEED_ROWS
    assert len(row["long"]["rms"]) == 1
    assert "| SaShiMi on SC09, published | 4.1 | 1.891 |" in sashimi_tables.likelihood(result)
    assert "| 16 of tiny, conditional |" in sashimi_tables.generation(result)
    assert "| *real clips, held out* | 100.0% |" in sashimi_tables.generation(result)
    assert "32 sounds at once" in sashimi_tables.speed(result)
    assert "each-class-in-turn-tiny.opus" in sashimi_tables.sounds(result)
