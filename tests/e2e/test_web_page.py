"""The page that speaks without a server, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssmphony
from tests.web_cases import without_rounding
from tools import web

pytestmark = pytest.mark.integration
PATIENCE_MS = 240_000
NOT_FOUND = "404 (File not found)"
"""What the browser logs of a file that is missing on purpose."""

TEXT = "वाह 😀 दोस्तो! आज market में ₹500 की चाय है।"

CONTROLLED = """new Promise((resolve) => {
  if (navigator.serviceWorker.controller) resolve();
  navigator.serviceWorker.addEventListener("controllerchange", () => resolve());
  navigator.serviceWorker.register("service-worker.js", { type: "module" });
})"""

# What the page sends to its player, and the words that light up.
LISTEN = """
window.played = []; window.cleared = 0; window.lit = [];
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (message, ...rest) {
  if (message?.kind === "samples") window.played.push(...message.samples);
  if (message?.kind === "clear") window.cleared++;
  return post.call(this, message, ...rest);
};
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    const word = document.querySelector("mark").textContent;
    if (word) window.lit.push(word);
  }).observe(document.getElementById("copy"), { childList: true, subtree: true, characterData: true });
});
"""


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return without_rounding(web.VOICE, tmp_path_factory.mktemp("voice") / "default")


@pytest.fixture(scope="module")
def built(node_modules: None, voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page")
    web.build(voice, out)
    return out


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.add_init_script(LISTEN)
    yield page
    page.close()
    assert [fault for fault in faults if NOT_FOUND not in fault] == []


def press(page: Any) -> str:
    """Speak to the end; the status or the error that the page then shows."""
    page.evaluate("[window.played, window.lit] = [[], []]")
    page.click("#speak")
    page.wait_for_function("!document.querySelector('.speaking')")
    return page.inner_text("#error") or page.inner_text("#status")


def test_speaks_as_the_runtime_does_and_then_needs_no_network(page: Any, built: Path, voice: Path) -> None:
    with ExitStack() as online:
        page.goto(online.enter_context(web.served(built)))
        page.evaluate(CONTROLLED)  # the page waits only for a while: what is loaded until then is not kept
        page.fill("#text", TEXT)
        page.select_option("#speaker", "omega")
        assert press(page).startswith("First sound after")
    found = np.array(page.evaluate("played"), np.float32)
    expected = ssmphony.load(voice, threads=1).say(TEXT, speaker="omega").samples
    assert found.shape == expected.shape
    assert (np.abs(found - expected) > 1e-3).mean() < 0.005
    words = iter(["वाह", "दोस्तो", "आज", "market", "में", "₹500", "की", "चाय", "है"])
    lit = dict.fromkeys(page.evaluate("lit"))  # in order; a busy machine may draw no frame during a short word
    assert lit
    assert all(word in words for word in lit)

    page.reload()  # the server is gone
    page.fill("#text", TEXT)
    page.evaluate("document.getElementById('speed').valueAsNumber = 2")
    assert press(page).startswith("First sound after")
    assert 0.4 < len(page.evaluate("played")) / len(expected) < 0.7


def test_stops_and_survives_mistakes(page: Any, built: Path) -> None:
    with web.served(built) as address:
        page.goto(address)
        page.fill("#text", "<speak>नमस्ते")
        assert press(page).startswith("SSML")
        page.fill("#text", "… 😀")
        assert press(page) == "There is nothing to speak in this text."

        page.fill("#text", TEXT * 40)  # two minutes
        page.evaluate("window.played = []")
        page.click("#speak")
        page.wait_for_function("played.length > 0")
        page.evaluate("window.cleared = 0")
        page.keyboard.press("Escape")
        page.wait_for_function("cleared > 0 && !document.querySelector('.speaking')")
        assert len(page.evaluate("played")) < 24_000 * 100
        page.fill("#text", "नमस्ते")
        assert press(page).startswith("First sound after")
        assert len(page.evaluate("played")) < 24_000 * 3


def test_a_file_that_is_missing_is_one_line(page: Any, built: Path, tmp_path: Path) -> None:
    broken = tmp_path / "page"
    shutil.copytree(built, broken)
    (broken / "voice/decoder.onnx").unlink()
    with web.served(broken) as address:
        page.goto(address)
        page.click("#speak")
        page.wait_for_function("document.getElementById('error').textContent")
        assert "decoder.onnx" in page.inner_text("#error")
        assert "404" in page.inner_text("#error")
        assert page.inner_text("#label") == "Speak"
