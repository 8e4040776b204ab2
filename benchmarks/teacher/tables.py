"""The tables of `benchmarks.teacher` for the pages."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables import MISSING, Row, number


def targets(result: Row) -> str:
    """What was aimed at, what came of it, and whether that is enough."""
    everyone, speakers = result["speakers"]["all"], result["speakers"]
    own = speakers.get(result["default_speaker"], everyone)
    lines = [f"| | aim | {result['voice']} | |", "|---|---|---|---|"]

    def line(label: str, aim: str, value: str, met: bool | None) -> None:
        lines.append(f"| {label} | {aim} | {value} | {MISSING if met is None else 'yes' if met else 'no'} |")

    def at_most(label: str, figure: Row | None, limit: float, digits: int = 2, scale: float = 1.0) -> None:
        met = None if figure is None else bool(scale * figure["value"] <= limit)
        line(label, f"≤ {limit:g}", number(figure, digits, scale), met)

    prosody = everyone.get("prosody") or {}
    at_most("DistillMOS lost with the teacher's own prosody", prosody.get("distillmos_loss"), 0.1)
    at_most(f"DistillMOS lost, {result['default_speaker']}", own["free"]["distillmos_loss"], 0.15)
    for name, figures in speakers.items():
        if name != "all" and name != result["default_speaker"]:
            at_most(f"DistillMOS lost, {name}", figures["free"]["distillmos_loss"], 0.2)
    for kind, label in (("phones", "phone error"), ("characters", "character error")):
        at_most(f"{label} relative to the teacher's", everyone["free"][f"{kind}_ratio"], 1.05)
    at_most("log-F0 RMSE in the teacher's timing", everyone["log_f0_rmse"], 0.1, 3)
    at_most("mean error of a phone's duration, ms", everyone["duration_ms"], 12, 1)
    _contrast_line(result, line)
    if everyone.get("own"):
        line(
            "speaker similarity to the teacher's voice",
            "≥ 0.85",
            f"{number(everyone['own'], 3)} (teacher {everyone['teacher_own']['value']:.3f})",
            everyone["own"]["value"] >= 0.85,
        )
        line("nearest to its own speaker", "100 %", f"{100 * everyone['nearest']['value']:.1f} %", _all(everyone))
    _broken_lines(result, line)
    line("size of the graphs", "≤ 14 MB", f"{result['graphs_mb']:.1f} MB", result["graphs_mb"] <= 14)
    return "\n".join(lines)


Line = Callable[[str, str, str, bool | None], None]


def _all(figures: Row) -> bool:
    return figures["nearest"]["value"] == 1.0


def _contrast_line(result: Row, line: Line) -> None:
    if found := result["contrasts"].get("all"):
        teacher, student = (100 * found[name] / found["pairs"] for name in ("teacher", "student"))
        line(
            "minimal pairs confused",
            "≤ the teacher's + 2 %",
            f"{student:.1f} % (teacher {teacher:.1f} %)",
            student <= teacher + 2,
        )


def _broken_lines(result: Row, line: Line) -> None:
    if found := result["robustness"]:
        faults = found["heard"]["skipped"] + found["heard"]["repeated"]
        rate = 1e3 * faults / max(1, found["words"])
        line(f"broken of {found['clips']:,} clips", "0", str(found["broken"]), found["broken"] == 0)
        line("of 1,000 words, skipped or repeated", "≤ 1", f"{rate:.2f} ({faults})", rate <= 1)
        clipped = found["clips_with_a_clipped_sample"]
        line("clips with a sample at full scale", "0", str(clipped), clipped == 0)


def speakers(result: Row) -> str:
    """Each speaker, teacher and student side by side."""
    names = list(result["speakers"])
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]

    def line(label: str, cell: Callable[[Row], str]) -> None:
        lines.append(f"| {label} | {' | '.join(cell(result['speakers'][name]) for name in names)} |")

    line("sentences", lambda row: str(row["clips"]))
    for system, label in (("teacher", "teacher"), ("prosody", "with the teacher's prosody"), ("free", "by itself")):
        line(f"DistillMOS, {label}", lambda row, system=system: number(row.get(system, {}).get("distillmos")))
    for kind, label in (("phones", "phone error, %"), ("characters", "character error, %")):
        for system in ("teacher", "free"):
            line(
                f"{label}, {'teacher' if system == 'teacher' else 'by itself'}",
                lambda row, system=system, kind=kind: number(row[system][kind], 1, 100),
            )
    line("of 1,000 words, skipped or repeated, teacher", lambda row: number(row["teacher"]["faults_per_1000"], 1))
    line("of 1,000 words, skipped or repeated, by itself", lambda row: number(row["free"]["faults_per_1000"], 1))
    for system, label in (("teacher", "teacher"), ("free", "by itself")):
        line(f"level, dB, {label}", lambda row, system=system: number(row[system]["level_db"], 1))
    line("log-F0 RMSE in the teacher's timing", lambda row: number(row["log_f0_rmse"], 3))
    line("frames voiced in one only, %", lambda row: number(row["voicing"], 1, 100))
    line("error of a phone's duration, ms", lambda row: number(row["duration_ms"], 1))
    line("length of phones relative to the teacher's", lambda row: number(row["pace"], 3))
    line("similarity to the teacher's voice", lambda row: number(row.get("own"), 3))
    line("the same of the teacher's other clips", lambda row: number(row.get("teacher_own"), 3))
    return "\n".join(lines)


def contrasts(result: Row) -> str:
    """Minimal pairs, teacher and student side by side."""
    lines = ["| | pairs | confused, teacher | confused | which |", "|---|---|---|---|---|"]
    for name, row in result["contrasts"].items():
        percent = [f"{row[who]} ({100 * row[who] / row['pairs']:.0f} %)" for who in ("teacher", "student")]
        which = ", ".join(row["student_which"]) if name != "all" else ""
        lines.append(f"| {name} | {row['pairs']} | {percent[0]} | {percent[1]} | {which} |")
    return "\n".join(lines)


def notes(result: Row) -> str:
    """How it was measured."""
    return (
        f"{result['date']}; {result['speakers']['all']['clips']} sentences; ± is one standard error (bootstrap over "
        "sentences). Errors are by our recogniser, which was not trained on this teacher."
    )
