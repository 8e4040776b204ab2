"""Subtitles show the text as it was written, and break where a reader expects it."""

from __future__ import annotations

import re

import pytest

from ssmphony.audio.subtitles import to_srt, to_vtt
from ssmphony.types import TimedSpan


def spoken(text: str, *words: str, pauses: dict[str, float] | None = None) -> list[TimedSpan]:
    """Words of ``text`` of half a second each; after those in ``pauses`` comes a silence."""
    spans: list[TimedSpan] = []
    place, now = 0, 0.0
    for word in words:
        start = text.index(word, place)
        place = start + len(word)
        spans.append(TimedSpan(word, now, now + 0.5, start, place))
        now += 0.5 + (pauses or {}).get(word, 0.0)
    return spans


def lines(text: str, *words: str, pauses: dict[str, float] | None = None, markup: bool = False) -> list[str]:
    shown = to_srt(spoken(text, *words, pauses=pauses), text, markup=markup).split("\n")[2::4]
    in_vtt = to_vtt(spoken(text, *words, pauses=pauses), text, markup=markup).split("\n")[3::3]
    without_times = [re.sub(r"<[\d:.]+>", "", line) for line in in_vtt]
    assert without_times == [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in shown]
    return shown


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("आप कैसे हैं? ₹500 दीजिए।", "आप कैसे हैं ₹500 दीजिए", ["आप कैसे हैं?", "₹500 दीजिए।"]),
        ('उसने कहा, "हाँ!" और गया।', "उसने कहा हाँ और गया", ['उसने कहा, "हाँ!"', "और गया।"]),
        ("“हाँ…” वह बोला ॥", "हाँ वह बोला", ["“हाँ…”", "वह बोला ॥"]),
        ("एक — दो - तीन (चार) [पाँच]", "एक दो तीन चार पाँच", ["एक — दो - तीन (चार) [पाँच]"]),
        ("राम/श्याम, माँ-बाप; ₹ पाँच", "राम श्याम माँ बाप पाँच", ["राम/श्याम, माँ-बाप; ₹ पाँच"]),
        ("घर ( राम )", "घर राम", ["घर ( राम )"]),
        ("शीर्षक\n\n• हाँ\n• गया", "शीर्षक हाँ गया", ["शीर्षक", "• हाँ", "• गया"]),
        ("\ufeff--- विराम ---\n\n", "विराम", ["--- विराम ---"]),
        ("**हाँ** _गया_ 🙂", "हाँ गया", ["**हाँ** _गया_ 🙂"]),
        ("3.5 किमी\tदूर", "3.5 किमी दूर", ["3.5 किमी दूर"]),
        ("डॉ. राम", "डॉ. राम", ["डॉ. राम"]),
        ("5 < 6 & 7 > 3?", "5 6 7 3", ["5 < 6 & 7 > 3?"]),
    ],
)
def test_what_stands_between_words_is_shown(text, words, shown):
    pauses = dict.fromkeys(("हैं", "हाँ", "शीर्षक"), 0.3)
    assert lines(text, *words.split(), pauses=pauses) == shown


def test_a_sentence_ends_a_subtitle_at_any_speed_and_a_comma_does_not():
    text = "हाँ। नहीं, कल."
    assert lines(text, "हाँ", "नहीं", "कल", pauses={"हाँ": 0.07, "नहीं": 0.3}) == ["हाँ।", "नहीं, कल."]
    assert lines(text, "हाँ", "नहीं", "कल", pauses={"नहीं": 1.5}) == ["हाँ। नहीं,", "कल."]


def test_long_sentences_break_after_a_clause_or_where_the_line_is_full():
    text = "आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं और नदी के किनारे बैठते हैं।"
    words = text.replace(",", "").replace("।", "").split()
    shown = lines(text, *words)
    assert shown[0] == "आज मौसम बहुत अच्छा है,"
    assert " ".join(shown) == text
    assert all(len(line) <= 42 for line in shown)
    many = " ".join(["शब्दशब्द"] * 40)
    assert " ".join(lines(many, *many.split())) == many
    assert all(len(line) <= 42 for line in lines(many, *many.split()))


def test_no_subtitle_is_longer_than_a_few_seconds():
    text = " ".join("कखगघ" * 5)
    spans = spoken(text, *text.split(), pauses=dict.fromkeys(text.split(), 0.4))
    for begin, end in re.findall(r"00:00:(\S+) --> 00:00:(\S+)", to_srt(spans, text)):
        assert float(end.replace(",", ".")) - float(begin.replace(",", ".")) <= 6.0


def test_text_that_is_not_spoken_does_not_fill_subtitles():
    text = f"हाँ, {'漢字' * 300} (गया) {'漢字' * 300}"
    assert lines(text, "हाँ", "गया") == ["हाँ, (गया)"]


def test_what_is_not_spoken_yet_is_not_shown():
    """Half of a text was spoken when it was stopped."""
    text = "एक दो। तीन चार।"
    assert lines(text, "एक", "दो") == ["एक दो।"]


def test_a_document_shows_neither_tags_nor_references():
    text = '<speak><!-- a > b -->"एक" <break time="1s"/>&amp; <mark name="x>y"/>दो, <![CDATA[<तीन>]]></speak>'
    assert lines(text, "एक", "&", "दो", "तीन", markup=True) == ['"एक" & दो, <तीन>']
    assert lines("<speak><p>एक</p><p>दो</p></speak>", "एक", "दो", markup=True) == ["एक दो"]
    assert lines("<speak>x&lt;y&#x0964;</speak>", "x", "y", markup=True) == ["x<y।"]


def test_words_that_share_their_place_are_shown_once_as_written():
    text = '<speak>कोड <say-as interpret-as="digits">48</say-as>।</speak>'
    start = text.index("48")
    words = [
        TimedSpan("कोड", 0.0, 0.5, 7, 10),
        TimedSpan("चार", 0.5, 0.8, start, start + 2),
        TimedSpan("आठ", 0.8, 1.1, start, start + 2),
    ]
    assert to_srt(words, text, markup=True) == "1\n00:00:00,000 --> 00:00:01,100\nकोड 48।\n"
