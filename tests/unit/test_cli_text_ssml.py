"""``ssmphony text`` reads documents of SSML as `say` does, from an argument, a file and line by line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ssmphony.cli import app
from ssmphony.cli.documents import texts
from ssmphony.text.ssml import read_head, recognise


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, ["text", *map(str, arguments)])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('<speak>कोड <say-as interpret-as="digits">4821</say-as></speak>', "कोड चार आठ दो एक"),
        ('<speak><sub alias="एक">1</sub></speak>', "एक"),
        ('<speak>राम <break time="1s"/> <prosody rate="slow">श्याम</prosody> &amp; मोहन</speak>', "राम श्याम और मोहन"),
        ("<speak><p><s>एक</s><s>दो</s></p></speak>", "एक दो"),
        ('<speak><phoneme alphabet="ipa" ph="n ə">हाँ</phoneme></speak>', "न"),
        ('\ufeff<?xml version="1.0"?>\n<!-- a -->\n<speak>5</speak>', "पाँच"),
        ("<speak/>", ""),
    ],
)
def test_words_of_a_document(run, tmp_path, document, words):
    result = run("--to", "words", document)
    assert (result.exit_code, result.output) == (0, words + "\n")
    (tmp_path / "document.xml").write_text(document, encoding="utf-8")
    assert run("--to", "words", "-f", tmp_path / "document.xml").output == words + "\n"
    if words:
        stages = run(document)
        assert stages.exit_code == 0
        assert stages.output == run("-f", tmp_path / "document.xml").output
        assert "speak" not in stages.output
        spoken = [line.strip() for line in stages.output.splitlines() if line.startswith("  ") and line[2] != " "]
        assert " ".join(spoken).replace("।", "").split() == words.split()


def test_a_document_is_spoken_and_shown_alike(run, tiny_voice_folder):
    import ssmphony

    document = '<speak>कोड <say-as interpret-as="digits">4821</say-as>, <sub alias="एक">1</sub>।</speak>'
    shown = json.loads(run("--to", "json", document).output)
    spoken = ssmphony.load(tiny_voice_folder).say(document)
    assert [(w["text"], w["start"], w["end"]) for w in shown["words"]] == [
        (w.text, w.start, w.end) for w in spoken.words
    ]


def test_places_are_those_of_the_document(run):
    document = '<speak>राम <sub alias="नमस्ते दुनिया">ND</sub> है।</speak>'
    shown = json.loads(run("--to", "json", document).output)
    assert shown["text"] == document
    assert [document[word["start"] : word["end"]] for word in shown["words"]] == ["राम", "ND", "ND", "है"]
    assert all(0 <= start < stop <= len(document) for word in shown["words"] for start, stop in word["spans"])
    (sentence,) = shown["sentences"]
    assert document[sentence["start"] : sentence["end"]].endswith("है।")


def test_a_document_over_several_lines_is_one_text(run, tmp_path):
    lines = ["एक", "<speak>", "<s>5</s>", "</speak>", "", "<3", "<!-- a -->", "<speak>दो</speak>", "तीन"]
    (tmp_path / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    answers = run("--to", "words", "-f", tmp_path / "lines.txt").output.split("\n")
    assert answers == ["एक", "पाँच", "", "तीन से कम", "दो", "तीन", ""]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        (["", "एक", ""], ["", "एक", ""]),
        (["<b>एक</b>", "<3"], ["<b>एक</b>", "<3"]),
        (["<!-- note -->", "एक"], ["<!-- note -->", "एक"]),
        (["<!-- note", "एक"], ["<!-- note", "एक"]),
        (["<speak", ">", "</speak>", "एक"], ["<speak\n>\n</speak>", "एक"]),
        (["<speak>", "एक"], ["<speak>\nएक"]),
    ],
)
def test_lines_of_documents_are_joined(lines, expected):
    assert list(texts(lines, recognise)) == expected


def test_no_line_waits_for_the_next_one():
    def feed():
        for line in ("एक", "", "<3 लोग", "<speak>दो</speak>"):
            given.append(line)
            yield line

    given: list[str] = []
    answers = texts(feed(), recognise)
    for line in ("एक", "", "<3 लोग", "<speak>दो</speak>"):
        assert next(answers) == line
        assert given[-1] == line


def test_only_the_beginning_of_a_stream_is_read():
    read: list[str] = []

    def pieces():
        for piece in ("  ", "<spe", "ak>एक", "दो", "</speak>"):
            read.append(piece)
            yield piece

    document, rest = read_head(pieces())
    assert document
    assert len(read) == 3
    assert "".join(rest) == "  <speak>एकदो</speak>"


def test_errors_name_the_place(run):
    result = run("--to", "words", "<speak>एक</speek>")
    assert result.exit_code == 1
    assert "SSML, line 1, column" in result.output
    assert result.output.count("\n") == 1
    assert run("<speak>🙂</speak>").exit_code == 1
