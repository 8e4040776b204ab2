"""A batch in its folder: order, failures, going on, and what is done again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.batch import folder, speak
from ssmphony.batch.jobs import Defaults, read_jobs
from ssmphony.batch.run import Outcome, run_batch
from ssmphony.types import SsmphonyError, Style

TEXTS = ["एक।", "दो तीन चार।", "१२३ रुपये।", "पाँच।"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def run(tmp_path: Path, out: Path, tiny_voice_folder: Path) -> Any:
    def batch(texts: list[str], *, style: Style = Style(), **options: Any) -> Outcome:
        (tmp_path / "jobs.txt").write_text("\n".join(texts), encoding="utf-8")
        jobs = read_jobs(tmp_path / "jobs.txt", Defaults(voice=str(tiny_voice_folder), style=style))
        return run_batch(jobs, out, **{"workers": 1, **options})

    return batch


def rows(out: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text(encoding="utf-8").splitlines()]


def inodes(out: Path) -> dict[str, tuple[int, int]]:
    found = {path.name: path.stat() for path in out.iterdir() if path.is_file()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def test_files_and_manifest(run: Any, out: Path, tiny_voice_folder: Path) -> None:
    seen: list[tuple[str, float]] = []
    outcome = run(TEXTS, style=Style(speed=1.2), progress=lambda job, seconds: seen.append((job.id, seconds)))
    voice = ssmphony.load(tiny_voice_folder)
    assert outcome[:4] == (4, pytest.approx(sum(seconds for _, seconds in seen)), 0, 0)
    assert files(out) == [".batch/lock", *(f"0000{i}.wav" for i in range(1, 5)), "manifest.jsonl"]
    for row, text in zip(rows(out), TEXTS, strict=True):
        samples, rate = soundfile.read(out / row["file"], dtype="float32")
        np.testing.assert_allclose(samples, voice.say(text, speed=1.2).samples, atol=1 / 30_000)
        assert (row["text"], row["sample_rate"]) == (text, rate)
        assert row["seconds"] == pytest.approx(len(samples) / rate, abs=1e-6)
        assert row["bytes"] == (out / row["file"]).stat().st_size
        assert row["voice"] == str(tiny_voice_folder.resolve())
        assert row["ms"] >= 0


def test_processes_keep_the_order_and_the_sound(run: Any, out: Path, tmp_path: Path) -> None:
    run([*TEXTS, "…"], workers=1)
    one = {path.name: path.read_bytes() for path in out.glob("*.wav")}, [{**row, "ms": 0} for row in rows(out)]
    out.rename(tmp_path / "one")
    outcome = run([*TEXTS, "…"], workers=2)
    two = {path.name: path.read_bytes() for path in out.glob("*.wav")}, [{**row, "ms": 0} for row in rows(out)]
    assert one == two
    assert [failure.job.line for failure in outcome.failed] == [5]


def test_a_finished_folder_is_left_alone(run: Any, out: Path) -> None:
    run(TEXTS)
    before = inodes(out)
    assert run(TEXTS)[:4] == (0, 0.0, 4, 0)
    assert inodes(out) == before


def test_what_fails_is_listed_and_the_rest_is_done(run: Any, out: Path) -> None:
    texts = ["एक।", "…", "<speak></speak>", "<speak><prosody rate='?'>क</prosody></speak>", "दो।"]
    outcome = run(texts)
    assert (outcome.made, [failure.job.line for failure in outcome.failed]) == (2, [2, 3, 4])
    assert [row["id"] for row in rows(out)] == ["00001", "00005"]
    failed = rows(out, "failures.jsonl")
    assert [(row["id"], row["line"], row["text"]) for row in failed] == [
        (f"0000{line}", line, texts[line - 1]) for line in (2, 3, 4)
    ]
    assert ["nothing to speak" in row["error"] for row in failed] == [True, True, False]
    assert files(out) == [".batch/lock", "00001.wav", "00005.wav", "failures.jsonl", "manifest.jsonl"]
    again = run([*texts[:1], "तीन।", "चार।", "पाँच।", *texts[4:]])
    assert (again.made, again.kept, again.failed) == (3, 2, [])
    assert not (out / "failures.jsonl").exists()


def test_an_unexpected_error_is_one_failure(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = speak.Speaker._speak

    def breaks(self: Any, job: Any, *rest: Any) -> Any:
        if job.line == 2:
            raise IndexError("list index")
        return spoken(self, job, *rest)

    monkeypatch.setattr(speak.Speaker, "_speak", breaks)
    outcome = run(TEXTS)
    assert [failure.error for failure in outcome.failed] == ["internal error, please report it: IndexError: list index"]
    assert outcome.made == 3


def test_changed_lines_are_done_again(run: Any, out: Path) -> None:
    run(TEXTS)
    before = inodes(out)
    outcome = run([*TEXTS[:2], "नया।", TEXTS[3], "और।"])
    assert (outcome.made, outcome.kept, outcome.changed) == (2, 3, 1)
    after = inodes(out)
    assert {name for name in before if name.endswith("wav") and before[name] != after[name]} == {"00003.wav"}
    assert [row["text"] for row in rows(out)] == [*TEXTS[:2], "नया।", TEXTS[3], "और।"]
    assert run(TEXTS[:2]).left_over == ["00003.wav", "00004.wav", "00005.wav"]
    assert [row["id"] for row in rows(out)] == ["00001", "00002"]
    assert run(TEXTS[:2], style=Style(seed=1))[:4] == (2, pytest.approx(2.3, abs=2), 0, 2)


def test_a_changed_line_that_fails_leaves_no_old_sound(run: Any, out: Path) -> None:
    run(TEXTS)
    run([*TEXTS[:3], "…"])
    assert not (out / "00004.wav").exists()


def test_a_lexicon_counts_as_a_change(run: Any, tmp_path: Path) -> None:
    run(TEXTS)
    (tmp_path / "words.tsv").write_text("एक\tबारह\n", encoding="utf-8")
    assert run(TEXTS, lexicon=tmp_path / "words.tsv").changed == 4
    assert run(TEXTS, lexicon=tmp_path / "words.tsv").kept == 4


@pytest.mark.parametrize("damage", ["cut", "garbage", "binary", "gone"])
def test_a_damaged_manifest(run: Any, out: Path, damage: str) -> None:
    run(TEXTS)
    manifest = out / "manifest.jsonl"
    expected, before = rows(out), inodes(out)
    content = manifest.read_bytes()
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    if damage == "gone":
        manifest.unlink()
    else:
        tail = {"cut": content[last:-40], "garbage": b'{"file": 7}\n[]\n', "binary": b"\xff\0\xfe"}[damage]
        manifest.write_bytes(content[:last] + tail)
    assert run(TEXTS).made == (4 if damage == "gone" else 1)
    assert [{**row, "ms": 0} for row in rows(out)] == [{**row, "ms": 0} for row in expected]
    if damage != "gone":
        assert [inodes(out)[f"0000{i}.wav"] for i in (1, 2, 3)] == [before[f"0000{i}.wav"] for i in (1, 2, 3)]


def test_files_that_went_missing_or_were_cut_are_done_again(run: Any, out: Path) -> None:
    run(TEXTS)
    (out / "00001.wav").unlink()
    os.truncate(out / "00002.wav", 100)
    assert run(TEXTS)[0:3:2] == (2, 2)


@pytest.mark.parametrize("written", [False, True])
def test_going_on_from_an_end_at_any_point(run: Any, out: Path, written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the third row is in the journal, or between that and the renaming of its file."""
    count = 0

    def dies(path: Path, row: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count < 3 or written:
            folder.append_row(path, row)
        if count == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(speak, "append_row", dies)
        patch.setattr("ssmphony.batch.run._collect", lambda *_: None)  # after a kill nothing is tidied up
        with pytest.raises(KeyboardInterrupt):
            run(TEXTS)
    assert len(files(out)) == 6  # the lock, the manifest, a journal, two sounds, and one not yet in its place
    before = inodes(out)
    done = ["00001.wav", "00002.wav"]
    outcome = run(TEXTS)
    assert (outcome.made, outcome.kept) == (2, 2)
    assert {name: inodes(out)[name] for name in done} == {name: before[name] for name in done}
    assert [row["id"] for row in rows(out)] == ["00001", "00002", "00003", "00004"]
    assert files(out)[0] == ".batch/lock"


def test_recordings_are_not_overwritten(run: Any, out: Path) -> None:
    out.mkdir()
    (out / "00002.wav").write_bytes(b"a recording")
    with pytest.raises(SsmphonyError, match=r"holds 00002.wav, which no batch wrote"):
        run(TEXTS)
    assert files(out) == ["00002.wav"]


def test_one_batch_at_a_time(run: Any, out: Path) -> None:
    pytest.importorskip("fcntl")
    with folder.claimed(out), pytest.raises(SsmphonyError, match="another run is using"):
        run(TEXTS)
    assert run(TEXTS).made == 4


def test_a_folder_that_cannot_be_written(run: Any, out: Path) -> None:
    out.write_text("a file")
    with pytest.raises(SsmphonyError, match=r"out: cannot be written: (file exists|not a directory)"):
        run(TEXTS)


def test_a_full_disk_ends_the_run_and_blames_no_job(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, count: int) -> None:
        raise SsmphonyError("cannot write: no space left on device")

    monkeypatch.setattr("ssmphony.audio.files.PartialFile.require", full)
    with pytest.raises(SsmphonyError, match="no space left"):
        run(TEXTS)
    assert files(out) == [".batch/lock", "manifest.jsonl"]


def test_a_voice_that_is_damaged_ends_the_run(tmp_path: Path, out: Path, tiny_voice_folder: Path) -> None:
    voice = Path(shutil.copytree(tiny_voice_folder, tmp_path / "voice"))
    (voice / "decoder.onnx").write_bytes(b"")
    (tmp_path / "jobs.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    jobs = read_jobs(tmp_path / "jobs.txt", Defaults(voice=str(voice)))
    with pytest.raises(SsmphonyError, match="damaged"):
        run_batch(jobs, out, workers=2)


def test_breaks_are_spoken_and_too_many_fail_their_job_alone(run: Any, out: Path) -> None:
    pause = "<break time='10s'/>"
    texts = [f"<speak>एक{pause * count}</speak>" for count in (0, 12, 361)]
    outcome = run(['<?xml version="1.0"?>' + text for text in texts])
    assert outcome.made == 2
    short, long = (soundfile.info(out / row["file"]).duration for row in rows(out))
    assert long - short == pytest.approx(120, abs=0.5)
    (failed,) = outcome.failed
    assert failed.job.line == 3
    assert "add up to 3,610 s of silence, and 3,600 s are allowed" in failed.error
