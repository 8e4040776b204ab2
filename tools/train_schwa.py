"""Learn the tables of Hindi schwa deletion in `ssmphony/text/hindi/tables`.

    python tools/train_schwa.py words hi_sentences.txt          # writes words.tsv
    python tools/train_schwa.py weights wikipron_hin.tsv        # writes schwa_weights.tsv
    python tools/train_schwa.py judge wikipron_hin.tsv          # writes nothing

The sentences (Common Voice, CC0) give the words that texts are made of. The list (https://github.com/CUNY-CL/wikipron,
CC BY-SA), rows of ``word<TAB>phones``, is not part of the project: for each of its words the schwas that are spoken are
those with which our pronunciation is nearest to one that is listed, and a logistic regression with an L2 penalty weighs
the features of `schwa_features`. ``judge`` divides the words into folds by a hash of their first four letters, so that
no word is judged by a model that saw its relatives. There is nothing random: the same files give the same tables.
Needs scipy (`pip install ".[eval]"`).
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.text.pronunciations import distance, fold, group, read_wikipron
from ssmphony.text.hindi import g2p, morphology, phonology, schwa
from ssmphony.text.hindi.graphemes import Phone, spell

TABLES = Path(g2p.__file__).parent / "tables"
WEIGHTS_HEADER = "# feature\tweight\thow much a schwa is kept (above 0) or falls; written by tools/train_schwa.py\n"
WORDS_HEADER = "# word\tof the Common Voice sentences (CC0), without nuktas; written by tools/train_schwa.py\n"
LONGEST_WORD = 6
FEWEST = 1
"""A word of the sentences is kept when it is no longer than this and stands in them so often."""
FOLDS = 5
PENALTY = 1.5
RARE = 2
"""A feature of fewer schwas than this is left out."""
MOST_SCHWAS = 9
MOST_ERRORS = 3
"""A word whose phones are so far from every listed pronunciation is not used to train schwas."""
TRUST = {**dict.fromkeys("lrRxy", 0.56), **dict.fromkeys("pw", 0.48), "L": 0.4}
"""Weight of features of single phones, relative to those of shapes and of known words, which are 1."""
SCALE = 100
SMALLEST = 6


@dataclass
class Example:
    """A word with its phones, every schwa written out, and the answers that fit a listed pronunciation."""

    word: str
    spelled: str
    phones: list[Phone]
    answers: set[tuple[bool, ...]]


def spoken(phones: Iterable[Phone]) -> tuple[str, ...]:
    """The phones without deletion, after the sound rules."""
    return fold([phone.symbol for phone in phonology.join([copy(phone) for phone in phones])])


def example(word: str, listed: set[tuple[str, ...]], most: int = MOST_ERRORS) -> Example | None:
    """What a word with inherent schwas teaches; nothing when it is ``most`` errors or more from every listed one."""
    spelled = g2p.respell(word)
    phones = spell(spelled)
    schwas = [place for place, phone in enumerate(phones) if phone.inherent]
    if word in g2p.EXCEPTIONS or not 0 < len(schwas) <= MOST_SCHWAS:
        return None
    nearest, answers = most, set[tuple[bool, ...]]()
    for choice in itertools.product((True, False), repeat=len(schwas)):
        kept = dict(zip(schwas, choice, strict=True))
        ours = spoken(phone for place, phone in enumerate(phones) if kept.get(place, True))
        errors = min(distance(ours, answer) for answer in listed)
        if errors < nearest:
            nearest, answers = errors, set()
        if errors == nearest < most:
            answers.add(tuple(kept.get(place, True) for place in range(len(phones))))
    return Example(word, spelled, phones, answers) if answers else None


def lessons(one: Example) -> list[tuple[list[str], bool]]:
    """The features of each schwa that the model is asked about, with the answer."""
    answer = max(one.answers)
    rows: list[tuple[list[str], bool]] = []

    def teach(position: int, features: list[str]) -> bool:
        rows.append((features, answer[position]))
        return answer[position]

    schwa.decide(one.phones, one.spelled, teach)
    return rows


def fit(rows: Sequence[tuple[list[str], bool]]) -> dict[str, int]:
    """Weights of the features in hundredths, those that matter."""
    counts = Counter(feature for features, _ in rows for feature in features)
    names = [feature for feature, count in counts.items() if count >= RARE]
    columns = {feature: column for column, feature in enumerate(names)}
    known = [[columns[feature] for feature in features if feature in columns] for features, _ in rows]
    trust = np.array([TRUST.get(feature[0], 1.0) for feature in names])
    indices = np.array([column for columns_ in known for column in columns_])
    starts = np.cumsum([0, *(len(columns_) for columns_ in known)])
    seen = sparse.csr_matrix((trust[indices], indices, starts), shape=(len(rows), len(names)))
    across = seen.T.tocsr()
    signs = np.array([1.0 if answer else -1.0 for _, answer in rows])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (seen @ weights)
        slopes = -signs / (1 + np.exp(np.clip(margins, -50, 50)))
        total = np.logaddexp(0, -margins).sum() + 0.5 * PENALTY * weights @ weights
        return float(total), across @ slopes + PENALTY * weights

    start = np.zeros(len(names))
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150})
    rounded = np.rint(SCALE * best.x * trust).astype(int)
    return {name: int(weight) for name, weight in zip(names, rounded, strict=True) if abs(weight) >= SMALLEST}


def right(one: Example, weights: dict[str, int]) -> bool:
    """Whether a listed pronunciation has the schwas that the model keeps."""

    def weigh(_: int, features: list[str]) -> bool:
        return sum(weights.get(feature, 0) for feature in features) > 0

    return tuple(schwa.decide(one.phones, one.spelled, weigh)) in one.answers


def judge(examples: Sequence[Example], show: bool) -> None:
    """Print the share of words with the right schwas, each word judged by a model that saw none of its group."""
    total = 0
    for fold_ in range(FOLDS):
        rows = [row for one in examples if group(one.word) % FOLDS != fold_ for row in lessons(one)]
        weights = fit(rows)
        held_out = [one for one in examples if group(one.word) % FOLDS == fold_]
        wrong = [one.word for one in held_out if not right(one, weights)]
        total += len(held_out) - len(wrong)
        sys.stdout.write(f"fold {fold_}: {100 * (1 - len(wrong) / len(held_out)):.2f} %, {len(weights)} weights\n")
        sys.stdout.write(" ".join(wrong) + "\n" if show else "")
        sys.stdout.flush()
    sys.stdout.write(f"all: {100 * total / len(examples):.2f} % of {len(examples)} words with inherent schwas\n")


def write_words(sentences: Path) -> None:
    text = unicodedata.normalize("NFC", sentences.read_text(encoding="utf-8"))
    counts = Counter(morphology.bare(word) for word in re.findall("[\u0900-\u0963\u0971-\u097f]+", text))
    words = sorted(word for word, count in counts.items() if count >= FEWEST and 1 < len(word) <= LONGEST_WORD)
    (TABLES / "words.tsv").write_text(WORDS_HEADER + "\n".join(words) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("words", "weights", "judge"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--errors", action="store_true", help="judge: show the words that went wrong")
    arguments = parser.parse_args()
    if arguments.what == "words":
        write_words(arguments.file)
        return
    listed = read_wikipron(arguments.file)
    examples = [one for word, answers in listed.items() if (one := example(word, answers))]
    if arguments.what == "judge":
        judge(examples, arguments.errors)
        return
    weights = fit([row for one in examples for row in lessons(one)])
    lines = "".join(f"{feature}\t{weight}\n" for feature, weight in sorted(weights.items()))
    (TABLES / "schwa_weights.tsv").write_text(WEIGHTS_HEADER + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
