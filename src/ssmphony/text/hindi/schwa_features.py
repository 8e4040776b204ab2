"""What an inherent schwa has around it: the features from which `schwa` decides whether it is spoken.

A word is a string with one character a phone, ``-`` for a schwa that is not yet decided, ``a`` for one that is kept and
``~`` after a nasal vowel. Decisions go from right to left (Ohala 1983), so what is right of the schwa is what is
spoken, and what is left of it is what is written. `tools/train_schwa.py` weighs these features.
"""

from __future__ import annotations

from collections.abc import Sequence

from ssmphony.text.hindi import morphology
from ssmphony.text.hindi.graphemes import CONSONANTS, SIGNS, VIRAMA, Phone

UNDECIDED = "-"
_SYMBOLS = (
    "ə aː ɪ iː ʊ uː eː ɛː oː ɔː æ k q kʰ x ɡ ɣ ɡʱ ŋ tʃ tʃʰ dʒ dʒʱ ʒ ɲ ʈ ʈʰ ɖ ɖʱ ɳ t̪ t̪ʰ d̪ d̪ʱ n p pʰ b bʱ m j ɾ l ʋ ʃ "
    "ʂ s ɦ ɽ ɽʱ z f"
).split()
_LETTERS = (
    "a A i I u U e E o O @ k k K K g g G n c C j J J n w W x X R t T d D n p P b B m y r l v S S s h q Q z f".split()
)
LETTERS: dict[str, str] = dict(zip(_SYMBOLS, _LETTERS, strict=True))
VOWELS = frozenset("aAiIuUeEoO@-")
_SHAPE = str.maketrans(
    {letter: "v" if letter in "aiu" else "V" if letter in VOWELS else "C" for letter in _LETTERS} | {"~": "N"}
)
_SONORITY = str.maketrans(
    dict.fromkeys(_LETTERS, "P")
    | dict.fromkeys("AIUeEoO@", "V")
    | dict.fromkeys("aiu", "v")
    | dict.fromkeys("sSfz", "S")
    | dict.fromkeys("nmR", "M")
    | dict.fromkeys("rlqQ", "L")
    | {"h": "h", "y": "y", "v": "w", "~": "N"}
)
_PLURALS = frozenset("ों ें ो".split())
_PAIRS = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (3, 1), (2, 3), (3, 2))
_SHAPES = ((2, 2), (2, 3), (3, 3), (4, 4), (5, 5), (3, 5), (5, 3), (7, 7))
_SONORITIES = ((2, 1), (3, 1), (2, 2), (3, 2))


def encode(phones: Sequence[Phone]) -> tuple[str, list[tuple[int, int]]]:
    """The word as a string, and its inherent schwas: their position among the phones and their place in the string."""
    text = ""
    schwas: list[tuple[int, int]] = []
    for position, phone in enumerate(phones):
        if phone.inherent:
            schwas.append((position, len(text)))
            text += UNDECIDED
        else:
            text += LETTERS[phone.symbol]
        if phone.nasal:
            text += "~"
    return text, schwas


def around(left: str, right: str) -> list[str]:
    """Features of the phones before and after a schwa."""
    left, right = "^" + left, right + "$"
    before, after = left.translate(_SHAPE), right.translate(_SHAPE)
    found = [f"l{left[-n:]}" for n in range(1, min(5, len(left)) + 1)]
    found += [f"r{right[:n]}" for n in range(1, min(6, len(right)) + 1)]
    found += [f"p{left[-i:]}|{right[:j]}" for i, j in _PAIRS]
    found += [f"s{before[-i:]}|{after[:j]}" for i, j in _SHAPES]
    found += (
        f"z{before}|{after}",
        f"w{before}|{right}",
        f"L{left}",
        f"R{right}",
        f"x{before[-3:]}|{right[:2]}",
        f"y{left[-2:]}|{after[:3]}",
    )
    before, after = left[-3:].translate(_SONORITY), right[:2].translate(_SONORITY)
    found += [f"o{before[-i:]}|{after[:j]}" for i, j in _SONORITIES]
    return found


def inside(word: str, index: int, left: str, right: str) -> list[str]:
    """Features of the words that ``word``, without nuktas, may be made of; ``index`` is the letter of the schwa."""
    found: list[str] = []
    words = morphology.words()
    shape = f"{left[-2:]}|{right[:2]}".translate(_SHAPE)
    after = word[index + 1 :]
    ends = starts = ""
    if len(after) > 1 and after[0] in CONSONANTS:
        head = word[: index + 1]
        ends = f"{int(head in words)}{int(morphology.is_word(after))}{int(head[-2:-1] == VIRAMA)}"
        found += (f"e{ends}", f"f{ends}{min(len(head), 4)}{min(len(after), 5)}", f"g{ends}{shape}")
    tail = word[index:]
    if index and len(tail) > 2 and word[index - 1] != VIRAMA:
        head = word[:index]
        known = int(morphology.is_word(tail))
        starts = f"{int(head in words)}{known}"
        found += (
            f"b{starts}",
            f"c{starts}{min(len(head), 4)}{min(len(tail), 5)}",
            f"d{starts}{shape}",
            f"h{head}{known}",
        )
    found += (f"i{ends}{starts}", f"j{ends}{starts}{shape}")
    stem, ending = word[: index + 2], word[index + 2 :]
    if ending and ending[0] in SIGNS and stem[-1] in CONSONANTS:
        kind = morphology.stem_kinds(stem)
        number = "+" if ending in _PLURALS else ending[0]
        found += (f"k{kind}{number}", f"m{kind}|{ending}", f"n|{ending}")
    return found
