"""Pages of an EPUB and their media overlays: which word lights up at which time of the sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from ssmphony.books.book import Block, Chapter, Run

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


class TimedWord(NamedTuple):
    """A word of a chapter: characters of the text of block ``block``, and the seconds at which it is spoken."""

    block: int
    start: int
    end: int
    start_s: float


class SpokenChapter(NamedTuple):
    """``audio`` is the file with the sound of the chapter, .m4a, or None where nothing is spoken."""

    audio: Path | None
    seconds: float
    words: tuple[TimedWord, ...]


class Page:
    """One chapter: its page, and the overlay that says when each word of it is spoken."""

    def __init__(self, chapter: Chapter, sound: SpokenChapter, pictures: Mapping[str, str]) -> None:
        self._chapter, self._sound, self._pictures = chapter, sound, pictures
        self._words: dict[int, list[tuple[TimedWord, float]]] = {}
        words = _distinct(sound.words)
        for word, stop_s in zip(words, [*(word.start_s for word in words[1:]), sound.seconds], strict=False):
            self._words.setdefault(word.block, []).append((word, stop_s))

    def xhtml(self, language: str) -> str:
        body: list[str] = []
        listed = False
        for index, block in enumerate(self._chapter.blocks):
            if (block.kind == "item") != listed:
                listed = not listed
                body.append("<ul>" if listed else "</ul>")
            body.append(self._block(index, block))
        if listed:
            body.append("</ul>")
        content = "\n".join(body) or "<p></p>"
        return document(self._chapter.title, language, content)

    def _block(self, index: int, block: Block) -> str:
        if block.kind == "picture":
            return f'<p><img src="{self._pictures[block.picture]}" alt="{escape(block.alternative)}"/></p>'
        if block.kind == "rule":
            return "<hr/>"
        words = [word for word, _ in self._words.get(index, [])]
        inner = "".join(_inline(block.runs, words, f"b{index}"))
        tag = {"heading": f"h{min(max(block.level, 1), 6)}", "item": "li", "quote": "p"}.get(block.kind, "p")
        element = f'<{tag} id="b{index}">{inner}</{tag}>'
        return f"<blockquote>{element}</blockquote>" if block.kind == "quote" else element

    def smil(self, name: str) -> str:
        rows: list[str] = []
        for index, timed in self._words.items():
            rows.append(f'<seq id="s{index}" epub:textref="{name}.xhtml#b{index}">')
            for number, (word, stop_s) in enumerate(timed):
                clip = f'clipBegin="{word.start_s:.3f}s" clipEnd="{stop_s:.3f}s"'
                text = f'<text src="{name}.xhtml#b{index}w{number}"/>'
                rows.append(f'<par id="p{index}w{number}">{text}<audio src="{name}.m4a" {clip}/></par>')
            rows.append("</seq>")
        return (
            f'{HEAD}<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">'
            "<body>\n" + "\n".join(rows) + "\n</body></smil>\n"
        )


def duration_of(sound: SpokenChapter) -> float:
    """Seconds that the overlay of a chapter plays: from its first word to the end."""
    words = _distinct(sound.words)
    return sound.seconds - words[0].start_s if words else 0.0


def _distinct(words: Sequence[TimedWord]) -> list[TimedWord]:
    """Words that stand one after the other: of those that share characters (the words of a number) the first."""
    kept: list[TimedWord] = []
    for word in words:
        later = not kept or word.block > kept[-1].block or word.start >= kept[-1].end
        if later and word.end > word.start and (not kept or word.start_s >= kept[-1].start_s):
            kept.append(word)
    return kept


def _inline(runs: Sequence[Run], words: Sequence[TimedWord], prefix: str) -> Iterator[str]:
    """The text of a block, each word in an element of its own; a word that emphasis divides is marked up to there."""
    place, number = 0, 0
    for run in runs:
        if run.emphasis:
            yield f"<{run.emphasis}>"
        stop = place + len(run.text)
        while number < len(words) and words[number].start < stop:
            word = words[number]
            yield _text(run.text, place, word.start, stop - len(run.text))
            end = min(word.end, stop)
            inner = _text(run.text, word.start, end, stop - len(run.text))
            yield f'<span id="{prefix}w{number}">{inner}</span>'
            place, number = end, number + 1
        yield _text(run.text, place, stop, stop - len(run.text))
        place = stop
        if run.emphasis:
            yield f"</{run.emphasis}>"


def _text(text: str, start: int, stop: int, offset: int) -> str:
    return escape(text[start - offset : stop - offset], quote=False).replace("\n", "<br/>")


def document(title: str, language: str, body: str) -> str:
    """A page of an EPUB."""
    return (
        f'{HEAD}<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'lang="{language}" xml:lang="{language}">\n<head><title>{escape(title) or "–"}</title>'
        f'<link rel="stylesheet" type="text/css" href="style.css"/></head>\n<body>\n{body}\n</body>\n</html>\n'
    )
