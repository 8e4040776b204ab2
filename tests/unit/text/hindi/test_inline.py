from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import hindi, notation, vocabulary
from ssmphony.text.hindi.normaliser import read
from tests.unit.text.strategies import texts
from tests.unit.text.tables import cases

PHONES = st.lists(st.sampled_from(vocabulary.VOWELS + vocabulary.CONSONANTS), min_size=1, max_size=12)


@pytest.mark.parametrize(("text", "words"), cases("inline"))
def test_cases(text: str, words: str) -> None:
    shown = [f"{word.text}={word.ipa}" if word.text.startswith("[[") else word.text for word in hindi.phonemize(text)]
    assert " / ".join(shown) == words


def test_phones_that_hindi_lacks_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    hindi.normalize("यह [[θɪŋk]] है")
    assert "'θ'" in caplog.text


@given(texts, PHONES, st.sampled_from([" ", "", " . ", ". "]), texts)
def test_phones_are_spoken_wherever_they_stand(before: str, phones: list[str], gap: str, after: str) -> None:
    inside = gap.join(phones)
    text = f"{before[:300]}\n[[{inside}]]\n{after}"
    if "[" in before or "]" in before:
        return
    start = text.index("\n[[") + 1
    (word,) = [word for word in hindi.phonemize(text) if word.start == start]
    assert word.text == f"[[{inside}]]"
    assert word.phones == notation.parse(inside)


@given(
    st.lists(st.sampled_from(["[", "[[", "]", "]]", "n ə", "n @.", " . ", "राम", "।", "\n", "5"]), max_size=30),
    st.data(),
)
def test_brackets_of_all_kinds(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    words = hindi.phonemize(text)
    assert all(text[word.start : word.end] == word.text for word in words)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert hindi.phonemize(pieces) == words


def test_what_holds_no_phones_is_ordinary_text() -> None:
    assert hindi.normalize("[[घर]] [[क्या 5]]") == hindi.normalize("घर क्या 5")  # links of a wiki
    assert len(read("[[x y]]")) == 2


def test_normalised_text_shows_letters_that_sound_so() -> None:
    assert hindi.normalize("[[n ə m ə s t̪ eː]] दुनिया") == "नमस्ते दुनिया"
