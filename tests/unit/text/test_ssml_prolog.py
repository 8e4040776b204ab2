"""What may stand before a document's root, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.engine.reader import TextReader
from ssmphony.text import FRONTENDS, ssml
from ssmphony.text.ssml.prolog import MAX_CHARACTERS, recognise
from ssmphony.types import SsmphonyError, Tokens

FRONTEND = FRONTENDS["hindi"]().build()
NAMESPACE = "http://www.w3.org/2001/10/synthesis"
BODY = "<speak>नमस्ते, <emphasis>दुनिया</emphasis></speak>"
DOCUMENTS = [
    f'<?xml version="1.0"?>{BODY}',
    f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{BODY}',
    f'<?xml version="1.1" encoding="utf-8"?>\r\n\t{BODY}',
    f"<?xml version='1.0' encoding='UTF-16'?>{BODY}",
    f'<?xml version="1.0" encoding="ISO-8859-1"?>{BODY}',
    f"\ufeff{BODY}",
    f'\ufeff<?xml version="1.0"?>{BODY}',
    f" \n\ufeff\u200b {BODY}",
    f'\n <?xml version="1.0"?>{BODY}',
    f"<!-- टिप्पणी -->{BODY}",
    f"<!-- <speak> is > not here, - nor -> here --> <!----> {BODY}",
    f'<?xml version="1.0"?>\n<!-- एक -->\n<?xml-stylesheet href="a.css"?>\n<!-- दो -->\n{BODY}',
    f"<?php echo '<speak>'; ?>{BODY}",
    f"{BODY}<!-- after it -->\n",
    '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="hi-IN">नमस्ते, दुनिया</speak>',
    f'<ssml:speak xmlns:ssml="{NAMESPACE}">नमस्ते, <ssml:emphasis>दुनिया</ssml:emphasis></ssml:speak>',
    f'<?xml version="1.0"?><s1.x-y:speak\nxmlns:s1.x-y="{NAMESPACE}">नमस्ते, <s1.x-y:p>दुनिया</s1.x-y:p></s1.x-y:speak>',
    f'<speak>नमस्ते, <s:sub alias="दुनिया" xmlns:s="{NAMESPACE}">दुनिया</s:sub></speak>',
    "<ssml:speak>नमस्ते, दुनिया</ssml:speak>",
]
REFUSED = [
    (f"<!DOCTYPE speak>{BODY}", "a document type is refused"),
    (f'<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE speak>{BODY}', "line 3.*a document type is refused"),
    (f'<!DOCTYPE speak SYSTEM "file:///etc/passwd">{BODY}', "a document type is refused"),
    (f'<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN" "http://x/y.dtd">{BODY}', "a document type is refused"),
    ('<!DOCTYPE speak [<!ENTITY e "हा">]><speak>&e;</speak>', "a document type is refused"),
    ('<!DOCTYPE speak [<!ENTITY e "it\'s ]> not">', "a document type is refused"),
    ('<!DOCTYPE x [<!ENTITY e "]>"> <!-- " --> <?a "?> ]>\n<speak>&e;</speak>', "a document type is refused"),
    (f"<!DOCTYPE ssml:speak><ssml:speak>{BODY}</ssml:speak>", "a document type is refused"),
    (f"<!doctype speak>{BODY}", "SSML, line 1"),
    ('<!ENTITY e "हा"><speak>&e;</speak>', "SSML, line 1"),
    (f'<!-- before --><?xml version="1.0"?>{BODY}', "not at start of entity"),
    (f'<?xml version="1.0"?>{BODY[:-8]}', "no element found"),
    ("<x:speak>एक</x:speak>", f'prefix of <x:speak> is not declared: write xmlns:x="{NAMESPACE}"'),
    ('<x:speak xmlns:x="http://example.org/">एक</x:speak>', "unknown element <x:speak>"),
    (f'<speak xmlns:s="{NAMESPACE}"><s:foo/></speak>', "unknown element <foo>"),
    ('\ufeff\n <?xml version="1.0"?>\n<speak><foo/></speak>', "line 3, column 8: unknown element <foo>"),
    ("\n <speak><foo/></speak>", "line 2, column 9: unknown element <foo>"),
]
PLAIN = [
    "<",
    "< ",
    "<<",
    "<>",
    "<3 नमस्ते",
    "<नमस्ते> राम",
    "<b>नमस्ते</b>",
    "<p>नमस्ते</p>",
    "<speaker>राम</speaker>",
    "<speak",
    "<speaking>",
    "<SPEAK>राम</SPEAK>",
    "राम <speak>नमस्ते</speak>",
    "<a:b>नमस्ते",
    "<a:speaker>",
    "<:speak>",
    "<a b:speak>",
    "<!-- नमस्ते, दुनिया।",
    "<!-- नमस्ते --> दुनिया।",
    "<!-- नमस्ते --> <b>",
    "<!- नमस्ते -->",
    "<! नमस्ते",
    "<!नमस्ते>",
    "<?",
    "<? नमस्ते",
    '<?xml version="1.0"?>',
    '<?xml version="1.0"?> नमस्ते',
    '<?xml version="1.0"?><p>नमस्ते</p>',
    "<!DOCTYPE html><html>",
    "<!DOCTYPES",
    "<!DOCTYPE",
    "<!DOCTYPE speaker>",
    "<![CDATA[x]]> नमस्ते",
    "-->",
    "\ufeffनमस्ते",
    "x" + BODY,
    "< speak>नमस्ते</speak>",
]


def words(sentences: list[Tokens]) -> list[str]:
    return [word.text for sentence in sentences for word in sentence.words]


def read_in_pieces(pieces: list[str], clauses: bool = True) -> list[Tokens]:
    """As the engine reads what is written."""
    reader = TextReader(FRONTEND, clauses)
    found: list[Tokens] = []
    for piece in pieces:
        reader.write(piece)
        found += iter(reader.next, None)
    reader.finish()
    return [*found, *iter(reader.next, None)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_recognised(document):
    sentences = list(FRONTEND.sentences(document))
    assert words(sentences) == ["नमस्ते", "दुनिया"]
    spans = [(word.start, word.end) for sentence in sentences for word in sentence.words]
    assert [document[start:end] for start, end in spans] == ["नमस्ते", "दुनिया"]
    assert ssml.is_ssml(document)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_wherever_it_is_cut_into_pieces(document):
    expected = list(FRONTEND.sentences(document))
    cuts = [[document[:place], document[place:]] for place in range(len(document))]
    for pieces in (*cuts, list(document)):
        assert list(FRONTEND.sentences(iter(pieces))) == expected
    for pieces in (*cuts[::7], list(document)):
        assert read_in_pieces(pieces) == expected


@pytest.mark.parametrize(("document", "reason"), REFUSED)
def test_what_is_refused_is_refused_in_one_line_before_anything_is_spoken(document, reason):
    for sentences in (FRONTEND.sentences(document), FRONTEND.sentences(iter(document))):
        with pytest.raises(SsmphonyError, match=reason) as caught:
            next(sentences)
        assert "\n" not in str(caught.value)
    with pytest.raises(SsmphonyError, match=reason):
        read_in_pieces(list(document))


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_is_read_as_text(text):
    assert not ssml.is_ssml(text)
    expected = list(FRONTEND.sentences(text))
    assert words(expected) == words(list(FRONTEND.sentences("। " + text)))  # there, no document can begin
    assert list(FRONTEND.sentences(iter(text))) == expected
    assert read_in_pieces(list(text), clauses=False) == expected
    assert read_in_pieces(list(text)) == read_in_pieces([text])


@pytest.mark.parametrize("text", PLAIN)
def test_text_that_is_no_document_is_not_held_back(text):
    """As soon as it cannot become one, its sentences are spoken."""
    reader = TextReader(FRONTEND)
    reader.write(f"{text}>-->?> एक। दो। ")
    found = list(iter(reader.next, None))
    reader.finish()
    decided = recognise(f"{text}>-->?> एक। दो। ")
    assert bool(found) == (decided is False)


parts = st.sampled_from(
    [
        "<speak",
        ">",
        "<",
        "<!--",
        "-->",
        "<?",
        "?>",
        "<!DOCTYPE ",
        "speak",
        "[",
        "]",
        '"',
        "'",
        " ",
        "\ufeff",
        "क",
        "x:",
        "/",
    ]
)


@given(st.lists(parts, max_size=14).map("".join))
def test_more_text_never_changes_what_is_decided(text):
    whole = recognise(text)
    for stop in range(len(text)):
        assert recognise(text[:stop]) in (None, whole)


def test_only_the_beginning_of_a_text_is_held_back():
    comment = "<!-- " + "नमस्ते। " * MAX_CHARACTERS
    assert recognise(comment) is False
    assert recognise(comment[:MAX_CHARACTERS]) is None
    assert next(iter(FRONTEND.sentences(comment[i : i + 100] for i in range(0, len(comment), 100)))).words
    assert recognise(f"<!--{'x' * MAX_CHARACTERS}-->{BODY}") is False


@pytest.mark.parametrize(
    "part", ["<!-- a -->", "<?a?>", "<!--", "<?", "<!DOCTYPE a ['", '<!DOCTYPE a [<!--"-->', "<a:"]
)
def test_deciding_takes_no_time(part):
    text = part * (4 * MAX_CHARACTERS // len(part))
    assert recognise(text) is False  # a pattern that tries again and again would not come back


def test_a_document_does_not_begin_inside_a_text():
    text = f'नमस्ते। <?xml version="1.0"?>{BODY} एक।'
    expected = list(FRONTEND.sentences(text))
    assert "xml" in words(expected)
    assert read_in_pieces(list(text), clauses=False) == expected


def test_each_part_of_a_text_that_is_flushed_may_be_a_document():
    reader = TextReader(FRONTEND, clauses=True)
    text = f"\ufeff<!-- {'टिप्पणी, ' * 20} -->{BODY}"
    for _ in range(2):
        for character in text:
            reader.write(character)
        reader.flush()
    reader.finish()
    found = list(iter(reader.next, None))
    assert words(found) == ["नमस्ते", "दुनिया"] * 2
    written = text * 2
    assert [written[word.start : word.end] for tokens in found for word in tokens.words] == words(found)
