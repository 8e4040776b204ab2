"""Keys of a keyboard that are pressed together, as manuals write them: Ctrl+C, Alt + Tab, Ctrl-Shift-Esc."""

from __future__ import annotations

import re

from ssmphony.text.hindi import codes, latin, numbers, tables
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_HELD = r"(?:Ctrl|CTRL|Control|Alt|ALT|Shift|SHIFT|Win|Windows|Cmd|Command|Option|Fn|Super)"
_KEY = r"(?:[A-Za-z][A-Za-z]{1,9}|[Ff]\d{1,2}|[A-Za-z\d])(?![A-Za-z\d])"
_ALONE = r"(?:Esc|Del|PgUp|PgDn|PrtSc|Tab(?=\s(?:key|कुंजी|दबा|बटन)))"
NAMES = frozenset("Ctrl Control Alt Shift Win Windows Cmd Command Option Super Esc Del PgUp PgDn PrtSc Tab".split())
_NAME = Lazy(r"[A-Za-z\d]+")


def is_key(written: str, before: str, after: str) -> bool:
    """Whether a word among Hindi in Latin letters is a key: it has a plus next to it, or is the name of nothing else.

    >>> is_key("Tab", "Alt + ", ""), is_key("Tab", "", " main gaya")
    (True, False)
    """
    held = _HELD_BEFORE.search(before) or (written in NAMES and _PLUS_AFTER.match(after))
    return bool(held or _KEY_ALONE.match(written + after))


def _pressed(match: re.Match[str], state: Context) -> Said:
    """Each key by its name, with प्लस between them."""
    words: list[str] = []
    for key in _NAME.findall(match[0]):
        words += ("प्लस", *_key(key)) if words else _key(key)
    return tuple(words), match.end()


def _single(match: re.Match[str], state: Context) -> Said:
    return _key(match[0]), match.end()


def _key(key: str) -> tuple[str, ...]:
    if name := tables.pairs("key_names").get(key.lower()):
        return tuple(name.split())
    if key[1:].isdigit():
        return (*codes.spell(key[0]), *numbers.cardinal(int(key[1:])))
    return codes.spell(key) if len(key) == 1 else latin.to_devanagari(key)


_HELD_BEFORE = Lazy(rf"(?<![A-Za-z\d]){_HELD}\s?\+\s?\Z")
_PLUS_AFTER = Lazy(r"\s?\+\s?[A-Za-z]")
_KEY_ALONE = Lazy(rf"{_ALONE}(?![A-Za-z\d])")
TOKENS = (
    Token("l", rf"(?<![A-Za-z\d]){_HELD}(?:\s?\+\s?{_HELD}|-{_HELD}){{0,3}}(?:\s?\+\s?|-){_KEY}", _pressed),
    Token("l", rf"(?<![A-Za-z\d]){_ALONE}(?![A-Za-z\d])", _single),
)
