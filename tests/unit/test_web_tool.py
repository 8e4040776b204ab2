"""What `tools/web.py` builds the page around. Building it needs Node.js: see `tests/e2e/test_web_page.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import web


def test_a_voice_is_named_or_a_folder() -> None:
    assert web.voice_folder("small") == web.ROOT / "voices/small"
    assert web.voice_folder("default") == web.VOICE
    assert web.voice_folder(str(web.VOICE)) == web.VOICE
    with pytest.raises(SystemExit, match="none is no voice"):
        web.voice_folder("none")


def test_a_voice_of_another_kind_is_refused_before_anything_is_removed(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    with pytest.raises(SystemExit, match="parallel family"):
        web.build(web.ROOT / "voices/lewm", tmp_path / "page")
    assert (tmp_path / "page").exists()
