"""Who speaks what: narrator, chapters, dialogue and roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmphony.books.book import Block, Book, Chapter, Run
from ssmphony.books.cast import Line, lines, make_cast, with_roles
from ssmphony.books.script import make_parts
from ssmphony.types import SsmphonyError, Style


def block(text: str, speaker: str = "") -> Block:
    return Block("paragraph", (Run(text, speaker=speaker),))


def book(*chapters: tuple[Block, ...]) -> Book:
    return Book("ब", tuple(Chapter(str(number), blocks) for number, blocks in enumerate(chapters, start=1)))


@pytest.mark.parametrize("quoted", ["“आओ,”", '"कौन है वहाँ"', "«आइए!»", "„चलो।“", "‘रुको…’"])
def test_dialogue_is_cut_out_with_its_marks(quoted: str) -> None:
    found = list(lines(block(f"उसने कहा, {quoted} और गया।"), dialogue=True))
    assert [(line.role, line.text) for line in found] == [
        ("", "उसने कहा, "),
        ("dialogue", quoted),
        ("", " और गया।"),
    ]
    assert [line.start for line in found] == [0, 10, 10 + len(quoted)]


@pytest.mark.parametrize("text", ["वह “राजा” था।", "“अधूरा उद्धरण", 'पाइप 5" का है।'])
def test_a_term_in_quotation_marks_is_no_dialogue(text: str) -> None:
    assert list(lines(block(text), dialogue=True)) == [Line("", 0, text)]


def test_marks_alone_are_no_line() -> None:
    assert list(lines(block("“आओ चलो।” — ?"), dialogue=True)) == [Line("dialogue", 0, "“आओ चलो।” — ?")]


def test_each_text_is_spoken_by_its_actor(tiny_voice_folder: Path) -> None:
    voice = str(tiny_voice_folder)
    cast = make_cast(voice, Style(speaker="asha"), ["2=ravi", "रानी=ravi", "dialogue=ravi"])
    marked = with_roles(
        book((block("[रानी] चलो।"), block("वह बोला।"), block("[हँसकर] “आओ!”")), (block("शाम हुई।"),)), cast
    )
    spoken = [
        (part.chapter, s.block, s.text, s.style.speaker) for part in make_parts(marked, cast) for s in part.segments
    ]
    assert spoken == [
        (0, 0, "चलो।", "ravi"),
        (0, 1, "वह बोला।", "asha"),
        (0, 2, "[हँसकर] ", "asha"),
        (0, 2, "“आओ!”", "ravi"),
        (1, 0, "शाम हुई।", "ravi"),
    ]


def test_a_text_that_looks_like_ssml_is_spoken_as_text(tiny_voice_folder: Path) -> None:
    cast = make_cast(str(tiny_voice_folder), Style(), [])
    ((segment,),) = (part.segments for part in make_parts(book((block("<speak>नमस्ते</speak>"),)), cast))
    assert segment.spoken == (". <speak>नमस्ते</speak>", 2)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("dialogue", "write WHO=SPEAKER"),
        ("dialogue=", "write WHO=SPEAKER"),
        ("=asha", "write WHO=SPEAKER"),
        ("dialogue=asha@", "write WHO=SPEAKER"),
        ("dialogue=ash", "did you mean 'asha'"),
        ("dialogue=@nowhere", "unknown voice 'nowhere'"),
        ("3=asha", "has 1 chapters"),
        ("रानि=asha", "did you mean 'रानी'"),
    ],
)
def test_mistakes_are_named(pair: str, reason: str, tiny_voice_folder: Path) -> None:
    with pytest.raises(SsmphonyError, match=reason):
        with_roles(book((block("चलो।", speaker="रानी"),)), make_cast(str(tiny_voice_folder), Style(), [pair]))
