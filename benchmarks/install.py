"""How large the installed runtime is: as the promise counts it, as pip leaves it, and with the newest ONNX Runtime.

    python -m benchmarks.install [--write]

Builds the wheel and installs it into a fresh environment, so it needs a package index. ``--write`` stores the result
and fills the pages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, ROOT, write_json
from benchmarks.tables import Row, table
from tools.installed_size import MEGABYTE, sizes

PARTS = {
    "ONNX Runtime": ("onnxruntime",),
    "NumPy": ("numpy", "numpy.libs"),
    "ssmphony without its voice": ("ssmphony",),
    "pydantic": ("pydantic", "pydantic_core"),
    "the command line: typer, rich, Pygments": ("typer", "rich", "pygments", "markdown_it"),
    "libsndfile": ("_soundfile_data", "soundfile.py"),
}
VOICE = "the default voice"
SENTENCE = "नमस्ते दुनिया, आज मौसम अच्छा है।"


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def measure() -> Row:
    with tempfile.TemporaryDirectory() as scratch:
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch)
        run(sys.executable, "tools/environment.py", f"{scratch}/env")
        python = Path(scratch, "env/bin/python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
        run(*pip, next(Path(scratch).glob("*.whl")))
        packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        parts, _ = sizes(packages)
        voice = sum(path.stat().st_size for path in (packages / "ssmphony/voices/default").rglob("*"))
        megabytes = {name: sum(parts[top] for top in tops) / MEGABYTE for name, tops in PARTS.items()}
        megabytes["ssmphony without its voice"] -= voice / MEGABYTE
        megabytes[VOICE] = voice / MEGABYTE
        result: dict[str, Any] = {
            "date": date.today().isoformat(),
            "python": sys.version.split()[0],
            "versions": {name: version(python, name) for name in ("onnxruntime", "numpy")},
            "parts": {name: round(size, 1) for name, size in sorted(megabytes.items(), key=lambda item: -item[1])},
            "files": round(parts.total() / MEGABYTE, 1),
        }
        run(python, "-m", "compileall", "-q", packages)
        result["with_bytecode"] = round(result["files"] + sizes(packages)[1] / MEGABYTE, 1)
        run(*pip, "--no-deps", "--upgrade", "onnxruntime")
        parts, _ = sizes(packages)
        run(python.with_name("ssmphony"), "say", SENTENCE, "-o", f"{scratch}/newest.wav")
        result["newest"] = {"version": version(python, "onnxruntime"), "files": round(parts.total() / MEGABYTE, 1)}
        return result


def version(python: Path, package: str) -> str:
    return run(python, "-c", f"from importlib.metadata import version; print(version('{package}'))").strip()


def sentence(result: Row) -> str:
    """For the README."""
    return (
        f"It brings NumPy, ONNX Runtime, libsndfile and a command line: {result['files']:.0f} MB with the voice, "
        f"{result['with_bytecode']:.0f} MB with all the bytecode that\npip compiles unless you say `--no-compile` "
        "([what is counted](docs/start.md#what-is-installed))."
    )


def breakdown(result: Row) -> str:
    """For the page that explains the promise."""
    rest = result["files"] - sum(result["parts"].values())
    rows = [[name, f"{size:.1f}"] for name, size in result["parts"].items()]
    rows += [["all else", f"{rest:.1f}"], ["**together**", f"**{result['files']:.1f}**"]]
    rows += [["with the bytecode of every module, as `pip install` leaves it", f"{result['with_bytecode']:.1f}"]]
    newest = result["newest"]
    rows += [[f"without bytecode, with ONNX Runtime {newest['version']}", f"{newest['files']:.1f}"]]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return (
        table(["what", "MB"], rows)
        + f"\n\nMeasured on {result['date']}: Linux, Python {result['python']}, {versions}. A megabyte is 10^6 bytes."
    )


def main() -> None:
    from benchmarks.update_docs import update

    parser = argparse.ArgumentParser(description="How large the installed runtime is.")
    parser.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = parser.parse_args()
    result = measure()
    print(sentence(result), breakdown(result), sep="\n\n")
    if arguments.write:
        write_json(result, RESULTS / "install.json")
        update()


if __name__ == "__main__":
    main()
