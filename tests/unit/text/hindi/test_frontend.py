from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from ssmphony.config import parse
from ssmphony.text import FRONTENDS, hindi, vocabulary
from ssmphony.text.hindi.frontend import HindiFrontend, HindiFrontendConfig
from ssmphony.text.utf8 import ByteFrontendConfig
from ssmphony.types import SsmphonyError, Tokens
from tests.unit.text.strategies import cut_texts, texts
from tests.unit.text.tables import lines

FRONTEND = HindiFrontend()
SHORT = HindiFrontendConfig(max_tokens=24).build()


def _check(text: str, sentences: list[Tokens], limit: int) -> None:
    place = 0
    for tokens in sentences:
        assert 2 < len(tokens) <= limit
        assert vocabulary.decode(tokens.ids) == tokens.symbols
        assert vocabulary.PAD not in tokens.symbols
        assert tokens.symbols[0] == vocabulary.BEGIN
        assert tokens.symbols[-1] in vocabulary.PAUSES
        assert tokens.symbols.count(vocabulary.BEGIN) == 1
        assert tokens.pause_after_s >= 0
        assert tokens.start >= place
        assert text[tokens.start : tokens.end] == tokens.text
        first, start = 1, tokens.start
        for word in tokens.words:
            assert first <= word.first < word.stop < len(tokens)
            assert start <= word.start <= word.end <= tokens.end
            assert text[word.start : word.end] == word.text
            first, start = word.stop, word.end
        place = tokens.end


@given(texts)
def test_any_text_gives_valid_tokens(text: str) -> None:
    _check(text, list(FRONTEND.sentences(text)), 240)


@given(texts)
@settings(max_examples=30)
def test_any_text_gives_valid_clauses(text: str) -> None:
    _check(text, list(SHORT.sentences(text)), 24)


@given(cut_texts())
def test_pieces_give_the_same_sentences(example: tuple[str, list[str]]) -> None:
    text, pieces = example
    assert list(FRONTEND.sentences(pieces)) == list(FRONTEND.sentences(text))


@given(texts)
@settings(max_examples=30)
def test_cutting_drops_nothing(text: str) -> None:
    whole = [phone for tokens in FRONTEND.sentences(text) for phone in tokens.symbols if phone not in "^,.?!"]
    short = [phone for tokens in SHORT.sentences(text) for phone in tokens.symbols if phone not in "^,.?!"]
    assert whole == short


@pytest.mark.parametrize("line", lines("lines"))
def test_every_letter_and_digit_lies_in_a_word(line: str) -> None:
    covered = {place for word in hindi.phonemize(line) for place in range(word.start, word.end)}
    lost = [line[place] for place in range(len(line)) if line[place].isalnum() and place not in covered]
    assert not lost
    assert all(word.phones for word in hindi.phonemize(line))


@given(texts)
def test_no_hindi_latin_or_digit_is_skipped(text: str) -> None:
    covered = {place for word in hindi.phonemize(text) for place in range(word.start, word.end)}
    for place, letter in enumerate(text):
        spoken = (letter.isascii() and letter.isalnum()) or letter.isdecimal()
        if spoken or "\u0905" <= letter <= "\u0939" or "\u0958" <= letter <= "\u0961":
            assert place in covered


@pytest.mark.parametrize(
    "text", ["", " \n\t ", "😀🎉", "।।।", "...", "-- ,", "\u200d\ufeff", "\ud83d", "\x00\x1b", "漢字"]
)
def test_nothing_to_speak_yields_nothing(text: str) -> None:
    assert list(FRONTEND.sentences(text)) == []


def test_tokens_of_a_sentence() -> None:
    (tokens,) = FRONTEND.sentences("  वह घर गया, और सोया।")
    assert tokens.symbols == tuple("^ ʋ oː ɡʱ ə ɾ ɡ ə j aː , ɔː ɾ s oː j aː .".split())
    assert [(word.text, word.first, word.stop) for word in tokens.words][:3] == [
        ("वह", 1, 3),
        ("घर", 3, 6),
        ("गया", 6, 10),
    ]
    assert (tokens.start, tokens.text) == (2, "वह घर गया, और सोया।")


@pytest.mark.parametrize(
    ("text", "mark", "pause_s"),
    [
        ("हाँ।", ".", 0.25),
        ("हाँ?", "?", 0.3),
        ("हाँ!", "!", 0.3),
        ("हाँ…", ".", 0.35),
        ("हाँ", ".", 0.25),
        ("हाँ\nना", ".", 0.5),
    ],
)
def test_closing_marks(text: str, mark: str, pause_s: float) -> None:
    tokens = next(iter(FRONTEND.sentences(text)))
    assert (tokens.symbols[-1], tokens.pause_after_s) == (mark, pause_s)


def test_an_over_long_sentence_is_cut_at_clauses() -> None:
    text = "जब वह सुबह उठा, तब उसने देखा कि बाहर बहुत पानी गिर रहा था, और सब लोग घर में थे।"
    clauses = list(HindiFrontendConfig(max_tokens=40).build().sentences(text))
    assert [clause.text for clause in clauses] == [
        "जब वह सुबह उठा,",
        "तब उसने देखा कि बाहर बहुत पानी गिर रहा था,",
        "और सब लोग घर में थे।",
    ]
    assert [clause.symbols[-1] for clause in clauses] == [",", ",", "."]
    assert [clause.pause_after_s for clause in clauses] == [0.0, 0.0, 0.25]


def test_a_word_of_ten_thousand_letters() -> None:
    word = "कमल" * 3333
    sentences = list(FRONTEND.sentences(word))
    _check(word, sentences, 240)
    assert sum(len(tokens) - 2 for tokens in sentences) >= 10_000
    assert sentences[-1].end == len(word)


def test_an_endless_text_is_spoken() -> None:
    endless = FRONTEND.sentences(itertools.repeat("वह आया और गया "))
    assert all(tokens.words for tokens in itertools.islice(endless, 50))


def test_registry_and_config() -> None:
    assert {"bytes": ByteFrontendConfig, "hindi": HindiFrontendConfig} == FRONTENDS
    frontend = parse(FRONTENDS["hindi"], {"kind": "hindi", "max_tokens": 100}).build()
    assert frontend.symbols == vocabulary.SYMBOLS
    with pytest.raises(SsmphonyError, match="max_tokens"):
        parse(HindiFrontendConfig, {"max_token": 100})


def test_the_lexicon_of_the_config_and_one_that_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / "words.tsv").write_text("कखग\tk @ kh\n".replace("kh", "k_h") + "घर\tमकान\n", encoding="utf-8")
    frontend = parse(FRONTENDS["hindi"], {"kind": "hindi", "lexicon": str(tmp_path / "words.tsv")}).build()
    (tokens,) = frontend.sentences("कखग घर")
    assert "".join(tokens.symbols) == "^kəkʰməkaːn."
    assert [word.text for word in tokens.words] == ["कखग", "घर"]
    user = hindi.Lexicon.parse(["घर\tआवास"])
    (tokens,) = HindiFrontend(frontend.config, user).sentences("कखग घर")
    assert "".join(tokens.symbols) == "^kəkʰaːʋaːs."
    with pytest.raises(SsmphonyError, match="cannot read the lexicon"):
        HindiFrontendConfig(lexicon=tmp_path / "missing.tsv").build()


def test_the_language_package_loads_the_standard_library_only() -> None:
    code = (
        "import sys; from ssmphony.text import hindi; hindi.phonemize('क 1 a');"
        "sys.exit(','.join({'numpy', 'pydantic', 'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stderr.strip() == b""
