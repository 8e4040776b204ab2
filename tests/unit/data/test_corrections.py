"""Texts of recordings in which something else is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmphony.data.corpora.reader import Item
from ssmphony.data.corrections import Correction, correct, correct_all, correct_text, read_corrections
from ssmphony.data.pages import locate
from ssmphony.types import SsmphonyError

ITEM = Item("a", "who", None, "वह कहीं दिख रहा था।", (("वह", 0, 1), ("कहीं", 1, 2), ("दिख", 2, 3), ("रहा था।", 3, 5)))


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "corrections.tsv"
    path.write_text("# a comment\n\na\tले\tला\na\tहै\tहैं\nb\tलंबा है\tलंबे हैं\n", encoding="utf-8")
    assert read_corrections(path) == {
        "a": [Correction("ले", "ला"), Correction("है", "हैं")],
        "b": [Correction("लंबा है", "लंबे हैं")],
    }


@pytest.mark.parametrize("line", ["a", "a\tb", "a\t\tc", "a\tb\tc\td"])
def test_a_line_that_is_no_correction(line: str, tmp_path: Path) -> None:
    path = tmp_path / "corrections.tsv"
    path.write_text(f"# ids\n{line}\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match="line 2: not three columns"):
        read_corrections(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="no such file"):
        read_corrections(tmp_path / "nothing.tsv")


@pytest.mark.parametrize(
    ("correction", "text", "words"),
    [
        (Correction("वह", "वे"), "वे कहीं दिख रहा था।", ["वे", "कहीं", "दिख", "रहा था।"]),
        (Correction("दिख", "नहीं दिख"), "वह कहीं नहीं दिख रहा था।", ["वह", "कहीं", "नहीं दिख", "रहा था।"]),
        (Correction("कहीं दिख", "दिख"), "वह दिख रहा था।", ["वह", "दिख", "रहा था।"]),
        (Correction("रहा था", "रही थी"), "वह कहीं दिख रही थी।", ["वह", "कहीं", "दिख", "रही थी।"]),
    ],
)
def test_words_keep_their_times(correction: Correction, text: str, words: list[str]) -> None:
    corrected = correct(ITEM, {"a": [correction]})
    assert corrected.text == text
    assert corrected.word_times is not None
    assert [word for word, _, _ in corrected.word_times] == words
    assert (corrected.word_times[0][1], corrected.word_times[-1][2]) == (0, 5)
    assert locate(text, corrected.word_times) is not None


def test_others_stay_as_they_are() -> None:
    assert correct(ITEM, {"b": [Correction("वह", "वे")]}) == ITEM


@pytest.mark.parametrize("written", ["मैं", "ह"])
def test_words_that_are_not_there_once(written: str) -> None:
    with pytest.raises(SsmphonyError, match="just once"):
        correct_text(ITEM.text or "", Correction(written, "वे"))


def test_all_recordings(tmp_path: Path) -> None:
    path = tmp_path / "corrections.tsv"
    path.write_text("a\tवह\tवे\n", encoding="utf-8")
    other = Item("b", "who", None, "वह")
    assert [item.text for item in correct_all([ITEM, other], path)] == ["वे कहीं दिख रहा था।", "वह"]
    assert correct_all([ITEM, other], None) == [ITEM, other]
    with pytest.raises(SsmphonyError, match="no recording 'a'"):
        correct_all([other], path)
