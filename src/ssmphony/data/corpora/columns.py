"""Which column of a table of transcripts is the id, which the text, and which the speaker."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from ssmphony.types import SsmphonyError

Cells = tuple[str, ...]
IsId = Callable[[str], bool]

_IDS = set(
    "id key uid name clip clip_id segment segment_id utt utt_id utterance_id recording recording_id file fname "
    "filename file_name filepath file_path path audio audio_id audio_file audio_path audio_filepath audio_filename "
    "audio_name wav wav_id wav_file wav_path wav_filename sound".split()
)
_TEXTS = set(
    "text sentence transcript transcription transcribed utterance script raw raw_text original text_raw".split()
)
_NORMALISED = {f"{first}_{second}" for first in ("normalized", "normalised") for second in _TEXTS} | {
    *("normalized", "normalised", "text_normalized", "text_normalised", "clean_text", "cleaned_text", "text_clean")
}
_SPEAKERS = set("speaker speaker_id speaker_name spk spk_id client_id voice reader reader_id narrator".split())
_LANGUAGES = set("hi hin hindi en eng english bn gu kn ml mr ne or pa sa ta te ur zh ja de fr es".split())
_PROSE = re.compile(r"[।॥?!,;…]|\.$")
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
_LABEL = 40  # characters of the longest speaker's name
_LABEL_WORDS = 3
_SHORTER = 3.0  # a text is on average at least this many times as long as the name of its speaker
_NUMBER = 6.0  # the same for speakers that are numbers
_FEW = 20  # rows: in fewer, all labels may be different


class Columns(NamedTuple):
    """Indices of columns. Of ``texts`` the last that is not empty is the text of a row."""

    id: int
    texts: tuple[int, ...]
    speaker: int | None = None

    def text(self, cells: Cells) -> str:
        """The text of a row, empty where it has none."""
        return next((cells[column] for column in reversed(self.texts) if cells[column]), "")


def given_columns(names: str) -> tuple[Columns, int]:
    """From ``id,speaker,text``, with ``-`` for a column that is not read, and how many there are."""
    parts = [name.strip().lower() for name in names.split(",")]
    if unknown := [name for name in parts if name not in ("id", "text", "speaker", "-")]:
        raise SsmphonyError(f"columns: unknown column '{unknown[0]}'; known: id, text, speaker, and - for others")
    if parts.count("id") != 1 or "text" not in parts or parts.count("speaker") > 1:
        raise SsmphonyError(f"columns: '{names}' must have one id, a text and at most one speaker")
    texts = tuple(index for index, name in enumerate(parts) if name == "text")
    return Columns(parts.index("id"), texts, parts.index("speaker") if "speaker" in parts else None), len(parts)


def header_of(rows: Sequence[Cells], is_id: IsId) -> list[str] | None:
    """The names of the columns where the first row has them, as the sets of this file write them."""
    if not rows or any(map(is_id, rows[0])):
        return None
    names = ["_".join(re.split(r"[\s_-]+", cell.lower())) for cell in rows[0]]
    known = sum(name in _IDS | _TEXTS | _NORMALISED | _SPEAKERS for name in names)
    ids_below = any(is_id(cell) for cells in rows[1:] for cell in cells)
    return names if known > 1 or (known == 1 and ids_below) else None


def find_columns(rows: Sequence[Cells], names: Sequence[str], is_id: IsId, letters: Collection[str] = ()) -> Columns:
    """By the names, or else by what is in the rows, which are without the header.

    The id is what most often names a recording. A column of short labels next to longer texts, or of few different
    ones, is the speaker. A column without any of ``letters`` is no text where another has them: it is a translation.
    """
    width = max([len(names), *map(len, rows)])
    ends = Counter(len(cells) - 1 for cells in rows)
    rows = [cells + ("",) * (width - len(cells)) for cells in rows]
    hits = [sum(is_id(cells[column]) for cells in rows) for column in range(width)]
    named = {column: name for column, name in enumerate(names) if column < width}
    ids = [column for column, name in named.items() if name in _IDS] if not any(hits) else []
    first = max(ids or range(width), key=lambda column: hits[column])
    others = [column for column in range(width) if column != first]
    speaker = next((column for column in others if named.get(column) in _SPEAKERS), None)
    texts = [column for column in others if named.get(column) in _TEXTS]
    texts += [column for column in others if named.get(column) in _NORMALISED]
    open_ = [column for column in others if 2 * hits[column] <= len(rows) and named.get(column) not in _IDS]
    if not texts:
        found = _Contents(rows, [column for column in open_ if column != speaker], ends)
        speaker = found.speaker() if speaker is None and not named else speaker
        texts = [column for column in found.texts() if column != speaker] or others[:1]
    if letters and len(texts) > 1:
        texts = [column for column in texts if _written_in(rows, column, letters)] or texts
    return Columns(first, tuple(texts), speaker)


class _Contents:
    """What the columns of a table without names hold."""

    def __init__(self, rows: Sequence[Cells], columns: Sequence[int], ends: Counter[int]) -> None:
        """``ends``: how many rows have their last cell in a column."""
        self.ends = ends
        self.values = {column: [cells[column] for cells in rows if cells[column]] for column in columns}
        self.worded = [column for column in columns if any(map(_has_letters, self.values[column]))]
        self.main = max(self.worded, key=self._length, default=None)
        self.pairs = {
            column: [(cells[column], cells[self.main]) for cells in rows if self.main is not None and cells[column]]
            for column in columns
        }

    def speaker(self) -> int | None:
        return next((column for column in self.values if self._labels(column) and not self._is_language(column)), None)

    def texts(self) -> list[int]:
        """The main one, others that it may replace, and after it those of its length."""
        if self.main is None:
            return []
        least = self._length(self.main) / _SHORTER
        texts = [column for column in self.worded if not self._labels(column)]
        return [column for column in texts if column <= self.main or self._length(column) > least]

    def _labels(self, column: int) -> bool:
        """Whether a column holds names rather than another writing of the text."""
        values, main = self.values[column], self.main
        if main is None or column == main or not values or not all(map(_is_label, values)):
            return False
        if column < main and 3 * self.ends[column] >= len(values):  # the text of rows that have no further cell
            return False
        different = len(set(values))
        repeated = len(values) > 1 and 2 * different <= len(values)
        varied = different == len(values) >= _FEW
        ratio = self._length(main) / self._length(column)
        if not any(map(_has_letters, values)):  # numbers of speakers, and not what is read out, or lengths
            return column < main and all(map(str.isdecimal, values)) and (repeated or (ratio > _NUMBER and not varied))
        alike = sum(not _words(value).isdisjoint(_words(text)) for value, text in self.pairs[column])
        if 2 * alike >= len(values):
            return False
        foreign = not any(map(_DEVANAGARI.search, values)) and any(map(_DEVANAGARI.search, self.values[main]))
        return repeated or (ratio >= _SHORTER and not varied) or (foreign and different <= max(3, len(values) - 1))

    def _is_language(self, column: int) -> bool:
        values = {re.split("[-_]", value.lower())[0] for value in self.values[column]}
        return values <= _LANGUAGES

    def _length(self, column: int) -> float:
        values = self.values[column]
        return sum(map(len, values)) / max(len(values), 1)


def _is_label(value: str) -> bool:
    return len(value) <= _LABEL and len(value.split()) <= _LABEL_WORDS and not _PROSE.search(value)


def _has_letters(value: str) -> bool:
    return any(unicodedata.category(letter)[0] in "LM" for letter in value)


def _words(value: str) -> set[str]:
    return set(re.findall(r"[\w\u0900-\u0963\u0970-\u097f]+", value.lower()))


def _written_in(rows: Sequence[Cells], column: int, letters: Collection[str]) -> bool:
    values = [cells[column] for cells in rows if cells[column]]
    return 4 * sum(any(letter in letters for letter in value) for value in values) >= len(values)
