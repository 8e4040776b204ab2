"""tools/blend_plan.py: who blends with whom, and who reads what."""

from __future__ import annotations

import runpy
from argparse import Namespace
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ssmphony.data.speaker_selection import members
from ssmphony.types import SsmphonyError

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools/blend_plan.py"))
VOICES = tuple("abcdefghijkl")


def arguments(folder: Path, **changes: object) -> Namespace:
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    for name in VOICES:
        (folder / "voices" / f"{name}.bin").write_bytes(b"")
    (folder / "held.txt").write_text("# unseen\na\nb\nc\nd\n", encoding="utf-8")
    (folder / "texts.txt").write_text("".join(f"{'शब्द ' * 9}{n}\n" for n in range(400)), encoding="utf-8")
    settings = {"voices": folder / "voices", "texts": [folder / "texts.txt"], "held_out": folder / "held.txt"}
    settings |= {"trained": 30, "unseen": 8, "seconds": 10.0, "seed": 0, "out": folder / "plan.tsv"}
    return Namespace(**{**settings, **changes})


def test_blends_are_of_one_side_and_read_as_long(tmp_path: Path) -> None:
    given = arguments(tmp_path)
    TOOL["write"](given)
    rows = [line.split("\t") for line in given.out.read_text(encoding="utf-8").splitlines()]
    assert [int(number) for number, _, _ in rows] == list(range(len(rows)))
    speakers = Counter(who for _, who, _ in rows)
    assert len(speakers) == 38
    assert max(speakers.values()) - min(speakers.values()) <= 1
    assert {len(members(who) & set("abcd")) in (0, len(members(who))) for who in speakers} == {True}
    assert sum(members(who) <= set("abcd") for who in speakers) == 8
    assert len({text for _, _, text in rows}) == len(rows)
    assert len({who for _, who, _ in rows[:38]}) == 38, "every beginning is balanced"
    before = given.out.read_bytes()
    TOOL["write"](given)
    assert given.out.read_bytes() == before


def test_voices_occur_about_equally_often() -> None:
    found = TOOL["blends"](VOICES, 60, np.random.default_rng(0))
    counts = Counter(name for blend in found for name in members(blend))
    assert len({members(blend) for blend in found}) == 60
    assert min(counts.values()) > 0.6 * max(counts.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unseen": 11}, "4 voices have 10 blends"),
        ({"seconds": 400.0}, "are too few"),
        ({"voices": Path("none")}, "no voice 'a'"),
    ],
)
def test_what_cannot_be_planned(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        TOOL["write"](arguments(tmp_path, **changes))
