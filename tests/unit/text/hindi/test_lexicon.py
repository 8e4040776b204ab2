from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import hindi
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError
from tests.unit.text.strategies import cut_texts, texts
from tests.unit.text.tables import cases

LEXICON = Lexicon.parse(
    [
        "# a comment",
        "",
        "nvidia\tएनविडिया",
        "hdfc\tएच डी एफ़ सी",
        "IT\tआई टी",
        "New York\tन्यू यॉर्क",
        "covid-19\tकोविड उन्नीस",
        "Capt.\tकप्तान",
        "रु\tरुपल्ली",
        "डॉ\tडाकू",
        "हरमीत\tɦ ə ɾ m iː t̪",
        "zomato\tz o: m @ t` o:",
        "5\tपंजा",
        "क़लम\tलेखनी",
        "पर\tपंख\tकाटे _ फैला*",
        "km\tकोस\tचल*",
    ]
)


@pytest.mark.parametrize(("text", "spoken"), cases("lexicon"))
def test_cases(text: str, spoken: str) -> None:
    assert hindi.normalize(text, LEXICON) == spoken


@pytest.mark.parametrize(("line", "message"), cases("lexicon_errors"))
def test_a_wrong_line_is_one_line_of_help(line: str, message: str) -> None:
    with pytest.raises(SsmphonyError) as caught:
        Lexicon.parse(["घर\tमकान", line], "words.tsv")
    assert str(caught.value).startswith("words.tsv, line 2: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_given_phones_are_spoken_as_they_are() -> None:
    first, second = hindi.phonemize("हरमीत Zomato", LEXICON)
    assert (first.phones, first.spoken) == (tuple("ɦ ə ɾ m iː t̪".split()), ("हरमीत",))
    assert first.spans == ((0, 1), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5))
    assert second.phones == tuple("z oː m ə ʈ oː".split())
    assert set(second.spans) == {(6, 12)}


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_bytes("\ufeffघर\tमकान\r\nfoo\tफ़ू\r\n".encode())
    assert hindi.normalize("घर Foo", Lexicon.load(path)) == "मकान फ़ू"
    path.write_bytes(b"\xff")
    with pytest.raises(SsmphonyError, match=r"words\.tsv is not valid UTF-8"):
        Lexicon.load(path)
    with pytest.raises(SsmphonyError, match="cannot read the lexicon"):
        Lexicon.load(tmp_path)


def test_the_right_one_of_two_wins() -> None:
    both = LEXICON | Lexicon.parse(["nvidia\tनवीदिया", "Los Angeles City\tलॉस एंजेलिस"])
    assert hindi.normalize("Nvidia IT Los Angeles City", both) == "नवीदिया आई टी लॉस एंजेलिस"


def test_a_lexicon_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LEXICON.entries["घर"] = ()  # type: ignore[index]
    with pytest.raises(AttributeError):
        LEXICON.longest = 9  # type: ignore[misc]


KEYS = st.sampled_from(["nvidia", "NVIDIA", "IT", "New  York", "रु", "डॉ.", "Capt. ", "5", "km", "पर", "फैला", "[[n ə]]"])


@given(st.one_of(texts, st.lists(st.one_of(KEYS, texts), max_size=8).map(" ".join)))
def test_any_text_keeps_its_order(text: str) -> None:
    place = 0
    for word in hindi.phonemize(text, LEXICON):
        assert text[word.start : word.end] == word.text
        assert place <= word.start < word.end
        assert len(word.spans) == len(word.phones) > 0
        place = word.end


@given(cut_texts())
def test_pieces_give_the_same_words(example: tuple[str, list[str]]) -> None:
    text, pieces = example
    assert hindi.phonemize(pieces, LEXICON) == hindi.phonemize(text, LEXICON)


@given(texts)
def test_a_lexicon_of_other_words_changes_nothing(text: str) -> None:
    other = Lexicon.parse(["xqxqxq\tक", "क्ष्ञ्ळ\tख"])
    assert hindi.phonemize(text, other) == hindi.phonemize(text)
