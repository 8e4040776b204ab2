"""An exported LeWM voice says what PyTorch says: latents, samples, times; whatever mixes its predictor's steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ssmphony.codecs import CODECS
from ssmphony.models import MODELS
from ssmphony.runtime.autoregressive import OnnxAutoregressiveModel
from ssmphony.runtime.graph import Graph
from ssmphony.text import FRONTENDS
from ssmphony.types import SsmphonyError, Style, Tokens
from ssmphony.voice import Voice
from ssmphony.voices import package
from ssmphony.voices.export import CardConfig, export
from ssmphony.voices.export_jepa import export_predictor
from ssmphony.voices.weights import read_weights

TOLERANCE = 1e-4
SAMPLE_TOLERANCE = 1e-3
"""Every latent is fed back, so rounding grows along a sentence."""
TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है!"
MIXERS: dict[str, dict[str, Any]] = {
    "attention": {"mixer": {"kind": "attention", "n_heads": 2, "window": 40}, "reach": [6, 9]},
    "mamba": {"mixer": {"kind": "mamba", "d_state": 4}, "cross_every": 2, "temperature": 0.3},
    "mamba2": {"mixer": {"kind": "mamba2", "d_state": 8, "head_dim": 8}},
}
MODEL: dict[str, Any] = {
    "kind": "jepa_tts",
    "speakers": ["own", "other"],
    "d_latent": 8,
    "d_model": 16,
    "d_ffn": 24,
    "n_heads": 2,
    "text_layers": 1,
    "text_mixer": {"kind": "attention", "n_heads": 2},
    "n_layers": 2,
    "max_seq": 96,
    "most_latents": 12,
    "latents_per_token": 0.5,
}
CODEC: dict[str, Any] = {
    "kind": "jepa_latent",
    "d_latent": 8,
    "d_model": 16,
    "d_ffn": 16,
    "n_layers": 1,
    "mixer": {"kind": "attention", "n_heads": 2},
    "width": 12,
    "blocks": 2,
    "lookahead": 1,
    "vocoder": {"dim": 16, "intermediate": 24, "n_layers": 2},
}


def randomise(module: nn.Module) -> None:
    """Weights that all matter."""
    for name, parameter in module.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=(0.7 / parameter[0].numel()) ** 0.5)
        elif name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)


def build_model(mixer: str) -> Any:
    """A sentence ends where the most latents are made."""
    torch.manual_seed(0)
    symbols = FRONTENDS["bytes"]().build().symbols
    model = MODELS["jepa_tts"].model_validate({"n_symbols": len(symbols), **MODEL, **MIXERS[mixer]}).build()
    randomise(model.eval())
    nn.init.constant_(model.stop.bias, -5.0)
    return model


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Voice, Voice]:
    """The same voice in PyTorch and in the runtime."""
    folder = tmp_path_factory.mktemp("jepa")
    model = build_model("mamba2")
    codec: Any = CODECS["jepa_latent"].model_validate(CODEC).build()
    randomise(codec.eval())
    parts = (("model", model), ("codec", codec))
    weights = {f"{part}.{name}": v.contiguous() for part, module in parts for name, v in module.state_dict().items()}
    trained = folder / "trained.safetensors"
    save_file(weights, trained)
    voice = {"frontend": {"kind": "bytes"}, "model": {**MODEL, **MIXERS["mamba2"]}, "codec": CODEC}
    out = export(voice, trained, trained, CardConfig(name="t", language="hi"), folder / "voice")
    model.load_state_dict(read_weights(out, "model"))
    codec.load_state_dict(read_weights(out, "codec"))
    runtime = package.load(out, threads=1)
    return Voice(FRONTENDS["bytes"]().build(), model, codec, runtime.card), runtime


@pytest.mark.parametrize("mixer", ["attention", pytest.param("mamba", marks=pytest.mark.slow)])
def test_latents(mixer: str, tmp_path: Path) -> None:
    """Two sentences of different length, with and without noise."""
    model = build_model(mixer)
    graphs = export_predictor(model, tmp_path)
    encoder, predictor = (Graph((tmp_path / graphs[n].file).read_bytes(), n, 1) for n in ("encoder", "predictor"))
    runtime = OnnxAutoregressiveModel(encoder, predictor, block=4, speakers=("own", "other"))
    batch = [Tokens(tuple(range(1, n)), tuple("x" * (n - 1))) for n in (40, 12)]
    styles = [Style(seed=4), Style(speaker="other")]
    with torch.no_grad():
        expected, state = model.begin(batch, styles), runtime.begin(batch, styles)
        for _ in range(10):
            frames, expected = model.step(expected)
            spoken, state = runtime.step(state)
            np.testing.assert_array_equal(spoken.lengths, frames.lengths)
            for row, length in enumerate(spoken.lengths):
                np.testing.assert_array_equal(spoken.tokens[row, :length], frames.tokens[row, :length])
                np.testing.assert_allclose(spoken.values[row, :length], frames.values[row, :length], atol=TOLERANCE)
    assert state.over.all()
    assert state.position.max() > 30


@pytest.mark.parametrize("style", [Style(), Style(seed=3, speaker="other")])
def test_voice(pair: tuple[Voice, Voice], style: Style) -> None:
    pytorch, runtime = pair
    with torch.no_grad():
        expected = pytorch.say(TEXT, seed=style.seed, speaker=style.speaker)
    spoken = runtime.say(TEXT, seed=style.seed, speaker=style.speaker)
    assert spoken.samples.shape == expected.samples.shape
    assert spoken.words == expected.words
    assert [word.text for word in spoken.words] == TEXT.replace("।", "").replace("!", "").split()
    assert np.mean(np.abs(expected.samples) >= 1.0) < 0.01, "clipping would hide differences"
    assert np.std(expected.samples) > 1e-3
    np.testing.assert_allclose(spoken.samples, expected.samples, atol=SAMPLE_TOLERANCE)


def test_speaker_is_heard(pair: tuple[Voice, Voice]) -> None:
    own, other = (pair[1].say("नमस्ते", speaker=name).samples for name in (None, "other"))
    assert own.shape != other.shape or np.abs(own - other).max() > 1e-3


def test_rows_of_different_age_share_a_batch(pair: tuple[Voice, Voice]) -> None:
    """States have one shape: a slot takes a new sentence while the others go on, bit for bit."""
    model = pair[1].model
    short, long = (Tokens(ids, tuple("x" * len(ids))) for ids in ((1, 40, 50, 2), tuple(range(1, 61))))
    _, old = model.step(model.begin([long, long], [Style()] * 2))
    new = model.begin([short], [Style(seed=5)])

    def put(row: Any, fresh: Any) -> Any:
        if isinstance(row, tuple):
            parts = [put(a, b) for a, b in zip(row, fresh, strict=True)]
            return type(row)(*parts) if hasattr(row, "_fields") else tuple(parts)
        return np.concatenate([row[:1], fresh])

    mixed, _ = model.step(put(old, new))
    kept, _ = model.step(old)
    alone, _ = model.step(new)
    np.testing.assert_allclose(mixed.values[0], kept.values[0], atol=1e-6)
    np.testing.assert_allclose(mixed.values[1], alone.values[0], atol=1e-6)


def test_a_sentence_that_is_too_long(pair: tuple[Voice, Voice]) -> None:
    tokens = Tokens((3,) * 97, ("x",) * 97)
    for voice in pair:
        with pytest.raises(SsmphonyError, match="97 tokens, this voice reads 96"):
            voice.model.begin([tokens], [Style()])
