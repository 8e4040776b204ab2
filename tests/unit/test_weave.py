"""A woven page shows the whole module, and only that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.weave import MARK, ROOT, on_page_markdown, woven

PAGES = sorted(page for page in ROOT.glob("docs/**/*.md") if MARK.search(page.read_text(encoding="utf-8")))


def test_prose_and_code_take_turns() -> None:
    source = '"""# Title\n\nLead.\n"""\n\nimport math\n\n# ## Idea\n#\n#     y = 1\n\n\n'
    source += "def f():\n    # inner\n    return 1\n"
    prose = "# Title\n\nLead.\n\n```python\nimport math\n```\n\n## Idea\n\n    y = 1\n\n"
    assert woven(source) == prose + "```python\ndef f():\n    # inner\n    return 1\n```\n"


def test_there_are_chapters() -> None:
    assert {page.stem for page in PAGES} == {"ssm", "hippo", "kernel", "carry", "network"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_line_of_the_module_is_lost(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    mark = MARK.search(text)
    assert mark
    source = (ROOT / mark["path"]).read_text(encoding="utf-8")
    shown = on_page_markdown(text)
    assert shown.startswith("# ")
    code = "\n".join(re.findall(r"^```python\n(.*?)\n```$", shown, re.DOTALL | re.MULTILINE))
    expected = [line for line in source.split('"""\n', 1)[1].splitlines() if line and not line.startswith("#")]
    assert [line for line in code.splitlines() if line] == expected
    for line in source.splitlines():
        if line.startswith("# "):
            assert line[2:] in shown
    for picture in re.findall(r"\]\((\w+\.png)\)", shown):
        assert (page.parent / picture).exists()
