"""Plan speech of many speakers: blends of two or three of the teacher's voices, each reading its own sentences.

    python tools/blend_plan.py voices sentences.txt stories --held-out configs/heldout/voices.txt -o blends.tsv
    ssmphony prepare kokoro blends.tsv -o prepared/kokoro_blends --config configs/smamba/base.yaml \
        --set model=float.onnx --set vocabulary=vocab.json --set voices=voices

A blend is of voices that are trained on, or of ones that are held out, never of both. Every beginning of the plan is
balanced: all blends have their first sentence before any has its second.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from ssmphony.data.corpora.sentences import sentences_of
from ssmphony.data.text_files import read_text
from ssmphony.types import SsmphonyError

SHARES = ((0.5, 0.5), (0.7, 0.3), (0.4, 0.3, 0.3))
"""Of a blend's voices; the first is the one that is heard most."""
SHORTEST, LONGEST = 30, 140
"""Characters of a sentence: the teacher says others less well."""
CHARACTERS_A_SECOND = 14.0
"""That the teacher reads."""


def blends(voices: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """``count`` different blends in which all voices occur about equally often.

    Raises `SsmphonyError` where there are not so many different pairs and triples.
    """
    most = sum(1 for size in (2, 3) for _ in combinations(voices, size))
    if count > most:
        raise SsmphonyError(f"{len(voices)} voices have {most} blends of two or three, not {count}")
    used, found = dict.fromkeys(voices, 0), dict[frozenset[str], str]()
    while len(found) < count:
        shares = SHARES[int(random.integers(len(SHARES)))]
        # those used least, in an order of their own each time
        order = sorted(voices, key=lambda name: (used[name], random.random()))
        pool = order[: max(len(shares), min(len(order), 2 * len(shares) + len(found) // len(voices)))]
        chosen = [pool[index] for index in random.choice(len(pool), len(shares), replace=False).tolist()]
        if frozenset(chosen) in found:
            used[chosen[0]] += 1  # so that others come next
            continue
        found[frozenset(chosen)] = ",".join(f"{name}:{share:g}" for name, share in zip(chosen, shares, strict=True))
        for name in chosen:
            used[name] += 1
    return list(found.values())


def plan(speakers: Sequence[str], sentences: Sequence[str], seconds: float) -> Iterator[tuple[str, str]]:
    """(speaker, sentence): a sentence of each in turn, until each has read about so many seconds.

    Raises `SsmphonyError` where there are too few sentences.
    """
    left, texts = dict.fromkeys(speakers, seconds * CHARACTERS_A_SECOND), iter(sentences)
    while left:
        for speaker in list(left):
            text = next(texts, None)
            if text is None:
                raise SsmphonyError(f"{len(sentences)} sentences are too few for {len(speakers)} speakers: add texts")
            yield speaker, text
            left[speaker] -= len(text)
            if left[speaker] <= 0.0:
                del left[speaker]


def write(arguments: argparse.Namespace) -> int:
    """Write the plan; returns its number of lines."""
    random = np.random.default_rng(arguments.seed)
    names = sorted(path.stem for path in arguments.voices.glob("*.bin"))
    lines = [line.strip() for line in read_text(arguments.held_out).split("\n")]
    held = [line for line in lines if line and not line.startswith("#")]
    if missing := sorted({*held} - {*names}):
        raise SsmphonyError(f"{arguments.held_out}: {arguments.voices} has no voice '{missing[0]}'")
    trained = [name for name in names if name not in held]
    speakers = [*blends(trained, arguments.trained, random), *blends(held, arguments.unseen, random)]
    texts = list(dict.fromkeys(text for path in arguments.texts for text in sentences_of(path)))
    fitting = [text for text in texts if SHORTEST <= len(text) <= LONGEST and "\t" not in text]
    shuffled = [fitting[index] for index in random.permutation(len(fitting))]
    order = [speakers[index] for index in random.permutation(len(speakers))]
    rows = [f"{number}\t{who}\t{text}\n" for number, (who, text) in enumerate(plan(order, shuffled, arguments.seconds))]
    arguments.out.write_text("".join(rows), encoding="utf-8")
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", type=Path, help="the folder of the teacher's voices")
    parser.add_argument("texts", type=Path, nargs="+", help="files of one sentence a line, folders of Markdown stories")
    parser.add_argument("--held-out", type=Path, required=True, help="voices that are never trained on, one a line")
    parser.add_argument("--trained", type=int, default=160, help="blends of the other voices")
    parser.add_argument("--unseen", type=int, default=20, help="blends of the voices that are held out")
    parser.add_argument("--seconds", type=float, default=40.0, help="that each blend reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True, help="a file of number, speaker and sentence")
    arguments = parser.parse_args()
    try:
        print(f"{arguments.out}: {write(arguments)} sentences")
    except SsmphonyError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
