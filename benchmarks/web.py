"""The voice in the browser: bytes to load, start, first sound and real-time factor in headless Chromium.

    python -m benchmarks.web [--voice FOLDER] [--write]

Builds the page, so it needs Node.js with npm, and a Chromium. ``--write`` stores the result and fills the pages.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, machine
from benchmarks.tables import Row, table
from tools import web

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


def measure(voice: Path) -> Row:
    """Build the page around ``voice`` and speak in it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page"
        web.install()
        web.compile_package()
        web.build(voice, out)
        sizes = {"stored": web.sizes(out), "sent": web.sizes(out, sent=True)}
        with web.served(out) as address:
            return {**machine(1), "voice": voice.name, "sizes": sizes, **_speak(address), "tables": _tables()}


def _tables() -> dict[str, int]:
    texts = [path.read_bytes() for path in sorted((web.PACKAGE / "text").rglob("*.tsv"))]
    return {"files": len(texts), "sent": sum(len(gzip.compress(text)) for text in texts)}


def _speak(address: str) -> Row:
    from playwright.sync_api import sync_playwright

    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=next(browsers, None), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address)
        first_load_s = _press(page)["load_s"]
        runs = [_press(page) for _ in range(REPEATS)]
        page.reload()
        second_load_s = _press(page)["load_s"]
        tables = [path.read_text(encoding="utf-8") for path in sorted((web.PACKAGE / "text").rglob("*.tsv"))]
        tables_ms, _ = page.evaluate(_READ_TABLES, tables)
        result = {
            "browser": browser.version,
            "first_load_s": first_load_s,
            "second_load_s": second_load_s,
            "tables_ms": tables_ms,
            "first_sound_s": [run["first_sound_s"] for run in runs],
            "factor": [run["factor"] for run in runs],
        }
        browser.close()
    return result


def _press(page: Any) -> dict[str, float]:
    """Speak, and stop as soon as all is computed."""
    page.fill("#text", TEXT)
    page.evaluate("performance.clearMeasures('speech')")
    page.click("#speak")
    page.wait_for_function("performance.getEntriesByName('speech').length")
    page.keyboard.press("Escape")
    first, speech, load = (page.evaluate(_LAST, name) for name in ("first sound", "speech", "load"))
    time.sleep(0.1)
    return {
        "load_s": load["duration"] / 1000,
        "first_sound_s": first["duration"] / 1000,
        "factor": speech["duration"] / 1000 / speech["detail"]["seconds"],
    }


def sizes_table(result: Row) -> str:
    """Megabytes of each part."""
    stored, sent = result["sizes"]["stored"], result["sizes"]["sent"]
    rows = [[title, f"{sent[part] / 1e6:.1f}", f"{stored[part] / 1e6:.1f}"] for part, title in PARTS.items()]
    total = ["together", f"**{sum(sent.values()) / 1e6:.1f}**", f"{sum(stored.values()) / 1e6:.1f}"]
    return table(["", "MB sent", "MB stored"], [*rows, total])


def speed(result: Row) -> str:
    """What was measured in the browser, in sentences."""
    sound, factor = result["first_sound_s"], result["factor"]
    return (
        f"Once loaded, the first samples come **{statistics.median(sound):.2f} s** after the press of the button, and "
        f"the real-time factor is **{statistics.median(factor):.2f}** (medians of {len(factor)}; worst "
        f"{max(sound):.2f} s and {max(factor):.2f}). The first load takes {result['first_load_s']:.1f} s, a later one "
        f"{result['second_load_s']:.1f} s, from the same machine. Chromium {result['browser'].partition('.')[0]}, "
        f"headless, one thread, {result['cpu']} with {result['cores']} cores and a load of {result['load_before']} "
        f"before, {result['date']}, the voice `{result['voice']}`."
    )


def frontend_forms(result: Row) -> str:
    """The two forms of the frontend."""
    sent = result["sizes"]["sent"]
    python, tables = (sent["python"] + sent["frontend"]) / 1e6, result["tables"]["sent"] / 1e6
    return (
        f"Python and the frontend are {python:.1f} MB of the download. The {result['tables']['files']} tables alone, "
        f"which any other form needs, too, are {tables:.1f} MB, and reading them in JavaScript takes "
        f"{result['tables_ms']:.0f} ms."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--voice", type=Path, default=web.VOICE)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.voice.resolve())
    print(sizes_table(result), speed(result), frontend_forms(result), sep="\n\n")
    if arguments.write:
        from benchmarks.update_docs import update

        (RESULTS / "web.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        update()


if __name__ == "__main__":
    main()
