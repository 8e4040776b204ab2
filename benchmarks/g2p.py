"""Word accuracy and phone error of the Hindi grapheme-to-phoneme rules against a WikiPron list.

    python benchmarks/hindi_g2p.py wikipron_hin_dev.tsv [--errors N]

The list (https://github.com/CUNY-CL/wikipron, CC BY-SA) is not part of the project: rows of ``word<TAB>phones``.
Both sides are folded to one inventory (tie bars, vowel letters, ʂ = ʃ, ɲ = n, the off-glide ᵊ dropped). A word with
several listed pronunciations is right when one of them matches; its phone error counts against the nearest.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ssmphony.text.hindi import g2p

BOTH = {"ʂ": "ʃ", "ɲ": "n"}
LONG = {"a": "aː", "i": "iː", "u": "uː", "e": "eː", "o": "oː", "ɔ": "ɔː", "ɛ": "ɛː", "r": "ɾ", "t": "ʈ"}


def fold(phones: Sequence[str]) -> tuple[str, ...]:
    """A WikiPron transcription, or ours, in the common inventory."""
    text = unicodedata.normalize("NFD", " ".join(phones))
    text = (
        text.replace("ɑ", "a")
        .replace("\u0361", "")
        .replace("ᵊ", "")
        .replace("ə\u032f i", "ɛː")
        .replace("ə\u032f uː", "ɔː")
        .replace("ə\u032f u", "ɔː")
        .replace("ʔ", "")
    )
    text = re.sub("t̪(?= tʃ)", "tʃ", re.sub("d̪(?= dʒ)", "dʒ", text))  # WikiPron's च्च, ज्ज
    folded = (unicodedata.normalize("NFC", phone) for phone in text.split())
    return tuple(LONG.get(phone, BOTH.get(phone, phone)) for phone in folded)


def distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def group(word: str) -> int:
    """A number that all words with the same first four letters share."""
    return zlib.crc32(word[:4].encode())


def read_wikipron(path: Path) -> dict[str, set[tuple[str, ...]]]:
    """The folded pronunciations of each word of a list."""
    listed: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        word, phones = line.split("\t")
        listed[unicodedata.normalize("NFC", word)].add(fold(phones.split()))
    return dict(listed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--errors", type=int, default=0, help="show this many wrong words")
    arguments = parser.parse_args()
    references: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in arguments.list.read_text(encoding="utf-8").splitlines():
        word, phones = line.split("\t")
        references[unicodedata.normalize("NFC", word)].add(fold(phones.split()))
    wrong: list[str] = []
    errors = total = 0
    for word, answers in references.items():
        ours = fold(g2p.phonemes(word))
        nearest = min(sorted(answers), key=lambda answer: distance(ours, answer))
        errors += distance(ours, nearest)
        total += len(nearest)
        if ours != nearest:
            wrong.append(f"{word}\t{' '.join(ours)}\t{' '.join(nearest)}")
    words = len(references)
    accuracy, phone_error = 100 * (1 - len(wrong) / words), 100 * errors / total
    sys.stdout.write(f"{words} words: word accuracy {accuracy:.2f} %, phone error {phone_error:.2f} %\n")
    step = max(1, len(wrong) // arguments.errors) if arguments.errors else len(wrong) + 1
    for line in wrong[::step] if arguments.errors else ():
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
