"""A hook of MkDocs: puts the page that `tools/web.py` has built into the site, under ``demo/``.

``<!-- demo -->`` becomes that page in a frame, or, where it has not been built, a line that says how to; ``<!-- demo:
where built -->`` becomes the frame, or nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mkdocs.utils import get_relative_url

BUILT = Path(__file__).resolve().parents[1] / "build/web"
MARK, OPTIONAL = "<!-- demo -->", "<!-- demo: where built -->"
_STYLE = (
    "width: 100%; height: clamp(20rem, 34rem - 20vw, 26rem); border: 1px solid var(--md-default-fg-color--lightest); "
    "border-radius: 8px"
)
_FRAME = """<iframe src="{}" title="Hindi speech in this page" allow="autoplay" loading="lazy"
  style="{}"></iframe>"""
_ABSENT = "!!! note\n    This build of the documentation has no demo. `make web` builds both.\n"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for every page before it is rendered."""
    if not (BUILT / "index.html").exists():
        return markdown.replace(MARK, _ABSENT).replace(OPTIONAL, "")
    frame = _FRAME.format(get_relative_url("demo/index.html", page.url), _STYLE)
    return markdown.replace(MARK, frame).replace(OPTIONAL, frame)


def on_post_build(config: Any, **_: Any) -> None:
    """Called by MkDocs when the site has been written."""
    if (BUILT / "index.html").exists():
        shutil.copytree(BUILT, Path(config["site_dir"]) / "demo", dirs_exist_ok=True)
