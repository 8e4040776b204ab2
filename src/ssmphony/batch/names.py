"""File names that a job file may ask for: plain ones, the same on every system, never outside the folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from ssmphony.types import SsmphonyError

_LONGEST = 200  # bytes of UTF-8; file systems take 255, and a partial file's name needs some
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def plain_name(name: str) -> str:
    """``name``, or `SsmphonyError` when it is a path or no file can have it on Linux, macOS or Windows.

    >>> plain_name("पाठ-१.wav")
    'पाठ-१.wav'
    """
    if _FORBIDDEN.search(name) or name.startswith(".") or _DEVICE.fullmatch(name):
        reason = "is a path" if "/" in name or "\\" in name or name in (".", "..") else "is not a valid file name"
        raise SsmphonyError(f"'{name}' {reason}: files stay in the output folder, give them plain names")
    if not name or name != name.strip() or name.endswith("."):
        raise SsmphonyError(f"'{name}' is not a valid file name: it is empty, or begins or ends with a space or a dot")
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise SsmphonyError(f"{name!a} is not a valid file name: it is not valid Unicode") from None
    if size > _LONGEST:
        raise SsmphonyError(f"'{name[:20]}…' is too long for a file name: {size} bytes, at most {_LONGEST}")
    return name


def with_format(name: str, suffixes: Iterable[str], default: str) -> str:
    """``name`` itself when it ends in a format's suffix, or else with the suffix ``default`` appended."""
    return name if PurePosixPath(name).suffix.lower() in suffixes else name + default


def same_file(name: str) -> str:
    """What two names share that may be one file: some systems fold case, some recompose letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
