"""The results of `benchmarks.sashimi` as Markdown, with the published figures next to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.players import players
from benchmarks.tables import Row, table

ANCHORS = (
    ("SaShiMi on SC09, published", "4.1", "1.891", "1.99", "4.12", "24.57", "0.90"),
    ("Mamba on SC09, published", "6.1", "1.852", "0.94", "6.26", "88.54", "0.52"),
    ("WaveNet on SC09, published", "4.2", "1.925", "5.08", "2.27", "5.80", "1.47"),
    ("SampleRNN on SC09, published", "35", "2.042", "8.96", "1.71", "3.02", "1.76"),
)
"""Goel et al. (arXiv 2202.09729) and Gu and Dao (arXiv 2312.00752): millions, bits, FID, IS, mIS, AM."""
_NOT_COMPARABLE = (
    "The published rows are of SC09: one second of English digits at 16 kHz of many speakers, with noise and silence "
    "around them, and their scores are those of another classifier. They show what the models reach there, and "
    "cannot be compared with the rows above them."
)
SCORES = ("FD", "IS", "mIS", "AM")


def likelihood(result: Row) -> str:
    """Bits a sample of held-out clips, against the entropy of their codes."""
    header = ["model", "parameters, millions", "bits a sample", "unigram entropy", "below it"]
    rows = [
        [
            row["run"],
            f"{row['parameters'] / 1e6:.2f}",
            f"{row['bits']:.3f}",
            f"{row['unigram_bits']:.3f}",
            f"{row['unigram_bits'] - row['bits']:.3f}",
        ]
        for row in result["rows"]
    ]
    rows += [[name, size, bits, "not given", "–"] for name, size, bits, *_ in ANCHORS]
    return f"{table(header, rows)}\n\n{_NOT_COMPARABLE}"


def generation(result: Row) -> str:
    """What the classifier makes of generated clips, of real ones, and the published scores."""
    header = ["clips", "heard as asked", "FD", "IS", "mIS", "AM"]
    rows: list[list[str]] = []
    for row in result["rows"]:
        for kind in ("conditional", "unconditional"):
            if kind in row:
                rows.append([f"{row['count']} of {row['run']}, {kind}", *_scores(row[kind])])
    if result["rows"]:
        rows.append(["*real clips, held out*", *_scores(result["rows"][0]["real"])])
    rows += [[name, "–", *scores] for name, _, _, *scores in ANCHORS]
    return table(header, rows)


def speed(result: Row) -> str:
    """Seconds of computing for a second of sound, and the level of long sounds."""
    header = ["model", "computing for a second of sound, s", "level of each second of ten"]
    rows = [
        [
            row["run"],
            f"{row['speed']['real_time_factor']:.2f}",
            " ".join(f"{level:.2f}" for level in row["long"]["rms"]),
        ]
        for row in result["rows"]
    ]
    count = result["rows"][0]["speed"]["rows"] if result["rows"] else 0
    return (
        f"{table(header, rows)}\n\n{count} sounds at once, of all together. Levels are root mean squares, of the "
        "loudest of eight sounds that go on for ten seconds; a runaway would end near 1."
    )


def sounds(result: Row) -> str:
    return players(result["sounds"])


def _scores(found: Mapping[str, Any]) -> list[str]:
    accuracy = found.get("accuracy")
    figures = ["–" if found[name] is None else f"{found[name]:.2f}" for name in SCORES]
    return ["–" if accuracy is None else f"{accuracy:.1%}", *figures]
