"""A hook of MkDocs: a page that says ``<!-- woven: PATH.py -->`` shows that module as a chapter.

The module docstring and the comment blocks at the left margin become prose (they are Markdown already), the rest code.
So the chapter a student reads is the file that the tests run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^<!-- woven: (?P<path>[\w/]+\.py) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page before it is rendered."""
    return MARK.sub(lambda mark: woven((ROOT / mark["path"]).read_text(encoding="utf-8")), markdown)


def woven(source: str) -> str:
    """The Markdown of a literate module."""
    prose, _, rest = source.removeprefix('"""').partition('"""\n')
    parts, code = [prose.strip()], list[str]()
    for line in [*rest.splitlines(), "#"]:
        if not line.startswith("#"):
            code.append(line)
            continue
        if text := "\n".join(code).strip("\n"):
            parts.append(f"```python\n{text}\n```")
            parts.append("")
        elif code:
            parts.append("")
        code = []
        parts[-1] += "\n" * bool(parts[-1]) + line.removeprefix("#").removeprefix(" ")
    return "\n\n".join(part for part in parts if part.strip()) + "\n"
