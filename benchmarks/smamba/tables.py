"""What is measured of SMamba, as Markdown."""

from __future__ import annotations

from benchmarks.tables import MISSING, Row, aim, line, measured_on, number, table

RECORDING, TOGETHER = "recording", "all unseen"
FIGURES = {
    "distillmos": ("DistillMOS", 2, 1.0),
    "characters": ("character error, %", 1, 100.0),
    "log_f0_rmse": ("log-F0 RMSE", 3, 1.0),
    "correlation": ("log-F0 correlation", 3, 1.0),
    "mcd_db": ("mel-cepstral distortion, dB", 2, 1.0),
    "duration_ms": ("error of a phone's duration, ms", 1, 1.0),
    "pace": ("length relative to the recording's", 3, 1.0),
}
LIKENESS = {
    "own": ("similarity to the reference", 3, 1.0),
    "best": ("the same to the nearest other speaker's", 3, 1.0),
    "nearest": ("own reference nearest, %", 0, 100.0),
}
SPEED = {
    "wall": ("seconds for a second of sound", 1.0, 4),
    "processor": ("processor-seconds for a second of sound", 1.0, 4),
    "first_s": ("first 100 ms of sound, ms", 1e3, 0),
    "memory_mb": ("peak memory, MB", 1.0, 0),
}
"""Of `ssmphony.evaluation.speed`: label, unit, digits."""


def speech(result: Row) -> str:
    """Targets of the first voice, then all systems next to each other."""
    first = next(iter(result["systems"].values()))
    kinds: Row = result["kinds"]
    counts = ", ".join(f"{group} {row['trials']}" for group, row in first["groups"].items())
    return "\n\n".join(
        [
            f"Targets, `{first['name']}`:",
            targets(result),
            systems(result),
            f"{result['date']}; trials: {counts}. ± is one standard error (bootstrap over trials). Speakers of "
            f"{_named(kinds, 'seen')} are in the training, those of {_named(kinds, 'unseen')} are not, and "
            f"{_named(kinds, 'real') or 'none'} are people who read another language. Errors are by our recogniser. "
            f"{measured_on(result['machine'])}.",
        ]
    )


def _named(kinds: Row, kind: str) -> str:
    return ", ".join(f"*{name}*" for name, found in kinds.items() if found == kind)


def targets(result: Row) -> str:
    """Those of the first voice; errors relative to the voice that speaks only as speakers of its own."""
    first, *others = result["systems"].values()
    kinds: Row = result["kinds"]
    seen = next(name for name, kind in kinds.items() if kind == "seen")
    base = next((row for row in others if seen in row["groups"] and TOGETHER not in row["groups"]), None)
    lines: list[list[str]] = []
    for group, row in first["groups"].items():
        kind = kinds.get(group)
        if kind in ("seen", "unseen"):
            lines.append(aim(f"DistillMOS, {group}", 3.9 if kind == "seen" else 3.7, row["distillmos"], least=True))
            if base and row["characters"]:
                ratio = row["characters"]["value"] / base["groups"][seen]["characters"]["value"]
                lines.append(
                    line(
                        f"character error relative to `{base['name']}`, {group}", "≤ 1.2", f"{ratio:.2f}", ratio <= 1.2
                    )
                )
        if kind == "unseen" and "speaker" in row:
            lines.append(aim(f"similarity to the reference, {group}", 0.75, row["speaker"]["own"], 3, least=True))
        if group == TOGETHER and "speaker" in row:
            share = row["speaker"]["nearest"]["value"]
            label = f"own reference first of {row['speaker']['speakers']}"
            lines.append(line(label, "≥ 80 %", f"{share:.0%}", share >= 0.8))
    if found := result["robustness"]:
        lines.append(line(f"broken, of {found['clips']:,} sentences", "0", str(found["broken"]), found["broken"] == 0))
    return table(["", "target", "measured", ""], lines)


def systems(result: Row) -> str:
    """A column for each system."""
    every = list(result["systems"].values())
    groups = list(dict.fromkeys(group for row in every for group in row["groups"]))
    lines: list[list[str]] = []

    def add(label: str, cells: list[str]) -> None:
        if set(cells) != {MISSING}:
            lines.append([label, *cells])

    for key, (label, digits, unit) in FIGURES.items():
        for group in groups:
            cells = [number(row["groups"].get(group, {}).get(key), digits, unit) for row in every]
            add(f"{label}, {group}", cells)
    for key, (label, digits, unit) in LIKENESS.items():
        for group in groups:
            found = [row["groups"].get(group, {}).get("speaker") or {} for row in every]
            add(f"{label}, {group}", [number(likeness.get(key), digits, unit) for likeness in found])
    for key, (label, unit, digits) in SPEED.items():
        for threads in ("1", "2"):
            speeds = [row.get("speed", {}).get(threads) for row in every]
            cells = [MISSING if speed is None else f"{unit * speed[key]:.{digits}f}" for speed in speeds]
            add(f"{label}, {threads} thread{'s' if threads == '2' else ''}", cells)
    add("graphs, MB", [f"{row['graphs_mb']:.1f}" if "graphs_mb" in row else MISSING for row in every])
    return table(["", *(row["name"] for row in every)], lines)


def lengths(result: Row) -> str:
    """What a sentence costs each mixer, and from which length on Mamba-2 costs less than attention."""
    found = {(row["twin"], row["phones"]): row for row in result["rows"]}
    twins, phones = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    lines: list[list[str]] = []
    for twin in twins:
        cells = [found[twin, count] for count in phones]
        lines.append([f"{twin}, processor-ms", *(f"{1e3 * cell['seconds']:,.0f}" for cell in cells)])
    for twin in twins:
        cells = [found[twin, count] for count in phones]
        lines.append([f"{twin}, memory, MB", *(f"{cell['megabytes']:,.0f}" for cell in cells)])
    cheaper = [count for count in phones if found["base", count]["seconds"] < found["attention", count]["seconds"]]
    verdict = f"Mamba-2 costs less than attention from {cheaper[0]:,} phones on." if cheaper else (
        "At none of these lengths does Mamba-2 cost less than attention."
    )  # fmt: skip
    return "\n\n".join(
        [
            table(["phones", *(f"{count:,}" for count in phones)], lines),
            f"{verdict} All but the codec, which is the same, in PyTorch on one thread, {result['frames_a_phone']} "
            f"frames a phone, the fastest of {result['repeats']}. {measured_on(result['machine'])}.",
        ]
    )


def training(result: Row) -> str:
    """What the trainings cost, and how far they came."""
    rows = result["rows"]
    lines = [
        ["parameters, M", *(f"{row['parameters'] / 1e6:.2f}" for row in rows)],
        ["steps", *(f"{row['steps']:,}" for row in rows)],
        ["processor-seconds a step", *(f"{row['seconds']:.2f}" for row in rows)],
        ["peak memory, MB", *(f"{row['memory_mb']:,.0f}" for row in rows)],
    ]
    for name in rows[0]["final"]:
        lines.append([f"{name}, at the end", *(f"{row['final'][name]:.3f}" for row in rows)])
    for name, goal in result["goals"].items():
        cells = [f"{row['reached'][name]:,}" if row["reached"].get(name) else MISSING for row in rows]
        lines.append([f"steps until {name} ≤ {goal:.3f}", *cells])
    return "\n\n".join(
        [
            table(["", *(row["name"] for row in rows)], lines),
            f"Seconds and memory of {result['timed_steps']} steps on one thread. {measured_on(result['machine'])}.",
        ]
    )
