"""Voice packages of format 1 are read as the newest format: those of the repository, and a small one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmphony.types import FrameGrid, SsmphonyError
from ssmphony.voices.manifest import FORMAT_VERSION, read_manifest
from ssmphony.voices.package import load
from ssmphony.voices.upgrade import upgrade

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = {
    "default": REPOSITORY / "src" / "ssmphony" / "voices" / "default",
    "recorded": REPOSITORY / "voices" / "recorded",
    "small": REPOSITORY / "voices" / "small",
    "lewm": REPOSITORY / "voices" / "lewm",
}


def first_format(folder: Path) -> dict[str, Any]:
    """The manifest of a package as format 1 wrote it."""
    new = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
    model, codec = new.pop("model"), new.pop("codec")
    graphs = {name: {key: entry[key] for key in ("file", "sha256")} for name, entry in new["graphs"].items()}
    graphs["decoder"] |= {"block": model["block"], "lookahead": model["lookahead"]}
    graphs["vocoder"] = {**graphs.pop("codec_decoder"), "block": None, "lookahead": codec["lookahead"]}
    return {**new, "format_version": 1, "graphs": graphs}


def test_a_package_of_the_first_format_sounds_the_same(tiny_voice_folder: Path, tmp_path: Path) -> None:
    for name in ("encoder", "decoder", "codec_decoder"):
        (tmp_path / f"{name}.onnx").write_bytes((tiny_voice_folder / f"{name}.onnx").read_bytes())
    (tmp_path / "voice.json").write_text(json.dumps(first_format(tiny_voice_folder)), encoding="utf-8")
    new, old = load(tiny_voice_folder), load(tmp_path)
    assert (old.codec.grid, old.codec.lookahead) == (new.codec.grid, new.codec.lookahead)
    assert old.model.capabilities == new.model.capabilities == {"pitch", "speed", "timing"}
    assert old.encoder is not None
    np.testing.assert_array_equal(old.say("नमस्ते", speed=1.2).samples, new.say("नमस्ते", speed=1.2).samples)


@pytest.mark.parametrize(
    ("name", "family", "grid", "lookahead", "encodes"),
    [
        ("default", "parallel", FrameGrid(24_000, 300, 194), None, False),
        ("recorded", "parallel", FrameGrid(24_000, 256, 100), None, True),
        ("small", "parallel", FrameGrid(24_000, 300, 194), None, False),
        ("lewm", "autoregressive", FrameGrid(24_000, 1024, 64), 3, False),
    ],
)
def test_the_shipped_voices(name: str, family: str, grid: FrameGrid, lookahead: int | None, encodes: bool) -> None:
    manifest = read_manifest(SHIPPED[name])
    assert manifest.format_version == FORMAT_VERSION
    assert manifest.model.family == family
    assert (manifest.codec.runtime, manifest.codec.grid) == ("spectrum", grid)
    assert lookahead in (None, manifest.codec.lookahead)
    assert {manifest.voice.model["kind"], manifest.voice.codec["kind"]} <= {
        "s4_acoustic",
        "mel_vocoder",
        "lewm",
        "s4_spectrum",
        "spectrum",
    }
    voice = load(SHIPPED[name], threads=1)
    assert (voice.encoder is not None) == encodes
    assert voice.codec.grid == grid


def test_what_the_first_format_refused_is_refused(tiny_voice_folder: Path) -> None:
    old = first_format(tiny_voice_folder)
    with pytest.raises(SsmphonyError, match=r"unknown model 's4_acustic', did you mean 's4_acoustic'\?"):
        upgrade({**old, "voice": {**old["voice"], "model": {"kind": "s4_acustic"}}}, "here")
    without = {**old["graphs"], "decoder": {**old["graphs"]["decoder"], "block": None}}
    with pytest.raises(SsmphonyError, match="decoder's block must be given"):
        upgrade({**old, "graphs": without}, "here")


@pytest.mark.parametrize("part", ["voice", "graphs", "symbols"])
@pytest.mark.parametrize("value", [None, [], 3])
def test_damage_is_an_error_of_one_line(tiny_voice_folder: Path, tmp_path: Path, part: str, value: Any) -> None:
    (tmp_path / "voice.json").write_text(json.dumps({**first_format(tiny_voice_folder), part: value}))
    with pytest.raises(SsmphonyError) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
