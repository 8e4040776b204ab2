"""A woven page shows the whole module and only that; a shown definition is the one in the sources."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest

from ssmphony.ssm import convolution, s4d
from tools import mathematics
from tools.weave import MARK, ROOT, SOURCE, on_page_markdown, shown, woven

PAGES = sorted(page for page in ROOT.glob("docs/**/*.md") if MARK.search(page.read_text(encoding="utf-8")))
WOVEN = [(page, mark["path"]) for page in PAGES for mark in MARK.finditer(page.read_text(encoding="utf-8"))]
DERIVATIONS = sorted(ROOT.glob("docs/derivations/*.md"))


def test_prose_and_code_take_turns() -> None:
    source = '"""# Title\n\nLead.\n"""\n\nimport math\n\n# ## Idea\n#\n#     y = 1\n\n\n'
    source += "def f():\n    # inner\n    return 1\n"
    prose = "# Title\n\nLead.\n\n```python\nimport math\n```\n\n## Idea\n\n    y = 1\n\n"
    assert woven(source) == prose + "```python\ndef f():\n    # inner\n    return 1\n```\n"


def test_there_are_chapters() -> None:
    chapters = {page.stem for page in PAGES if page.parent.name == "annotated-s4"}
    assert chapters == {"ssm", "hippo", "kernel", "carry", "network", "later"}


@pytest.mark.parametrize(("page", "path"), WOVEN, ids=lambda value: getattr(value, "stem", value))
def test_no_line_of_the_module_is_lost(page: Path, path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    shown = on_page_markdown(page.read_text(encoding="utf-8"))
    assert shown.startswith("# ")
    assert woven(source).strip() in shown
    code = "\n".join(re.findall(r"^```python\n(.*?)\n```$", woven(source), re.DOTALL | re.MULTILINE))
    expected = [line for line in source.split('"""\n', 1)[1].splitlines() if line and not line.startswith("#")]
    assert [line for line in code.splitlines() if line] == expected
    for line in source.splitlines():
        if line.startswith("# "):
            assert line[2:] in shown
    for picture in re.findall(r"\]\((\w+\.png)\)", shown):
        assert (page.parent / picture).exists()


@pytest.mark.parametrize(("page", "path"), WOVEN, ids=lambda value: getattr(value, "stem", value))
def test_formulas_become_mathematics(page: Path, path: str) -> None:
    """All of a page: none is left as LaTeX, and none names a command that the converter does not know."""
    shown = on_page_markdown(page.read_text(encoding="utf-8"))
    drawn = mathematics.on_page_markdown(shown)
    assert drawn.count("<math ") == shown.count("```math\n")
    assert "```math" not in drawn
    assert not re.search(r"\\[a-z]", "".join(re.findall(r"<math .*?</math>", drawn)))


def test_a_definition_is_shown_as_it_is() -> None:
    text = on_page_markdown("before\n\n<!-- source: ssmphony.ssm.s4d.S4DKernel.kernel -->\n\nbehind\n")
    code = textwrap.dedent(inspect.getsource(s4d.S4DKernel.kernel))
    assert text == f'before\n\n```python title="src/ssmphony/ssm/s4d.py"\n{code}```\n\nbehind\n'
    assert inspect.getsource(convolution.toeplitz) in shown("ssmphony.ssm.convolution.toeplitz")


def test_decorators_and_packages() -> None:
    assert "\n@property\ndef device(" in shown("ssmphony.ssm.kernel.StateSpaceKernel.device")
    assert "\ndef selective_scan(" in shown("ssmphony.ssm.scan.selective_scan")


@pytest.mark.parametrize(
    "name",
    ["ssmphony.ssm.s4d.missing", "ssmphony.ssm.s4d.S4DKernel.missing", "missing.module", "ssmphony.ssm.s4d", "a b"],
)
def test_a_missing_name_ends_the_build(name: str) -> None:
    with pytest.raises(LookupError, match=f"shows {name}, but"):
        on_page_markdown(f"<!-- source: {name} -->\n")


@pytest.mark.parametrize("page", DERIVATIONS, ids=lambda page: page.stem)
def test_every_definition_of_a_derivation_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("<!--") == len(SOURCE.findall(text)), "a mark that MkDocs would leave as a comment"
    for code in re.findall(r"^```python title.*?\n(.*?)\n```$", on_page_markdown(text), re.DOTALL | re.MULTILINE):
        assert ast.parse(code).body


def test_every_derivation_shows_code_and_names_its_tests() -> None:
    assert {page.stem for page in DERIVATIONS} == {"index", "s4", "s4d", "s6", "ssd", "state-forwarding"}
    for page in DERIVATIONS:
        text = page.read_text(encoding="utf-8")
        assert page.stem == "index" or (SOURCE.search(text) and ".py::test_" in text.split("## Checks")[1])
