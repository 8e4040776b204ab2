"""The curve over minutes of recordings: which clips a training gets, and the table."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import finetune
from ssmphony.data.manifest import MANIFEST, Clip


def _clips(count: int) -> list[Clip]:
    words = ((0, 1), (1, 2), (2, 3))
    return [
        Clip(f"{n:03d}", f"audio/{n:03d}.flac", 6.0, "asha", "hi", "एक दो तीन", ("a",) * 3, words) for n in range(count)
    ]


def test_the_same_clips_are_held_out_of_every_training() -> None:
    clips = _clips(100)
    short, held_out = finetune.split(clips, 1)
    long, same = finetune.split(clips, 5)
    assert len(short) == 10
    assert len(long) == 50
    assert short == long[:10]
    assert held_out == same
    assert len(held_out) == finetune.HELD_OUT
    assert not {clip.id for clip in held_out} & {clip.id for clip in long}


def test_a_corpus_of_some_clips_links_to_the_others_files(tmp_path: Path) -> None:
    prepared, part = tmp_path / "prepared", tmp_path / "part"
    (prepared / "audio").mkdir(parents=True)
    (prepared / "audio" / "001.flac").write_bytes(b"sound")
    lines = [json.dumps({"id": clip.id}) + "\n" for clip in _clips(4)]
    (prepared / MANIFEST).write_text("".join(lines), encoding="utf-8")
    for chosen in (_clips(4)[1:3], _clips(4)[:2]):
        finetune.corpus_of(chosen, prepared, part)
        ids = [json.loads(line)["id"] for line in (part / MANIFEST).read_text(encoding="utf-8").splitlines()]
        assert ids == [clip.id for clip in chosen]
        assert (part / "audio" / "001.flac").read_bytes() == b"sound"
    assert len((prepared / MANIFEST).read_text(encoding="utf-8").splitlines()) == 4
