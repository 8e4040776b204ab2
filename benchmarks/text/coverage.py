"""What of a corpus is not spoken, and why: every character outside the words and pauses of the frontend, by reason.

    python -m benchmarks.text.coverage FILE_OR_FOLDER [...] [--output RESULT.json]

Text is read line by line (folders: their .txt and .md files). Writes ``benchmarks/results/frontend_coverage.json``:
lines, written words, words a second of normalisation alone and of the whole frontend (one core, process time), lines
that raised, phones outside the vocabulary, and for each reason how many characters it kept silent, the most frequent
first. A letter or digit of a script the frontend speaks is never kept silent; ``lost`` would show one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, write_json
from ssmphony.text import hindi, sentences, vocabulary
from ssmphony.text.hindi.normaliser import ABBREVIATIONS, read

REASONS = (
    ("quotation mark", "\"'“”‘’«»‹›`´"),
    ("hyphen inside a word", "-–‐‑"),
    ("dot of an initial, an abbreviation or an address", "."),
    ("stroke between words", "/\\"),
    ("ornament or markup", "*_=~^|<>#+•●■◆★☆·"),
)
_ADDRESS = re.compile(r"(?<=\])\((?:https?:|www\.)[^\s()]*\)")
_MARKS = "।॥?!….|"
_CLOSERS = "\"'”’»)]} "
_SPOKEN_LETTERS = frozenset(range(0x0905, 0x093A)) | frozenset(range(0x0958, 0x0962))


def reason(character: str) -> str:
    """Why a character outside every word and pause has no sound."""
    category = unicodedata.category(character)
    if character.isspace():
        return "space"
    for name, characters in REASONS:
        if character in characters:
            return name
    if ord(character) in _SPOKEN_LETTERS or character.isdecimal() or (character.isascii() and character.isalpha()):
        return "lost"
    if category[0] == "L":
        return f"letter of another script: {unicodedata.name(character, 'unnamed').split()[0].title()}"
    return {
        "M": "sign without a letter",
        "C": "invisible or unassigned",
        "S": "symbol or emoji without a name",
        "P": "mark that neither ends nor divides a sentence",
        "N": "other numeral",
    }.get(category[0], "other")


def silent(line: str) -> Iterator[tuple[str, str]]:
    """The characters of ``line`` in no spoken word, pause or mark that ends a sentence, and why each is silent."""
    spoken = bytearray(len(line))
    for sentence in sentences.cut(line, ABBREVIATIONS):
        for reading in read(sentence.text):
            start, end = sentence.start + reading.start, sentence.start + reading.end
            spoken[start:end] = b"\1" * (end - start)
        closing = len(sentence.text.rstrip(_MARKS + _CLOSERS)) if sentence.mark else len(sentence.text)
        for place in range(closing, len(sentence.text)):
            spoken[sentence.start + place] |= sentence.text[place] in _MARKS
    addresses = {place for match in _ADDRESS.finditer(line) for place in range(*match.span())}
    return (
        (character, "address of a link" if place in addresses else reason(character))
        for place, character in enumerate(line)
        if not spoken[place]
    )


def lines(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.suffix in (".txt", ".md")) if path.is_dir() else [path]
        for file in files:
            yield from (line for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def measure(corpus: Sequence[str]) -> dict[str, Any]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    unknown: Counter[str] = Counter()
    raised: list[str] = []
    symbols = frozenset(vocabulary.SYMBOLS)
    for line in corpus:
        try:
            for character, why in silent(line):
                found[why][character] += 1
            unknown.update(phone for word in hindi.phonemize(line) for phone in word.phones if phone not in symbols)
        except Exception as error:
            raised.append(f"{type(error).__name__}: {line[:80]}")
    return {
        "lines": len(corpus),
        "words": sum(len(line.split()) for line in corpus),
        "characters": sum(map(len, corpus)),
        "raised": raised,
        "unknown_phones": dict(unknown),
        "silent": {
            name: {"characters": sum(counts.values()), "which": dict(counts.most_common(12))}
            for name, counts in sorted(found.items(), key=lambda item: -sum(item[1].values()))
        },
        **speeds(corpus),
    }


def speeds(corpus: Sequence[str]) -> dict[str, int]:
    """Written words a second of process time: cutting and normalising, and everything down to phones."""
    words = sum(len(line.split()) for line in corpus)
    begin = time.process_time()
    for line in corpus:
        for sentence in sentences.cut(line, ABBREVIATIONS):
            read(sentence.text)
    middle = time.process_time()
    for line in corpus:
        hindi.phonemize(line)
    return {
        "normalised_words_per_s": round(words / (middle - begin)),
        "spoken_words_per_s": round(words / (time.process_time() - middle)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS / "frontend_coverage.json")
    arguments = parser.parse_args()
    result = {path.stem: measure(list(lines([path]))) for path in arguments.corpora}
    write_json(result, arguments.output)
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
