"""Markup: what is spoken, how, and where it stands in the document."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import FRONTENDS, hindi, ssml
from ssmphony.text.hindi.say_as import say_as
from ssmphony.types import Prosody, SsmphonyError, Tokens
from tests.unit.text.tables import cases

FRONTEND = FRONTENDS["hindi"]().build()


def read(body: str) -> list[Tokens]:
    return list(FRONTEND.sentences(f"<speak>{body}</speak>"))


def words(sentences: list[Tokens]) -> list[str]:
    return [word.text for sentence in sentences for word in sentence.words]


def prosodies(sentence: Tokens) -> dict[str, Prosody]:
    return {word.text: sentence.prosody[word.first] for word in sentence.words}


def test_without_elements_it_is_the_text():
    (marked,), (plain,) = read("नमस्ते दुनिया।"), FRONTEND.sentences("नमस्ते दुनिया।")
    assert (marked.symbols, marked.pause_after_s, marked.prosody) == (plain.symbols, plain.pause_after_s, ())


@pytest.mark.parametrize("text", ["3 < 5", "<b>नमस्ते</b>", "<speaker>राम</speaker>", "<", "<speak", "राम <speak>"])
def test_other_text_with_angle_brackets_is_text(text):
    assert not ssml.is_ssml(text)
    list(FRONTEND.sentences(text))


def test_words_lead_back_into_the_document():
    document = (
        '\n <speak> एक &amp; <emphasis>दो</emphasis>\n<sub alias="तीन चार">३-४</sub> '
        '<say-as interpret-as="digits">56</say-as></speak>'
    )
    (sentence,) = FRONTEND.sentences(document)
    assert [document[word.start : word.end] for word in sentence.words][:2] == ["एक", "&"]
    assert {document[word.start : word.end] for word in sentence.words[2:]} == {"दो", "३-४", "56"}
    assert document[sentence.start : sentence.end].startswith("एक")


def test_line_ends_of_the_document_are_layout():
    (sentence,) = read("एक\nदो\r\nतीन")
    assert words([sentence]) == ["एक", "दो", "तीन"]


def test_paragraphs_and_sentences():
    marks = [(sentence.symbols[-1], sentence.pause_after_s) for sentence in read("<p>एक <s>दो</s><s>तीन?</s></p>चार")]
    assert [mark for mark, _ in marks] == [".", "?", "."]
    assert marks[1][1] > marks[0][1]  # a paragraph ends after it


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('rate="slow"', Prosody(speed=0.75)),
        ('rate="80%"', Prosody(speed=0.8)),
        ('rate="+10%"', Prosody(speed=1.1)),
        ('rate="1.2"', Prosody(speed=1.2)),
        ('rate="900%"', Prosody(speed=6.0)),
        ('pitch="+2st"', Prosody(pitch_semitones=2.0)),
        ('pitch="+100%"', Prosody(pitch_semitones=12.0)),
        ('pitch="x-low" volume="-6dB"', Prosody(pitch_semitones=-5.0, gain_db=-6.0)),
        ('volume="loud"', Prosody(gain_db=4.0)),
        ('volume="80"', Prosody(gain_db=-1.9382)),
        ('volume="0"', Prosody(gain_db=-120.0)),
        ('volume="-50%"', Prosody(gain_db=-6.0206)),
        ('pitch="+20Hz"', Prosody(pitch_semitones=1.6500423)),
        ('pitch="100Hz"', Prosody(pitch_semitones=-12.0)),
        ('rate=".5"', Prosody(speed=0.5)),
    ],
)
def test_prosody(attributes, expected):
    (sentence,) = read(f"एक <prosody {attributes}>दो</prosody> तीन")
    said = prosodies(sentence)
    assert (said["एक"], said["तीन"]) == (Prosody(), Prosody())
    assert astuple(said["दो"]) == pytest.approx(astuple(expected), abs=1e-4)


def test_elements_inside_each_other_add_up():
    (sentence,) = read(
        '<prosody rate="50%" pitch="+3st">एक <prosody rate="50%" pitch="-1st">दो</prosody> तीन</prosody>'
    )
    assert prosodies(sentence) == {"एक": Prosody(0.5, 3.0), "दो": Prosody(0.25, 2.0), "तीन": Prosody(0.5, 3.0)}


def test_breaks_end_a_clause_and_last_as_long_as_they_say():
    first, second, third = read('एक <break time="700ms"/> दो <break strength="strong"/> तीन।')
    assert [part.pause_after_s for part in (first, second)] == [0.7, 0.6]
    assert (first.symbols[-1], third.symbols[-1]) == (",", ".")


def test_silence_before_the_first_word_and_after_the_last():
    first, second, _ = [*read('<break time="2s"/>एक<break time="1s"/>'), None]
    assert (len(first), first.pause_after_s) == (0, 2.0)
    assert (words([second]), second.pause_after_s) == (["एक"], 1.0)


@pytest.mark.parametrize(("text", "kind", "form", "spoken"), cases("say_as", 4))
def test_say_as(text, kind, form, spoken):
    assert hindi.normalize(say_as(text, kind, form)) == spoken
    (marked,) = read(f'<say-as interpret-as="{kind}" format="{form}">{text}</say-as>')
    assert marked.symbols == next(FRONTEND.sentences(spoken)).symbols


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("एक", "cardinal", "'एक' cannot be read as cardinal"),
        ("1", "cardnal", "did you mean 'cardinal'"),
        ("40/1/2000", "date", "cannot be read as date"),
        ("1/13/2000", "date", "cannot be read as date"),
        ("25:99", "time", "cannot be read as time"),
        ("abc", "telephone", "cannot be read as telephone"),
    ],
)
def test_what_cannot_be_said_as_asked(text, kind, reason):
    with pytest.raises(SsmphonyError, match=reason):
        say_as(text, kind)


@pytest.mark.parametrize(
    ("text", "kind", "warning"),
    [
        ("एक", "cardinal", "cannot be read as cardinal"),
        ("5 मई", "datum", "did you mean 'date'"),
        ("राम", "foo", "'foo'"),
    ],
)
def test_what_cannot_be_said_as_asked_is_read_as_text_with_a_warning(text, kind, warning, caplog):
    (marked,) = read(f'<say-as interpret-as="{kind}">{text}</say-as>')
    (plain,) = FRONTEND.sentences(text)
    assert marked.symbols == plain.symbols
    (record,) = caplog.records
    assert "line 1, column" in record.getMessage()
    assert warning in record.getMessage()


@given(st.text(max_size=20), st.sampled_from(["cardinal", "ordinal", "date", "time", "characters", "telephone"]))
def test_say_as_any_text_says_it_or_refuses(text, kind):
    with suppress(SsmphonyError):
        hindi.normalize(say_as(text, kind))


def test_phonemes():
    (sentence,) = read('यह <phoneme alphabet="ipa" ph="ɡʱ ə ɾ">मकान</phoneme> है')
    word = sentence.words[1]
    assert sentence.symbols[word.first : word.stop] == ("ɡʱ", "ə", "ɾ")


@pytest.mark.parametrize(
    ("element", "phone"),
    [
        ('<phoneme alphabet="ipa" ph="θɪŋk">थिंक</phoneme>', "θ"),
        ('<phoneme alphabet="ipa" ph="ˈɡuːɡl̩">Google</phoneme>', "\u0329"),
        ('<phoneme ph="ʔaːp">आप</phoneme>', "ʔ"),
        ('<phoneme ph="k]] [[">आप</phoneme>', "]"),
    ],
)
def test_phones_that_hindi_lacks_are_named(element, phone):
    with pytest.raises(SsmphonyError, match="line 1, column") as caught:
        read(f"यह {element} है")
    assert f"'{phone}'" in str(caught.value)


def test_long_phonemes_are_one_element():
    (sentence,) = read(f'<phoneme ph="{"kə" * 100}">एक</phoneme>')
    assert sentence.symbols.count("k") == 100


@pytest.mark.parametrize(
    ("body", "spoken"),
    [
        ('<audio src="beep.wav">टोन के बाद बोलें</audio>', "टोन के बाद बोलें"),
        ('<audio src="a.wav"><desc>एक टोन</desc>नमस्ते</audio>', "नमस्ते"),
        ('<audio src="a.wav"/>नमस्ते', "नमस्ते"),
        ("<metadata/>नमस्ते", "नमस्ते"),
        ('<metadata><a:b xmlns:a="x">कुछ <c/></a:b></metadata>नमस्ते', "नमस्ते"),
        ('<meta name="a" content="b"/><lexicon uri="a.pls" xml:id="x"/>नमस्ते', "नमस्ते"),
        ('<voice xml:lang="hi-IN">नमस्ते</voice>', "नमस्ते"),
        ('<voice gender="female">नमस्ते</voice>', "नमस्ते"),
        ("<token>नमस्ते</token> <w>दुनिया</w>", "नमस्ते दुनिया"),
        ('<lookup ref="x">नमस्ते</lookup>', "नमस्ते"),
        ('<prosody range="high" contour="(0%,+20Hz)" duration="2s">नमस्ते</prosody>', "नमस्ते"),
    ],
)
def test_elements_of_the_standard_that_change_nothing(body, spoken):
    (marked,), (plain,) = read(body), FRONTEND.sentences(spoken)
    assert (marked.symbols, marked.prosody, marked.speaker) == (plain.symbols, (), None)


@pytest.mark.parametrize(("time", "seconds"), [(".5s", 0.5), ("+250ms", 0.25), ("1.s", 1.0)])
def test_lengths_of_time(time, seconds):
    assert read(f'एक<break time="{time}"/>दो')[0].pause_after_s == pytest.approx(seconds)


def test_marks_stand_before_the_next_word():
    (sentence,) = read('<mark name="a"/>एक <mark name="b"/>दो<mark name="c"/>')
    places = {mark.name: mark.token for mark in sentence.marks}
    assert places == {"a": sentence.words[0].first, "b": sentence.words[1].first, "c": len(sentence)}


def test_voices_are_speakers():
    sentences = read('एक <voice name="meera">दो <emphasis>तीन</emphasis></voice> चार')
    assert [(words([part]), part.speaker) for part in sentences] == [
        (["एक"], None), (["दो", "तीन"], "meera"), (["चार"], None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<speak>एक", "line 1, column 10: no element found"),
        ("<speak>\n <foo/></speak>", "line 2, column 2: unknown element <foo>"),
        ("<speak><break tme='1s'/></speak>", "no attribute 'tme'.*'time'"),
        ("<speak><break time='soon'/></speak>", "write 500ms"),
        ("<speak><prosody rate='quick'>एक</prosody></speak>", "write slow"),
        ("<speak><prosody pitch='200kHz'>एक</prosody></speak>", "write high"),
        ("<speak><prosody rate='150'>एक</prosody></speak>", "rate '150' is out of range"),
        ("<speak><emphasis level='much'>एक</emphasis></speak>", "use strong"),
        ("<speak><sub>WHO</sub></speak>", "needs the attribute 'alias'"),
        ("<speak><sub alias='एक'>a <break/></sub></speak>", "cannot stand inside <sub>"),
        ("<speak><speak>एक</speak></speak>", "must enclose everything"),
        ("<speak>एक</speak>दो", "junk"),
        ("<speak>&nbsp;</speak>", "undefined entity"),
        ("<speak>" + "<p>" * 100 + "</p>" * 100 + "</speak>", "deep"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(document, reason):
    with pytest.raises(SsmphonyError, match=reason) as caught:
        list(FRONTEND.sentences(document))
    assert "\n" not in str(caught.value)


def test_entities_cannot_be_declared():
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    document = f'<!DOCTYPE speak [<!ENTITY e0 "हा">{entities}]><speak>&e9;</speak>'
    with pytest.raises(SsmphonyError, match="document type is refused"):
        ssml.parse(document, lambda text, kind, form: text)


def test_external_files_are_not_read(tmp_path):
    (tmp_path / "secret").write_text("राज़")
    document = f'<?xml version="1.0"?><!DOCTYPE speak SYSTEM "{tmp_path}/secret"><speak>एक</speak>'
    with pytest.raises(SsmphonyError, match="document type is refused"):
        ssml.parse(document, lambda text, kind, form: text)


PARTS = ["<speak>", "</speak>", "<p>", "</p>", "<break/>", "एक ", "<", "&amp;", "&", "/>", "\ud800"]


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_any_document_is_read_or_refused(parts):
    with suppress(SsmphonyError):
        list(FRONTEND.sentences("<speak>" + "".join(parts)))


@given(st.lists(st.integers(0, 60), max_size=5))
def test_pieces_of_any_size_give_the_same(cuts):
    document = ' <speak>एक <emphasis>दो</emphasis>। तीन <break time="1s"/> चार</speak>'
    edges = sorted({0, len(document), *(cut for cut in cuts if cut < len(document))})
    pieces = [document[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert list(FRONTEND.sentences(iter(pieces))) == list(FRONTEND.sentences(document))


def test_time_is_linear_in_the_number_of_elements():
    def seconds(count: int) -> float:
        start = time.process_time()
        list(FRONTEND.sentences("<speak>" + "<emphasis>एक</emphasis>। " * count + "</speak>"))
        return time.process_time() - start

    seconds(50)
    assert seconds(4000) < 40 * max(seconds(400), 1e-3)
