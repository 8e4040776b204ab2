"""The page in a real browser, with a real server and the voice that ships: it is heard, lights up, can be used."""

from __future__ import annotations

import asyncio
import io
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.types import Audio

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="no browser driver here: pip install '.[dev]'")
uvicorn = pytest.importorskip("uvicorn", reason="no server here: pip install '.[serve]'")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

TEXT = "नमस्ते 😀 दोस्तो, क्या हाल है? आज 12 किताबें ₹500 में मिलीं।"
KEY = "sesame"
LONGEST = 400

# What the page gives to the loudspeaker goes through an analyser, and the words that light up are written down.
LISTEN = """
window.heard = { loudest: 0, level: 0, clock: () => 0, lit: [], marks: [] };
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode && this.context instanceof AudioContext) {
    const tap = this.context.createAnalyser();
    connect.call(this, tap);
    connect.call(tap, target);
    window.heard.clock = () => this.context.currentTime;
    const values = new Float32Array(tap.fftSize);
    setInterval(() => {
      tap.getFloatTimeDomainData(values);
      window.heard.level = Math.max(...values.map(Math.abs));
      window.heard.loudest = Math.max(window.heard.loudest, window.heard.level);
    }, 20);
    return target;
  }
  return connect.call(this, target, ...rest);
};
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    const word = document.querySelector("mark").textContent;
    const before = document.querySelector(".spoken").textContent.length;
    if (word) window.heard.lit.push([before, word, window.heard.clock()]);
  }).observe(document.getElementById("copy"), { childList: true, subtree: true, characterData: true });
});
"""


class Site:
    """The server in a thread of its own."""

    def __init__(self, engine: Any, **settings: Any) -> None:
        from ssmphony.server import ServeSettings, create_app

        app = create_app(engine, ServeSettings(max_characters=LONGEST, **settings))
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._listener])))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="module")
def voice() -> ssmphony.Voice:
    return ssmphony.load(threads=1)


@pytest.fixture(scope="module")
def engine(voice: ssmphony.Voice) -> Iterator[Any]:
    from ssmphony.engine import Engine

    with Engine({"default": voice}) as engine:
        yield engine


@pytest.fixture(scope="module")
def site(engine: Any) -> Iterator[Site]:
    with Site(engine) as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; at the end of the test it must have logged no error, but for those in ``page.expected``."""
    pages: list[Any] = []

    def open_page(url: str, **context: Any) -> Any:
        page = browser.new_context(**context).new_page()
        page.errors, page.expected = [], ()
        page.on("console", lambda message: message.type in ("error", "warning") and page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: page.errors.append(request.url) if not _own(request.url, url) else None)
        page.add_init_script(LISTEN)
        page.goto(url)
        pages.append(page)
        return page

    yield open_page
    unexpected = [e for page in pages for e in page.errors if not any(part in e for part in page.expected)]
    for page in pages:
        page.context.close()
    assert unexpected == []


def _own(request: str, url: str) -> bool:
    return request.startswith((url.partition("#")[0], "blob:"))


def wait(page: Any, expression: str, seconds: float = 30) -> Any:
    """Until ``expression`` is true. Not `wait_for_function`: the page's own policy forbids it to evaluate text."""
    end = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < end, f"still not {expression}; the page says {page.inner_text('main')!r}"
        page.wait_for_timeout(25)
    return value


def ready(page: Any) -> None:
    page.wait_for_selector("#voice option", state="attached")


def status(page: Any, text: str) -> None:
    wait(page, f"document.getElementById('status').textContent === {text!r}")


def test_sound_arrives_and_advances_and_words_light_in_order(
    visit: Callable[..., Any], site: Site, engine: Any, voice: ssmphony.Voice
) -> None:
    page = visit(site.url)
    ready(page)
    page.get_by_label("Text to speak").fill(TEXT)
    page.keyboard.press("Control+Enter")
    status(page, "Speaking")
    first = wait(page, "heard.loudest > 0.05 && heard.clock()")
    assert wait(page, f"heard.clock() > {first} + 0.3 && heard.clock()") < first + 3
    status(page, "Finished")

    stream = engine.open()
    stream.write(TEXT)
    stream.finish()
    spoken = Audio.join(stream, voice.sample_rate)
    words = [(len(TEXT[: word.start].encode("utf-16-le")) // 2, TEXT[word.start : word.end]) for word in spoken.words]
    lit = page.evaluate("heard.lit")
    seen = list(dict.fromkeys((before, word) for before, word, _ in lit))
    assert seen == [word for word in words if word in seen], "in order, and none but the words"
    assert len(seen) >= 0.7 * len(words)  # a busy machine draws few pictures: some short words may pass between two
    assert seen[-1] == words[-1]
    starts = {word: span.start_s for word, span in zip(words, spoken.words, strict=True)}
    delays = sorted(clock - starts[before, word] for before, word, clock in lit)
    assert delays[len(delays) // 2] - delays[0] < 0.4, "lit by the clock of the sound, late where pictures are late"
    assert page.inner_text("mark") == ""
    assert "first sound after" in page.inner_text("#figures")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download wav").click()
    samples, rate = soundfile.read(download.value.path(), dtype="float32")
    assert download.value.suggested_filename.endswith(".wav")
    assert rate == voice.sample_rate
    np.testing.assert_allclose(samples, spoken.samples, atol=2 / 32768)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download mp3").click()
    samples, rate = soundfile.read(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert rate == voice.sample_rate
    assert abs(len(samples) / rate - voice.say(TEXT).seconds) < 0.2


def test_pieces_join_without_a_seam(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    worst, silent = page.evaluate("""async () => {
        const { Player } = await import("./player.js");
        const context = new OfflineAudioContext(1, 48000, 24000);
        const player = new Player(context, 24000);
        const samples = Float32Array.from({ length: 30000 }, (_, i) => Math.sin(i * 0.7));
        for (let at = 0, n = 1; at < samples.length; at += n, n = (n * 7 + 13) % 1999 + 1) {
            player.push(samples.slice(at, at + n));
        }
        const sound = (await context.startRendering()).getChannelData(0);
        player.stop();
        const start = sound.findIndex((value) => value !== 0) - 1;
        const difference = samples.map((value, i) => Math.abs(value - sound[start + i]));
        return [difference.reduce((a, b) => Math.max(a, b)), sound.slice(start + 30000).every((value) => value === 0)];
    }""")
    assert worst == 0
    assert silent


@pytest.mark.parametrize("stop", ["Escape", "button"])
def test_stopping_is_silence(visit: Callable[..., Any], site: Site, stop: str) -> None:
    page = visit(site.url)
    ready(page)
    page.get_by_role("button", name="A story").click()
    wait(page, "heard.loudest > 0.05")
    if stop == "Escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Stop").click()
    status(page, "Stopped")
    page.wait_for_timeout(300)
    assert page.evaluate("heard.level") < 1e-3
    assert page.get_by_role("button", name="Speak", exact=True).is_visible()
    assert page.inner_text("mark") == ""


def test_errors_are_sentences(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    ready(page)
    alert = page.get_by_role("alert")
    page.get_by_role("button", name="Speak", exact=True).click()
    assert alert.inner_text() == "Write some text first."
    page.get_by_label("Text to speak").fill("क" * (LONGEST + 1))
    page.keyboard.press("Control+Enter")
    wait(page, "document.getElementById('error').textContent.startsWith('The text has 401 characters')")
    assert alert.inner_text().endswith(".")
    assert page.get_by_role("button", name="Speak", exact=True).is_visible()
    page.get_by_label("Text to speak").fill("।।। …")
    page.keyboard.press("Control+Enter")
    wait(page, "/nothing/.test(document.getElementById('error').textContent)")
    page.get_by_label("Text to speak").fill("ठीक है।")
    page.keyboard.press("Control+Enter")
    status(page, "Finished")
    assert alert.inner_text() == ""


def test_a_server_that_is_gone_is_said(visit: Callable[..., Any], engine: Any) -> None:
    with Site(engine) as gone:
        page = visit(gone.url)
        ready(page)
    page.expected = ("ERR_CONNECTION_REFUSED",)
    page.get_by_role("button", name="A question").click()
    wait(page, "document.getElementById('error').textContent.startsWith('The server does not answer. Is it running?')")


def test_a_link_reproduces_the_sentence_and_its_settings(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url, permissions=["clipboard-read", "clipboard-write"])
    ready(page)
    page.get_by_label("Text to speak").fill(TEXT + "\nदूसरी पंक्ति & 100%")
    page.get_by_label("Speed").fill("1.25")
    page.get_by_label("Pitch").fill("-2.5")
    page.get_by_role("button", name="Copy link").click()
    status(page, "Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(site.url + "#text=")

    other = visit(link)
    ready(other)
    assert other.get_by_label("Text to speak").input_value() == TEXT + "\nदूसरी पंक्ति & 100%"
    assert other.get_by_label("Speed").input_value() == "1.25"
    assert other.get_by_label("Pitch").input_value() == "-2.5"
    assert other.get_by_label("Voice", exact=True).input_value() == "default"
    assert other.evaluate("heard.loudest") == 0, "a page that opens is silent"

    lost = visit(site.url + "#text=a&voice=asha")
    wait(lost, "/“asha”/.test(document.getElementById('error').textContent)")


def test_the_keyboard_reaches_everything(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    ready(page)
    names = []
    for _ in range(12):
        names.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")
    assert names[:6] == ["text", "speak", "voice", "speaker", "speed", "pitch"] or names[:5] == [
        "text", "speak", "voice", "speed", "pitch",
    ]  # fmt: skip
    assert {"A story", "English mixed in", "link"} <= set(names)
    page.get_by_label("Speed").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("Speed").get_attribute("aria-valuetext") == "1.05 times"
    page.get_by_role("button", name="A date").focus()
    page.keyboard.press("Enter")
    wait(page, "heard.loudest > 0.05")
    assert page.evaluate("document.activeElement.textContent") == "A date", "focus stays where it was"
    page.keyboard.press("Escape")
    status(page, "Stopped")


def test_a_key_is_asked_for_once(visit: Callable[..., Any], engine: Any) -> None:
    with Site(engine, api_key=KEY) as locked:
        page = visit(locked.url)
        page.expected = ("401",)
        field = page.get_by_label("API key")
        field.wait_for()
        for wrong, sentence in (("guess", "does not accept this key"), ("a/b=", "cannot send this key")):
            field.fill(wrong)
            page.keyboard.press("Enter")
            wait(page, f"/{sentence}/.test(document.getElementById('error').textContent)")
        field.fill(KEY)
        page.keyboard.press("Enter")
        ready(page)
        assert field.is_hidden()
        page.get_by_label("Text to speak").fill("ठीक है।")
        page.keyboard.press("Control+Enter")
        status(page, "Finished")
        page.reload()
        ready(page)
        assert field.is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_page_with_little_motion(visit: Callable[..., Any], site: Site, scheme: str) -> None:
    page = visit(
        site.url, viewport={"width": 360, "height": 740}, color_scheme=scheme, reduced_motion="reduce", has_touch=True
    )
    page.expected = ("willReadFrequently",)  # what reads is this test
    ready(page)
    picture = """() => {
        const canvas = document.getElementById("scope");
        const pixels = new Uint32Array(
            canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        return new Set(pixels).size;
    }"""
    empty = page.evaluate(picture)
    page.get_by_role("button", name="A story").click()
    wait(page, "heard.loudest > 0.05")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(picture) > empty + 100, "the picture is drawn while it sounds"
    small = page.evaluate("""[...document.querySelectorAll("button, select, input[type=range]")]
        .filter((control) => control.offsetParent && control.getBoundingClientRect().height < 40)
        .map((control) => control.id)""")
    assert small == []
