"""Word times as subtitles, SubRip (.srt) or WebVTT (.vtt), with the text as it was written.

Words carry their places in the text, and what is written between them (punctuation, quotes, dashes, what is not
spoken) is taken from there: closing marks stay with the word before them, opening ones with the word after them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ssmphony.types import TimedSpan

_MAX_CHARACTERS = 42
_MAX_SECONDS = 6.0
_PAUSE_S = 0.6
"""A subtitle ends where a longer silence follows, even inside a sentence."""
_END_S = 0.05
"""The shortest silence after a sentence; an abbreviation's dot has none."""
_ENDS = re.compile(r"[\n।॥|?？!！‼⁇⁈⁉…。.．؟۔]")
_CLAUSE = re.compile(r"[,;:،、—–)\]]\W*$")
_OPENERS = r"(\[{\"'“‘«‹₹$€£¥#@"
_OPENING = re.compile(rf"[{_OPENERS}]+$")
_ALL_OPENING = re.compile(rf"[{_OPENERS}]+")
_MARKUP = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?P<data>.*?)\]\]>|&#?\w+;|<(?P<name>/?[\w:.-]*)(?:\"[^\"]*\"|'[^']*'|[^'\">])*>",
    re.DOTALL,
)
_PARTING = frozenset(("p", "s", "break", "speak", "voice"))
"""Elements at whose tags words part, though no blank may stand there."""


@dataclass
class Piece:
    """A word as it is written, with the marks that belong to it and the blank after them."""

    text: str
    start_s: float
    end_s: float
    ends: bool
    """A sentence or a line may end with it."""


def to_srt(words: Sequence[TimedSpan], text: str, *, markup: bool = False) -> str:
    """SubRip: numbered subtitles of a few words of ``text``, which is SSML with ``markup``."""
    return "\n".join(
        f"{number}\n{_clock(cue[0].start_s, ',')} --> {_clock(cue[-1].end_s, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(_cues(pieces(words, text, markup=markup)), start=1)
    )


def to_vtt(words: Sequence[TimedSpan], text: str, *, markup: bool = False) -> str:
    """WebVTT: like `to_srt`, with the time at which each word begins inside the line."""
    cues = [
        f"{_clock(cue[0].start_s, '.')} --> {_clock(cue[-1].end_s, '.')}\n"
        + (
            _escape(cue[0].text) + "".join(f"<{_clock(piece.start_s, '.')}>{_escape(piece.text)}" for piece in cue[1:])
        ).rstrip()
        + "\n"
        for cue in _cues(pieces(words, text, markup=markup))
    ]
    return "\n".join(["WEBVTT\n", *cues])


def pieces(words: Sequence[TimedSpan], text: str, *, markup: bool = False) -> list[Piece]:
    """``text`` as far as ``words`` speak it, in pieces that each begin with the sound of a word.

    Words that share their place in the text (a number's digits, what is spoken instead of an abbreviation) are one.
    """
    shown = _shown(text) if markup else text
    spans = list(_spans(words))
    found: list[Piece] = []
    head = _between(shown, 0, spans[0].start)[-_MAX_CHARACTERS:] if spans else ""
    for number, span in enumerate(spans):
        following = spans[number + 1].start if number + 1 < len(spans) else None
        gap = _rest(shown, span.end) if following is None else _between(shown, span.end, following)
        split = len(gap) if following is None else _split(gap)
        written = "".join(shown[span.start : span.end])
        line = _one_line(f"{head}{written}{gap[:split]}").lstrip(" \ufeff")
        found.append(Piece(line, span.start_s, span.end_s, _ENDS.search(gap, 0, split) is not None))
        head = gap[split:]
    return found


def _spans(words: Sequence[TimedSpan]) -> Iterator[TimedSpan]:
    held: TimedSpan | None = None
    for word in words:
        if held is not None and (held.start, held.end) == (word.start, word.end):
            held = TimedSpan(held.text, held.start_s, word.end_s, held.start, held.end)
            continue
        if held is not None:
            yield held
        held = word
    if held is not None:
        yield held


def _shown(document: str) -> list[str]:
    """What each character of a document in markup shows: tags nothing, the first one of a reference what it names."""
    shown = list(document)
    for match in _MARKUP.finditer(document):
        if match["data"] is not None:
            shown[match.start() : match.start("data")] = [""] * (match.start("data") - match.start())
            shown[match.end("data") : match.end()] = [""] * (match.end() - match.end("data"))
            continue
        name = (match["name"] or "").lstrip("/").rpartition(":")[2]
        instead = "\n" if name in _PARTING else html.unescape(match[0]) if match[0][0] == "&" else ""
        shown[match.start() : match.end()] = [instead, *[""] * (len(match[0]) - 1)]
    return shown


def _between(shown: Sequence[str], start: int, stop: int) -> str:
    """What stands between two words; of a long text that is not spoken, only the marks next to the words."""
    gap = "".join(shown[start : max(start, stop)])
    if len(gap) > _MAX_CHARACTERS and len(gap.strip()) > _MAX_CHARACTERS:
        before, after = re.match(r"[^\w\s]{0,8}", gap), re.search(r"[^\w\s]{0,8}$", gap)
        gap = f"{before[0] if before else ''}\n{after[0] if after else ''}"
    return gap


def _rest(shown: Sequence[str], start: int) -> str:
    """The marks after the last word that is spoken."""
    marks = re.match(r"(?:[^\w\n]|_)*", "".join(shown[start : start + 8 * _MAX_CHARACTERS]))
    return marks[0][:_MAX_CHARACTERS] if marks else ""


def _split(gap: str) -> int:
    """Where in the text between two words the part of the second one begins."""
    if (line_end := re.search(r"[^\S\n]*\n\s*", gap)) is not None:
        return line_end.end()
    tokens = list(re.finditer(r"\S+", gap))
    split = len(gap)
    if tokens and tokens[-1].end() == len(gap):  # it touches the second word
        if tokens[-1].start() == 0:  # and the first one
            opening = _OPENING.search(gap)
            return opening.start() if opening else split
        split = tokens.pop().start()
    while tokens and tokens[-1].start() > 0 and _ALL_OPENING.fullmatch(tokens[-1][0]):
        split = tokens.pop().start()
    return split


def _cues(found: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Group pieces into subtitles: a line at most, a few seconds, and never over the end of a sentence."""
    cue: list[Piece] = []
    for piece in found:
        while cue and (stop := _stop(cue, piece)):
            yield cue[:stop]
            cue = cue[stop:]
        cue.append(piece)
    if cue:
        yield cue


def _stop(cue: Sequence[Piece], following: Piece) -> int:
    """How many pieces of ``cue`` make a subtitle, now that ``following`` comes; 0 where it fits into it."""
    silence = following.start_s - cue[-1].end_s
    if silence > _PAUSE_S or (cue[-1].ends and silence >= _END_S):
        return len(cue)
    if len(_line([*cue, following])) <= _MAX_CHARACTERS and following.end_s - cue[0].start_s <= _MAX_SECONDS:
        return 0
    clauses = [stop for stop in range(1, len(cue) + 1) if _CLAUSE.search(cue[stop - 1].text)]
    if clauses and 3 * len(_line(cue[: clauses[-1]])) >= len(_line(cue)):
        return clauses[-1]
    return len(cue)


def _line(cue: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in cue).rstrip()


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
