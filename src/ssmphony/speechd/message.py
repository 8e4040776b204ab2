"""What is spoken for a message of Speech Dispatcher: a text in SSML, a character, a key or a sound icon."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Callable, Iterator
from typing import Literal

from ssmphony.interfaces import Frontend
from ssmphony.speechd.settings import Settings
from ssmphony.text.ssml import is_ssml
from ssmphony.types import SsmphonyError, Tokens

Kind = Literal["SPEAK", "CHAR", "KEY", "SOUND_ICON"]
_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[^<>]*>", re.DOTALL)
_CONTROLS = {code: " " for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"}
"""Characters that XML does not allow; one in a text must not keep the rest from being spoken."""
_log = logging.getLogger(__name__)


def spoken(kind: Kind, data: str, settings: Settings, frontend: Frontend) -> str:
    """The text, plain or SSML, that a frontend reads for a message."""
    if kind == "CHAR":
        return frontend.spelled(" " if data == "space" else data, settings.capitals)
    if kind == "KEY":
        return frontend.key_name(data)
    if kind == "SOUND_ICON":
        return re.sub("[-_]+", " ", data)
    data = data.translate(_CONTROLS)
    if settings.spelling:
        return _in_text(data, lambda text: frontend.spelled(text, settings.capitals))
    if settings.punctuation != "none":
        return _in_text(data, lambda text: frontend.with_punctuation(text, settings.punctuation))
    return data


def sentences(frontend: Frontend, text: str) -> Iterator[Tokens]:
    """The sentences of a text; a document that is not SSML is read without its tags, so that nothing stays silent."""
    try:
        yield from frontend.sentences(text)
    except SsmphonyError as error:  # a document is refused before its first sentence
        _log.warning("%s: it is read as plain text", error)
        yield from frontend.sentences(_plain(text))


def _in_text(document: str, change: Callable[[str], str]) -> str:
    """A document whose text is changed and whose tags are not; a plain text is all text."""
    if not is_ssml(document):
        return change(document)
    parts: list[str] = []
    place = 0
    for tag in _MARKUP.finditer(document):
        parts += [_changed(document[place : tag.start()], change), tag[0]]
        place = tag.end()
    return "".join([*parts, _changed(document[place:], change)])


def _changed(text: str, change: Callable[[str], str]) -> str:
    return html.escape(change(html.unescape(text)), quote=False) if text.strip() else text


def _plain(document: str) -> str:
    return html.unescape(_MARKUP.sub(" ", document)).replace("<", " ")
