"""The public values: `hindi.phonemize`, `hindi.normalize`, and the place of every phone."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given

from ssmphony.text import hindi, vocabulary
from ssmphony.text.hindi import homographs, spans
from tests.unit.text.strategies import cut_texts, texts
from tests.unit.text.tables import cases, lines

PHONES = frozenset(vocabulary.VOWELS + vocabulary.CONSONANTS)


def test_a_word() -> None:
    first, second = hindi.phonemize("२५ घर")
    assert (first.text, first.spoken, first.start, first.end) == ("२५", ("पच्चीस",), 0, 2)
    assert (second.ipa, second.start, second.end) == (unicodedata.normalize("NFC", "ɡʱəɾ"), 3, 5)
    assert second.phones == ("ɡʱ", "ə", "ɾ")


def test_spoken_words_have_their_own_ipa() -> None:
    (word,) = hindi.phonemize("₹25")
    assert word.spoken == ("पच्चीस", "रुपये")
    assert word.spoken_ipa == tuple(word.ipa for said in word.spoken for word in hindi.phonemize(said))
    assert "".join(word.spoken_ipa) == word.ipa


@pytest.mark.parametrize(("word", "letters"), cases("spans"))
def test_each_phone_has_its_letters(word: str, letters: str) -> None:
    (spoken,) = hindi.phonemize(word)
    assert [word[start:stop] for start, stop in spoken.spans] == letters.split()


@pytest.mark.parametrize("written", ["8:45", "Google", "₹5,000", "डॉ.", "[[n ə m]]"])
def test_phones_of_a_number_or_a_latin_word_come_from_all_of_it(written: str) -> None:
    (word,) = hindi.phonemize(f"  {written}")
    assert set(word.spans) == {(2, 2 + len(written))}


def _check(text: str, words: list[hindi.Word]) -> None:
    place = 0
    for word in words:
        assert text[word.start : word.end] == word.text
        assert place <= word.start < word.end
        assert word.phones
        assert set(word.phones) <= PHONES
        assert len(word.spoken) == len(word.stops)
        assert word.stops[-1] == len(word.phones)
        assert len(word.spans) == len(word.phones)
        reached = word.start
        for start, stop in word.spans:
            assert word.start <= start < stop <= word.end
            assert start >= reached
            reached = start
        place = word.end


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("राम 😀 עברית ok", ("😀", "עברית")),
        ("**राम** और 5 ₹, α ≥ 2।", ()),
        ("© राम 漢字", ("©", "漢字")),
    ],
)
def test_what_is_silent_is_named(text: str, silent: tuple[str, ...]) -> None:
    (sentence,) = hindi.speak(text)
    assert sentence.silent == silent


@given(texts)
def test_any_text_gives_words_in_order(text: str) -> None:
    _check(text, hindi.phonemize(text))


@pytest.mark.parametrize("line", lines("lines"))
def test_lines_give_words_in_order(line: str) -> None:
    _check(line, hindi.phonemize(line))


@given(cut_texts())
def test_pieces_give_the_same_words(example: tuple[str, list[str]]) -> None:
    text, pieces = example
    assert hindi.phonemize(pieces) == hindi.phonemize(text)
    assert hindi.normalize(pieces) == hindi.normalize(text)


@pytest.mark.parametrize(("text", "word", "phones"), cases("homographs", columns=3))
def test_homographs(text: str, word: str, phones: str) -> None:
    spoken = next(spoken for spoken in hindi.phonemize(text) if spoken.text == word)
    assert spoken.phones == tuple(unicodedata.normalize("NFC", phones).split())


def test_every_homograph_has_both_readings_in_the_cases() -> None:
    readings = {(row[1], row[2]) for row in cases("homographs", columns=3)}
    for word in homographs.table().entries:
        assert len({phones for key, phones in readings if key == word}) == 2, word


@pytest.mark.parametrize(
    "nasty", ["[[", "[", "]]", "[[k ", "[[k]]", "[[k]", "new ", "राज ", "गहरा राज ", "कं", "क्", "a'"]
)
def test_time_is_linear(nasty: str) -> None:
    lexicon = hindi.Lexicon.parse(["new new york\tन्यू", "राज\tरात\tघर*"])

    def seconds(characters: int) -> float:
        text = nasty * (characters // len(nasty))
        begun = time.process_time()
        for word in hindi.phonemize(text, lexicon):
            spans.of_phones.__wrapped__(word.text, word.spoken, word.phones)
        return time.process_time() - begun

    seconds(500)
    assert seconds(20_000) < 40 * max(seconds(2_000), 0.005)
