"""What ``make benchmark`` does: measure the default voice's speed and frontend, and fill the pages.

    python -m benchmarks.run [arguments of benchmarks.speed]

The voice report and the robustness count need data; `docs/benchmarks.md` shows their commands.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.voices import voices_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, arguments = parser.parse_known_args()
    for command in (
        ["benchmarks.speed", "--write", *arguments],
        ["benchmarks.text.frontend", *_voice(arguments)],
        ["benchmarks.update_docs"],
    ):
        subprocess.run([sys.executable, "-m", *command], check=True)


def _voice(arguments: list[str]) -> list[str]:
    """The paragraph is spoken by the first of the voices; the default one, if none is named."""
    if "--voice" in arguments:
        return ["--voice", voices_of(arguments[arguments.index("--voice") + 1])[0]]
    return ["--voice", "default"]


if __name__ == "__main__":
    main()
