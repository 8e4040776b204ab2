"""Hindi graphemes to phonemes, measured against pronouncing lists, next to espeak-ng and Epitran.

    python -m benchmarks.text.g2p wikipron_hin.tsv [--dictionary iitm.txt] [--errors N] [--write]

The lists are those of `benchmarks.text.pronunciations`. A word with several listed pronunciations is right when one of
them matches; its phone error counts against the nearest. Schwa accuracy is the share of inherent schwas that are kept
or left out as listed, medial without those that end the word. ``held-out`` judges each word with schwa weights that
`tools/train_schwa.py` learns from words without its first four letters (five folds, by a hash); ``shipped`` has the
weights of the table, which has seen all of the list. ``--write`` puts the table into benchmarks/results/g2p.json.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import RESULTS, write_json
from benchmarks.text.pronunciations import distance, fold, group, read_iitm, read_wikipron
from ssmphony.text.hindi import g2p, schwa
from ssmphony.text.hindi.graphemes import spell
from tools import train_schwa

RESULT = RESULTS / "g2p.json"
Listed = dict[str, set[tuple[str, ...]]]
Answers = dict[str, tuple[str, ...]]


@dataclass
class Score:
    """Percentages over a list, and how many words a second one process reads (0: not measured)."""

    system: str
    word_accuracy: float
    phone_error: float
    schwa_accuracy: float
    medial_schwa_accuracy: float
    words_per_second: float


def ours(words: Sequence[str]) -> Answers:
    return {word: fold(g2p.phonemes.__wrapped__(word)) for word in words}


def held_out(words: Sequence[str], examples: Sequence[train_schwa.Example]) -> Answers:
    """Every word with weights from the groups that are not its own."""
    answers: Answers = {}
    shipped = dict(schwa.weights())
    for part in range(train_schwa.FOLDS):
        seen = [one for one in examples if group(one.word) % train_schwa.FOLDS != part]
        schwa.weights().clear()
        schwa.weights().update(train_schwa.fit([row for one in seen for row in train_schwa.lessons(one)]))
        answers |= ours([word for word in words if group(word) % train_schwa.FOLDS == part])
    schwa.weights().clear()
    schwa.weights().update(shipped)
    return answers


ESPEAK = (
    ("[ˈˌ]", ""),
    ("r\\.h", "ɽʱ"),
    ("r\\.", "ɽ"),
    ("([cɟ])(ʰ?)ː", r"\1\1\2"),
    ("c", "tʃ"),
    ("ɟ", "dʒ"),
    ("(?<=[ɡɖdbɽʒ])ʰ", "ʱ"),
    ("h", "ɦ"),
    ("ʌ|ɐ", "ə"),
    ("[td](?![ʃʒ\u032a])", "\\g<0>\u032a"),
    ("(?<=[aeioɛɔu]\u0303)(?!ː)", "ː"),
    ("(?<=\u0303ː)[mnŋɲɳ](?=[^aeiouəɛɔɪʊ])", ""),
    ("\u0303ː(?=ɡ)", "ːŋ"),
    ("\u0303ː(?=[dɖ])", "ːn"),
    ("\u0303ː(?=b)", "ːm"),
    ("ɪ$", "iː"),
    ("ʊ$", "uː"),
    ("([kɡpbtdʈɖnmlsʃ]\u032a?)([ʰʱ]?)ː", r"\1\1\2"),
    ("n(?=[kɡ])", "ŋ"),
)
_PHONE = re.compile("(?:t\u032a?ʃ|d\u032a?ʒ|.)[\u0303\u032a\u032f]*[ʰʱ]?ː?", re.DOTALL)


def espeak(words: Sequence[str]) -> Answers:
    """One process reads all words; its symbols are folded to ours."""
    command = ["espeak-ng", "-v", "hi", "--ipa", "-q"]
    read = subprocess.run(command, input="\n".join(words), capture_output=True, text=True, check=True).stdout
    answers: Answers = {}
    for word, line in zip(words, read.splitlines(), strict=True):
        text = unicodedata.normalize("NFD", "".join(line.split()))
        for pattern, symbol in ESPEAK:
            text = re.sub(pattern, symbol, text)
        answers[word] = fold(_PHONE.findall(text))
    return answers


def epitran(words: Sequence[str]) -> Answers:
    import epitran  # pyright: ignore[reportMissingImports]

    reader = epitran.Epitran("hin-Deva")
    return {word: fold([_from_epitran(phone) for phone in reader.trans_list(word)]) for word in words}


def _from_epitran(phone: str) -> str:
    """Short i and u have no length mark there, dentals no bridge, and breathy voice is a pair of dots below."""
    plain = unicodedata.normalize("NFD", phone).replace("\u0324", "ʱ")
    if plain[0] in "td" and not plain.startswith(("t\u0361", "d\u0361")):
        return f"{plain[0]}\u032a{plain[1:]}"
    if plain[0] in "iu" and "ː" not in plain:
        return {"i": "ɪ", "u": "ʊ"}[plain[0]] + plain[1:]
    return plain.replace("æ", "ɛ").replace("h", "ɦ").replace("v", "ʋ").replace("\u0325", "ʱ").replace("r\u0329", "ɾ ɪ")


def score(
    system: str, answers: Answers, listed: Listed, examples: Sequence[train_schwa.Example], seconds: float
) -> Score:
    wrong = errors = phones = 0
    for word, answer in answers.items():
        nearest = min(sorted(listed[word]), key=lambda reference: distance(answer, reference))
        far = distance(answer, nearest)
        wrong, errors, phones = wrong + (far > 0), errors + far, phones + len(nearest)
    right = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for one in examples:
        read = train_schwa.example(one.word, {answers[one.word]}, most=99)
        choices = read.answers if read else set[tuple[bool, ...]]()
        pairs = ((mine, theirs) for mine in sorted(choices) for theirs in sorted(one.answers))
        mine, theirs = min(pairs, key=lambda pair: sum(a != b for a, b in zip(*pair, strict=True)))
        for place, phone in enumerate(one.phones):
            if phone.inherent:
                final = place == len(one.phones) - 1
                total[final] += 1
                right[final] += mine[place] == theirs[place]
    return Score(
        system,
        round(100 * (1 - wrong / len(answers)), 2),
        round(100 * errors / phones, 2),
        round(100 * sum(right.values()) / sum(total.values()), 2),
        round(100 * right[False] / total[False], 2),
        round(len(answers) / seconds) if seconds else 0,
    )


def agreement(dictionary: Path) -> float:
    """The share of words of the dictionary whose schwas we keep and delete as it does."""
    theirs = read_iitm(dictionary)
    same = 0
    for word, kept in theirs.items():
        respelled = g2p.respell(word)
        phones = spell(respelled)
        spoken = {id(phone) for phone in schwa.delete(phones, respelled)}
        same += kept == tuple(id(phone) in spoken for phone in phones if phone.inherent)
    return round(100 * same / len(theirs), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--dictionary", type=Path, help="the dictionary of IIT Madras")
    parser.add_argument(
        "--errors", type=int, default=0, help="show this many words that the held-out weights get wrong"
    )
    parser.add_argument("--write", action="store_true", help="store the result")
    arguments = parser.parse_args()
    listed = read_wikipron(arguments.list)
    words = list(listed)
    examples = [one for word, answers in listed.items() if (one := train_schwa.example(word, answers))]
    unseen = held_out(words, examples)
    scores = [score("ssmphony, held-out", unseen, listed, examples, 0)]
    systems: list[tuple[str, Callable[[Sequence[str]], Answers]]] = [
        ("ssmphony, shipped", ours),
        ("espeak-ng", espeak),
        ("epitran", epitran),
    ]
    for name, system in systems:
        start = time.perf_counter()
        try:
            answers = system(words)
        except (ImportError, FileNotFoundError):
            sys.stdout.write(f"{name}: not installed, left out\n")
            continue
        scores.append(score(name, answers, listed, examples, time.perf_counter() - start))
    sys.stdout.write("system | word accuracy | phone error | schwa | medial schwa | words/s\n")
    for row in scores:
        sys.stdout.write(" | ".join(str(cell) for cell in asdict(row).values()) + "\n")
    found: dict[str, object] = {
        "words": len(words),
        "python": platform.python_version(),
        "scores": [asdict(row) for row in scores],
    }
    if arguments.dictionary:
        found["iitm_agreement"] = agreement(arguments.dictionary)
        sys.stdout.write(f"iitm dictionary: {found['iitm_agreement']} % of words with the same schwas\n")
    if arguments.write:
        write_json(found, RESULT)
    wrong = [word for word in words if unseen[word] not in listed[word]]
    for word in wrong[:: max(1, len(wrong) // arguments.errors)] if arguments.errors else ():
        sys.stdout.write(
            f"{word}\t{' '.join(unseen[word])}\t{' | '.join(' '.join(one) for one in sorted(listed[word]))}\n"
        )


if __name__ == "__main__":
    main()
