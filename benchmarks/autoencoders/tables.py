"""The results of `benchmarks.autoencoders` as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.players import players
from benchmarks.tables import Row, table

MEASURES = {
    "mel_l1": ("mel L1", 3),
    "mr_stft": ("MR-STFT", 2),
    "si_sdr": ("SI-SDR, dB", 1),
    "pesq": ("PESQ-wb", 2),
    "stoi": ("STOI", 3),
    "log_f0_rmse": ("log-F0 RMSE", 3),
}


UNMEASURED = "Not measured yet."


def reconstruction(result: Row) -> str:
    """A table for each kind of recording: fidelity of copies, then Fréchet distances."""
    if not result["runs"]:
        return UNMEASURED
    parts: list[str] = []
    for kind, clips in result["clips"].items():
        header = ["copies", "numbers/s", "kbit/s", *(title for title, _ in MEASURES.values())]
        rows = [[*_costs(run), *_measures(run["reconstruction"][kind])] for run in result["runs"]]
        parts.append(f"**{kind}**, {clips} recordings\n\n{table(header, rows)}\n\n{_distances(result, kind, 'copies')}")
    return "\n\n".join([*parts, _notes(result)])


def generation(result: Row) -> str:
    """A table for each kind of recording: how far samples of each prior are from it."""
    if not any(run["generation"] for run in result["runs"]):
        return UNMEASURED
    return "\n\n".join(f"**{kind}**\n\n{_distances(result, kind, 'samples of the prior')}" for kind in result["clips"])


def legacy(result: Row) -> str:
    """What the report found, and what is found here by its method and by others."""
    found = result.get("legacy")
    if found is None:
        return UNMEASURED
    header = ["copies", "of", "FD, reported", "FD, same method", "FD, mel statistics", "SI-SDR, dB", "lowest sample"]
    rows: list[list[str]] = []
    for row in found["rows"]:
        reported = found["reported"].get(row["what"], {}).get(row["of"])
        figures = [f"{row['reported method']:.3g}", f"{row['mel']:.3g}", f"{row['SI-SDR']:.1f}", f"{row['lowest']:.2f}"]
        rows.append(
            [row["what"], f"{row['of']}, {row['clips']}", "–" if reported is None else f"{reported:g}", *figures]
        )
    return table(header, rows)


def sounds(result: Row) -> str:
    return players(result.get("sounds", [])) or "Not made yet."


def _costs(run: Mapping[str, Any]) -> list[str]:
    return [run["name"], f"{run['numbers_per_second']:,.0f}", f"{run['bits_per_second'] / 1000:,.3g}"]


def _measures(found: Mapping[str, Any]) -> list[str]:
    return [f"{found[name]['mean']:.{digits}f}" if name in found else "–" for name, (_, digits) in MEASURES.items()]


def _distances(result: Row, kind: str, what: str) -> str:
    """FD extrapolated to endless clips with its interval, and in brackets that of the clips at hand."""
    rows: list[list[str]] = []
    for run in result["runs"]:
        found = run["reconstruction"][kind]["FD"] if what == "copies" else run["generation"].get(kind)
        if found is not None:
            rows.append([run["name"], *(_distance(found[name]) for name in result["features"])])
    if what != "copies":
        rows.append(["white noise", *(_distance(result["bounds"][kind][name]) for name in result["features"])])
    rows.append(
        ["*recordings, half against half*", *(_distance(result["floor"][kind][name]) for name in result["features"])]
    )
    return table([what, *(f"FD∞, {title}" for title in result["features"].values())], rows)


def _distance(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "–"
    text = f"{found['distance']:.3g} ({found['low']:.3g} to {found['high']:.3g}; FD {found['plain']:.3g})"
    return f"{text}, rough" if found["rough"] else text


def _notes(result: Row) -> str:
    groups: dict[tuple[float, float], list[str]] = {}
    for run in result["runs"]:
        groups.setdefault((run["numbers_per_second"], run["bits_per_second"]), []).append(run["name"])
    equal = "; ".join(", ".join(names) for names in groups.values() if len(names) > 1) or "none"
    parameters = ", ".join(
        f"{run['name']} {run['parameters'] / 1e6:.2f}" for run in result["runs"] if run["parameters"]
    )
    left_out = f" Left out, because their models are not installed: {', '.join(result['left_out'])}." * bool(
        result["left_out"]
    )
    return (
        f"Equal compression, and so to be compared: {equal}. Millions of parameters: {parameters}. FD∞ is the distance "
        "extrapolated to endless clips, with the range of 95 % of bootstrapped clips and the distance of the clips at "
        f"hand; features of more than a tenth of the windows are reduced to principal components.{left_out}"
    )
