"""Results as Markdown, and how figures are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def frontend(result: Row) -> str:
    """Written and spoken, in the phonemes and in the sound."""
    names = {"words": "words", "digits": "of them with digits", "Latin": "of them with Latin letters"}
    audible = result.get("sound")
    rows: list[list[str]] = []
    for kind, label in names.items():
        counts = result["frontend"][kind]
        rows.append([label, str(counts["written"]), _share(counts), _share(audible[kind]) if audible else "–"])
    if audible:
        timed = {"written": result["tokens"], "spoken": result["tokens_timed"]}
        rows.append(["phonemes and pauses", str(result["tokens"]), "", _share(timed)])
    return table(["ssmphony", "in the paragraph", "given phonemes", "audible"], rows)


def _share(counts: Row) -> str:
    return f"{counts['spoken']} ({counts['spoken'] / counts['written']:.1%})"


def g2p(result: Row) -> str:
    """Grapheme-to-phoneme conversion compared with other systems, on one word list."""
    header = ["system", "words right, %", "phone error, %", "schwas right, %", "medial schwas right, %", "words/s"]
    keys = ("word_accuracy", "phone_error", "schwa_accuracy", "medial_schwa_accuracy", "words_per_second")
    rows = [
        [score["system"], *(f"{score[key]:,}" if score[key] else "\u2013" for key in keys)]
        for score in result["scores"]
    ]
    return (
        f"{table(header, rows)}\n\n{result['words']:,} words of WikiPron's Hindi list, symbols folded. "
        "*held-out*: schwa weights learned without the words that share their first four letters; the other tables "
        "have seen the list. *shipped*: weights that have seen all of it."
    )


def coverage(result: Row) -> str:
    """What of large texts is not spoken, by reason."""
    texts = list(result)
    reasons = dict.fromkeys(reason for text in texts for reason in result[text]["silent"])
    rows = [
        [reason, *(f"{result[text]['silent'].get(reason, {}).get('characters', 0):,}" for text in texts)]
        for reason in reasons
    ]
    header = [
        "silent",
        *(f"{text}: {result[text]['lines']:,} lines, {result[text]['words']:,} words" for text in texts),
    ]
    raised = sum(len(result[text]["raised"]) for text in texts)
    unknown = sum(len(result[text]["unknown_phones"]) for text in texts)
    return f"{table(header, rows)}\n\nErrors: {raised}. Phones outside the inventory: {unknown}."


def robustness(result: Row) -> str:
    """Broken clips, by kind, and how near the others came."""
    rows = [[name, str(count)] for name, count in result["defects"].items()]
    pace = result["seconds_per_phoneme"]
    return "\n".join(
        [
            table(
                [f"of {result['clips']:,} sentences", "clips"],
                [*rows, ["**broken in any way**", str(result["broken"])]],
            ),
            "",
            f"{result['audio_s'] / 60:.0f} minutes of audio, {result['words']:,} words. Highest peak "
            f"{result['highest_peak']:.2f}; {result['clips_with_a_clipped_sample']} clips reach full scale in a sample "
            f"or two. Seconds per phoneme: {pace['p50']:.3f} in the median clip, {pace['p0']:.3f} in the fastest clip, "
            f"{pace['p100']:.3f} in the slowest; the longest phoneme lasts {result['longest_phoneme_s']:.2f} s.",
            *(["", _doubts(result["heard"], result["words"])] if result.get("listened") else []),
        ]
    )


def _doubts(faults: Row, words: int) -> str:
    """What the recogniser missed: it errs, too, so none of it counts as broken."""
    per_thousand = 1000 * (faults["skipped"] + faults["repeated"]) / words
    return (
        f"The recogniser missed {faults['skipped']} words, recognised {faults['repeated']} twice (together "
        f"{per_thousand:.1f} in 1,000) and found {faults['invented']} stretches that are not in the text."
    )


def milliseconds(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times" if ratio >= 1 else f"{ratio:.2f} of"
