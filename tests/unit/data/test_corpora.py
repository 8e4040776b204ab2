"""The readers on small corpora in each layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.curious import Curious
from ssmphony.data.corpora.folder import Folder
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.registry import detect
from ssmphony.data.corpora.untranscribed import Untranscribed
from ssmphony.data.prepare import reader_from
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import RATE, buzz, curious, ljspeech, phrase, write


def test_ljspeech_takes_the_last_column_and_the_first_channel(tmp_path: Path) -> None:
    ljspeech(tmp_path, {"a": "raw 1|normalised one", "b": "two"})
    write(tmp_path / "wavs" / "a.flac", np.stack((buzz(0.5), -buzz(0.5)), axis=1))
    reader = LJSpeech(path=tmp_path, speaker="anna")
    items = list(reader.items())
    assert [(item.id, item.text, item.speaker) for item in items] == [
        ("a", "normalised one", "anna"),
        ("b", "two", "anna"),
    ]
    (utterance,) = reader.read(items[0])
    assert utterance.rate == RATE
    np.testing.assert_allclose(utterance.samples, buzz(0.5), atol=1e-4)


def test_a_row_without_audio_and_damaged_audio_are_rejected(tmp_path: Path) -> None:
    ljspeech(tmp_path, {"a": "एक", "b": "दो"})
    (tmp_path / "wavs" / "a.flac").unlink()
    (tmp_path / "wavs" / "b.flac").write_bytes(b"fLaC nothing")
    reader = LJSpeech(path=tmp_path)
    for item, reason in zip(reader.items(), ("no audio file", "unreadable"), strict=True):
        with pytest.raises(Rejected, match=reason):
            reader.read(item)


def test_folder_finds_transcripts_and_speakers_by_subfolder(tmp_path: Path) -> None:
    for name in ("x/1", "x/2", "y/1"):
        write(tmp_path / f"{name}.wav", buzz(0.3))
    (tmp_path / "x" / "1.txt").write_text("एक\nदो\n", encoding="utf-8")
    (tmp_path / "y" / "1.lab").write_text("तीन", encoding="utf-8")
    items = [(item.id, item.speaker, item.text) for item in Folder(path=tmp_path).items()]
    assert items == [("x-1", "x", "एक दो"), ("x-2", "x", ""), ("y-1", "y", "तीन")]


def test_untranscribed_audio_is_cut_at_pauses(tmp_path: Path) -> None:
    write(tmp_path / "story" / "1.wav", phrase(5.0, -0.6, 5.0, -0.6, 5.0))
    reader = Untranscribed(path=tmp_path, longest_s=7.0)
    clips = reader.read(next(reader.items()))
    assert [clip.id for clip in clips] == ["story-1-000", "story-1-001", "story-1-002"]
    assert [len(clip.samples) / RATE for clip in clips] == pytest.approx([5.3, 5.6, 5.3], abs=0.05)
    assert all(clip.text is None for clip in clips)


def test_curious_cuts_long_pages_at_sentences_and_moves_the_word_times(tmp_path: Path) -> None:
    times = [["राम", 0.1, 2.0], ["आया।", 2.0, 4.2], ["वह", 4.2, 6.5], ["गया!", 6.5, 9.0]]
    curious(tmp_path, "page", "राम आया। वह गया!", phrase(-0.1, 3.9, -0.5, 4.4, -0.1), times)
    reader = Curious(path=tmp_path, longest_s=6.0)
    first, second = reader.read(next(reader.items()))
    assert (first.id, first.text, second.id, second.text) == ("page-a", "राम आया।", "page-b", "वह गया!")
    assert len(first.samples) / RATE == pytest.approx(4.25, abs=0.05)
    assert len(first.samples) + len(second.samples) == len(phrase(-0.1, 3.9, -0.5, 4.4, -0.1))
    assert second.word_times is not None
    assert second.word_times[0][2] == pytest.approx(6.5 - len(first.samples) / RATE)
    whole = Curious(path=tmp_path, longest_s=12.0)
    assert [clip.id for clip in whole.read(next(whole.items()))] == ["page"]


def test_curious_cuts_off_speech_after_the_last_word(tmp_path: Path) -> None:
    curious(tmp_path, "page", "राम आया।", phrase(1.0, -0.4, 1.5, -0.2), [["राम", 0.0, 0.5], ["आया।", 0.5, 1.1]])
    (clip,) = Curious(path=tmp_path).read(next(Curious(path=tmp_path).items()))
    assert len(clip.samples) / RATE == pytest.approx(1.2, abs=0.03)


def test_curious_last_word_without_an_end_lasts_to_the_end(tmp_path: Path) -> None:
    curious(tmp_path, "page", "राम आया।", phrase(1.0, -0.1), [["राम", 0.0, 0.5], ["आया।", 0.5, float("nan")]])
    (item,) = Curious(path=tmp_path).items()
    assert item.word_times == (("राम", 0.0, 0.5), ("आया।", 0.5, float("inf")))
    (clip,) = Curious(path=tmp_path).read(item)
    assert len(clip.samples) == len(phrase(1.0, -0.1))


def test_curious_isolated_words_last_as_long_as_their_sound(tmp_path: Path) -> None:
    write(tmp_path / "wavs" / "w.flac", phrase(-0.4, 0.5, -0.3))
    (tmp_path / "words.csv").write_text("w|राम\n", encoding="utf-8")
    reader = Curious(path=tmp_path, parts="words")
    (clip,) = reader.read(next(reader.items()))
    assert clip.word_times == (("राम", pytest.approx(0.4, abs=0.02), pytest.approx(0.9, abs=0.02)),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "x"}, "missing key 'kind'"),
        ({"kind": "ljspeach", "path": "x"}, "did you mean 'ljspeech'"),
        ({"kind": "ljspeech", "pth": "x"}, "did you mean 'path'|missing key 'path'"),
    ],
)
def test_wrong_settings_are_one_line(settings: dict, message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        reader_from(settings)


def test_a_wrong_layout_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="no such folder"):
        list(LJSpeech(path=tmp_path / "nowhere").items())
    (tmp_path / "wavs").mkdir()
    with pytest.raises(SsmphonyError, match=r"no metadata\.csv"):
        list(LJSpeech(path=tmp_path).items())
    with pytest.raises(SsmphonyError, match="no audio files"):
        list(Folder(path=tmp_path).items())
    curious(tmp_path, "a", "राम", buzz(0.5), [])
    (tmp_path / "alignment.jsonl").write_text(json.dumps({"id": "a"}) + "\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match=r"alignment\.jsonl, line 1"):
        list(Curious(path=tmp_path).items())


def test_the_layout_of_recordings_is_found_out(tmp_path: Path) -> None:
    table = ljspeech(tmp_path / "table", {"a": "एक"})
    pages = curious(tmp_path / "pages", "a", "एक", buzz(0.5), [["एक", 0.0, 0.5]])
    write(tmp_path / "plain" / "a.wav", buzz(0.5))
    (tmp_path / "rendered").mkdir()
    (tmp_path / "rendered" / "clips.jsonl").touch()
    folders = (table, pages, tmp_path / "plain", tmp_path / "rendered")
    assert [detect(folder)["kind"] for folder in folders] == ["ljspeech", "curious", "folder", "kokoro"]
    assert all(reader_from(detect(folder)).kind == detect(folder)["kind"] for folder in folders)
    with pytest.raises(SsmphonyError, match="no such folder"):
        detect(tmp_path / "missing")
