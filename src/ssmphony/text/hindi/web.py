"""Addresses of the net: google.com, https://…, name@example.co.in, @handle, #हैशटैग."""

from __future__ import annotations

import re

from ssmphony.text.hindi import abbreviations, codes, english, latin, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_WORDS = {row[0]: tuple(row[1].split()) for row in tables.rows("web_words")}
_TOP = (
    "com|in|co|org|net|gov|edu|nic|info|io|tv|ai|app|biz|uk|us|au|ca|eu|dev|me|ly|gl|gg|be|xyz|online|tech|store|shop|live|site|blog"
    "|txt|csv|py|json|xml|doc|xls|ppt|pptx|md|wav|cpp|gif|svg|rar|pdf|jpg|jpeg|png|html|php|mp3|mp4|docx|xlsx|zip|apk|exe"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,40})"
_PATH = r"(?:[/?#][A-Za-z0-9/?&=%#._~:+-]{0,400})?"
_PIECE = Lazy(rf"[A-Za-z]+|\d+|{DEVANAGARI}+|[!-/:-@\[-`{{-~]")
_CLOSING = ".,:;!?-_/&=#~+%"


def _pieces(text: str) -> tuple[str, ...]:
    """Parts of an address by their words, its signs by their names."""
    words: list[str] = []
    for piece in _PIECE.findall(text):
        if piece.lower() in _WORDS:
            words += _WORDS[piece.lower()]
        elif piece.isdigit():
            words += numbers.integer(piece) if len(piece) < 5 else numbers.digits(piece)
        elif piece.isascii() and piece.isalpha():
            coded = len(piece) == 2 and piece.lower() not in english.words()
            words += codes.spell(piece) if coded else latin.to_devanagari(piece)
        elif not piece.isascii():
            words += abbreviations.spoken(piece)
    return tuple(words)


def _address(match: re.Match[str], state: Context) -> Said | None:
    """The host and the path; the scheme is not spoken, as no reader says it."""
    address = match[0].rstrip(_CLOSING)
    host = address[len(match[1] or "") :]
    words = _pieces(host)
    stop = match.start() + len(address)
    if state.character(stop) == "/":
        stop += 1
    return (words, stop) if words and len(address) > len(match[1] or "") else None


def _mail(match: re.Match[str], state: Context) -> Said:
    address = match[0].rstrip(_CLOSING)
    return _pieces(address), match.start() + len(address)


def _file(match: re.Match[str], state: Context) -> Said:
    """IMG_2024.jpg, फ़ाइल.docx: the underscores of a file's name are blanks."""
    return _pieces(match[0].replace("_", " ")), match.end()


def _handle(match: re.Match[str], state: Context) -> Said | None:
    if match[1].isdigit():  # @8.5%
        return ("ऐट",), match.start(1)
    words = _pieces(match[1])
    return (("ऐट", *words), match.end()) if words else None


def _hashtag(match: re.Match[str], state: Context) -> Said | None:
    if match[1].isdigit():
        if len(match[1]) > 4:
            return ("नंबर", *numbers.digits(match[1])), match.end()
        coded = _CODE.match(state.text, match.end())  # #402-1234567
        return ("नंबर", *(() if coded else numbers.integer(match[1]))), match.start(1) if coded else match.end()
    words = _hindi(match[1]) or _pieces(re.sub(_VERSUS, " vs ", match[1].replace("_", " ")))
    return (("हैशटैग", *words), match.end()) if words else None


def _hindi(tag: str) -> tuple[str, ...]:
    """The words of a tag that is Hindi in Latin letters throughout: BharatJodoYatra."""
    parts = _CAMEL.findall(tag)
    if len(parts) < 2 or "".join(parts) != tag:
        return ()
    from ssmphony.text.hindi import code_mixing  # its patterns would slow down every start

    found = code_mixing.hindi_words(" ".join(parts).lower())
    return tuple(word for _, _, said in found for word in said.split()) if len(found) == len(parts) else ()


def _colour(match: re.Match[str], state: Context) -> Said:
    """#FF5733"""
    return ("हैश", *codes.spell(match[0])), match.end()


def _dot(match: re.Match[str], state: Context) -> Said:
    """The dot that a name begins with: .NET, .env, .in डोमेन."""
    return _WORDS["."], match.end()


_FILES = "docx?|xlsx?|pptx?|pdf|jpe?g|png|gif|mp[34]|wav|txt|csv|zip|apk|html?|json|xml|py|md"
_NAME = rf"(?:[A-Za-z0-9_]|{DEVANAGARI}){{1,60}}"
_CAMEL = Lazy("[A-Z][a-z]+")
_CODE = Lazy(r"-\d{5}")
_VERSUS = "(?<=[A-Za-z]{2})(?i:vs)(?=[A-Z])"
TOKENS = (
    Token("ld", (rf"[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@{_LABEL}(?:\.{_LABEL}){{0,5}}"), _mail),
    Token(
        "ldh",
        rf"(?=[A-Za-z0-9-]{{0,40}}(?:_|{DEVANAGARI}))(?:[A-Za-z0-9_-]|{DEVANAGARI}){{1,60}}\.(?:{_FILES})(?![A-Za-z0-9])",
        _file,
    ),
    Token("l", (rf"((?i:https?://))(?:{_LABEL}\.){{0,6}}{_LABEL}(?::\d{{1,5}})?{_PATH}"), _address),
    Token("l", (rf"()(?i:www)\.(?:{_LABEL}\.){{0,6}}{_LABEL}{_PATH}"), _address),
    Token(
        "ld",
        (rf"()(?=\d{{0,9}}[A-Za-z-])(?:{_LABEL}\.){{1,6}}(?:{_TOP})(?![A-Za-z0-9@]|\.[A-Za-z]){_PATH}"),
        _address,
    ),
    Token("s", r"(?<![^\s(\"'“‘/])\.(?=[A-Za-z]{2,8}(?![A-Za-z.]))", _dot),
    Token("s", (rf"@({_NAME})"), _handle),
    Token("s", r"#(?=[0-9A-F]{0,5}\d)(?=\d{0,5}[A-F])[0-9A-F]{6}(?![A-Za-z\d])", _colour),
    Token("s", (rf"#({_NAME})"), _hashtag),
)
