"""``ssmphony text``: how a text is read, for people to look at and for other programs, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.options import LexiconFile
from ssmphony.cli.source import TextSource, lines, open_text

if TYPE_CHECKING:
    from ssmphony.text.hindi import Lexicon, SpokenSentence


class Form(str, Enum):
    """What ``--to`` writes for a line."""

    WORDS = "words"
    IPA = "ipa"
    JSON = "json"


def text(
    text: Annotated[str | None, typer.Argument(help="The text; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    to: Annotated[
        Form | None, typer.Option("--to", help="One line for each line: spoken words, their IPA, or all as JSON.")
    ] = None,
    lexicon: LexiconFile = None,
    frontend: Annotated[str, typer.Option(help="The kind of frontend.")] = "hindi",
) -> None:
    """Show how a text is read: its sentences, its words and their phonemes."""
    source = open_text(text, file)
    if frontend != "hindi":
        _show_tokens(source, frontend, plain=to is None and lexicon is None)
        return

    from ssmphony.text.hindi import Lexicon, speak

    entries = Lexicon.load(lexicon) if lexicon else None
    if to is None:
        _show_stages(source, entries)
        return
    render = _RENDERERS[to]
    for line in lines(source):
        sys.stdout.write(render(line, list(speak(line, entries))) + "\n")
        sys.stdout.flush()


def _words(line: str, sentences: list[SpokenSentence]) -> str:
    return " ".join(spoken for sentence in sentences for word in sentence.words for spoken in word.spoken)


def _ipa(line: str, sentences: list[SpokenSentence]) -> str:
    return " ".join(spoken for sentence in sentences for word in sentence.words for spoken in word.spoken_ipa)


def _json(line: str, sentences: list[SpokenSentence]) -> str:
    from ssmphony.text.hindi import spell_out

    words = [word for sentence in sentences for word in sentence.words]
    shown = {
        "text": line,
        "normalized": spell_out(sentences),
        "ipa": _ipa(line, sentences),
        "phones": [phone for word in words for phone in word.phones],
        "words": [
            {
                "text": word.text,
                "start": word.start,
                "end": word.end,
                "spoken": word.spoken,
                "phones": word.phones,
                "ipa": word.ipa,
                "spans": word.spans,
                "pause": word.pause,
            }
            for word in words
        ],
        "sentences": [
            {
                "text": sentence.source.text,
                "start": sentence.source.start,
                "end": sentence.source.end,
                "mark": sentence.source.mark,
                "normalized": spell_out([sentence]),
            }
            for sentence in sentences
        ],
    }
    return json.dumps(shown, ensure_ascii=False)


_RENDERERS: dict[Form, Callable[[str, list[SpokenSentence]], str]] = {
    Form.WORDS: _words,
    Form.IPA: _ipa,
    Form.JSON: _json,
}


def _show_stages(source: str | TextSource, lexicon: Lexicon | None) -> None:
    """Each sentence, as it is normalised, and what each of its words becomes."""
    from ssmphony.text.hindi import speak, spell_out
    from ssmphony.text.hindi.syllables import marked

    spoken = False
    for sentence in speak(source, lexicon):
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
    from ssmphony.types import SsmphonyError

    if not spoken:
        raise SsmphonyError("nothing to speak: the text holds no letter and no digit")
