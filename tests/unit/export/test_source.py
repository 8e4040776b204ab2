"""Which voice block a new voice gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssmphony.export.source import default_codec, voice_block
from ssmphony.export.voice import with_lexicon
from ssmphony.types import SsmphonyError

VOICE: dict[str, Any] = {
    "frontend": {"kind": "hindi"},
    "model": {"kind": "s4_acoustic", "d_model": 8},
    "codec": {"kind": "mel_vocoder", "dim": 16},
}

OTHER = {**VOICE, "codec": {"kind": "mel_vocoder", "dim": 99}}


def write(folder: Path, name: str = "config.json", **settings: Any) -> Path:
    folder.mkdir()
    (folder / name).write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_codec_is_the_vocoders(tmp_path: Path) -> None:
    acoustic = write(tmp_path / "acoustic", voice=VOICE, task={"kind": "s4_acoustic"})
    vocoder = write(tmp_path / "vocoder", voice=OTHER, task={"kind": "codec"})
    assert voice_block(acoustic, vocoder) == OTHER
    assert voice_block(acoustic / "last.ckpt", vocoder / "best.ckpt") == {
        **VOICE,
        "codec": {**VOICE["codec"], "dim": 99},
    }


def test_weights_without_a_block_take_the_models(tmp_path: Path) -> None:
    acoustic = write(tmp_path / "acoustic", voice=VOICE, task={"kind": "s4_acoustic"})
    assert voice_block(acoustic, tmp_path / "vocos.bin") == VOICE


def test_parts_of_a_voice_package(tmp_path: Path) -> None:
    voice = write(tmp_path / "voice", "voice.json", voice=VOICE, graphs={})
    assert voice_block(voice, voice) == VOICE


def test_the_lexicon_of_a_voice_travels_with_it(tmp_path: Path) -> None:
    voice = write(tmp_path / "voice", "voice.json", voice={**VOICE, "frontend": {"kind": "hindi", "lexicon": "a.tsv"}})
    (voice / "a.tsv").write_text("घर\tमकान\n", encoding="utf-8")
    block = voice_block(voice, voice)
    copied = with_lexicon(block, tmp_path)
    assert copied["frontend"] == {"kind": "hindi", "lexicon": "lexicon.tsv"}
    assert (tmp_path / "lexicon.tsv").read_text(encoding="utf-8") == "घर\tमकान\n"
    assert with_lexicon(VOICE, tmp_path / "nowhere") == VOICE


def test_wrong_runs_are_one_line(tmp_path: Path) -> None:
    vocoder = write(tmp_path / "vocoder", voice=VOICE, task={"kind": "vocoder"})
    with pytest.raises(SsmphonyError, match="is the run of a codec: give the model's"):
        voice_block(vocoder, vocoder)
    with pytest.raises(SsmphonyError, match="neither a training run with"):
        voice_block(tmp_path / "nowhere", vocoder)


LEWM = {"frontend": {"kind": "bytes"}, "model": {"kind": "lewm"}, "codec": {"kind": "lewm"}}


def test_frames_of_its_own_take_the_codec_of_the_run(tmp_path: Path) -> None:
    """Any vocoder decodes log-mel; latents are decoded by what was trained with them."""
    acoustic, lewm = (write(tmp_path / name, voice=block) for name, block in (("a", VOICE), ("b", LEWM)))
    with pytest.raises(SsmphonyError, match=r"has no vocoder: name one with --codec"):
        default_codec(acoustic)
    assert default_codec(lewm) == lewm
    assert voice_block(lewm, lewm) == LEWM
    with pytest.raises(SsmphonyError, match=r"decodes other frames than those of .*: leave --codec out"):
        voice_block(lewm, acoustic)


def test_runs_of_earlier_versions_have_todays_kinds(tmp_path: Path) -> None:
    old = {**LEWM, "model": {"kind": "jepa_tts", "d_model": 8}, "codec": {"kind": "jepa_latent"}}
    run = write(tmp_path / "run", voice=old, task={"kind": "jepa"})
    assert voice_block(run, run) == {**LEWM, "model": {"kind": "lewm", "d_model": 8}}
