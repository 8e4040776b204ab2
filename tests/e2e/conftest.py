"""What several of these tests need, and skip without: a Chromium, and the packages of Node.js."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tools import web


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Playwright's, around the Chromium of this machine."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no browser driver here: pip install '.[dev]'")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def node_modules() -> None:
    """The packages that ``web/package-lock.json`` pins are installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node.js with npm on this machine")
    try:
        web.install()
    except subprocess.CalledProcessError:
        pytest.skip("npm cannot install the packages that web/package-lock.json pins")
