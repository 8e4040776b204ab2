"""The instruments of Fish on state spaces: equal sizes, sums, counts, clones and tables that say missed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fish import clones, codec, experiments, growth, speech, tables
from benchmarks.fish.experiments import EVERY, FEW, SIZE
from ssmphony.data.manifest import Clip
from ssmphony.models.fish import FishConfig
from ssmphony.training.config import VoiceConfig


def test_what_is_compared_has_one_size() -> None:
    models = {name: growth.model_of(name) for name in growth.SYSTEMS}
    layers = [growth.layers_size(model) for model in models.values()]
    whole = [sum(part.numel() for part in model.parameters()) for model in models.values()]
    assert max(layers) <= 1.03 * min(layers)
    assert min(whole) >= 3e6
    assert max(whole) <= 5e6


def test_experiments_differ_from_the_base_in_one_thing_and_have_layers_of_one_size() -> None:
    assert len(EVERY) == 27
    assert len(FEW) == 7
    assert FEW[0] == "aligned-parallel-mamba2"
    sizes: list[int] = []
    for mixers in experiments.MIXERS.values():
        pairs = (setting.split("=", 1) for setting in (*SIZE, *mixers))
        block = {"kind": "fish", "speakers": ["own", "anyone"], **{key: _parsed(value) for key, value in pairs}}
        config: FishConfig = VoiceConfig(model=block).model_settings(50)
        sizes.append(growth.layers_size(config.build()))
    assert max(sizes) <= 1.03 * min(sizes)


def _parsed(value: str) -> object:
    import yaml

    return yaml.safe_load(value)


def test_total_time_adds_up_all_steps() -> None:
    assert growth.total_seconds({1: 0.5, 10: 0.5}, 10) == pytest.approx(5.0)
    assert growth.total_seconds({0: 0.0, 10: 1.0}, 11) == pytest.approx(5.5)


@pytest.mark.parametrize(("late", "word"), [(1.04, "met"), (1.2, "missed")])
def test_growth_is_judged(late: float, word: str) -> None:
    rows = [
        {"system": "mamba2", "way": "step", "frames": frames, "ms": ms, "total_s": 1.0, "bytes": 10}
        for frames, ms in ((10, 1.0), (10_000, late))
    ]
    text = tables.growth_targets({"rows": rows})
    assert f"| within 5 % | {late - 1:+.1%} | {word} |" in text
    assert "| constant | constant | met |" in text


def test_codebooks_that_are_used_evenly_have_all_their_bits() -> None:
    even, one = np.arange(8) % 4, np.zeros(8, np.int64)
    found = codec.codebook_use(np.stack([even, one], axis=1), (4, 4), 40.0)
    assert found["used"] == [1.0, 0.25]
    assert found["bits"] == pytest.approx([2.0, 0.0])
    assert found["kbit_s"] == pytest.approx(0.16)
    assert found["entropy_kbit_s"] == pytest.approx(0.08)


def test_losses_are_in_relation_to_the_recording() -> None:
    rows = [
        {"recording": {"distillmos": 4.0, "character_error": 0.2}, "copy": {"distillmos": 3.5, "character_error": 0.3}},
        {"recording": {"distillmos": 4.0}, "copy": {"distillmos": 3.7, "pesq_wb": 2.0}},
    ]
    found = codec.figures(rows)
    assert found["distillmos_loss"]["value"] == pytest.approx(0.4)
    assert found["character_error_ratio"]["value"] == pytest.approx(1.5)
    assert found["pesq_wb"]["value"] == 2.0
    assert found["stoi"] is None


def test_a_clone_is_nearest_to_its_own_prompt() -> None:
    one, other = [1.0, 0.0], [0.0, 1.0]
    rows = [
        {"speaker": "a", "prompt": one, "other": one, "copy": other, "spoken": one},
        {"speaker": "b", "prompt": other, "other": other, "copy": other, "spoken": one},  # spoke like somebody else
    ]
    found = clones.conclude(rows)
    assert found["own"]["value"] == pytest.approx(0.5)
    assert found["nearest"]["value"] == 0.5
    assert found["rank"]["value"] == 1.5
    assert (found["ceiling"]["value"], found["ceiling_nearest"]["value"]) == (pytest.approx(1.0), 1.0)
    assert found["copy_nearest"]["value"] == 0.5
    assert clones.conclude([{**row, "spoken": None} for row in rows])["nearest"]["value"] == 0.0


def test_readers_of_one_corpus_are_several_people() -> None:
    clips = [Clip(f"wavs-{person}-1-{k}", "a.flac", 4.0, "en", "en") for person in (103, 1034) for k in (0, 1)]
    assert list(clones.speakers_of(clips)) == ["103", "1034"]
    named = [Clip(f"{k}", "a.flac", 4.0, speaker, "hi") for speaker in ("a", "b") for k in (0, 1)]
    assert list(clones.speakers_of(named)) == ["a", "b"]


def test_free_speech_is_judged_by_the_copy_and_not_by_the_teacher() -> None:
    def said(wrong: int, mos: float) -> dict[str, object]:
        return {"characters": [wrong, 10], "phones": [wrong, 10], "faults": 0, "words": 5, "distillmos": mos}

    teacher = {"speaker": "a", "teacher": said(1, 4.5)}
    voice = {"copy": said(2, 4.0), "free": said(3, 3.5), "own_s": 2.0, "wanted_s": 1.0}
    found = speech.conclude([(teacher, voice)] * 3)
    assert list(found) == ["a", "all"]
    assert found["all"]["characters_ratio"]["value"] == pytest.approx(1.5)
    assert found["all"]["distillmos_loss"]["value"] == pytest.approx(0.5)
    assert found["all"]["pace"]["value"] == pytest.approx(2.0)
    result = {"date": "", "speakers": found, "robustness": {}, "clones": None, "speed": None}
    assert "| character error relative to the codec's copy | ≤ 1.3 | 1.50 ± 0.00 | missed |" in tables.speech(result)
