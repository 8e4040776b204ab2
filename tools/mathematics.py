"""A hook of MkDocs: formulas in LaTeX between ```` ```math ```` and ```` ``` ```` become MathML, which browsers draw by
themselves: the pages fetch no script and no fonts."""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert

MARK = re.compile(r"^```math\n(?P<formula>.*?)\n```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page before it is rendered, after the chapters are woven."""
    return MARK.sub(lambda mark: drawn(mark["formula"]), markdown)


def drawn(formula: str) -> str:
    """A formula on lines of its own."""
    return f'<div class="formula" style="overflow-x: auto">{convert(" ".join(formula.split()), display="block")}</div>'
