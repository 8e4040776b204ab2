"""FishSSM: saved and read, spoken whole and in chunks, tuned with PEFT, and begun with public weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.codecs import CODECS
from ssmphony.config import VoiceBlock
from ssmphony.export.fish_ssm import FishSSM, load_public_weights
from ssmphony.models.fish import FishConfig
from ssmphony.types import SsmphonyError, Style

TEXT = "नमस्ते।"


def block(**model: Any) -> VoiceBlock:
    form = FishConfig.tiny(9)["cross"].model_dump(exclude={"n_symbols"}, mode="json")
    codec = CODECS["fsq"].tiny()[""].model_dump(mode="json")
    settings = {**form, "codebooks": [12, 12, 12], "frame": "depth", "max_seq": 96, "extra_frames": 4, **model}
    return VoiceBlock(frontend={"kind": "bytes"}, model={**settings, "frames_per_token": 0.5}, codec=codec)


@pytest.fixture
def fish() -> FishSSM:
    torch.manual_seed(0)
    made = FishSSM(block()).eval()
    torch.nn.init.constant_(made.model.stop.bias, -20.0)  # type: ignore[union-attr]
    for table in (made.model.head, made.model.depth.head):  # type: ignore[union-attr]
        torch.nn.init.normal_(table.weight, std=0.7)
    return made


def test_it_speaks_the_same_whole_in_chunks_and_after_reading(fish: FishSSM, tmp_path: Path) -> None:
    style = Style(seed=3)
    whole = fish.generate(TEXT, style)
    assert whole.seconds > 0
    chunks = list(fish.generate(TEXT, style, stream=True))
    assert len(chunks) > 1
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole.samples)
    fish.save_pretrained(tmp_path / "fish")
    assert sorted(path.name for path in (tmp_path / "fish").iterdir()) == ["config.json", "model.safetensors"]
    again = FishSSM.from_pretrained(tmp_path / "fish")
    np.testing.assert_array_equal(again.generate(TEXT, style).samples, whole.samples)


def test_what_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="no such folder"):
        FishSSM.from_pretrained("nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SsmphonyError, match="not of a FishSSM"):
        FishSSM.from_pretrained(tmp_path)
    with pytest.raises(SsmphonyError, match="they must be equal"):
        FishSSM(block(codebooks=[11, 11, 11]))


def test_adapters_of_peft_change_the_sound_and_leave_the_weights(fish: FishSSM) -> None:
    """`LoraConfig(target_modules=["mamba", "s4"])` names no layer; the names of the groups do."""
    peft = pytest.importorskip("peft")
    with pytest.raises(ValueError, match="not found"):
        peft.get_peft_model(fish, peft.LoraConfig(r=2, target_modules=["mamba", "s4"]))
    before = {name: value.clone() for name, value in fish.state_dict().items()}
    style = Style(temperature=0.0)
    plain = fish.generate(TEXT, style).samples
    adapted = peft.get_peft_model(fish, peft.LoraConfig(r=2, target_modules=fish.lora_target_modules(["mamba", "s4"])))
    trained = {name: value for name, value in adapted.named_parameters() if value.requires_grad}
    assert 0 < sum(value.numel() for value in trained.values()) < sum(value.numel() for value in before.values())
    np.testing.assert_array_equal(fish.generate(TEXT, style).samples, plain)
    for name, value in trained.items():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.5)
    spoken = fish.generate(TEXT, style).samples
    assert spoken.shape != plain.shape or np.abs(spoken - plain).max() > 1e-4
    base = {name.replace(".base_layer", ""): value for name, value in fish.state_dict().items() if "lora" not in name}
    assert all(torch.equal(base[name], value) for name, value in before.items())
    merged = adapted.merge_and_unload()
    again = merged.generate(TEXT, style).samples
    assert again.shape == spoken.shape
    assert merged.state_dict().keys() == before.keys()


def test_public_weights_that_fit_are_loaded(fish: FishSSM) -> None:
    """The names of a checkpoint of Fish-Speech; its attention has no counterpart here."""
    model = fish.model
    public = {
        "embeddings.weight": torch.randn(*model.symbols.weight.shape),
        "codebook_embeddings.weight": torch.randn(3 * 12, 8),
        "layers.0.attention.wqkv.weight": torch.randn(24, 8),
        "layers.0.feed_forward.w1.weight": torch.randn(32, 8),
        "norm.weight": torch.randn(8),
        "output.weight": torch.randn(500, 8),
        "fast_embeddings.weight": torch.randn(12, 8),
        "fast_output.weight": torch.randn(12, 8),
    }
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loaded = load_public_weights(model, public)
    assert set(loaded) == {
        "symbols.weight", "norm.weight", "depth.head.weight", "depth.code_tables.0.weight",
        "depth.code_tables.1.weight", *(f"codes.tables.{k}.weight" for k in range(3)),
    }  # fmt: skip
    after = model.state_dict()
    assert torch.equal(after["codes.tables.2.weight"], public["codebook_embeddings.weight"][24:])
    assert torch.equal(after["depth.code_tables.1.weight"], public["fast_embeddings.weight"])
    assert all(torch.equal(after[name], value) for name, value in before.items() if name not in loaded)
    with pytest.raises(SsmphonyError, match="no weight of this checkpoint fits"):
        load_public_weights(model, {"embeddings.weight": torch.zeros(3, 3)})
