"""The model card's generated parts."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from benchmarks.tables import table

Row = dict[str, Any]
CONDITIONS = {
    "recording": "recording",
    "copy": "copy-synthesis (recording through the vocoder)",
    "timed": "synthesis in the recording's timing",
    "free": "synthesis",
}


def card(result: Row) -> str:
    """What is in the package."""
    about = result["card"]
    megabytes = {name: size / 1e6 for name, size in about["graphs"].items()}
    sizes = ", ".join(f"{name} {size:.1f}" for name, size in megabytes.items())
    model, codec = about["voice"]["model"], about["voice"]["codec"]
    rows = [
        ["language", about["language"]],
        ["licence", about["licence"] or "not set"],
        ["attribution", about["attribution"] or "not set"],
        ["speakers", ", ".join(about["speakers"])],
        ["runtime graphs", f"{sum(megabytes.values()):.1f} MB ({sizes})"],
        ["model", _settings(model, ("d_model", "n_layers", "decoder_layers", "d_state", "lookahead"))],
        ["codec", _settings(codec, ("dim", "intermediate", "n_layers", "lookahead_per_conv", "harmonic"))],
    ]
    return table(["what", about["name"]], rows)


def _settings(part: Row, names: tuple[str, ...]) -> str:
    settings = ", ".join(f"{name} {part[name]}" for name in names if name in part)
    return f"`{part['kind']}`: {settings}" if settings else f"`{part['kind']}`"


def measures(result: Row) -> str:
    """Averages over the held-out sentences; the worst sentence in parentheses."""
    clips = result["clips"]
    header = [
        "",
        "mel L1",
        "MCD, dB",
        "log-F0 RMSE",
        "voicing error",
        "DNSMOS",
        "peak",
        "silence",
        "clips with defects",
    ]
    rows = [[label, *_condition([clip["conditions"][name] for clip in clips])] for name, label in CONDITIONS.items()]
    lines = [table(header, rows), "", f"Means over {len(clips)} held-out sentences, the worst one in parentheses."]
    timed = [clip["durations"] for clip in clips if clip["durations"]]
    if timed:
        mean = {name: fmean(row[name] for row in timed) for name in timed[0]}
        lines.append(
            f"Words of the free synthesis last {mean['word_ms']:.0f} ms longer or shorter than in the recording "
            f"(correlation {mean['word_correlation']:.2f}), sentences {mean['length_ratio']:.2f} times as long "
            f"({len(timed)} sentences with the same number of words)."
        )
    return "\n".join(lines)


def _condition(rows: list[Row]) -> list[str]:
    dnsmos = [row["dnsmos"]["overall"] for row in rows if "dnsmos" in row]
    return [
        *(_mean_and_worst([row[name] for row in rows if name in row], 2) for name in ("mel_l1", "mcd_db")),
        *(_mean_and_worst([row[name] for row in rows if name in row], 3) for name in ("log_f0_rmse", "voicing")),
        f"{fmean(dnsmos):.2f} ({min(dnsmos):.2f})" if dnsmos else "–",
        f"{max(row['peak'] for row in rows):.2f}",
        f"{fmean(row['silence'] for row in rows):.0%}",
        f"{sum(bool(row['defects']) for row in rows)}",
    ]


def _mean_and_worst(values: list[float], digits: int) -> str:
    known = [value for value in values if value == value]
    return f"{fmean(known):.{digits}f} ({max(known):.{digits}f})" if known else "–"


COMPARED = {
    "character_error": ("character error", 3),
    "pesq_wb": ("PESQ-wb", 2),
    "dnsmos": ("DNSMOS overall", 2),
    "p808": ("DNSMOS P.808", 2),
    "mel_l1": ("mel L1", 2),
    "mcd_db": ("MCD, dB", 2),
    "log_f0_rmse": ("log-F0 RMSE", 3),
    "global_variance": ("global variance", 2),
}


def versions(result: Row) -> str:
    """This voice compared with another or the one that it replaces: means over the same sentences."""
    header = ["", *(label for label, _ in COMPARED.values())]
    other, own = result.get("names", ("before", "now"))
    sets = {other: result.get("before", []), own: result["clips"]}
    rows = [["recording", *_compared(result["clips"], "recording")]]
    for name in ("copy", "free"):
        rows += [[f"{CONDITIONS[name]}, {when}", *_compared(clips, name)] for when, clips in sets.items() if clips]
    return table(header, rows)


def _compared(clips: list[Row], condition: str) -> list[str]:
    measured = [clip["conditions"][condition] for clip in clips]
    opinions = [
        {"dnsmos": row["dnsmos"]["overall"], "p808": row["dnsmos"]["p808"]} if "dnsmos" in row else {}
        for row in measured
    ]
    found = [{**row, "dnsmos": float("nan"), **opinion} for row, opinion in zip(measured, opinions, strict=True)]
    cells: list[str] = []
    for name, (_, digits) in COMPARED.items():
        known = [row[name] for row in found if name in row and row[name] == row[name]]
        cells.append(f"{fmean(known):.{digits}f}" if known else "–")
    return cells


def intonation(result: Row) -> str:
    """Where the pitch goes at the end of questions and of statements."""
    rows = [
        [side, *(f"{mark['rise']:+.2f} ({mark['sentences']})" if mark["sentences"] else "–" for mark in marks.values())]
        for side, marks in result["intonation"].items()
    ]
    return table(["", *result["intonation"]["synthesis"]], rows)


def pictures(result: Row) -> str:
    """Each sentence: the text, its figures, the picture."""
    folder = result["folder"]
    sounds = set(result.get("sounds", []))
    lines: list[str] = []
    for clip in result["clips"]:
        free, copy = clip["conditions"]["free"], clip["conditions"]["copy"]
        listen = f" [Listen to the synthesis]({folder}/{clip['id']}.flac)." if clip["id"] in sounds else ""
        lines += [
            f"**{clip['id']}**: {clip['text']}",
            "",
            f"MCD {free['mcd_db']:.2f} dB (copy-synthesis {copy['mcd_db']:.2f}), mel L1 {free['mel_l1']:.2f} "
            f"({copy['mel_l1']:.2f}).{listen}",
            "",
            f"![Recording above synthesis, {clip['id']}]({folder}/{clip['id']}.png)",
            "",
        ]
    return "\n".join(lines)


PARTS = {
    "card": card,
    "measures": measures,
    "versions": versions,
    "intonation": intonation,
    "pictures": pictures,
}
"""Of the page of a voice."""
