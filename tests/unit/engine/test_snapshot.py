"""A stream that is stored goes on elsewhere with the very samples that would have followed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ssmphony
from ssmphony.engine import Engine
from ssmphony.types import Audio, SsmphonyError, Style
from ssmphony.voice import Voice
from tests import ar_voice

ROOT = Path(__file__).resolve().parents[3]
TEXT = "नमस्ते दुनिया, कैसे हो! आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। क्या तुम तैयार हो?\nहाँ।"


@pytest.fixture(scope="module")
def tiny(tiny_voice_folder) -> Voice:
    return ssmphony.load(tiny_voice_folder, threads=1)


def speak_until(engine: Engine, chunks: int, text: str = TEXT, style: Style | None = None) -> tuple[list, bytes]:
    """Some chunks of a stream, including those generated before it was stored, and the state after them."""
    stream = engine.stream(text, style=style or Style())
    heard = [next(stream) for _ in range(chunks)]
    state = stream.snapshot()
    return [*heard, *stream], state


@pytest.mark.parametrize("chunks", [0, 1, 3, 6])
@pytest.mark.parametrize("kind", ["tiny", "autoregressive"])
def test_what_is_resumed_is_what_would_have_followed(tiny, kind, chunks):
    voice = tiny if kind == "tiny" else ar_voice.make_voice()
    expected = voice.say(TEXT, speed=0.8, pitch=2.0)
    with Engine(voice, workers=2, buffer_s=0.2) as engine:
        others = [engine.stream(TEXT) for _ in range(3)]  # in the same slots
        heard, state = speak_until(engine, chunks, style=Style(speed=0.8, pitch_semitones=2.0))
        del others
    with Engine(voice, workers=1) as engine:
        spoken = Audio.join([*heard, *engine.resume(state)], voice.sample_rate)
    assert len(heard) >= chunks
    assert np.array_equal(spoken.samples, expected.samples)
    assert spoken.words == expected.words
    assert spoken.phonemes == expected.phonemes


def test_a_stream_may_be_stored_again_and_again(tiny):
    heard, count = [], 0
    with Engine(tiny, workers=1, buffer_s=0.1) as engine:
        stream = engine.stream(TEXT)
        while (chunk := next(stream, None)) is not None:
            heard.append(chunk)
            if stream.done:
                continue
            state = stream.snapshot()
            heard += stream
            stream = engine.resume(state)
            count += 1
    assert count > 5
    assert np.array_equal(Audio.join(heard, tiny.sample_rate).samples, tiny.say(TEXT).samples)


def test_it_goes_on_in_another_process(tiny, tiny_voice_folder, tmp_path):
    with Engine(tiny, workers=1, buffer_s=0.2) as engine:
        heard, state = speak_until(engine, 2)
    (tmp_path / "state").write_bytes(state)
    code = (
        "import sys, pathlib, numpy as np, ssmphony; from ssmphony.engine import Engine\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with Engine(ssmphony.load(pathlib.Path(sys.argv[2]), threads=1), workers=1) as engine:\n"
        "    chunks = engine.resume((folder / 'state').read_bytes())\n"
        "    np.save(folder / 'rest.npy', np.concatenate([chunk.samples for chunk in chunks]))\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(tiny_voice_folder)]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""})
    spoken = np.concatenate([*(chunk.samples for chunk in heard), np.load(tmp_path / "rest.npy")])
    assert np.array_equal(spoken, tiny.say(TEXT).samples)


def test_text_that_is_still_written_goes_on_being_written(tiny):
    with Engine(tiny, workers=1) as engine:
        stream = engine.open()
        stream.write("नमस्ते दोस्तो, आज")
        first = next(stream)
        state = stream.snapshot()
        heard = [first, *stream]
        resumed = engine.resume(state)
        resumed.write(" हम, शायद, चलेंगे।")
        resumed.finish()
        parted = Audio.join([*heard, *resumed], tiny.sample_rate)
        whole = engine.open()
        whole.write("नमस्ते दोस्तो, आज हम, शायद, चलेंगे।")
        whole.finish()
        expected = Audio.join(whole, tiny.sample_rate)
    assert np.array_equal(parted.samples, expected.samples)
    assert parted.words == expected.words


def test_a_state_is_refused_by_another_voice_and_when_it_is_damaged(tiny):
    with Engine(tiny, workers=1, buffer_s=0.2) as engine:
        _, state = speak_until(engine, 1)
        for damaged in (b"", b"x" * 100, state[:50], state[:-10], state[: len(state) // 2]):
            with pytest.raises(SsmphonyError, match="not a stored stream, or it is damaged"):
                engine.resume(damaged)
    with (
        Engine(replace(tiny, identity="another"), workers=1) as engine,
        pytest.raises(SsmphonyError, match="voice 'tiny', which differs from the loaded voice 'tiny': load"),
    ):
        engine.resume(state)


def test_nothing_is_left_to_store_of_a_stream_that_has_ended(tiny):
    with Engine(tiny, workers=1) as engine:
        stream = engine.stream("हाँ।")
        list(stream)
        with pytest.raises(SsmphonyError, match="has ended"):
            stream.snapshot()


def test_a_state_is_small(tiny):
    """It does not grow with what was spoken."""
    with Engine(tiny, workers=1, buffer_s=0.2) as engine:
        sizes = [len(speak_until(engine, count, TEXT * 3)[1]) for count in (1, 25)]
    assert sizes[1] < sizes[0] + 2000
