"""A system from outside: everything of it is defined in `examples/05_new_system.py`, with one entry in each registry.

If it needs an edit under `src/`, the design has cracked.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import ssmphony
from ssmphony.engine import Engine
from ssmphony.evaluation import run
from ssmphony.evaluation.models import loading
from ssmphony.nn import StackConfig
from ssmphony.voice import Voice
from tests.contract import contract
from tests.unit.server.running import SPEECH, serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "05_new_system.py"
TEXT = "mika tutu\nnapi\n"


@pytest.fixture(scope="module")
def outsider() -> Iterator[ModuleType]:
    """The example, with its entries in the registries."""
    spec = importlib.util.spec_from_file_location("new_system", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        for registry, kind, config in module.ENTRIES:
            patch.setitem(registry, kind, config)
        yield module


@pytest.fixture(scope="module")
def folder(outsider: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, prepared; two steps of training; and the exported voice."""
    home = tmp_path_factory.mktemp("outsider")
    outsider.main(home, steps=2)
    assert (home / "new_system.wav").exists()
    return home


@pytest.fixture(scope="module")
def voice(folder: Path) -> Voice:
    return ssmphony.load(folder / "voice", threads=1)


def test_each_part_is_one_entry(outsider: ModuleType) -> None:
    assert len({id(registry) for registry, _, _ in outsider.ENTRIES}) == len(outsider.ENTRIES) == 5


def test_the_layer_keeps_the_contract(outsider: ModuleType) -> None:
    torch.manual_seed(0)
    layer = outsider.AverageConfig(d_model=4).build().eval()
    stack = StackConfig.model_validate({"d_model": 4, "n_layers": 2, "mixers": ["average", "s4d"], "d_ffn": 6})
    for module in (layer, stack.build().eval()):
        stream = contract.layer_stream(module, 4)
        contract.check_causality(stream)
        with torch.no_grad():
            contract.check_chunkings(stream)
            contract.check_batch_and_padding(stream)
            contract.check_slots(stream)
        contract.check_resets(module, 4)


def test_the_codec_keeps_the_contract(outsider: ModuleType) -> None:
    codec = outsider.CosineConfig.tiny()[""].build().eval()
    stream = contract.codec_stream(codec, codec.grid.channels)
    contract.check_causality(stream)
    with torch.no_grad():
        contract.check_chunkings(stream)
        contract.check_batch_and_padding(stream)
    assert codec.encode(torch.zeros(2, 250)).shape == (2, 1 + 250 // codec.grid.hop_length, codec.grid.channels)


def test_the_model_keeps_the_contract(outsider: ModuleType) -> None:
    torch.manual_seed(0)
    model = outsider.LettersToFramesConfig.tiny(12)[""].build().eval()
    stream = contract.model_stream(model)
    contract.check_causality(stream)
    with torch.no_grad():
        contract.check_chunkings(stream)
        contract.check_batch_and_padding(stream)


@pytest.mark.integration
def test_its_voice_speaks_streams_and_resumes(voice: Voice) -> None:
    whole = voice.say(TEXT)
    assert [word.text for word in whole.words] == ["mika", "tutu", "napi"]
    assert whole.seconds > 0.3
    chunks = [chunk.samples for chunk in voice.stream(iter(("mika tu", "tu\nna", "pi\n")))]
    assert len(chunks) > 2
    np.testing.assert_allclose(np.concatenate(chunks), whole.samples, atol=1e-6)
    quick = voice.say(TEXT, speed=2.0)
    assert 0.4 < quick.seconds / whole.seconds < 0.7
    with Engine(voice, buffer_s=0.2) as engine:
        stream = engine.stream(TEXT)
        first = [next(stream).samples]
        saved = stream.snapshot()
        first += [chunk.samples for chunk in stream]  # made before the snapshot
        rest = [chunk.samples for chunk in engine.resume(saved)]
    np.testing.assert_allclose(np.concatenate([*first, *rest]), whole.samples, atol=1e-6)
    assert rest


@pytest.mark.integration
def test_its_voice_is_served(voice: Voice) -> None:
    with serving(voice) as server:
        body = json.dumps({"model": "ssmphony", "voice": voice.card.name, "input": TEXT, "response_format": "pcm"})
        answer = server.ask("POST", SPEECH, body)
    assert answer.status == 200
    assert abs(len(answer.body) // 2 - len(voice.say(TEXT).samples)) <= 1


@pytest.mark.integration
def test_its_voice_is_evaluated(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MODELS", {})
    plan = run.Plan(str(folder / "voice"), tmp_path / "report", folder / "prepared", quick=True, workers=1)
    (voice,) = run.evaluate(plan)["voices"]
    assert voice["clips"]
    assert all({"recording", "free"} <= set(clip["conditions"]) for clip in voice["clips"])
    assert (tmp_path / "report" / "index.html").stat().st_size > 1000
