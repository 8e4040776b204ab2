"""The page for people: tables, players and pictures, worst clips first. Opened as a file, without a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ssmphony.evaluation.frechet.features import FEATURES
from ssmphony.evaluation.material import CONDITIONS
from ssmphony.evaluation.metrics.corpus import SETS
from ssmphony.evaluation.metrics.registry import METRICS

Row = dict[str, Any]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .6rem; text-align: right }
th { border-bottom: 2px solid #888; vertical-align: bottom } td { border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } small { color: #666 } img { max-width: 100% }
.clip { border-top: 2px solid #888; margin-top: 2rem } audio { height: 2rem; vertical-align: middle }
.missing { background: #fff3cd; padding: .5rem 1rem } .group td { background: #eee; font-weight: bold }
"""
SHOWN_CLIPS = 50
NO_VALUE = "–"


def page(result: Row) -> str:
    """The whole of ``index.html`` from what ``report.json`` holds."""
    voices = result["voices"]
    title = " and ".join(_title(voice) for voice in voices)
    parts = [f"<h1>{escape(title)}</h1>", _missing(result["missing"])]
    if result["comparison"]:
        parts.append(_comparison(result["comparison"], voices))
    for voice in voices:
        parts += _voice(voice)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>\n{''.join(parts)}\n"
        f"<p><small>ssmphony {escape(result['ssmphony'])}, recogniser: {escape(result['recogniser'])}. Every figure "
        "stands in report.json.</small></p></html>\n"
    )


def number(value: float | None, digits: int = 2) -> str:
    return NO_VALUE if value is None else f"{value:.{digits}f}"


def interval(row: Mapping[str, Any] | None, digits: int) -> str:
    """The mean, its interval below."""
    if not row:
        return NO_VALUE
    low, high = number(row["low"], digits), number(row["high"], digits)
    return f"{number(row['mean'], digits)}<br><small>{low} to {high}</small>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML; a row of one cell is the title of a group."""
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in header)}</tr>"]
    for row in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in row)
        group = f'<tr class="group"><td colspan="{len(header)}">{row[0]}</td></tr>'
        lines.append(group if len(row) == 1 else f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>\n"


def _title(voice: Row) -> str:
    return f"{voice['card']['name']} ({voice['name']})"


def _missing(missing: Mapping[str, str]) -> str:
    lines = "".join(f"<li>{escape(name)}: {escape(line)}</li>" for name, line in missing.items())
    return f'<div class="missing">Not asked:<ul>{lines}</ul></div>' if lines else ""


def _voice(voice: Row) -> list[str]:
    parts = [f"<h2>{escape(_title(voice))}</h2>", _card(voice)]
    if voice["means"]:
        parts += ["<h3>Figures</h3>", means_table(voice["means"])]
    if voice["speaker_floors"]:
        rows = [[escape(name), interval(row, 3)] for name, row in voice["speaker_floors"].items()]
        parts.append(table(["similarity to the speaker, for comparison", "cosine"], rows))
    parts += [_frechet(name, distances) for name, distances in voice["frechet"].items()]
    for name, figures in voice["sets"].items():
        rows = [[escape(label), number(value)] for label, value in figures.items()]
        parts.append(table([escape(SETS[name].title), ""], rows))
    if voice.get("contrasts"):  # reports of earlier versions lack them
        parts.append(_contrasts(voice["contrasts"]))
    for kind in ("sentences", "stories"):
        if voice[kind]:
            parts += [f"<h3>Robustness: {voice[kind]['clips']} {kind}</h3>", _robustness(voice[kind])]
    parts.append("<h3>Clips, worst first</h3>" if voice["clips"] else "")
    parts += [_clip(clip, audible="elsewhere" not in voice) for clip in voice["clips"][:SHOWN_CLIPS]]
    return parts


def _card(voice: Row) -> str:
    card, speed = voice["card"], voice["speed"]
    size = sum(card["graphs"].values()) / 1e6
    rows = [["size of the graphs", f"{size:.1f} MB"], ["licence", escape(card["licence"] or "not set")]]
    if speed:
        rows += [
            ["real-time factor (wall; processor)", f"{speed['wall']:.3f}; {speed['processor']:.3f}"],
            ["first 100 ms of sound", f"{1e3 * speed['first_s']:.0f} ms"],
            ["peak memory", f"{number(speed['memory_mb'], 0)} MB"],
        ]
    return table(["voice", escape(card["name"])], rows)


def means_table(means: Mapping[str, Mapping[str, Row]]) -> str:
    """Metrics by condition, with 95 % intervals over clips."""
    names = {**CONDITIONS, "unseen": "synthesis of unseen sentences"}
    header = [
        "mean, 95 % interval over clips",
        *(f"{names[condition]}<br>({_most(means[condition])} clips)" for condition in means),
    ]
    rows: list[list[str]] = []
    for name, metric in METRICS.items():
        if not any(name in figures for figures in means.values()):
            continue
        if [metric.group] not in rows:
            rows.append([metric.group])
        arrow = {"lower": " ↓", "higher": " ↑", "neither": ""}[metric.better]
        cells = [interval(figures.get(name), metric.digits) for figures in means.values()]
        rows.append([escape(metric.label) + arrow, *cells])
    return table(header, rows)


def _most(figures: Mapping[str, Row]) -> int:
    return max(row["clips"] for row in figures.values())


def _frechet(name: str, distances: Mapping[str, Row]) -> str:
    rows = [
        [
            escape(label),
            interval({**row, "mean": row["distance"]}, 2),
            " ".join(number(value) for value in row["by_seed"]),
            number(row["plain"]),
            f"{row['clips']} clips, {row['windows']} windows" + (" (few: rough)" if row["rough"] else ""),
        ]
        for label, row in distances.items()
    ]
    title = FEATURES[name].title if name in FEATURES else name
    header = [f"Fréchet distance: {escape(title)}", "extrapolated to endless clips", "by seed", "plain", "fewer side"]
    return table(header, rows)


def _contrasts(found: Mapping[str, Row]) -> str:
    rows = [
        [escape(name), f"{row['confused']} of {row['pairs']}", escape(", ".join(row["which"])) if name != "all" else ""]
        for name, row in found.items()
    ]
    return table(["minimal pairs: the recogniser says which clip is which", "confused", ""], rows)


def _robustness(found: Row) -> str:
    rows = [[escape(name), str(count)] for name, count in found["defects"].items()]
    rows.append(["<b>broken in any condition</b>", f"<b>{found['broken']}</b>"])
    rows.append(["in doubt: the recogniser hears a fault (it errs, too)", str(found["in_doubt"])])
    rows += [[f"words or stretches it hears {kind}", str(count)] for kind, count in found["heard"].items()]
    counted = table([f"of {found['clips']}, {found['audio_s'] / 60:.0f} minutes, {found['words']} words", ""], rows)
    worst = [
        [
            escape(row["text"][:200]),
            escape(", ".join(row["defects"] + _doubts(row))) or "none",
            number(row["seconds_per_phoneme"], 3),
            number(row["peak"]),
            player(row["audio"]) if "audio" in row else "",
        ]
        for row in found["worst"]
    ]
    return counted + table(["nearest to a defect", "defects", "s a phoneme", "peak", ""], worst)


def _doubts(row: Row) -> list[str]:
    return [f"{count} heard {kind}" for kind, count in row.get("heard", {}).items() if count]


def _clip(clip: Row, *, audible: bool) -> str:
    conditions = clip["conditions"]
    rows = [
        [escape(metric.label), *(number(conditions[condition].get(name), metric.digits) for condition in conditions)]
        for name, metric in METRICS.items()
        if any(conditions[condition].get(name) is not None for condition in conditions)
    ]
    players = [player(clip["audio"][condition]) if audible else "" for condition in conditions]
    picture = f'<img loading="lazy" src="{escape(clip["picture"])}" alt="Spectrograms">' if audible else ""
    figures = table(["", *(CONDITIONS[condition] for condition in conditions)], [["listen", *players], *rows])
    return f'<div class="clip"><p><b>{escape(clip["clip"])}</b>: {escape(clip["text"])}</p>{picture}{figures}</div>'


def _comparison(rows: Sequence[Row], voices: Sequence[Row]) -> str:
    names: dict[str, str] = {voice["name"]: escape(_title(voice)) for voice in voices}
    lines = [
        [
            f"{escape(METRICS[row['metric']].label)}, {row['where']}",
            interval(row, METRICS[row["metric"]].digits),
            str(row["clips"]),
            names.get(row["verdict"]) or "undecided",
        ]
        for row in rows
    ]
    title = f"{names['b']} less {names['a']}, clip by clip; 95 % interval"
    return "<h2>Comparison</h2>" + table(["figure", title, "clips", "better"], lines)


def player(path: str) -> str:
    return f'<audio controls preload="none" src="{escape(path)}"></audio>'
