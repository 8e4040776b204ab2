"""A hook of MkDocs: puts the page that `tools/web.py` has built into the site, under ``demo/``.

``<!-- demo -->`` becomes that page in a frame, or, where it has not been built, a line that says how to.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

BUILT = Path(__file__).resolve().parents[1] / "build/web"
MARK = "<!-- demo -->"
_STYLE = "width: 100%; height: 22rem; border: 1px solid var(--md-default-fg-color--lightest); border-radius: 8px"
_FRAME = f"""<iframe src="../demo/index.html" title="Hindi speech in this page" allow="autoplay" loading="lazy"
  style="{_STYLE}"></iframe>"""
_ABSENT = "!!! note\n    This build of the documentation has no demo. `make web` builds both.\n"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page before it is rendered."""
    return markdown.replace(MARK, _FRAME if (BUILT / "index.html").exists() else _ABSENT)


def on_post_build(config: Any, **_: Any) -> None:
    """Called by MkDocs when the site has been written."""
    if (BUILT / "index.html").exists():
        shutil.copytree(BUILT, Path(config["site_dir"]) / "demo", dirs_exist_ok=True)
