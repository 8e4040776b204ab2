"""``ssmphony text``: how a text is read, for people to look at and for other programs, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.documents import texts
from ssmphony.cli.options import LexiconFile
from ssmphony.cli.source import TextSource, lines, open_text

if TYPE_CHECKING:
    from ssmphony.text.hindi import Lexicon, SpokenSentence, Word


class Form(str, Enum):
    """What ``--to`` writes for a line."""

    WORDS = "words"
    IPA = "ipa"
    JSON = "json"


def text(
    text: Annotated[str | None, typer.Argument(help="The text; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    to: Annotated[
        Form | None, typer.Option("--to", help="One line per line of text: spoken words, their IPA, or all as JSON.")
    ] = None,
    lexicon: LexiconFile = None,
    frontend: Annotated[str, typer.Option(help="The kind of frontend.")] = "hindi",
) -> None:
    """Show how a text or an SSML document is read: its sentences, its words and their phonemes."""
    source = open_text(text, file)
    if frontend != "hindi":
        _show_tokens(source, frontend, plain=to is None and lexicon is None)
        return

    from ssmphony.text.hindi import Lexicon
    from ssmphony.text.ssml import recognise

    entries = Lexicon.load(lexicon) if lexicon else None
    if to is None:
        _show_stages(source, entries)
        return
    render = _RENDERERS[to]
    for line in texts(lines(source), recognise):
        sys.stdout.write(render(_read(line, entries)) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True)
class _Text:
    """A text, its sentences, and how positions in their plain text map to positions in it."""

    text: str
    sentences: list[SpokenSentence]
    span: Callable[[int, int], tuple[int, int]] = lambda start, end: (start, end)

    @property
    def words(self) -> list[Word]:
        return [word for sentence in self.sentences for word in sentence.words]


def _read(text: str, lexicon: Lexicon | None) -> _Text:
    """As `say` reads it: a document is parsed."""
    from ssmphony.text.hindi import speak
    from ssmphony.text.hindi.say_as import say_as
    from ssmphony.text.ssml import is_ssml, parse

    if not is_ssml(text):
        return _Text(text, list(speak(text, lexicon)))
    document = parse(text, say_as)
    return _Text(text, list(speak(document.text, lexicon)), document.span)


def _words(read: _Text) -> str:
    return " ".join(spoken for word in read.words for spoken in word.spoken)


def _ipa(read: _Text) -> str:
    return " ".join(spoken for word in read.words for spoken in word.spoken_ipa)


def _json(read: _Text) -> str:
    from ssmphony.text.hindi import spell_out

    shown = {
        "text": read.text,
        "normalized": spell_out(read.sentences),
        "ipa": _ipa(read),
        "phones": [phone for word in read.words for phone in word.phones],
        "words": [
            {
                "text": word.text,
                **_place(read, word.start, word.end),
                "spoken": word.spoken,
                "phones": word.phones,
                "ipa": word.ipa,
                "spans": [read.span(*span) for span in word.spans],
                "pause": word.pause,
            }
            for word in read.words
        ],
        "sentences": [
            {
                "text": sentence.source.text,
                **_place(read, sentence.source.start, sentence.source.end),
                "mark": sentence.source.mark,
                "normalized": spell_out([sentence]),
            }
            for sentence in read.sentences
        ],
    }
    return json.dumps(shown, ensure_ascii=False)


def _place(read: _Text, start: int, end: int) -> dict[str, int]:
    return dict(zip(("start", "end"), read.span(start, end), strict=True))


_RENDERERS: dict[Form, Callable[[_Text], str]] = {
    Form.WORDS: _words,
    Form.IPA: _ipa,
    Form.JSON: _json,
}


def _show_stages(source: str | TextSource, lexicon: Lexicon | None) -> None:
    """Each sentence, as it is normalised, and what each of its words becomes."""
    from ssmphony.text.hindi import speak, spell_out
    from ssmphony.text.hindi.syllables import marked
    from ssmphony.text.ssml import read_head

    document, pieces = read_head(source)
    spoken = False
    for sentence in _read("".join(pieces), lexicon).sentences if document else speak(pieces, lexicon):
        typer.echo(sentence.source.text)
        if not sentence.words:
            typer.echo("  (nothing to speak)")
            continue
        spoken = True
        typer.echo(f"  {spell_out([sentence])}")
        for word in sentence.words:
            said = " ".join(word.spoken)
            syllables = " ".join(map(marked, word.spoken_phones))
            columns = (word.text, *([said] if said != word.text else []), " ".join(word.phones), syllables)
            typer.echo("    " + "\t".join(columns) + ("\t," if word.pause else ""))
        if sentence.silent:
            typer.echo(f"    (silent: {' '.join(sentence.silent)})")
    _check(spoken)


def _show_tokens(source: str | TextSource, kind: str, plain: bool) -> None:
    """The tokens of any frontend."""
    from ssmphony.config import choose
    from ssmphony.text import FRONTENDS
    from ssmphony.types import SsmphonyError

    built = choose(FRONTENDS, kind, "frontend")().build()
    if not plain:
        raise SsmphonyError(f"--to and --lexicon read Hindi: leave out --frontend {kind}")
    spoken = False
    for sentence in built.sentences(source):
        spoken = True
        typer.echo(sentence.text)
        for word in sentence.words:
            typer.echo(f"    {word.text}\t{' '.join(sentence.symbols[word.first : word.stop])}")
        typer.echo(f"  {' '.join(sentence.symbols)}")
    _check(spoken)


def _check(spoken: bool) -> None:
    from ssmphony.errors import NOTHING_TO_SPEAK, SsmphonyError

    if not spoken:
        raise SsmphonyError(NOTHING_TO_SPEAK)
