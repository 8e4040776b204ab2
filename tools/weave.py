"""A hook of MkDocs: pages show code from the sources, so that they are never out of date.

``<!-- woven: PATH.py -->`` becomes that module as a chapter: its docstring and the comment blocks at the left margin
turn into prose (they are Markdown already), the rest into code. So the chapter a student reads is the file that the
tests run. ``<!-- source: ssmphony.module.Class.method -->`` becomes the source of that definition.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^<!-- woven: (?P<path>[\w/]+\.py) -->$", re.MULTILINE)
SOURCE = re.compile(r"^<!-- source: (?P<name>.+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page before it is rendered."""
    markdown = MARK.sub(lambda mark: woven((ROOT / mark["path"]).read_text(encoding="utf-8")), markdown)
    return SOURCE.sub(lambda mark: shown(mark["name"]), markdown)


def shown(name: str) -> str:
    """A class or function of ``src`` or ``reference`` by its dotted name, as code under the path of its file.

    Raises LookupError, which ends the build, where there is none.
    """
    file, inside = located(name)
    text = file.read_text(encoding="utf-8")
    node: ast.AST | None = ast.parse(text)
    for part in inside:
        node = next((child for child in ast.iter_child_nodes(node) if getattr(child, "name", "") == part), None)
        if node is None:
            raise LookupError(f"the documentation shows {name}, but {file.relative_to(ROOT)} does not define it")
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    code = textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
    return f'```python title="{file.relative_to(ROOT).as_posix()}"\n{code}\n```'


def located(name: str) -> tuple[Path, list[str]]:
    """The file of a dotted name, and what is left of the name inside it."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        for module in (ROOT.joinpath("src", *parts[:cut]), ROOT.joinpath(*parts[:cut])):
            for file in (module.with_suffix(".py"), module / "__init__.py"):
                if file.exists():
                    return file, parts[cut:]
    raise LookupError(f"the documentation shows {name}, but there is no such module")


def woven(source: str) -> str:
    """The Markdown of a literate module."""
    prose, _, rest = source.removeprefix("r").removeprefix('"""').partition('"""\n')
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
