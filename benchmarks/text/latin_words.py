"""How well spelling rules read Latin words that are not in the lexicon; and the cues that tell English from Indian.

Every tenth word of both lexicons (by a hash) is taken out; what the rest teaches is measured on them:
``python -m benchmarks.text.latin_words``. ``--write-cues`` learns ``spelling_cues.tsv`` from both whole lexicons.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks.text.pronunciations import distance
from ssmphony.text.hindi import english, g2p, latin, tables, transliteration
from ssmphony.text.hindi.transliteration import Style

_CUES = Path(tables.__file__).parent / "spelling_cues.tsv"
_HEAD = (
    "# letters\tweight\ttwo or three letters of a word (# is its edge): above zero where Indian words "
    "have them, below where English ones do; written by benchmarks/text/latin_words.py"
)
_FEWEST = 8
_SMALLEST_WEIGHT = 0.3
_SMOOTHING = 0.5


def _grams(word: str) -> set[str]:
    word = f"#{word}#"
    return {word[start : start + size] for size in (2, 3) for start in range(len(word) - size + 1)}


def learn_cues(english_words: Iterable[str], indian_words: Iterable[str]) -> dict[str, float]:
    """Half the log ratio of how often either lexicon has two or three letters; half, because they overlap."""
    counts = [Counter(gram for word in words for gram in _grams(word)) for words in (english_words, indian_words)]
    sizes = [len(list(english_words)), len(list(indian_words))]
    cues: dict[str, float] = {}
    for gram in counts[0].keys() | counts[1].keys():
        if counts[0][gram] + counts[1][gram] >= _FEWEST:
            shares = [
                math.log((count[gram] + _SMOOTHING) / (size + 2 * _SMOOTHING))
                for count, size in zip(counts, sizes, strict=True)
            ]
            weight = round((shares[1] - shares[0]) / 2, 1)
            if abs(weight) >= _SMALLEST_WEIGHT:
                cues[gram] = weight
    return cues


def _held_out(word: str) -> bool:
    return int(hashlib.md5(word.encode()).hexdigest(), 16) % 10 == 0


def _by_rule(word: str, spoken: str) -> bool:
    return word.isalpha() and len(word) > 2 and " " not in spoken and any(letter in "aeiou" for letter in word)


def _measure(lexicon: dict[str, str], read: Callable[[str], str]) -> str:
    words = {word: spoken for word, spoken in lexicon.items() if _held_out(word) and _by_rule(word, spoken)}
    exact = same = errors = phones = 0
    for word, spoken in words.items():
        written = read(word)
        wanted, got = g2p.phonemes(spoken), g2p.phonemes(written)
        exact += written == spoken
        same += wanted == got
        errors += distance(wanted, got)
        phones += len(wanted)
    return f"{len(words)} words: {exact / len(words):.1%} as written, {same / len(words):.1%} as spoken, " + (
        f"{1 - errors / phones:.1%} of phones"
    )


def measure() -> None:
    """Print the accuracy of rules alone, with the class known or found, and of everything but the lexicon entry."""
    lexicons: dict[Style, dict[str, str]] = {
        "english": tables.pairs("english_words"),
        "indian": tables.pairs("indian_words"),
    }
    known = {
        style: {word: spoken for word, spoken in lexicon.items() if not _held_out(word)}
        for style, lexicon in lexicons.items()
    }
    cues = learn_cues(known["english"], known["indian"])
    transliteration.cues = lambda: cues
    english.words = lambda: known["english"]
    latin.indian_words = lambda: known["indian"]
    for style, lexicon in lexicons.items():
        print(style, "rules, class known", _measure(lexicon, partial(transliteration.transliterate, style=style)))
        print(style, "rules", _measure(lexicon, transliteration.transliterate))
        print(style, "rules, endings, compounds", _measure(lexicon, lambda w: "".join(latin.to_devanagari(w))))


def write_cues() -> None:
    """Learn the cues from both lexicons and write their table."""
    cues = learn_cues(tables.pairs("english_words"), tables.pairs("indian_words"))
    lines = [f"{gram}\t{weight}" for gram, weight in sorted(cues.items())]
    _CUES.write_text("\n".join([_HEAD, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-cues", action="store_true")
    write_cues() if parser.parse_args().write_cues else measure()
