"""A card's names for speakers, from the export's card to the voice that is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ssmphony.types import SsmphonyError
from ssmphony.voices.package import load


def named(folder: Path, out: Path, names: object) -> Path:
    shutil.copytree(folder, out)
    manifest = json.loads((out / "voice.json").read_text(encoding="utf-8"))
    (out / "voice.json").write_text(json.dumps({**manifest, "speaker_names": names}), encoding="utf-8")
    return out


def test_names_are_read_and_do_not_change_the_audio(tiny_voice_folder: Path, tmp_path: Path) -> None:
    plain = load(tiny_voice_folder, threads=1)
    voice = load(named(tiny_voice_folder, tmp_path / "named", {"ravi": "Ravi, calm"}), threads=1)
    assert voice.card.speaker_labels == {"asha": "Asha", "ravi": "Ravi, calm"}
    assert plain.card.speaker_labels == {"asha": "Asha", "ravi": "Ravi"}
    assert voice.identity == plain.identity, "a stored stream goes on with either"


def test_invalid_names_are_reported(tiny_voice_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="speaker_names"):
        load(named(tiny_voice_folder, tmp_path / "named", {"ravi": 5}))
