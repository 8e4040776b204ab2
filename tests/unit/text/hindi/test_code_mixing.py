"""Hindi in Latin letters, alone and among English."""

from __future__ import annotations

import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.text import roman_hindi
from ssmphony.text import hindi
from ssmphony.text.hindi import code_mixing, g2p, latin, romanised, tables
from ssmphony.text.hindi.unicode import clean
from tests.unit.text.strategies import texts
from tests.unit.text.tables import cases

TABLES = Path(tables.__file__).parent
WRITTEN = (
    "romanised_words romanised_pairs romanised_spellings romanised_short_forms english_common english_function_words "
    "english_phrases"
).split()


@pytest.mark.parametrize(("written", "spoken"), cases("romanised"))
def test_cases(written: str, spoken: str) -> None:
    assert hindi.normalize(written) == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("जाएगा", "jaega jayega jaayega jaaega jaayegaa"),
        ("ज़्यादा", "zyada jyada zyaada jyaada ziyada"),
        ("खिड़की", "khidki khirki khidkee"),
        ("पूछूँगा", "puchunga poochunga puchhunga poochoonga"),
        ("ठंडा", "thanda thandaa tanda"),
        ("विद्यार्थी", "vidyarthi widyarthi vidyaarthee"),
        ("फ़ायदा", "fayda phayda faayda"),
    ],
)
def test_a_word_is_found_however_it_is_spelled(word: str, typed: str) -> None:
    for spelling in typed.split():
        found = [candidate.word for candidate in romanised.candidates(spelling)]
        assert unicodedata.normalize("NFC", word) in found, spelling


def test_offsets_point_at_what_was_typed() -> None:
    text = "kal subah milte hain"
    words = hindi.phonemize(text)
    assert [(word.text, word.start, word.end) for word in words] == [
        (match[0], *match.span()) for match in re.finditer(r"\S+", text)
    ]
    assert all(word.spans == ((word.start, word.end),) * len(word.phones) for word in words)


@given(texts)
def test_nothing_is_lost(text: str) -> None:
    cleaned = clean(text)
    rewritten = code_mixing.rewrite(cleaned)
    assert len(rewritten.text) == len(rewritten.starts) == len(rewritten.ends)
    assert list(rewritten.starts) == sorted(rewritten.starts)
    kept = [c for c in cleaned.text if not (c.isascii() and c.isalpha())]
    assert [c for c in kept if c not in rewritten.text] == []


@given(st.text("abcdehiknorstuy .,-/'0123ABकि", max_size=80))
def test_devanagari_and_figures_stay(text: str) -> None:
    rewritten = code_mixing.rewrite(clean(text)).text
    assert re.findall(r"\d+", rewritten) == re.findall(r"\d+", clean(text).text)


def test_a_text_without_latin_letters_is_left_alone() -> None:
    cleaned = clean("कल सुबह 10 बजे")
    assert code_mixing.rewrite(cleaned) is cleaned


@pytest.mark.parametrize("piece", ["kal ", "a ", "the ", "haan/", "a.", "...", "'", "k-", "x", "main gate ", "1/a"])
def test_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        begin = time.thread_time()
        code_mixing.rewrite(clean(text))
        return time.thread_time() - begin

    seconds(1_000)
    short = min(seconds(1_000) for _ in range(3))
    assert min(seconds(10_000) for _ in range(3)) < 40 * max(short, 0.001)


def test_the_tables_are_small_and_whole() -> None:
    assert sum((TABLES / f"{name}.tsv").stat().st_size for name in WRITTEN) <= 2_000_000
    for name in WRITTEN:
        keys = [row[0] for row in tables.rows(name)]
        assert len(keys) == len(set(keys)), name
    for row in tables.lines("romanised_words"):
        key, *cells = row.split("\t")
        assert len(cells) % 3 == 0, key
    for typed in romanised.short_forms():
        assert all(g2p.sounds(word) for candidate in romanised.short_form(typed) for word in candidate.word.split())


def test_english_words_of_the_lexicon_stay_english_in_english() -> None:
    sentence = "the new software update for your phone is ready"
    assert code_mixing.hindi_words(sentence) == []
    assert hindi.normalize(sentence).split() == [w for word in sentence.split() for w in latin.to_devanagari(word)]


def test_the_public_sentences_are_read_right() -> None:
    scores = roman_hindi.score(roman_hindi.ours, roman_hindi.sentences("public"))
    shares = {name: good / count for name, (good, count) in scores.items()}
    assert shares["hindi"] > 0.98
    assert shares["english"] > 0.98
    assert shares["english_alone"] == 1


def test_a_reading_is_compared_by_its_sound() -> None:
    assert roman_hindi.right("office", ["office"], ["office"])
    assert roman_hindi.right("office", ["ऑफ़िस"], ["office"])
    assert not roman_hindi.right("main", ["मैं"], ["main"])
    assert roman_hindi.right("khush", ["खुश"], ["ख़ुश"])
    assert roman_hindi.right("hogaya", ["हो", "गया"], ["होगया", "हो_गया"])
    assert not roman_hindi.right("kal", ["काल"], ["कल"])
