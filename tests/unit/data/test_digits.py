"""Corpora of spoken digits: lists that a teacher reads, cut into words, and the Free Spoken Digit Dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.data.corpora.fsdd import Fsdd
from ssmphony.data.corpora.hindi_digits import DIGITS, HindiDigits
from ssmphony.data.corpora.kokoro_teacher import RATE, Teacher
from ssmphony.data.finish import Limits
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import buzz
from tests.unit.data.teacher import TeacherFiles, write_teacher


@pytest.fixture
def teacher(tmp_path: Path) -> TeacherFiles:
    return write_teacher(tmp_path / "teacher", speakers=("af_asha", "hm_ravi"))


def digits(tmp_path: Path, teacher: TeacherFiles, **settings: object) -> HindiDigits:
    return HindiDigits.model_validate(
        {"path": tmp_path / "lists", "lists": 2, "blends": 1, **teacher.settings, **settings}
    )


def test_every_list_gives_each_digit_once(tmp_path: Path, teacher: TeacherFiles) -> None:
    prepare(digits(tmp_path, teacher), tmp_path / "out", limits=Limits(sample_rate=8_000))
    clips = read_manifest(tmp_path / "out")
    assert len(clips) == 5 * 10
    assert {clip.speaker for clip in clips} == {"af_asha", "hm_ravi", "hm_ravi+af_asha"}
    for first in range(0, 50, 10):
        assert sorted(clip.text for clip in clips[first : first + 10]) == sorted(DIGITS)
    for clip in clips:
        assert clip.id.endswith(f"-{DIGITS.index(clip.text)}")
        assert clip.symbols is not None
        assert clip.words == ((1, len(clip.symbols)),)
        samples, rate = soundfile.read(tmp_path / "out" / clip.audio)
        assert rate == 8_000
        assert abs(samples[0]) < 0.01
        assert abs(samples[-1]) < 0.05
    orders = {tuple(clip.text for clip in clips[first : first + 10]) for first in range(0, 50, 10)}
    assert len(orders) == 5


def test_words_are_cut_between_their_phones(tmp_path: Path, teacher: TeacherFiles) -> None:
    reader = digits(tmp_path, teacher)
    item = next(iter(reader.items()))
    words = reader.read(item)
    for word in words:
        assert word.spoken is not None
        starts = [start for start, _ in word.spoken.times]
        assert starts == sorted(starts)
        assert word.spoken.times[-1][1] == pytest.approx(len(word.samples) / RATE)
        assert 0.0 <= word.spoken.times[1][0] < word.spoken.times[-1][1]


def test_another_rate_renders_nothing_again(
    tmp_path: Path, teacher: TeacherFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = digits(tmp_path, teacher)
    prepare(reader, tmp_path / "8", limits=Limits(sample_rate=8_000))

    def fail(*_: object) -> None:
        raise AssertionError("the lists are there")

    monkeypatch.setattr(Teacher, "render", fail)
    prepare(reader, tmp_path / "16", limits=Limits(sample_rate=16_000))
    assert [clip.id for clip in read_manifest(tmp_path / "16")] == [clip.id for clip in read_manifest(tmp_path / "8")]


def test_a_blend_is_the_mean_of_its_voices(teacher: TeacherFiles) -> None:
    loaded = Teacher(teacher.model, teacher.vocabulary, teacher.voices)
    both = loaded.style("af_asha+hm_ravi")
    np.testing.assert_allclose(both, (loaded.style("af_asha") + loaded.style("hm_ravi")) / 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"model": None}, "--set model=FILE.onnx"), ({"blends": 9}, "there are 1"), ({"voices": "."}, "holds no voices")],
)
def test_what_is_missing_is_named(
    settings: dict[str, object], message: str, tmp_path: Path, teacher: TeacherFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SsmphonyError, match=message):
        list(digits(tmp_path, teacher, **settings).items())


def test_fsdd_reads_digit_and_speaker_off_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("3_asha_0", "7_ravi_12", "notes"):
        soundfile.write(folder / f"{name}.wav", buzz(0.5, 8_000), 8_000)
    prepare(Fsdd(path=folder), tmp_path / "out", limits=Limits(sample_rate=8_000))
    found = [(clip.id, clip.speaker, clip.text, clip.symbols) for clip in read_manifest(tmp_path / "out")]
    assert found == [("3_asha_0", "asha", "three", None), ("7_ravi_12", "ravi", "seven", None)]
    (folder / "3_asha_0.wav").unlink()
    (folder / "7_ravi_12.wav").unlink()
    with pytest.raises(SsmphonyError, match="no recordings named"):
        list(Fsdd(path=folder).items())
