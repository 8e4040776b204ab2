"""Whole texts in phonemes go both ways, and what is no phone is named with its place."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import phonemes
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import SsmphonyError

FRONTEND = HindiFrontend()


def spoken(text: str) -> list[tuple[tuple[int, ...], float]]:
    return [(sentence.ids, sentence.pause_after_s) for sentence in FRONTEND.sentences(text)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("नमस्ते दुनिया", "nəməst̪eː d̪ʊnɪjaː."),
        ("हाँ, चलो। क्या? अरे!\nघर", "ɦãː, tʃəloː. kjaː? əɾeː!\nɡʱəɾ."),
        ("₹500 दो", "pãːtʃsɔːɾʊpjeː d̪oː."),
        ("NVIDIA [[g_h @ r]] में", None),
        ("12345678901234567890" * 20, None),
        ("<speak>एक <break time='1s'/> दो</speak>", "eːk, d̪oː."),
        ("🙂", ""),
        ("", ""),
    ],
)
def test_a_text_in_phonemes(text: str, written: str | None) -> None:
    spelled = phonemes.spell(FRONTEND.sentences(text), text)
    if written is not None:
        assert spelled == unicodedata.normalize("NFC", written)
    if "<speak>" not in text and "123" not in text:  # a break has no phonemes; a long number has several words
        assert [ids for ids, _ in spoken(phonemes.to_text(spelled))] == [ids for ids, _ in spoken(text)]


@pytest.mark.parametrize(
    "text", ["नमस्ते दुनिया", "हाँ, चलो। क्या? अरे!\nघर पर, सब\n\nठीक है।", "3 बजे डॉ. शर्मा आए, ए. पी. जे. भी।"]
)
def test_what_is_read_back_is_spoken_the_same(text: str) -> None:
    assert spoken(phonemes.to_text(phonemes.spell(FRONTEND.sentences(text), text))) == spoken(text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("nə.məsˈt̪eː d̪ʊnɪjaː", "[[nəməst̪eː]] [[d̪ʊnɪjaː]]"),
        ("n@m@st_de: . ... d_duniya:?!".replace("y", "j"), "[[nəməst̪eː]] . ... [[d̪uːniːjaː]]?!"),
        ("k\n \na,", "[[k]]\n[[aː]],"),
        (" \t\n", ""),
    ],
)
def test_phonemes_as_a_text(written: str, text: str) -> None:
    assert phonemes.to_text(written) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("θɪŋk", "character 1: 'θ' in 'θɪŋk' is not a phone"),
        ("kʰaː kʰoːʰ ghar", "character 10: 'ʰ' in 'kʰoːʰ'"),
        ("kãː kõːy".replace("ã", "a\u0303").replace("õ", "o\u0303"), "character 10: 'y' in"),
        ("t͡ʃəloː घर", "character 9: 'घ' in 'घर'"),
        ("nə ˈˈ", "character 4: 'ˈ' in 'ˈˈ'"),
        ("a [[b", "character 3: '[' in '[[b'"),
        ("<speak>", "character 1: '<'"),
        ("a" * 10_000 + "Ω", "character 10001: 'Ω' in 'aaaa"),
    ],
)
def test_what_is_no_phone(written: str, message: str) -> None:
    with pytest.raises(SsmphonyError) as raised:
        phonemes.to_text(written)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 160


@given(st.text(alphabet=st.sampled_from("aeknt̪ʰː̃.,?! \n[]<\u0361ˈ-१")))
def test_anything_is_phonemes_or_refused_in_one_line(written: str) -> None:
    try:
        text = phonemes.to_text(written)
    except SsmphonyError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
        return
    assert all(word.text.startswith("[[") for sentence in FRONTEND.sentences(text) for word in sentence.words)
