"""Commands that install ssmphony work today: from a checkout or a git address, since it is on no package index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
OPTIONAL = PYPROJECT.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
EXTRAS = set(re.findall(r"^([a-z-]+) = \[", OPTIONAL, re.MULTILINE))
FROM_AN_INDEX = re.compile(
    r"""\b(?:pip3?|pipx|uv\ pip|uv\ tool)\ install[ ](?:[^\n`]*?[ ])?["']?ssmphony\b(?![/.\]-])(?!(?:\[[\w,-]+\])?\s@\s)
      | \b(?<![./-])ssmphony\[[\w,-]+\](?!\s@\s)
      | \b(?:uv\ add|poetry\ add|conda\ install|uvx)\s[^\n`]*?\bssmphony\b""",
    re.VERBOSE,
)
LOCAL = re.compile(r"""["']\.\[([\w,-]+)\]["']""")
PLACES = ["README.md", "CONTRIBUTING.md", "Makefile", "docs", "deploy", "src", "tools", "examples", "benchmarks"]


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True)
    kinds = {".md", ".py", ".js", ".html", ".yaml", ".yml", ".toml", ".service", ""}
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).suffix in kinds and path.is_file()]


def test_no_command_installs_from_an_index() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files()
        for match in FROM_AN_INDEX.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == [], 'ssmphony is on no index: write `pip install .` or `pip install ".[extra]"` in a checkout'


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ('pip install "ssmphony[serve]"', False),
        ("pip install 'ssmphony[eval-native]'", False),
        ("pip install ssmphony", False),
        ("/opt/ssmphony/bin/pip install --upgrade ssmphony", False),
        ('pip install "ray[serve]" ssmphony', False),
        ("uv add ssmphony", False),
        ("install ssmphony[dev]", False),
        ("pip install .", True),
        ('/opt/ssmphony/bin/pip install ".[serve]"', True),
        ("pip install -e '/srv/ssmphony[serve]'", True),
        ('pip install "ssmphony[serve] @ git+https://git.example.org/ssmphony.git"', True),
        ("pip install ssmphony-0.1.0-py3-none-any.whl", True),
        ("docker build -t ssmphony:0.1.0 .", True),
    ],
)
def test_the_check_tells_what_works(text: str, works: bool) -> None:
    assert (FROM_AN_INDEX.search(text) is None) == works


def test_extras_of_a_checkout_exist() -> None:
    assert {"serve", "train", "zeroconf"} <= EXTRAS
    for path in files():
        for extras in LOCAL.findall(path.read_text(encoding="utf-8")):
            assert set(extras.split(",")) <= EXTRAS, f"{path.relative_to(ROOT)}: .[{extras}]"
