"""Results as Markdown: every figure of the documentation comes through here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def speed_table(result: Row) -> str:
    """Systems side by side."""
    header = [
        "system",
        *(f"{words} words: s, processor-s per s of audio" for words in (10, 40, 400)),
        "first 100 ms (10 / 400 words)",
        "peak memory (10 / 400 words)",
        "process start to first sound",
    ]
    rows: list[list[str]] = []
    for system in result["systems"].values():
        speed, memory, start = system["speed"], system["memory_mb"], system["start"]
        command = f", command {start['command_s']:.2f} s" if "command_s" in start else ""
        rows.append(
            [
                system["label"],
                *(f"{speed[words]['wall']:.4f}, {speed[words]['processor']:.4f}" for words in ("10", "40", "400")),
                " / ".join(milliseconds(speed[words]["first_s"]) for words in ("10", "400")),
                " / ".join(f"{memory[words]:.0f} MB" for words in ("10", "400")),
                f"program {start['program_s']:.2f} s{command}",
            ]
        )
    return table(header, rows)


def speed_notes(result: Row) -> str:
    """The sentences below the table: ratios, flatness, conditions."""
    ours = result["systems"]["ssmphony"]
    lines: list[str] = []
    for name, system in result["systems"].items():
        if name == "ssmphony":
            continue
        ratio = system["speed"]["40"]["processor"] / ours["speed"]["40"]["processor"]
        first = system["speed"]["40"]["first_s"] / ours["speed"]["40"]["first_s"]
        lines.append(
            f"* {system['label']} takes {times(ratio)} our processor time on the 40-word text and {times(first)} our "
            "time to the first 100 ms."
        )
    first = ", ".join(f"{int(words):,} words {milliseconds(value)}" for words, value in result["first_sound_s"].items())
    lines.append(f"* Our first 100 ms by length of the text: {first}.")
    memory = ", ".join(f"{int(words):,} words {value:.0f} MB" for words, value in ours["memory_mb"].items())
    lines.append(f"* Our peak memory by length of the text: {memory}.")
    return "\n".join(lines) + "\n\n" + conditions(result["machine"])


def conditions(machine: Row) -> str:
    packages = ", ".join(f"{name} {machine[name]}" for name in ("onnxruntime", "numpy", "torch") if machine.get(name))
    return (
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"load before {machine['load_before']}, Python {machine['python']}, {packages}. Medians; warm; the systems "
        "take turns in one process."
    )


def promises(result: Row) -> str:
    """The three lines at the top of the README."""
    ours = result["systems"]["ssmphony"]
    speed, memory, first = ours["speed"]["40"], ours["memory_mb"], result["first_sound_s"]
    longest = max(memory, key=int)
    soon = " to ".join(dict.fromkeys(milliseconds(time) for time in (min(first.values()), max(first.values()))))
    return (
        "\n".join(
            [
                f"* **Fast**: {speed['wall']:.3f} s, or {speed['processor']:.3f} processor-seconds, for each second of "
                f"audio on two CPU threads: {1 / speed['wall']:.0f} times faster than speech.",
                f"* **At once**: the first 100 ms of sound after {soon}, whether the text has "
                f"{min(first, key=int)} words or {int(max(first, key=int)):,}; "
                f"{ours['start']['program_s']:.2f} s from the start of a Python process.",
                f"* **Small**: {memory['10']:.0f} MB of memory at the peak for 10 words, {memory[longest]:.0f} MB for "
                f"{int(longest):,}; no PyTorch.",
            ]
        )
        + f"\n\n[How this is measured](docs/benchmarks.md), on {result['machine']['cpu']}, {result['machine']['date']}."
    )


def frontend(result: Row) -> str:
    """Written and spoken, in the phonemes and in the sound."""
    names = {"words": "words", "digits": "of them with digits", "Latin": "of them with Latin letters"}
    heard = result.get("sound")
    rows: list[list[str]] = []
    for kind, label in names.items():
        counts = result["frontend"][kind]
        rows.append([label, str(counts["written"]), _share(counts), _share(heard[kind]) if heard else "–"])
    if heard:
        timed = {"written": result["tokens"], "spoken": result["tokens_timed"]}
        rows.append(["phonemes and pauses", str(result["tokens"]), "", _share(timed)])
    return table(["ssmphony", "in the paragraph", "given phonemes", "heard in the sound"], rows)


def _share(counts: Row) -> str:
    return f"{counts['spoken']} ({counts['spoken'] / counts['written']:.1%})"


def g2p(result: Row) -> str:
    """Grapheme-to-phoneme conversion beside others, on one word list."""
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
            f"{result['audio_s'] / 60:.0f} minutes of sound, {result['words']:,} words. Highest peak "
            f"{result['highest_peak']:.2f}; {result['clips_with_a_clipped_sample']} clips touch full scale in a sample "
            f"or two. Seconds a phoneme: {pace['p50']:.3f} in the middle, {pace['p0']:.3f} in the fastest clip, "
            f"{pace['p100']:.3f} in the slowest; the longest phoneme lasts {result['longest_phoneme_s']:.2f} s.",
            *(["", _doubts(result["heard"], result["words"])] if result.get("listened") else []),
        ]
    )


def _doubts(heard: Row, words: int) -> str:
    """What the recogniser missed: it errs, too, so none of it counts as broken."""
    per_thousand = 1000 * (heard["skipped"] + heard["repeated"]) / words
    return (
        f"The recogniser missed {heard['skipped']} words, heard {heard['repeated']} twice ({per_thousand:.1f} in 1,000 "
        f"both together) and {heard['invented']} stretches that are not in the text."
    )


def milliseconds(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times" if ratio >= 1 else f"{ratio:.2f} of"
