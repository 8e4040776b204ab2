"""What is measured of Fish on state spaces, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.tables import aim, line, number, table

Row = dict[str, Any]
FIDELITY = {
    "pesq_wb": ("PESQ-wb", 2, 1.0),
    "stoi": ("STOI", 3, 1.0),
    "distillmos": ("DistillMOS", 2, 1.0),
    "recording_distillmos": ("DistillMOS, recording", 2, 1.0),
    "character_error": ("character error, %", 1, 100.0),
    "recording_character_error": ("character error, recording, %", 1, 100.0),
    "log_f0_rmse": ("log-F0 RMSE", 3, 1.0),
    "voicing": ("voicing error, %", 1, 100.0),
    "stft": ("multi-resolution STFT", 2, 1.0),
}
"""Of a group of clips: label, digits, unit."""


# -- codec ------------------------------------------------------------------------------------------------------------


def codec(result: Row) -> str:
    """Targets of the first codec, then all of them."""
    name, first = next(iter(result["codecs"].items()))
    return "\n\n".join([f"Targets, `{name}`:", codec_targets(first), codec_figures(result), _codec_notes(result)])


def codec_targets(row: Row) -> str:
    lines: list[list[str]] = []
    for group, figures in row["groups"].items():
        lines.append(aim(f"PESQ-wb, {group}", 2.5, figures["pesq_wb"], least=True))
        lines.append(aim(f"STOI, {group}", 0.9, figures["stoi"], 3, least=True))
        lines.append(aim(f"DistillMOS below the recording's, {group}", 0.35, figures["distillmos_loss"]))
        if figures["character_error_ratio"]:
            lines.append(
                aim(f"character error relative to the recording's, {group}", 1.15, figures["character_error_ratio"])
            )
    if use := row.get("use"):
        least = min(use["used"])
        lines.append(line("kbit/s", "≤ 2.4", f"{use['kbit_s']:.2f}", use["kbit_s"] <= 2.4))
        lines.append(line("codebook use, the least used", "≥ 60 %", f"{least:.0%}", least >= 0.6))
    speed = row["speed"]["times_real_time"]
    lines.append(line("encoder and decoder, times real time, one thread", "≥ 40", f"{speed:.0f}", speed >= 40))
    return table(["", "target", "measured", ""], lines)


def codec_figures(result: Row) -> str:
    """All codecs next to each other: a column each."""
    names = list(result["codecs"])
    rows = [result["codecs"][name] for name in names]
    lines = [
        ["frames a second", *(f"{row['frame_rate']:g}" for row in rows)],
        ["of a frame", *(_frame(row) for row in rows)],
        ["kbit/s", *(f"{row['use']['kbit_s']:.2f}" if "use" in row else "–" for row in rows)],
        ["entropy, kbit/s", *(f"{row['use']['entropy_kbit_s']:.2f}" if "use" in row else "–" for row in rows)],
        ["codes that occur, %", *(_each(row, "used", 100.0, 0) for row in rows)],
        ["entropy of a code, bits", *(_each(row, "bits", 1.0, 1) for row in rows)],
        ["parameters, M", *(f"{row['parameters'] / 1e6:.2f}" if row["parameters"] else "–" for row in rows)],
        ["lookahead of the decoder, ms", *(f"{row['lookahead_ms']:.0f}" for row in rows)],
        ["encoder, ms of a thread a second", *(f"{1e3 * row['speed']['encode']:.1f}" for row in rows)],
        ["decoder, ms of a thread a second", *(f"{1e3 * row['speed']['decode']:.1f}" for row in rows)],
    ]
    for group in rows[0]["groups"]:
        for key, (label, digits, unit) in FIDELITY.items():
            cells = [number(row["groups"][group].get(key), digits, unit) for row in rows]
            if set(cells) != {"–"}:
                lines.append([f"{label}, {group}", *cells])
    return table(["", *names], lines)


def _frame(row: Row) -> str:
    books = row["codebooks"]
    return f"{len(books)} codes of {books[0]:,}" if books else f"{row['channels']} numbers"


def _each(row: Row, name: str, unit: float, digits: int) -> str:
    return ", ".join(f"{unit * value:.{digits}f}" for value in row["use"][name]) if "use" in row else "–"


def _codec_notes(result: Row) -> str:
    first = next(iter(result["codecs"].values()))
    counts = ", ".join(f"{group} {figures['clips']}" for group, figures in first["groups"].items())
    frames = f" Codes were counted over {first['use']['frames']:,} frames." if "use" in first else ""
    return (
        f"{result['date']}; clips: {counts}; ± is one standard error. Errors are by our recogniser, on Hindi. Speed is "
        f"processor time of the exported graphs with one thread.{frames}"
    )


# -- growth -----------------------------------------------------------------------------------------------------------

WAYS = {"step": "a step", "whole": "the whole sequence again"}


def growth(result: Row) -> str:
    """Time of a step and memory after so many frames, and what follows from it."""
    rows = result["rows"]
    frames = sorted({row["frames"] for row in rows})
    found = {(row["system"], row["way"], row["frames"]): row for row in rows}
    lines: list[list[str]] = []
    for system, way in dict.fromkeys(key[:2] for key in found):
        cells = [found.get((system, way, count)) for count in frames]
        label = f"{system}, {WAYS[way]}"
        lines.append([f"{label}, ms", *(f"{cell['ms']:.2f}" if cell else "–" for cell in cells)])
        lines.append([f"{label}, seconds in all", *(f"{cell['total_s']:.2f}" if cell else "–" for cell in cells)])
        if way == "step":
            lines.append([f"{label}, state in KB", *(f"{cell['bytes'] / 1e3:,.0f}" if cell else "–" for cell in cells)])
        else:
            peaks = (f"{cell['bytes'] / 1e6:,.0f}" if cell and cell["bytes"] >= 1e6 else "–" for cell in cells)
            lines.append([f"{label}, peak in MB", *peaks])
    sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in result["parameters"].items())
    machine = result["machine"]
    return "\n\n".join(
        [
            table(["frames before the step", *(f"{count:,}" for count in frames)], lines),
            growth_targets(result),
            f"Measured on {machine['date']}: {machine['cpu']}, one thread, PyTorch {machine['torch']}, processor time, "
            f"random weights. Parameters without tables and text: {sizes}. *Seconds in all* is the sum of all steps up "
            "to there, between measured ones by interpolation. Without a cache of any kind each step reads the "
            "whole sequence again, as the source does.",
        ]
    )


def growth_targets(result: Row) -> str:
    lines: list[list[str]] = []
    found = {(row["system"], row["way"], row["frames"]): row for row in result["rows"]}
    for system in dict.fromkeys(row["system"] for row in result["rows"]):
        rows = [row for (name, way, _), row in found.items() if name == system and way == "step"]
        if not rows or system == "attention":
            continue
        slower = rows[-1]["ms"] / rows[0]["ms"] - 1
        lines.append(
            line(f"{system}: a late step over an early one", "within 5 %", f"{slower:+.1%}", abs(slower) <= 0.05)
        )
        same = len({row["bytes"] for row in rows}) == 1
        lines.append(line(f"{system}: memory", "constant", "constant" if same else "grows", same))
    return table(["", "target", "measured", ""], lines)


# -- speech -----------------------------------------------------------------------------------------------------------


def speech(result: Row) -> str:
    """Targets of free speech, and its figures next to those of the copy and of the teacher."""
    everyone = result["speakers"]["all"]
    lines = [
        aim("character error relative to the codec's copy", 1.3, everyone["characters_ratio"]),
        aim("DistillMOS below the codec's copy", 0.4, everyone["distillmos_loss"]),
    ]
    if found := result["robustness"]:
        faults = found["heard"]["skipped"] + found["heard"]["repeated"]
        rate = 1e3 * faults / max(1, found["words"])
        lines.append(line("of 1,000 words, skipped or repeated", "≤ 5", f"{rate:.1f}", rate <= 5))
        endless = found["defects"]["endless"]
        lines.append(line(f"endless, of {found['clips']:,} sentences", "0", str(endless), endless == 0))
    if own := result.get("clones"):
        lines += clone_targets(own)
    if speed := result.get("speed"):
        lines.append(_least("times real time, two threads", 3.0, speed["times_real_time"]))
        first = 1e3 * speed["first_s"]
        lines.append(line("first 100 ms of sound", "≤ 150 ms", f"{first:.0f} ms", first <= 150))
        if gain := speed.get("streams_gain"):
            lines.append(_least("32 streams over one, throughput", 3.0, gain))
    parts = [table(["", "target", "measured", ""], lines), speakers(result)]
    if clones_of := result.get("clones"):
        parts.append(clones(clones_of))
    parts.append(
        f"{result['date']}; ± is one standard error (bootstrap over sentences). Errors are by our recogniser, which "
        "was not trained on this teacher. *Copy* is the teacher's clip through the codec."
    )
    return "\n\n".join(parts)


def _least(label: str, asked: float, value: float) -> list[str]:
    return line(label, f"≥ {asked:g}", f"{value:.1f}", value >= asked)


def speakers(result: Row) -> str:
    names = list(result["speakers"])
    lines: list[list[str]] = []
    for key, label, digits, unit in (
        ("distillmos", "DistillMOS", 2, 1.0),
        ("characters", "character error, %", 1, 100.0),
        ("phones", "phone error, %", 1, 100.0),
        ("faults_per_1000", "of 1,000 words, skipped or repeated", 1, 1.0),
    ):
        for system, named in (("teacher", "teacher"), ("copy", "copy"), ("free", "by itself")):
            cells = [number(result["speakers"][name][system][key], digits, unit) for name in names]
            lines.append([f"{label}, {named}", *cells])
    lines.append(["length relative to the teacher's", *(number(result["speakers"][name]["pace"], 3) for name in names)])
    return table(["", *names], lines)


def clone_targets(rows: Row) -> list[list[str]]:
    lines: list[list[str]] = []
    for name, group in rows.items():
        if group["targeted"]:
            lines.append(aim(f"similarity to the prompt, {name}", 0.75, group["own"], 3, least=True))
            share = group["nearest"]["value"]
            lines.append(line(f"nearest to its prompt, {name}", "≥ 90 %", f"{share:.0%}", share >= 0.9))
    return lines


def clones(rows: Row) -> str:
    """Speech after a prompt: whose it is like."""
    lines = [
        [
            name,
            str(group["trials"]),
            str(group["speakers"]),
            *(number(group.get(key), 3) for key in ("own", "others", "best", "copy", "ceiling")),
            *(number(group.get(key), 0, 100.0) for key in ("nearest", "copy_nearest", "ceiling_nearest")),
            number(group["rank"], 1),
        ]
        for name, group in rows.items()
    ]
    likeness = ["own prompt", "others", "best other", "a copy and the prompt", "a clip and the prompt"]
    nearest = ["own nearest, %", "of a copy, %", "of a clip, %", "rank of its own"]
    return table(["speakers", "trials", "of", *likeness, *nearest], lines)


# -- adapters and experiments -----------------------------------------------------------------------------------------


def adapted(result: Row) -> str:
    """Low-rank adapters for a new reader, before and after."""
    lines = [
        [label, *(number(result[when].get(key), digits, unit) for when in ("before", "after"))]
        for key, label, digits, unit in (
            ("own", "similarity to the new reader", 3, 1.0),
            ("characters", "character error on their sentences, %", 1, 100.0),
            ("old_own", "similarity of the old speakers to themselves", 3, 1.0),
            ("old_characters", "character error of the old speakers, %", 1, 100.0),
        )
    ]
    share = result["trained"] / result["parameters"]
    return (
        f"{table(['', 'before', 'after'], lines)}\n\n{result['date']}; {result['trained']:,} of "
        f"{result['parameters']:,} parameters were trained ({share:.1%}), for {result['steps']:,} steps on "
        f"{result['minutes']:.0f} minutes of speech."
    )


def experiments(rows: dict[str, Row]) -> str:
    """One row each, all on the same budget."""
    first = next(iter(rows.values()))
    header = [f"{first['steps']:,} steps", "text", "frame", "mixers", "M parameters", "validation, nats a code"]
    header += ["character error, %", "of 1,000 words, skipped or repeated", "not ended", "ms a frame"]
    header += ["passes a second of sound", "training, s a step"]
    lines = [
        [
            name,
            row["text"],
            row["frame"],
            row["mixers"],
            f"{row['parameters'] / 1e6:.2f}",
            f"{row['validation']:.3f}",
            _percent(row["characters"]),
            f"{row['faults_per_1000']:.0f}",
            f"{row['unended']} of {row['clips']}",
            f"{row['ms_a_frame']:.1f}",
            f"{row['passes_a_second']:g}",
            f"{row['seconds_a_step']:.2f}" if row["seconds_a_step"] else "–",
        ]
        for name, row in rows.items()
    ]
    copy = _percent(first["copy_characters"])
    return f"{table(header, lines)}\n\nCharacter error of the codec's copy of the same clips: {copy} %."


def _percent(figure: Sequence[float]) -> str:
    wrong, possible = figure
    return f"{100 * wrong / max(1, possible):.1f}"
