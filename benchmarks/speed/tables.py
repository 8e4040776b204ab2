"""The results of `benchmarks.speed` as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.tables import measured_on, milliseconds, table, times

Row = dict[str, Any]
LANGUAGES = {"hi": "Hindi", "en": "English"}
MAIN = "40"
"""Words of the text that the table, the ratios and the promises are about."""


def speed_table(result: Row) -> str:
    """Systems side by side, on each number of threads."""
    systems: Iterable[Row] = result["systems"].values()
    numbers = _threads(result)
    words = _main_length(result)
    header = [
        "system",
        "text",
        *(f"{_named(number)}: s, processor-s per s of audio" for number in numbers),
        *(f"first 100 ms, {_named(number)}" for number in numbers),
        f"peak memory ({' / '.join(_lengths(result))} words)",
        "process start to first sound",
        "installed",
    ]
    rows: list[list[str]] = []
    for system in systems:
        at = [system["speed"][number][words] if number in system["speed"] else None for number in numbers]
        memory, start, installed = system["memory_mb"], system["start"], system.get("installed_mb")
        command = f", command {start['command_s']:.2f} s" if "command_s" in start else ""
        rows.append(
            [
                system["label"],
                LANGUAGES[system["language"]],
                *(f"{row['wall']:.4f}, {row['processor']:.4f}" if row else "–" for row in at),
                *(milliseconds(row["first_s"]) if row else "–" for row in at),
                " / ".join(f"{memory[length]:.0f}" for length in _lengths(result)) + " MB",
                f"program {start['program_s']:.2f} s{command}",
                f"{installed:.0f} MB" if installed else "–",
            ]
        )
    return table(header, rows)


def lengths_table(result: Row) -> str:
    """The same by length of the text, on the largest number of threads."""
    number = _threads(result)[-1]
    lengths = _all_lengths(result)
    header = [
        f"system, {_named(number)}",
        *(f"{words} words: s, processor-s per s of audio" for words in lengths),
        f"first 100 ms ({' / '.join(lengths)} words)",
    ]
    rows: list[list[str]] = []
    for system in result["systems"].values():
        if number in system["speed"]:
            at = [system["speed"][number][words] for words in lengths]
            rows.append(
                [
                    system["label"],
                    *(f"{row['wall']:.4f}, {row['processor']:.4f}" for row in at),
                    " / ".join(milliseconds(row["first_s"]) for row in at),
                ]
            )
    return table(header, rows)


def speed_notes(result: Row) -> str:
    """The sentences below the table: ratios, flatness, conditions."""
    lines: list[str] = []
    ours: Row | None = result["systems"].get("ssmphony")
    for name, system in result["systems"].items():
        if ours and name != "ssmphony":
            lines += _ratios(ours, system, _main_length(result))
    if ours:
        first = _by_length(result["first_sound_s"], milliseconds)
        lines.append(f"* Our first 100 ms by length of the text: {first}.")
        lines.append(f"* Our peak memory by length of the text: {_by_length(ours['memory_mb'], '{:.0f} MB'.format)}.")
    if any(system["language"] != "hi" for system in result["systems"].values()):
        lines.append(_english(result))
    return "\n".join(lines) + "\n\n" + conditions(result["machine"])


def _ratios(ours: Row, system: Row, words: str) -> list[str]:
    """A sentence on how a system compares with ours in this run, where both ran on the same number of threads."""
    both = [number for number in sorted(system["speed"], key=int, reverse=True) if number in ours["speed"]]
    if not both:
        return []
    compared: list[str] = []
    for number in both:
        theirs, own = system["speed"][number][words], ours["speed"][number][words]
        compared.append(
            f"{times(theirs['processor'] / own['processor'])} our processor time for a second of sound and "
            f"{times(theirs['first_s'] / own['first_s'])} our time to the first 100 ms on {_named(number)}"
        )
    return [f"* {system['label']} takes {'; '.join(compared)} ({words}-word text)."]


def _english(result: Row) -> str:
    """How long the English text is next to the Hindi one."""
    words, number = _main_length(result), _threads(result)[-1]
    spoken = [
        f"{system['label']} {system['speed'][number][words]['audio_s']:.1f} s"
        for system in result["systems"].values()
        if number in system["speed"]
    ]
    return (
        "* Systems that speak English get a text of as many sentences that says the same, of about the same length in "
        f"sound; the text of {words} words lasts: {', '.join(spoken)}."
    )


def conditions(machine: Row) -> str:
    """The machine and the method of the measurement."""
    packages = ", ".join(f"{name} {machine[name]}" for name in ("onnxruntime", "numpy", "torch") if machine.get(name))
    busy = (
        " **The machine was busy**: compare the figures with each other, not with those of another run."
        if machine["load_before"] >= machine["cores"]
        else ""
    )
    return (
        f"{measured_on(machine)}, Python {machine['python']}, {packages}. Medians; warm; the systems take turns. "
        f"Memory and start on {_named(str(machine['threads']))}.{busy}"
    )


def promises(result: Row) -> str:
    """The three lines at the top of the README."""
    ours = result["systems"]["ssmphony"]
    number = str(result["machine"]["threads"])
    speed, memory, first = ours["speed"][number][MAIN], ours["memory_mb"], result["first_sound_s"]
    longest = max(memory, key=int)
    soon = " to ".join(dict.fromkeys(milliseconds(time) for time in (min(first.values()), max(first.values()))))
    return (
        "\n".join(
            [
                f"* **Fast**: {speed['wall']:.3f} s, or {speed['processor']:.3f} processor-seconds, for each second of "
                f"audio on {_named(number, 'CPU ')}: {1 / speed['wall']:.0f} times faster than speech.",
                f"* **At once**: the first 100 ms of sound after {soon}, whether the text has "
                f"{min(first, key=int)} words or {int(max(first, key=int)):,}; "
                f"{ours['start']['program_s']:.2f} s from the start of a Python process.",
                f"* **Small**: {memory['10']:.0f} MB of memory at the peak for 10 words, {memory[longest]:.0f} MB for "
                f"{int(longest):,}; no PyTorch.",
            ]
        )
        + f"\n\n[How this is measured](docs/benchmarks.md), on {result['machine']['cpu']}, {result['machine']['date']}."
    )


def _named(number: str, kind: str = "") -> str:
    """``1`` → ``one thread``."""
    count = {"1": "one", "2": "two", "4": "four", "8": "eight"}.get(number, number)
    return f"{count} {kind}{'thread' if number == '1' else 'threads'}"


def _threads(result: Row) -> list[str]:
    return sorted({number for system in result["systems"].values() for number in system["speed"]}, key=int)


def _all_lengths(result: Row) -> list[str]:
    """Numbers of words that every system spoke."""
    system = next(iter(result["systems"].values()))
    return sorted(next(iter(system["speed"].values())), key=int)


def _lengths(result: Row) -> list[str]:
    """The shortest and the longest of them."""
    found = _all_lengths(result)
    return list(dict.fromkeys((found[0], found[-1])))


def _main_length(result: Row) -> str:
    found = _all_lengths(result)
    return MAIN if MAIN in found else found[-1]


def _by_length(values: dict[str, float], written: Any) -> str:
    return ", ".join(f"{int(words):,} words {written(value)}" for words, value in values.items())
