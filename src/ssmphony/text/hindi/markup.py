"""What is left of HTML, Markdown and LaTeX in a text → plain characters, each tied to the place it came from.

Character references are replaced by their characters, tags and marks of emphasis fall away, formulas become the signs
that the readers of numbers know, and Indian words in scholarly Latin spelling (Mahābhārata) become Devanagari.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from ssmphony.text.hindi import iast, latex, numbers
from ssmphony.text.hindi.unicode import Cleaned, clean

_INLINE = (
    "a|abbr|b|big|bdi|cite|code|del|dfn|em|font|i|img|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup|time|tt|u|var|wbr"
    "|acronym|bdo|circle|data|path|rect|rp|rt|ruby|strike|svg|ref"
)
_BLOCK = (
    "address|article|aside|blockquote|body|br|button|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer|form"
    "|h[1-6]|head|header|hr|html|iframe|input|label|legend|li|link|main|meta|nav|noscript|ol|option|p|pre|script|section|select|source|style|summary"
    "|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|video"
)
_ATTRIBUTES = r"(?:\s[^<>]{0,400})?/?"
_ADDRESS = r"\((?:https?:|www\.|mailto:|tel:|[./#]|[\w%-]{1,60}[./])[^\s()]{0,400}(?:\s\"[^\"\n]{0,100}\")?\)"


def _tag(names: str) -> str:
    """A tag, also escaped, as feeds and spreadsheets have it (&lt;b&gt;)."""
    escaped = rf"&lt;/?(?i:{names})(?:\s[A-Za-z-]{{1,20}}=[^<>&]{{1,200}})?\s?/?&gt;"
    return rf"</?(?i:{names}){_ATTRIBUTES}>|{escaped}"


_PATTERN = (
    r"(?P<hidden><(?i:script|style|ref)(?:\s[^<>]{0,400})?(?<!/)>[^<]{0,4000}</(?i:script|style|ref)>|<sup>\[[^<>\[\]]{1,12}\]</sup>"
    r"|(?:(?<=[\u0900-\u0963])|(?<=[A-Za-z]{2}))<sup>\d{1,3}</sup>)"
    r"|(?<=[A-Za-z\d)])<sup>(?P<power>[-−+]?\d{1,6}|[a-z])</sup>"
    rf"|(?P<inline>{_tag(_INLINE)}|<!--[^<>]{{0,400}}-->|<!(?i:doctype)\s[^<>]{{1,200}}>)"
    rf"|(?P<block>{_tag(_BLOCK)})"
    r"|(?P<reference>&(?:amp;)?(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,30});|&nbsp(?![A-Za-z;]))"
    r"|(?P<cue>\A\d{1,2}:\d\d:\d\d[,.]\d{3}\s?-->\s?\d{1,2}:\d\d:\d\d[,.]\d{3}\Z)"
    r"|(?P<line>\A(?:(?:```|~~~)\s?\w{1,16}\Z|\+\s(?!(?:और|या|का|के|की|को|में|से|चिह्न|बटन)\s)(?=[^\W\d])))"
    r"|\A={2,4}\s(?P<heading>[^=\n]{1,200}?)\s={2,4}\Z"
    r"|(?<![\w=])==(?P<highlight>[^\s=](?:[^=\n]{0,300}[^\s=])?)==(?![\w=])"
    rf"|!?\[(?P<link>[^\[\]\n]{{1,300}})\]{_ADDRESS}"
    r"|\[\[(?P<wiki>[^\[\]|\n]{1,100})\]\]"
    r"|(?P<note>\[\^\w{1,20}\]:?)"
    r"|(?P<superior>(?<=[।॥])[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})"
    r"|(?P<cited>(?<!\[)\[(?:(?:(?<=[\u0900-\u0965.!?)\]\"”’»]\[)|(?<=\d\d\[)|(?<=[A-Z][a-z]\[)|(?<=[a-z]{3}\[)|(?<=[A-Z]{2}\[))"
    r"(?:\d{1,3}(?:[,–-]\s?\d{1,3}){0,4}|[a-zक-ह])|(?:note|नोट|टिप्पणी|टिप्पणियाँ)\s[\da-zक-ह]{1,3}"
    r"|citation\sneeded|उद्धरण\sचाहिए|स्रोत\sचाहिए|(?:स्रोत\s)?संपादित\sकरें|संपादन|edit)\](?![\]\w=]))"
    r"|(?P<box>(?<=[-*+] )\[[ xX]\](?=\s))"
    r"|(?P<bounds>(?<=[∫∑∏])[₀-₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₋₌]{1,6}[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁻]{1,6})"
    r"|(?P<base>(?<=log)[₀-₉]{1,2})"
    r"|(?P<index>(?<![A-Za-z])[a-z][₀-₉]{1,2}(?=[a-z])|[ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ]+)"
    r"|(?<=[A-Za-z)])~(?P<subscript>\d{1,3})~"
    rf"|(?P<formula>{latex.FORMULA})"
    rf"|{latex.COMMAND}"
    rf"|(?P<command>{latex.HIDDEN})"
    r"|(?P<angstrom>(?<=[\d\s])[\u00c5\u212b](?![^\W\d_]))"
    rf"|(?P<scholarly>{iast.WORD})"
)


@cache
def _kinds() -> re.Pattern[str]:
    """Compiled on first use, for a fast import."""
    return re.compile(_PATTERN)


_SUBSCRIPTED = re.compile(r"(?<![A-Za-z])[a-z]\w{0,30}\Z")
"""The name of a variable, of which a number in brackets is an element and no note: list[1]."""
_MARKED = re.compile(
    rf"\A\+|-->|[।॥][⁰¹²³⁴⁵⁶⁷⁸⁹]|[&<$=`~₀-₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ\\\[\u00c5\u212b]|[ñ{iast.LETTERS}\u0300-\u036f]"
)


def read(text: str) -> Cleaned:
    """`unicode.clean` of ``text`` without markup; linear in its length, never raises."""
    if not _MARKED.search(text):
        return clean(text)
    pieces = list(_pieces(text, 0))
    plain = "".join(piece for piece, _, _ in pieces)
    starts: list[int] = []
    ends: list[int] = []
    for piece, start, end in pieces:
        copied = end - start == len(piece) and text.startswith(piece, start)
        starts += range(start, end) if copied else [start] * len(piece)
        ends += range(start + 1, end + 1) if copied else [end] * len(piece)
    cleaned = clean(plain)
    return Cleaned(
        cleaned.text, [starts[place] for place in cleaned.starts], [ends[place - 1] for place in cleaned.ends]
    )


def _pieces(text: str, offset: int) -> Iterator[tuple[str, int, int]]:
    """(characters, start, end): what is copied as it is, and what stands for markup."""
    place = 0
    for match in _kinds().finditer(text):
        if match.start() > place:
            yield text[place : match.start()], offset + place, offset + match.start()
        place = match.end()
        kind, start, end = match.lastgroup or "", match.start(), match.end()
        if kind == "cited" and _SUBSCRIPTED.search(text, max(0, start - 40), start):
            yield match[0], offset + start, offset + end
        elif kind == "power":
            yield "^" + match[kind], offset + start, offset + end
        elif kind in ("highlight", "heading", "link", "wiki", "braced", "subscript"):
            yield from _pieces(match[kind], offset + match.start(kind))
        elif said := _instead(kind, match[0]):
            yield said, offset + start, offset + end
    if place < len(text):
        yield text[place:], offset + place, offset + len(text)


def _instead(kind: str, written: str) -> str:
    if kind == "reference":
        import html  # its table of names would slow down every start

        return html.unescape(html.unescape(written))
    if kind == "block":
        return ", "
    if kind == "base":
        return f" बेस {clean(written).text} "
    if kind == "bounds":
        lower = written.rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁻")
        first, last = (unicodedata.normalize("NFKC", part).upper() for part in (lower, written[len(lower) :]))
        return f" {first} से {last} "
    if kind == "index":
        plain = clean(written).text
        return f" {' '.join((plain.rstrip('0123456789').upper(), *numbers.digits(plain)))} "
    if kind == "angstrom":
        return "ऐंग्स्ट्रॉम"
    if kind == "formula":
        return latex.plain(written)
    return iast.to_devanagari(written) if kind == "scholarly" else ""
