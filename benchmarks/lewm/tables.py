"""LeWM TTS in the documentation: speed, and what a training has reached."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from benchmarks.tables import measured_on, met, table

Row = dict[str, Any]
WAYS = {
    "recording": "recording",
    "copy": "recording through the vocoder",
    "reconstruct": "through the latents and back",
    "predict": "each latent predicted from the true ones",
    "synthesize": "spoken freely",
}
FLAT = 1.05
SPEEDUP = 4.0
MEETING = 250
"""The position at which the state-space predictors must be no slower than attention."""


def engine(result: Row) -> str:
    """All sections that were measured, of each configuration."""
    parts: list[str] = []
    for config, part in result.items():
        sizes = ", ".join(f"{mixer} {count / 1e6:.2f} M" for mixer, count in part["parameters"].items())
        parts.append(f"### `configs/lewm/{config}.yaml`\n\nParameters with the vocoder: {sizes}. Random weights.")
        for section, render in (("engine", _engine), ("torch", _torch), ("positions", _positions)):
            if section in part:
                parts += [render(part[section]["rows"]), _conditions(part[section]["machine"])]
        parts.append(_targets(part))
    return "\n\n".join(part for part in parts if part)


def _conditions(machine: Row) -> str:
    versions = f"onnxruntime {machine['onnxruntime']}, torch {machine['torch']}"
    return f"{measured_on(machine)}, {versions}. Best of the rounds."


def _engine(rows: list[Row]) -> str:
    header = ["streams", "predictor", "sentences a step", "times real time", "processor-s per s of audio"]
    lines = [
        [
            str(row["streams"]),
            row["mixer"],
            str(min(row["rows"], row["streams"])),
            f"{row['realtime']:.1f}",
            f"{row['processor']:.3f}",
        ]
        for row in rows
    ]
    return "Exported, through the engine:\n\n" + table(header, lines)


def _torch(rows: list[Row]) -> str:
    batches = sorted({row["batch"] for row in rows})
    found = {(row["mixer"], row["device"], row["dtype"], row["batch"]): row["realtime"] for row in rows}
    ways = dict.fromkeys(key[:3] for key in found)
    lines = [
        [*way, *(f"{found[(*way, size)]:.1f}" if (*way, size) in found else "–" for size in batches)] for way in ways
    ]
    gpu = (
        ""
        if any(row["device"] != "cpu" for row in rows)
        else "\n\nNo GPU was available: bfloat16 and float16 are not measured."
    )
    header = ["predictor", "device", "type", *(f"batch {size}, times real time" for size in batches)]
    return "In PyTorch:\n\n" + table(header, lines) + gpu


def _positions(rows: list[Row]) -> str:
    positions = sorted({row["position"] for row in rows})
    found = {(row["way"], row["mixer"], row["position"]): row for row in rows}
    ways = dict.fromkeys(key[:2] for key in found)
    lines: list[list[str]] = []
    for way, mixer in ways:
        cells = [found.get((way, mixer, position)) for position in positions]
        each = "a block" if way == "runtime" else "a step"
        lines.append([f"{mixer}, {way}, ms {each}", *(f"{cell['ms']:.2f}" if cell else "–" for cell in cells)])
        sizes = (f"{cell['state_bytes'] / 1e3:,.0f}" if cell else "–" for cell in cells)
        lines.append([f"{mixer}, {way}, state in KB", *sizes])
    header = ["latents before the step", *(f"{position:,}" for position in positions)]
    return "The predictor alone, one stream; attention remembers all latents:\n\n" + table(header, lines)


def _targets(part: Row) -> str:
    lines: list[list[str]] = []
    if "engine" in part:
        speeds = [(row["mixer"], row["streams"], row["realtime"]) for row in part["engine"]["rows"]]
        lines += _gains("the engine", speeds)
    if "torch" in part:
        rows = [row for row in part["torch"]["rows"] if row["dtype"] == "float32"]
        for device in dict.fromkeys(row["device"] for row in rows):
            speeds = [(row["mixer"], row["batch"], row["realtime"]) for row in rows if row["device"] == device]
            lines += _gains(f"PyTorch, {device}", speeds)
    if "positions" in part:
        lines += _position_targets(part["positions"]["rows"])
    return table(["target", "asked", "measured", ""], lines) if lines else ""


def _gains(way: str, speeds: list[tuple[str, int, float]]) -> list[list[str]]:
    """What batching brings over one stream; ``speeds`` are (mixer, sentences at once, speed)."""
    lines: list[list[str]] = []
    for mixer in dict.fromkeys(name for name, _, _ in speeds):
        speed = {count: realtime for name, count, realtime in speeds if name == mixer}
        gain = max(speed.values()) / speed[1]
        label = f"many streams over one, {mixer}, {way}"
        lines.append([label, f"≥ {SPEEDUP:.0f} times", f"{gain:.1f} times", met(gain >= SPEEDUP)])
    return lines


def _position_targets(rows: list[Row]) -> list[list[str]]:
    lines: list[list[str]] = []
    found = {(row["way"], row["mixer"], row["position"]): row["ms"] for row in rows}
    for way, mixer in dict.fromkeys(key[:2] for key in found):
        if mixer == "attention":
            continue
        times = [ms for (a, b, _), ms in found.items() if (a, b) == (way, mixer)]
        growth = max(times) / min(times)
        lines.append([f"flat step, {mixer}, {way}", "within 5 %", f"{growth - 1:.1%}", met(growth <= FLAT)])
        if (way, "attention", MEETING) in found:
            ratio = found[way, mixer, MEETING] / found[way, "attention", MEETING]
            lines.append([f"{mixer} over attention at {MEETING}, {way}", "≤ 1", f"{ratio:.2f}", met(ratio <= 1)])
    return lines


# -- the training -------------------------------------------------------------------------------------------------


def state(result: Row) -> str:
    """The header: how far the training had come."""
    steps, most = result["steps"], result["max_steps"]
    done = f"{steps:,} of {most:,} steps" if steps is not None and most else "an unknown number of steps"
    finished = steps is not None and most and steps >= most
    word = "This training is finished" if finished else "**This is an unfinished training; the voice is not shipped**"
    return f"{word}: figures after {done}, {result['machine']['date']}."


def report(result: Row) -> str:
    clips = result["clips"]
    recognised = any("characters" in way for clip in clips for way in clip["ways"].values())
    lines: list[list[str]] = []
    for way, label in WAYS.items():
        rows = [clip["ways"][way] for clip in clips]
        cells = [_mean(rows, "mel_l1", 3), _mean(rows, "mcd_db", 2), _mean(rows, "characters", 3)]
        lines.append([label, *cells])
    parts = [
        table(["", "mel L1", "MCD, dB", "recogniser's character error"], lines),
        f"Means over {len(clips)} held-out sentences." + ("" if recognised else " No recogniser was available."),
        _rollout(result),
        _ends(result["ends"]),
        _prompts(result["prompts"]),
        f"![Recording and the three conditions]({result['folder']}/ways.png)",
        f"![Attention to the text]({result['folder']}/attention.png)",
        f"![Error against horizon]({result['folder']}/rollout.png)",
    ]
    return "\n\n".join(parts)


def _mean(rows: list[Row], name: str, digits: int) -> str:
    known = [row[name] for row in rows if name in row]
    return f"{fmean(known):.{digits}f}" if known else "–"


def _rollout(result: Row) -> str:
    errors, ratio = result["rollout"]["errors"], result["rollout"]["ratio"]
    steps = list(errors)
    lines = table(["latents ahead", *steps], [["mean squared error", *(f"{errors[step]:.3f}" for step in steps)]])
    gap = "no clip was long enough for 64 latents" if ratio is None else f"64 over 1: {ratio:.2f} (target: below 3)"
    return f"{lines}\n\nLatents predicted from the predictor's own; {gap}. Their variance is {result['variance']:.3f}."


def _ends(ends: Row | None) -> str:
    if ends is None:
        return "Errors at the end of speech were not counted."
    return (
        f"End of speech, {ends['sentences']} sentences: {ends['never_foreseen']} ended only at the largest length, "
        f"{ends['cut_off']} before nine tenths of the text were spoken: {ends['per_1000']:.0f} errors in 1,000. None "
        "can be endless."
    )


def _prompts(prompts: Row | None) -> str:
    if prompts is None:
        return "Prompt similarity was not measured."
    header = ["prompt", "cosine with the prompt", "with other speakers, mean", "with the nearest other"]
    lines = [
        [row["speaker"], f"{row['own']:.2f}", f"{row['others']:.2f}", f"{row['best']:.2f}"]
        for row in prompts["speakers"]
    ]
    return f"{table(header, lines)}\n\nSpeech after a prompt, compared by: {prompts['way']}."
