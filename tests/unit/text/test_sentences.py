from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest
from hypothesis import given

from ssmphony.text.hindi.normaliser import ABBREVIATIONS
from ssmphony.text.sentences import MAX_CHARACTERS, cut
from tests.unit.text.strategies import cut_texts
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("text", "expected"), cases("sentences"))
def test_cases(text: str, expected: str) -> None:
    assert [sentence.text for sentence in cut(text, ABBREVIATIONS)] == expected.split("|")


@given(cut_texts())
def test_pieces_give_the_same_sentences(example: tuple[str, list[str]]) -> None:
    text, pieces = example
    assert list(cut(pieces, ABBREVIATIONS)) == list(cut(text, ABBREVIATIONS))


@given(cut_texts())
def test_offsets_point_at_the_text_and_only_space_is_left_out(example: tuple[str, list[str]]) -> None:
    text, _ = example
    place = 0
    for sentence in cut(text, ABBREVIATIONS):
        assert text[sentence.start : sentence.end] == sentence.text
        assert text[place : sentence.start].strip() == ""
        place = sentence.end
    assert text[place:].strip() == ""


@pytest.mark.parametrize(
    ("text", "mark", "line_end"),
    [
        ("क।", ".", False),
        ("क?\n", "?", True),
        ("क!", "!", False),
        ("क…", "…", False),
        ("क\nख", "", True),
        ("क", "", False),
    ],
)
def test_mark(text: str, mark: str, line_end: bool) -> None:
    first = next(cut(text))
    assert (first.mark, first.line_end) == (mark, line_end)


def test_a_sentence_comes_as_soon_as_its_end_is_certain() -> None:
    read = 0

    def pieces() -> Iterator[str]:
        nonlocal read
        for piece in ["राम", " आया।", " ", "सीता", "\n", "फिर"]:
            read += 1
            yield piece

    sentences = cut(pieces())
    assert (next(sentences).text, read) == ("राम आया।", 3)
    assert (next(sentences).text, read) == ("सीता", 5)


def test_endless_text() -> None:
    assert len(list(itertools.islice(cut(itertools.repeat("राम आया। ")), 1000))) == 1000
    endless = list(itertools.islice(cut(itertools.repeat("कखग")), 20))
    assert {len(sentence.text) for sentence in endless} == {MAX_CHARACTERS}
    assert {sentence.mark for sentence in endless} == {","}


def test_an_endless_sentence_is_cut_at_a_clause_else_a_space() -> None:
    clauses = list(cut("राम घर गया और सो गया, " * 200))
    assert all(len(sentence.text) <= MAX_CHARACTERS for sentence in clauses)
    assert all(sentence.text.endswith(",") for sentence in clauses)
    spaces = list(cut("राम घर गया " * 300))
    assert {word for sentence in spaces for word in sentence.text.split()} == {"राम", "घर", "गया"}


@pytest.mark.parametrize("pattern", ["क", "?", ".", "क.", "अ" + "\u093c", " \n", "1.", '"', "क, "])
def test_time_is_linear(pattern: str) -> None:
    def seconds(times: int) -> float:
        text = pattern * times
        begin = time.thread_time()
        for _ in cut(text, ABBREVIATIONS):
            pass
        return time.thread_time() - begin

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(200_000) < 40 * small + 0.05
