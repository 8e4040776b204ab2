"""The manifest keeps what it is given, and says which line is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssmphony.data.manifest import Clip, read_manifest, write_manifest
from ssmphony.types import SsmphonyError

CLIP = Clip(
    id="a",
    audio="audio/a.flac",
    seconds=1.5,
    speaker="s",
    language="hi",
    text="राम आम।",
    symbols=("^", "ɾ", "aː", "m", "aː", "m", "."),
    words=((1, 4), (4, 6)),
    anchors=((1, 4, 0.05, 0.7), (4, 6, 0.7, 1.45)),
)
UNTRANSCRIBED = Clip(id="b", audio="audio/b.flac", seconds=3.0, speaker="s", language="en")


def test_round_trip(tmp_path: Path) -> None:
    write_manifest(tmp_path, [CLIP, UNTRANSCRIBED])
    assert read_manifest(tmp_path) == [CLIP, UNTRANSCRIBED]
    assert read_manifest(tmp_path)[1].symbols is None


def test_a_line_separator_inside_a_text_is_no_new_row(tmp_path: Path) -> None:
    odd = Clip("c", "audio/c.flac", 1.0, "s", "hi", "एक\u2028दो\x85तीन")
    write_manifest(tmp_path, [odd, CLIP])
    assert read_manifest(tmp_path) == [odd, CLIP]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": "long"}, "could not convert"),
        ({"words": [[1, 4], [3, 6]]}, "word range"),
        ({"words": [[1, 9]]}, "word range"),
        ({"anchors": [[1, 4, 0.9, 0.2]]}, "out of order"),
        ({"anchors": [[1, 4, 0.1, 2.9]]}, "outside the clip"),
        ({"anchors": [[4, 6, 0.1, 0.2], [1, 4, 0.3, 0.4]]}, "in order"),
        ({"anchors": [[1, 4, 0.1]]}, "not enough values"),
        ({"symbols": None}, "0 symbols"),
        ({"durations": []}, "unknown key 'durations'"),
        ({"speaker": None, "audio": None, "id": None}, None),
    ],
)
def test_a_wrong_row_is_one_line_with_its_number(tmp_path: Path, change: dict, message: str | None) -> None:
    write_manifest(tmp_path, [CLIP, UNTRANSCRIBED])
    path = tmp_path / "manifest.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0] |= change
    if message is None:
        del rows[0]["speaker"]
        message = "missing key 'speaker'"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(SsmphonyError, match="line 1: ") as error:
        read_manifest(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cut_line_a_double_id_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="ssmphony prepare"):
        read_manifest(tmp_path)
    write_manifest(tmp_path, [CLIP, CLIP])
    with pytest.raises(SsmphonyError, match="line 2: the id 'a' occurs twice"):
        read_manifest(tmp_path)
    path = tmp_path / "manifest.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-30], encoding="utf-8")
    with pytest.raises(SsmphonyError, match="line 2"):
        read_manifest(tmp_path)
