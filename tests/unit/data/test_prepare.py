"""Preparation: what a clip becomes, what is left out and why, and going on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.audio.loudness import loudness
from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.curious import Curious
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.reader import Utterance
from ssmphony.data.finish import Limits, finish_clip
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import RATE, buzz, curious, ljspeech, phrase, reasons, write

WORDS = "राम घर पानी दिन रात काम नाम शाम".split()


def snapshot(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "journal.jsonl"
    }


def test_a_clip_is_24_khz_trimmed_loud_and_has_a_pitch_per_frame(tmp_path: Path) -> None:
    done = prepare(LJSpeech(path=ljspeech(tmp_path / "in", {"a": "राम घर", "b": "पानी"})), tmp_path / "out")
    assert (done.clips, done.rejected) == (2, 0)
    for clip in read_manifest(tmp_path / "out"):
        samples, rate = soundfile.read(tmp_path / "out" / clip.audio, dtype="float32")
        assert rate == 24_000
        assert samples.ndim == 1
        assert clip.seconds == pytest.approx(len(samples) / rate)
        assert clip.seconds == pytest.approx(1.1, abs=0.03)  # 0.3 s of silence around it became 50 ms
        assert loudness(samples, rate) == pytest.approx(-20, abs=0.6)
        assert clip.speaker == "in"
        f0 = np.load(tmp_path / "out" / "f0" / f"{clip.id}.npy")
        assert f0.shape == (1 + len(samples) // 256,)
        np.testing.assert_allclose(f0[12:-12], 200, rtol=0.01)
    assert "".join(read_manifest(tmp_path / "out")[0].symbols or ()) == "^ɾaːmɡʱəɾ."


def test_a_recording_cut_at_its_sound_gets_its_edge_of_silence(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {"a": "राम"})
    write(corpus / "wavs" / "a.flac", buzz(0.5))
    prepare(LJSpeech(path=corpus), tmp_path / "out")
    (clip,) = read_manifest(tmp_path / "out")
    assert clip.seconds == pytest.approx(0.6, abs=0.025)


def test_word_times_become_anchors_in_the_time_of_the_clip(tmp_path: Path) -> None:
    words = [["राम", 0.5, 1.0], ["आया।", 1.0, 1.6]]
    corpus = curious(tmp_path / "in", "p", "राम आया।", phrase(-0.5, 1.0, -0.5), words)
    prepare(Curious(path=corpus), tmp_path / "out")
    (clip,) = read_manifest(tmp_path / "out")
    assert [anchor[:2] for anchor in clip.anchors] == list(clip.words)
    times = [time for anchor in clip.anchors for time in anchor[2:]]
    assert times == pytest.approx([0.05, 0.55, 0.55, 1.05], abs=0.03)  # no anchor holds the silence at the end


def test_each_bad_clip_is_listed_with_its_reason(tmp_path: Path) -> None:
    names = ["good", "mute", "clipped", "short", "long", "fast", "empty", "unspoken", "../out", "gone", "none", "nan"]
    corpus = ljspeech(tmp_path / "in", {name: "राम घर" for name in names if "/" not in name})
    sounds = {
        "mute": phrase(-1.0),
        "clipped": np.clip(buzz(1.0, level=3.0), -1, 1),
        "short": phrase(-0.3, 0.05, -0.3),
        "long": buzz(16.0),
        "nan": np.full(RATE, np.nan, np.float32),
    }
    for name, sound in sounds.items():
        (corpus / "wavs" / f"{name}.flac").unlink()
        soundfile.write(corpus / "wavs" / f"{name}.wav", sound, RATE, subtype="FLOAT")
    (corpus / "wavs" / "none.flac").unlink()
    soundfile.write(corpus / "wavs" / "none.wav", np.zeros(0, np.float32), RATE)
    (corpus / "wavs" / "gone.flac").write_bytes(b"not audio")
    texts = dict.fromkeys(names, "राम घर") | {"fast": "राम घर " * 8, "empty": "", "unspoken": "…"}
    rows = "".join(f"{name}|{text}\n" for name, text in texts.items())
    (corpus / "metadata.csv").write_text(rows, encoding="utf-8")
    done = prepare(LJSpeech(path=corpus), tmp_path / "out")
    found = reasons(tmp_path / "out")
    assert [clip.id for clip in read_manifest(tmp_path / "out")] == ["good"]
    assert (done.clips, done.rejected) == (1, len(names) - 1)
    expected = {
        "mute": "silent",
        "clipped": "clipped",
        "short": "too short",
        "long": "too long",
        "fast": "characters a second",
        "empty": "no text",
        "unspoken": "nothing to speak",
        "../out": "no audio file",
        "gone": "unreadable",
        "none": "empty recording",
        "nan": "not numbers",
    }
    assert {name: expected[name] in reason for name, reason in found.items()} == dict.fromkeys(expected, True)
    assert sorted(path.name for path in (tmp_path / "out" / "audio").iterdir()) == ["good.flac"]


def test_ids_that_would_leave_the_folder_are_rejected() -> None:
    for name in ("../a", "a/b", "..", "", ".hidden", "a\nb", "a" * 300, "क" * 100):
        with pytest.raises(Rejected, match="not a file name"):
            finish_clip(Utterance(name, "s", buzz(1.0), RATE, "राम"), "hi", HindiFrontend(), Limits())


def test_processes_do_not_change_the_result(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {f"c{number}": word for number, word in enumerate(WORDS)}, seconds=0.4)
    seen: list[tuple[int, int]] = []
    prepare(LJSpeech(path=corpus), tmp_path / "one", progress=lambda done, total: seen.append((done, total)))
    prepare(LJSpeech(path=corpus), tmp_path / "two", workers=2)
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    assert seen == [(number, len(WORDS)) for number in range(len(WORDS) + 1)]


KILLED = """
import os, signal, sys
from pathlib import Path
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.prepare import prepare

def kill(done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

prepare(LJSpeech(path=Path(sys.argv[1])), Path(sys.argv[2]), progress=kill)
"""


def test_killed_and_run_again_equals_unbroken(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {f"c{number}": word for number, word in enumerate(WORDS)}, seconds=0.4)
    prepare(LJSpeech(path=corpus), tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(corpus), str(tmp_path / "broken")]
    killed = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "broken" / "manifest.jsonl").exists()
    with (tmp_path / "broken" / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"item": "c3", "cl')  # the line it was writing
    first = tmp_path / "broken" / "audio" / "c0.flac"
    written = first.stat().st_mtime_ns
    seen: list[int] = []
    time.sleep(0.01)
    prepare(LJSpeech(path=corpus), tmp_path / "broken", progress=lambda done, _: seen.append(done))
    assert seen[0] == 3
    assert first.stat().st_mtime_ns == written
    assert snapshot(tmp_path / "broken") == snapshot(tmp_path / "whole")


def test_a_finished_corpus_is_not_prepared_twice(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {"a": "राम"})
    prepare(LJSpeech(path=corpus), tmp_path / "out")
    before = snapshot(tmp_path / "out")
    written = (tmp_path / "out" / "audio" / "a.flac").stat().st_mtime_ns
    assert prepare(LJSpeech(path=corpus), tmp_path / "out").clips == 1
    assert snapshot(tmp_path / "out") == before
    assert (tmp_path / "out" / "audio" / "a.flac").stat().st_mtime_ns == written


def test_the_folder_of_another_corpus_is_refused(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {"a": "राम"})
    prepare(LJSpeech(path=corpus), tmp_path / "out")
    with pytest.raises(SsmphonyError, match="other settings"):
        prepare(LJSpeech(path=corpus, speaker="x"), tmp_path / "out")
    with pytest.raises(SsmphonyError, match="other settings"):
        prepare(LJSpeech(path=corpus), tmp_path / "out", limits=Limits(longest_s=3.0))
    with pytest.raises(SsmphonyError, match="cannot be written"):
        prepare(LJSpeech(path=corpus), corpus / "metadata.csv" / "out")


def test_double_ids_and_empty_corpora_are_one_line(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {"a": "राम"})
    (corpus / "metadata.csv").write_text("a|राम\na|घर\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match="same id: 'a'"):
        prepare(LJSpeech(path=corpus), tmp_path / "out")
    (corpus / "metadata.csv").write_text("", encoding="utf-8")
    with pytest.raises(SsmphonyError, match="empty"):
        prepare(LJSpeech(path=corpus), tmp_path / "out")


def test_a_damaged_journal_is_one_line(tmp_path: Path) -> None:
    corpus = ljspeech(tmp_path / "in", {"a": "राम"})
    prepare(LJSpeech(path=corpus), tmp_path / "out")
    (tmp_path / "out" / "journal.jsonl").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match="damaged"):
        prepare(LJSpeech(path=corpus), tmp_path / "out")
