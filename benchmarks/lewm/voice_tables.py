"""What `benchmarks.lewm.voice` and `benchmarks.lewm.experiments` have found, as Markdown."""

from __future__ import annotations

from benchmarks.lewm.tables import FLAT, SPEEDUP, WAYS
from benchmarks.players import players
from benchmarks.tables import MISSING, Row, line, measured_on, table

CLEARER, DRIFT, PER_1000, OWN_FIRST, OPINION, ONE, MANY = 1.25, 2.0, 2.0, 0.8, 3.7, 8.0, 35.0
FIGURES = {"characters": ("character error", 3), "distillmos": ("DistillMOS", 2), "mel_l1": ("mel L1", 3)}


def voice(result: Row) -> str:
    """Targets, ways of speaking the same sentences, drift, ends, prompts, speed, and sounds."""
    parts = [targets(result), ways(result), drift(result), ends(result), prompts(result), speed(result)]
    parts.append(f"{measured_on(result['machine'])}. Errors are by our recogniser.")
    return "\n\n".join(part for part in [*parts, players(result.get("sounds", ()))] if part)


def targets(result: Row) -> str:
    means, rows = result["means"], list[list[str]]()
    free, true = (means[way].get("characters") for way in ("synthesize", "recording"))
    if free is not None and true:
        rows.append(_at_most("character error of free speech relative to the recording's", CLEARER, free / true))
    if (opinion := means["synthesize"].get("distillmos")) is not None:
        rows.append(line("DistillMOS of free speech", f"≥ {OPINION}", f"{opinion:.2f}", opinion >= OPINION))
    if (ratio := result["rollout"]["ratio"]) is not None:
        rows.append(line("error 64 latents ahead relative to 1", f"< {DRIFT:g}", f"{ratio:.2f}", ratio < DRIFT))
    if found := result.get("ends"):
        rows.append(_at_most("mistakes at the end, of 1,000 sentences", PER_1000, found["per_1000"], 1))
    if found := result.get("prompts"):
        share = found["own_first"]
        rows.append(line("own clip nearest, of ten", f"≥ {OWN_FIRST:.0%}", f"{share:.0%}", share >= OWN_FIRST))
    if found := result.get("speed"):
        one, many = found["streams"]["1"], max(found["streams"].values())
        flat = found["late_ms"] / found["early_ms"]
        rows += [
            line("times real time, one stream", f"≥ {ONE:g}", f"{one:.1f}", one >= ONE),
            line("times real time, many streams", f"≥ {MANY:g}", f"{many:.1f}", many >= MANY),
            line("many streams over one", f"≥ {SPEEDUP:g} times", f"{many / one:.1f} times", many >= SPEEDUP * one),
            line(
                "a step after 5,000 latents relative to one after 10",
                "within 5 %",
                f"{flat - 1:+.1%}",
                flat <= FLAT,
            ),
        ]
    return table(["", "target", "measured", ""], rows)


def _at_most(label: str, asked: float, found: float, digits: int = 2) -> list[str]:
    return line(label, f"≤ {asked:g}", f"{found:.{digits}f}", found <= asked)


def ways(result: Row) -> str:
    known = [name for name in FIGURES if any(name in part for part in result["means"].values())]
    rows = [
        [WAYS[way], *(f"{part[name]:.{FIGURES[name][1]}f}" if name in part else MISSING for name in known)]
        for way, part in result["means"].items()
    ]
    header = ["", *(FIGURES[name][0] for name in known)]
    return f"{table(header, rows)}\n\nMeans over {len(result['clips'])} held-out sentences."


def drift(result: Row) -> str:
    errors = result["rollout"]["errors"]
    rows = [["mean squared error", *(f"{error:.3f}" for error in errors.values())]]
    return f"{table(['latents ahead', *map(str, errors)], rows)}\n\nLatents predicted from the predictor's own."


def ends(result: Row) -> str:
    if not (found := result.get("ends")):
        return ""
    return (
        f"End of speech, {found['sentences']:,} sentences: {found['never_foreseen']} ended only at the largest length, "
        f"{found['cut_off']} before nine tenths of the text were spoken."
    )


def prompts(result: Row) -> str:
    if not (found := result.get("prompts")):
        return ""
    trials = found["trials"]
    mean = sum(trial["own"] for trial in trials) / len(trials)
    return (
        f"Speech after a clip of a speaker that no training has heard, {len(trials)} trials: mean cosine with the clip "
        f"{mean:.2f}; the clip is the nearest of ten in {found['own_first']:.0%} (by the {found['way']})."
    )


def speed(result: Row) -> str:
    if not (found := result.get("speed")):
        return ""
    rows = [[count, f"{realtime:.1f}"] for count, realtime in found["streams"].items()]
    return (
        f"{table(['streams in the engine', 'times real time'], rows)}\n\nA block of the predictor takes "
        f"{found['early_ms']:.2f} ms after 10 latents and {found['late_ms']:.2f} ms after 5,000."
    )


HEADER = ["place in the text", "step", "character error", "DistillMOS", "mel L1", "error 64 ahead over 1"]


def experiments(result: Row) -> str:
    """A row for each way that was trained, and one of the recordings."""
    rows: list[list[str]] = []
    for way in result["ways"]:
        means, ratio = way["means"], way["rollout"]["ratio"]
        placement, head = way["name"].split("-")
        rows.append(
            [placement, f"`{head}`", *_cells(means["synthesize"]), MISSING if ratio is None else f"{ratio:.2f}"]
        )
    if rows:
        rows.append(["*recordings*", "", *_cells(result["ways"][0]["means"]["recording"]), MISSING])
    return f"{table(HEADER, rows)}\n\nEach is trained for {result['steps']:,} steps; {result['count']} sentences."


def _cells(part: Row) -> list[str]:
    return [f"{part[name]:.{digits}f}" if name in part else MISSING for name, (_, digits) in FIGURES.items()]
