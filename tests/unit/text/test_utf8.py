from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmphony.config import parse
from ssmphony.text import FRONTENDS
from ssmphony.text.utf8 import BEGIN, END, PAD, SYMBOLS, ByteFrontend, ByteFrontendConfig, decode, encode
from ssmphony.types import SsmphonyError, Tokens
from tests.unit.text.strategies import cut_texts, texts

FRONTEND = ByteFrontend()
SHORT = ByteFrontendConfig(max_tokens=16).build()


def _check(text: str, sentences: list[Tokens], limit: int) -> None:
    place = 0
    for tokens in sentences:
        assert 2 < len(tokens) <= limit
        assert tokens.symbols == tuple(SYMBOLS[number] for number in tokens.ids)
        assert (tokens.symbols[0], tokens.symbols[-1]) == (BEGIN, END)
        assert min(tokens.ids[1:-1]) > 2
        assert decode(tokens.ids) == tokens.text == text[tokens.start : tokens.end]
        assert tokens.start >= place
        assert tokens.pause_after_s >= 0
        first = 1
        for word in tokens.words:
            assert first <= word.first < word.stop < len(tokens)
            assert tokens.start <= word.start < word.end <= tokens.end
            assert decode(tokens.ids[word.first : word.stop]) == word.text == text[word.start : word.end]
            first = word.stop
        place = tokens.end


@given(texts)
def test_any_text_gives_its_bytes(text: str) -> None:
    _check(text, list(FRONTEND.sentences(text)), 1024)


@given(texts)
def test_any_text_gives_short_pieces(text: str) -> None:
    _check(text, list(SHORT.sentences(text)), 16)


@given(cut_texts(), st.sampled_from([FRONTEND, SHORT, ByteFrontendConfig(language="hindi").build()]))
def test_pieces_give_the_same_tokens(example: tuple[str, list[str]], frontend: ByteFrontend) -> None:
    text, pieces = example
    assert list(frontend.sentences(pieces)) == list(frontend.sentences(text))


@given(texts)
@settings(max_examples=50)
def test_nothing_that_could_be_spoken_is_dropped(text: str) -> None:
    for frontend in (FRONTEND, SHORT):
        sentences = list(frontend.sentences(text))
        covered = {place for tokens in sentences for place in range(tokens.start, tokens.end)}
        spoken = {place for tokens in sentences for word in tokens.words for place in range(word.start, word.end)}
        for place, character in enumerate(text):
            if unicodedata.category(character)[0] in "LMNS" and not character.isspace():
                assert place in covered
                assert place in spoken
        if any(unicodedata.category(character)[0] in "LMNS" for character in text):
            assert sentences


@given(st.text(st.characters()))
def test_bytes_go_both_ways(text: str) -> None:
    assert decode(encode(text)) == text


@pytest.mark.parametrize("text", ["", " \n\t ", "।।।", "...", "-- ,", "\u200d\ufeff", "\x00\x1b"])
def test_nothing_to_speak_yields_nothing(text: str) -> None:
    assert list(FRONTEND.sentences(text)) == []


def test_tokens_of_two_sentences() -> None:
    first, second = FRONTEND.sentences(" क, ab!\nहै? ")
    assert first.symbols == ("^", "e0", "a4", "95", "2c", "20", "61", "62", "21", "$")
    assert [(word.text, word.first, word.stop, word.start, word.end) for word in first.words] == [
        ("क", 1, 4, 1, 2),
        ("ab", 6, 8, 4, 6),
    ]
    assert (first.text, first.pause_after_s, second.text, second.pause_after_s) == ("क, ab!", 0.5, "है?", 0.3)


def test_long_sentences_are_cut_at_spaces_and_never_in_a_letter() -> None:
    assert [tokens.text for tokens in SHORT.sentences("abc defgh ijklmnop")] == ["abc defgh", "ijklmnop"]
    assert [tokens.text for tokens in SHORT.sentences("किकिकिकि")] == ["किकि", "किकि"]
    assert [tokens.pause_after_s for tokens in SHORT.sentences("abc defgh ijklmnop")] == [0.0, 0.25]
    assert [tokens.text for tokens in SHORT.sentences("क" + "\u0902" * 9)] == [
        "क" + "\u0902" * 3,
        *["\u0902" * 4] * 1,
        "\u0902" * 2,
    ]


def test_abbreviations_of_a_language() -> None:
    text = "डॉ. राम आए।"
    assert len(list(FRONTEND.sentences(text))) == 2
    assert len(list(ByteFrontendConfig(language="hindi").build().sentences(text))) == 1


def test_markup_is_not_read_aloud() -> None:
    """Tags make breaks, speeds and sentences; ``say-as`` is read in the language of the texts."""
    document = (
        '<speak><s>नमस्ते <emphasis>दुनिया</emphasis></s><s>आज <say-as interpret-as="digits">42</say-as>'
        '<break time="500ms"/> <prosody rate="slow">धीरे</prosody></s></speak>'
    )
    spoken = list(ByteFrontendConfig(language="hindi").build().sentences(document))
    assert (
        " ".join(decode(tokens.ids) for tokens in spoken).replace("।", "").split() == "नमस्ते दुनिया आज चार दो धीरे".split()
    )
    assert 0.5 in [tokens.pause_after_s for tokens in spoken]
    assert {part.speed for part in spoken[-1].prosody} == {0.75}
    assert [document[word.start : word.end] for word in spoken[0].words] == ["नमस्ते", "दुनिया"]
    assert decode(next(FRONTEND.sentences('<speak><say-as interpret-as="digits">42</say-as></speak>')).ids) == "42"
    (phoneme,) = FRONTEND.sentences('<speak>यह <phoneme ph="ɡʱ ə ɾ">घर</phoneme> है।</speak>')
    assert decode(phoneme.ids) == "यह घर है।"
    assert [decode(tokens.ids) for tokens in FRONTEND.sentences("3 <s> 5")] == ["3 <s> 5"]


def test_an_endless_text_is_spoken() -> None:
    endless = FRONTEND.sentences(itertools.repeat("ab cd "))
    assert all(tokens.words for tokens in itertools.islice(endless, 50))


def test_symbols_and_config() -> None:
    assert SYMBOLS[0] == PAD
    assert len(set(SYMBOLS)) == len(SYMBOLS) == 259
    frontend = parse(FRONTENDS["bytes"], {"kind": "bytes", "max_tokens": 100}).build()
    assert frontend.symbols == SYMBOLS
    with pytest.raises(SsmphonyError, match="max_tokens"):
        parse(ByteFrontendConfig, {"max_tokens": 2})


def spelling() -> ByteFrontend:
    return ByteFrontendConfig(language="hindi", spelled_out=True).build()


def test_numbers_and_other_scripts_are_spelled_out() -> None:
    """The words keep their places in the text; what stands for one word is one."""
    text = "डॉ. शर्मा ने WhatsApp पर (₹500) दिए।"
    (tokens,) = spelling().sentences(text)
    assert decode(tokens.ids) == "डॉक्टर शर्मा ने व्हाट्सऐप पर (पाँच सौ रुपये) दिए।"
    assert [word.text for word in tokens.words] == ["डॉ.", "शर्मा", "ने", "WhatsApp", "पर", "₹500", "दिए"]
    assert all(text[word.start : word.end] == word.text for word in tokens.words)
    assert decode(tokens.ids[tokens.words[5].first : tokens.words[5].stop]) == "पाँच सौ रुपये"
    assert (tokens.start, tokens.end, tokens.text) == (0, len(text), text)
    assert spelling().whole(text).ids == tokens.ids


@given(st.text("12₹.,%: aपकहै।", max_size=80))
def test_what_is_spelled_out_is_cut_at_words_of_the_text(text: str) -> None:
    frontend = ByteFrontendConfig(language="hindi", spelled_out=True, max_tokens=64).build()
    found = list(frontend.sentences(text))
    assert all(len(tokens) <= 64 for tokens in found)
    words = [word for tokens in found for word in tokens.words]
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(text[word.start : word.end] == word.text for word in words)


def test_spelling_out_needs_a_language() -> None:
    with pytest.raises(ValueError, match="spelled_out needs a language"):
        ByteFrontendConfig(spelled_out=True)
