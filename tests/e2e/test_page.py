"""The page in a real browser, with a real server and the shipped voice: it plays, highlights words, can be used."""

from __future__ import annotations

import asyncio
import io
import os
import re
import socket
import subprocess
import sys
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
uvicorn = pytest.importorskip("uvicorn", reason="no server here: pip install '.[serve]'")

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
        const samples = Int16Array.from({ length: 30000 }, (_, i) => 32767 * Math.sin(i * 0.7));
        for (let at = 0, n = 1; at < samples.length; at += n, n = (n * 7 + 13) % 1999 + 1) {
            player.push(samples.slice(at, at + n));
        }
        const sound = (await context.startRendering()).getChannelData(0);
        player.pause();
        const start = sound.findIndex((value) => value !== 0) - 1;
        const difference = Float32Array.from(samples, (value, i) => Math.abs(value / 32768 - sound[start + i]));
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
    page.get_by_role("button", name="Play").click()  # what has arrived is still there
    wait(page, "heard.level > 0.02")
    status(page, "Finished")
    assert page.get_by_role("button", name="Download wav").is_enabled()


def position(page: Any) -> float:
    return page.evaluate("document.getElementById('seek').valueAsNumber")


def test_pausing_and_going_elsewhere(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    ready(page)
    assert page.get_by_role("button", name="Play").is_disabled()
    assert page.get_by_label("Position").is_disabled()
    page.get_by_role("button", name="A story").click()
    wait(page, "heard.loudest > 0.05")
    page.get_by_role("button", name="Pause").click()
    status(page, "Paused")
    page.wait_for_timeout(300)
    assert page.evaluate("heard.level") < 1e-3
    wait(page, "!document.getElementById('wav').disabled")
    rested, lit = position(page), page.inner_text("mark")
    assert lit
    page.wait_for_timeout(300)
    assert position(page) == rested
    assert page.inner_text("mark") == lit

    slider, last = page.get_by_label("Position"), "था"
    end = float(slider.get_attribute("max"))
    assert end > 4
    slider.focus()
    page.keyboard.press("End")
    assert position(page) == pytest.approx(end, abs=0.05)
    assert slider.get_attribute("aria-valuetext") == f"{int(end)} of {int(end)} seconds"
    assert page.inner_text("mark").strip("।") == last
    slider.fill(str(end - 0.9))
    assert page.evaluate("heard.level") < 1e-3, "still paused"
    page.get_by_role("button", name="Play").click()
    status(page, "Speaking")
    wait(page, "heard.level > 0.02")
    assert position(page) > end - 1
    status(page, "Finished")

    page.get_by_role("button", name="Play").click()  # once more, from the beginning
    wait(page, "document.getElementById('seek').valueAsNumber > 0.1")
    assert position(page) < 2
    box = page.locator("#scope").bounding_box()
    page.mouse.click(box["x"] + 34 + (box["width"] - 34) * 0.7, box["y"] + 40)
    page.get_by_role("button", name="Pause").click()
    assert position(page) == pytest.approx(0.7 * end, abs=0.8)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_show_the_lit_word(visit: Callable[..., Any], site: Site, scheme: str) -> None:
    image = pytest.importorskip("PIL.Image", reason="reads the screenshot: pip install pillow")
    page = visit(site.url, forced_colors="active", color_scheme=scheme)
    ready(page)
    page.get_by_label("Text to speak").fill("एक दो तीन चार पाँच छह सात आठ नौ दस।")
    page.keyboard.press("Control+Enter")
    wait(page, "document.querySelector('.spoken').textContent.length > 8")
    page.get_by_role("button", name="Pause").click()
    status(page, "Paused")
    page.wait_for_timeout(200)
    colours = page.evaluate("""["Canvas", "Highlight", "HighlightText"].map((colour) => {
        const probe = document.createElement("span");
        probe.style.cssText = `forced-color-adjust: none; color: ${colour}`;
        document.body.append(probe);
        return getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number);
    })""")
    canvas = np.array(colours[0])
    highlight, ink = (
        canvas + opacity * (np.array(rgb) - canvas) for *rgb, opacity in ((*c, 1.0)[:4] for c in colours[1:])
    )

    def share(selector: str, colour: Any) -> float:
        picture = image.open(io.BytesIO(page.locator(selector).screenshot()))
        return float((np.abs(np.asarray(picture.convert("RGB"), int) - colour).max(axis=-1) < 12).mean())

    assert share("mark", highlight) > 0.5, "the word lies on the colour of a selection"
    assert share("mark", ink) > 0.02, "and is written in the colour of selected text"
    assert share(".spoken", canvas) > 0.5, "what was spoken is not marked"
    assert 0 < share(".spoken", highlight) < 0.2, "but underlined"
    assert share("#speak", canvas) < 0.98


def test_what_arrived_before_the_server_died_is_heard_and_saved(
    visit: Callable[..., Any], voice: ssmphony.Voice, tmp_path: Path
) -> None:
    text = "यह एक लंबी कहानी है जिसे हम सुनेंगे। " * 60  # more than the server makes until it is killed
    log = tmp_path / "log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "ssmphony.cli", "serve", "--port", "0", "--threads", "1"]
        here = {**os.environ, "PYTHONPATH": str(Path(ssmphony.__file__).parents[1])}
        server = subprocess.Popen(command, stderr=file, env=here)
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r'"url": "(.+?)"', log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        page = visit(found.group(1) + "/")
        page.expected = ("net::ERR_",)
        ready(page)
        page.get_by_label("Text to speak").fill(text)
        page.keyboard.press("Control+Enter")
        wait(page, "heard.loudest > 0.05 && document.getElementById('seek').max > 3")
    finally:
        server.kill()
        server.wait(20)
    wait(page, "/connection ended/.test(document.getElementById('error').textContent)")
    arrived = float(page.get_by_label("Position").get_attribute("max"))
    assert arrived > 3
    assert page.inner_text("#status") == "Speaking"
    assert f"{arrived:.1f} s of speech arrived" in page.inner_text("#figures")
    assert page.get_by_role("button", name="Download mp3").is_disabled(), "the server would have to make it"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download wav").click()
    samples, rate = soundfile.read(download.value.path(), dtype="float32")
    assert len(samples) / rate == pytest.approx(arrived, abs=0.01)
    assert np.abs(samples).max() > 0.05
    before = position(page)
    wait(page, f"heard.level > 0.02 && document.getElementById('seek').valueAsNumber > {min(before + 0.3, arrived)}")
    page.get_by_label("Position").fill(str(arrived - 0.3))
    status(page, "Broken off")
    assert page.get_by_role("alert").inner_text().startswith("The connection ended"), "the reason stays"
    page.get_by_role("button", name="Play").click()
    wait(page, "heard.level > 0.02")


def test_the_page_in_hindi(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    ready(page)
    page.get_by_role("button", name="हिन्दी").click()
    assert page.get_attribute("html", "lang") == "hi"
    assert page.title() == "ssmphony: हिन्दी वाणी"
    assert page.get_by_role("button", name="हिन्दी").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="English").get_attribute("lang") == "en"
    assert page.locator("#voice option").inner_text() == "default (हिन्दी)"
    english = page.evaluate(r"""[...document.querySelectorAll("body *")]
        .filter((e) => e.closest("[lang]").lang === "hi")
        .filter((e) => !["CODE", "KBD", "H1", "OPTION", "NOSCRIPT"].includes(e.tagName))
        .flatMap((e) => [...e.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data))
        .concat([...document.querySelectorAll("[aria-label]")].map((e) => e.ariaLabel))
        .filter((text) => /[A-Za-z]{4,}/.test(text.replace(/OpenAI|ssmphony/g, "")))""")
    assert english == [], "what is said in another language says so"
    page.get_by_role("button", name="बोलिए").click()
    assert page.get_by_role("alert").inner_text() == "पहले कुछ लिखिए।"
    page.get_by_label("बोलने के लिए हिन्दी पाठ").fill("ठीक है।")
    page.keyboard.press("Control+Enter")
    status(page, "पूरा हुआ")
    assert "सेकंड की वाणी" in page.inner_text("#figures")

    page.reload()
    ready(page)
    assert page.get_attribute("html", "lang") == "hi", "it is remembered"
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("button", name="Speak", exact=True).is_visible()
    page.reload()
    assert page.get_attribute("html", "lang") == "en"
    hindi = visit(site.url, locale="hi-IN")
    assert hindi.get_attribute("html", "lang") == "hi", "the browser's language at first"


def test_errors_of_the_server_are_in_the_language_they_are_written_in(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url + "#text=a&voice=default&speaker=omega", locale="hi")
    ready(page)
    page.evaluate("document.querySelector('#speaker').append(new Option('x', 'nobody', true, true))")
    page.keyboard.press("Control+Enter")
    wait(page, "/speaker 'nobody'/.test(document.getElementById('error').textContent)")
    assert page.get_attribute("#error", "lang") == "en"
    page.get_by_label("वक्ता").select_option("omega")
    page.get_by_label("बोलने के लिए हिन्दी पाठ").fill("क" * (LONGEST + 1))
    page.keyboard.press("Control+Enter")
    wait(page, "/^पाठ बहुत लंबा है/.test(document.getElementById('error').textContent)")
    assert page.get_attribute("#error", "lang") is None


def test_characters_are_counted_as_the_server_counts_them(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url)
    ready(page)
    field = page.get_by_label("Text to speak")
    assert page.inner_text("#count") == f"0 of {LONGEST} characters"
    field.fill("हँ😀 मैं")
    assert page.inner_text("#count") == f"{len('हँ😀 मैं')} of {LONGEST} characters"
    assert page.inner_text("#count-over") == ""
    field.fill("😀" * LONGEST)
    assert field.get_attribute("aria-invalid") == "false"
    field.fill("😀" * (LONGEST + 1))
    assert page.inner_text("#count") == f"{LONGEST + 1} of {LONGEST} characters"
    assert page.inner_text("#count-over") == f"Too long: this server speaks {LONGEST} characters at a time."
    assert field.get_attribute("aria-invalid") == "true"
    assert "count" in field.get_attribute("aria-describedby").split()


def test_speakers_have_names_for_people(visit: Callable[..., Any], site: Site, voice: ssmphony.Voice) -> None:
    page = visit(site.url)
    ready(page)
    assert page.locator("#speaker option").all_inner_texts() == list(voice.card.speaker_labels.values())
    page.get_by_label("Speaker").select_option("Omega (man)")
    page.get_by_label("Text to speak").fill("नमस्ते।")
    page.keyboard.press("Control+Enter")
    status(page, "Finished")
    assert "speaker=omega" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="Download wav").click()
    seconds = soundfile.info(download.value.path()).duration
    assert seconds == pytest.approx(voice.say("नमस्ते।", speaker="omega").seconds, abs=0.05)


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
