"""The voice in the browser: bytes to load, start, first sound and real-time factor in headless Chromium.

    python -m benchmarks.web [--voice VOICE ...] [--write]

Builds the page around each voice, so it needs Node.js with npm, and a Chromium. The figures are the first voice's, and
the others' where they differ. ``--write`` stores the result and fills the pages.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.commands import store
from benchmarks.machine import machine
from benchmarks.tables import Row, table
from tools import web

VOICES = ("small", "default")
REPEATS = 5
TEXT = (
    "नमस्ते! यह आवाज़ आपके ब्राउज़र में ही बनती है, किसी सर्वर पर नहीं। "
    "मुंबई की ट्रेन 8:45 बजे आएगी, और टिकट ₹1,250 का है। क्या आप मेरे साथ चलेंगे?"
)
PARTS = {
    "runtime": "ONNX Runtime",
    "python": "Python (Pyodide)",
    "frontend": "the text frontend: rules and tables",
    "voice": "the voice",
    "page": "the page and `ssmphony-web`",
}
_PATIENCE_MS = 300_000
_LAST = """name => {
  const { duration, detail } = performance.getEntriesByName(name).at(-1);
  return { duration, detail };
}"""
# The least that another form of the frontend would have to do: read its tables.
_READ_TABLES = """tables => {
  const start = performance.now();
  const read = tables.map((text) => new Map(text.split("\\n").map((line) => [line.split("\\t", 1)[0], line])));
  return [performance.now() - start, read.length];
}"""


def measure(voices: Sequence[Path]) -> Row:
    """Build the page around each of ``voices``, and speak in all of them in turns."""
    web.install()
    web.compile_package()
    about = machine(1)
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as served:
        addresses: dict[str, str] = {}
        for voice in voices:
            out = Path(folder) / voice.name
            web.build(voice, out)
            rows[voice.name] = {"sizes": {"stored": web.sizes(out), "sent": web.sizes(out, sent=True)}}
            addresses[voice.name] = served.enter_context(web.served(out))
        spoken = _speak(addresses, rows)
    return {**about, **spoken, "voices": rows}


def _speak(addresses: dict[str, str], rows: dict[str, Row]) -> Row:
    """Fill in what each page takes; returns what they have in common."""
    from playwright.sync_api import sync_playwright

    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    tables = [path.read_text(encoding="utf-8") for path in sorted((web.PACKAGE / "text").rglob("*.tsv"))]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=next(browsers, None), args=["--no-sandbox"])
        pages = {name: browser.new_context().new_page() for name in addresses}
        for name, page in pages.items():
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(addresses[name])
            rows[name]["first_load_s"] = _press(page)["load_s"]
        for _ in range(REPEATS):
            for name, page in pages.items():
                run = _press(page)
                for key in ("first_sound_s", "factor"):
                    rows[name].setdefault(key, []).append(run[key])
        for name, page in pages.items():
            page.reload()
            rows[name]["second_load_s"] = _press(page)["load_s"]
        tables_ms, _ = next(iter(pages.values())).evaluate(_READ_TABLES, tables)
        result = {
            "browser": browser.version,
            "tables": {
                "files": len(tables),
                "sent": sum(len(gzip.compress(text.encode())) for text in tables),
                "ms": tables_ms,
            },
        }
        browser.close()
    return result


def _press(page: Any) -> dict[str, float]:
    """Speak, and stop as soon as all is computed."""
    page.fill("#text", TEXT)
    page.evaluate("performance.clearMeasures('speech')")
    page.click("#speak")
    page.wait_for_function("performance.getEntriesByName('speech').length", polling=50)
    page.keyboard.press("Escape")
    first, speech, load = (page.evaluate(_LAST, name) for name in ("first sound", "speech", "load"))
    time.sleep(0.1)
    return {
        "load_s": load["duration"] / 1000,
        "first_sound_s": first["duration"] / 1000,
        "factor": speech["duration"] / 1000 / speech["detail"]["seconds"],
    }


def sizes_table(result: Row) -> str:
    """Megabytes of each part, and of all parts with each voice."""
    voices = result["voices"]
    first = next(iter(voices.values()))["sizes"]
    shared = [part for part in PARTS if part != "voice"]
    rows = [
        _megabytes(title, {way: first[way][part] for way in first}) for part, title in PARTS.items() if part in shared
    ]
    rows += [
        _megabytes(f"the voice `{name}`", {way: row["sizes"][way]["voice"] for way in first})
        for name, row in voices.items()
    ]
    for name, row in voices.items():
        total = _megabytes(f"**together, with `{name}`**", {way: sum(row["sizes"][way].values()) for way in first})
        rows.append([total[0], f"**{total[1]}**", total[2]])
    return table(["", "MB sent", "MB stored"], rows)


def _megabytes(title: str, sizes: dict[str, int]) -> list[str]:
    return [title, f"{sizes['sent'] / 1e6:.1f}", f"{sizes['stored'] / 1e6:.1f}"]


def speed(result: Row) -> str:
    """What was measured in the browser."""
    header = [
        "voice",
        "first samples, s (median, worst)",
        "real-time factor (median, worst)",
        "first load, s",
        "later load, s",
    ]
    rows = [
        [
            f"`{name}`",
            f"**{statistics.median(row['first_sound_s']):.2f}**, {max(row['first_sound_s']):.2f}",
            f"**{statistics.median(row['factor']):.2f}**, {max(row['factor']):.2f}",
            f"{row['first_load_s']:.1f}",
            f"{row['second_load_s']:.1f}",
        ]
        for name, row in result["voices"].items()
    ]
    first = next(iter(result["voices"].values()))
    return (
        f"{table(header, rows)}\n\nFrom the press of the button, once loaded, {len(first['factor'])} times in turns; "
        f"loads are from the same machine. "
        f"Chromium {result['browser'].partition('.')[0]}, headless, one thread, {result['cpu']} with "
        f"{result['cores']} cores and a load of {result['load_before']} before, {result['date']}."
    )


def frontend_forms(result: Row) -> str:
    """The two forms of the frontend."""
    first = next(iter(result["voices"].values()))
    sent = first["sizes"]["sent"]
    python, tables = (sent["python"] + sent["frontend"]) / 1e6, result["tables"]["sent"] / 1e6
    return (
        f"Python and the frontend are {python:.1f} MB of the download. The {result['tables']['files']} tables alone, "
        f"which any other form needs, too, are {tables:.1f} MB, and reading them in JavaScript takes "
        f"{result['tables']['ms']:.0f} ms."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--voice", action="append", help="may be repeated; small and default if not given")
    parser.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = parser.parse_args()
    result = measure([web.voice_folder(voice) for voice in arguments.voice or VOICES])
    print(sizes_table(result), speed(result), frontend_forms(result), sep="\n\n")
    if arguments.write:
        store("web.json", result, write=True)


if __name__ == "__main__":
    main()
