"""Sentences of a text that is being written: the same ones, never before they are certain, never waiting."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.engine.reader import WINDOW, ClauseCutter, TextReader
from ssmphony.text import FRONTENDS
from ssmphony.types import SsmphonyError

FRONTEND = FRONTENDS["hindi"]().build()
BYTES = FRONTENDS["bytes"]().build()
PARTS = ["नमस्ते, ", "डॉ. ", "राम आए। ", "क्या?", "\n", "3.5 ", "🙂🎉\n", "कल, (हाँ) ", "शायद", "! ", "ए. "]
PARTS += ["<speak>", ".", "[[n ə]] "]
texts = st.lists(st.sampled_from(PARTS), max_size=25).map("".join)


def read(reader: TextReader) -> list:
    return list(iter(reader.next, None))


def in_pieces(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


@given(texts, st.integers(1, 30), st.sampled_from([FRONTEND, BYTES]))
def test_sentences_are_those_of_the_whole_text(text, size, frontend):
    reader = TextReader(frontend)
    found = []
    for piece in in_pieces(text, size):
        reader.write(piece)
        found += read(reader)
        assert not reader.done
    reader.finish()
    if text.lstrip().startswith("<speak>"):
        return  # refused as markup that is not closed: below
    found += read(reader)
    assert reader.done
    assert found == list(frontend.sentences(text))


def test_a_long_text_is_read_in_windows():
    text = "".join(f"यह वाक्य {number} है, और वह भी। " for number in range(400)) + "🙂 " * WINDOW + "अंत।"
    reader = TextReader(FRONTEND)
    reader.write(text)
    reader.finish()
    assert read(reader) == list(FRONTEND.sentences(text))


def test_a_sentence_comes_as_soon_as_it_is_certain():
    reader = TextReader(FRONTEND)
    reader.write("नमस्ते दुनिया।")
    assert read(reader) == []  # a closing quotation mark may follow
    reader.write(" ")
    assert [tokens.text for tokens in read(reader)] == ["नमस्ते दुनिया।"]
    assert not reader.done


@given(texts, st.integers(1, 30))
def test_clauses_depend_on_the_text_and_not_on_its_pieces(text, size):
    cutter, once = ClauseCutter(), ClauseCutter()
    cut = "".join(cutter.feed(piece) for piece in in_pieces(text, size))
    assert cut == once.feed(text)
    assert len(cut) == len(text)


def test_the_first_clause_comes_before_its_sentence_ends():
    reader = TextReader(FRONTEND, clauses=True)
    reader.write("नमस्ते दोस्तो, आज ")
    assert [(tokens.text, tokens.start, tokens.end) for tokens in read(reader)] == [("नमस्ते दोस्तो,", 0, 14)]
    reader.write("हम चलेंगे। पर, शायद, कल ")
    (rest,) = read(reader)
    assert rest.text == "आज हम चलेंगे।"
    assert rest.words[0].start == 15
    reader.finish()
    assert [tokens.text for tokens in read(reader)] == ["पर, शायद, कल"]  # later sentences stay whole


def test_a_flush_ends_a_text_and_begins_another():
    reader = TextReader(FRONTEND, clauses=True)
    reader.write("मैं सोच रहा")
    assert read(reader) == []
    reader.flush()
    reader.flush()
    (first,) = read(reader)
    assert first.text == "मैं सोच रहा"
    reader.write("हाँ, तो चलो")
    assert [tokens.text for tokens in read(reader)] == ["हाँ,"]
    reader.finish()
    (last,) = read(reader)
    assert (last.text, last.words[0].start) == ("तो चलो", 16)
    assert reader.done


@given(texts.filter(lambda text: "<" not in text), st.integers(0, 12), st.booleans())
def test_a_reader_goes_on_from_what_it_tells_of_itself(text, count, clauses):
    reader, whole = TextReader(FRONTEND, clauses), TextReader(FRONTEND, clauses)
    for each in (reader, whole):
        each.write(text)
        each.flush()
        each.write(text)
    before = [tokens for tokens in (reader.next() for _ in range(count)) if tokens is not None]
    stored = {field.name: getattr(reader, field.name) for field in fields(TextReader)}
    again = TextReader(**deepcopy(stored))
    for each in (again, whole):
        each.write("कल, परसों")
        each.finish()
    assert before + read(again) == read(whole)


def test_markup_is_read_at_its_end_and_refused_where_it_is_wrong():
    document = "<speak>एक, दो। <break time='1s'/> तीन, चार।</speak>"
    reader = TextReader(FRONTEND, clauses=True)
    for piece in in_pieces(document, 3):
        reader.write(piece)
        assert reader.next() is None
    reader.finish()
    assert read(reader) == list(FRONTEND.sentences(document))
    wrong = TextReader(FRONTEND)
    wrong.write("<speak>एक")
    wrong.finish()
    with pytest.raises(SsmphonyError, match="SSML"):
        wrong.next()


def test_text_without_anything_to_speak_is_not_read_again_and_again():
    class Counting:
        symbols = FRONTEND.symbols
        read = 0

        def sentences(self, text):
            for piece in text:
                self.read += len(piece)
            yield from ()

    frontend = Counting()
    reader = TextReader(frontend)
    for _ in range(40_000):
        reader.write("🙂")
        assert reader.next() is None
    assert frontend.read < WINDOW * WINDOW + 10 * 40_000
