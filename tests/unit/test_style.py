"""One style value, from the caller to the model: speakers, references, and how few files know its fields."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import ssmphony
from ssmphony.audio.files import AudioWriter
from ssmphony.cli import app
from ssmphony.cli.reference import read_reference
from ssmphony.engine import Engine
from ssmphony.reference import save_reference
from ssmphony.types import Audio, Reference, SsmphonyError, Style
from ssmphony.voice import Voice
from tests import ar_voice, reference_voice
from tests.reference_voice import CLIP, REFERENCE

TEXT = "नमस्ते दुनिया, कैसे हो! आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। क्या तुम तैयार हो?"


@pytest.fixture(scope="module")
def voice() -> Voice:
    return reference_voice.make_voice()


def test_a_reference_changes_the_sound(voice: Voice) -> None:
    like = voice.say(TEXT, reference=REFERENCE).samples
    assert not np.array_equal(like, voice.say(TEXT).samples)
    chunks = [chunk.samples for chunk in voice.speak(TEXT, Style(reference=REFERENCE))]
    np.testing.assert_array_equal(np.concatenate(chunks), like)


def test_a_voice_without_the_capability_refuses_it(tiny_voice_folder: Path) -> None:
    for plain in (ar_voice.make_voice(), ssmphony.load(tiny_voice_folder, threads=1)):
        with pytest.raises(SsmphonyError, match=f"the voice '{plain.card.name}' takes no reference: leave it out"):
            plain.say(TEXT, reference=REFERENCE)
        with pytest.raises(SsmphonyError, match="leave --reference out"):
            read_reference(Path("clip.wav"), plain)


def test_a_reference_of_another_model_is_refused(voice: Voice) -> None:
    with pytest.raises(SsmphonyError, match="this reference holds frames, the voice reads samples"):
        voice.say(TEXT, reference=Reference({"frames": CLIP[:, None]}))


def test_a_mix_is_refused_by_a_voice_that_cannot(tiny_voice_folder: Path) -> None:
    tiny = ssmphony.load(tiny_voice_folder, threads=1)
    for spoken in (TEXT, f'<speak><voice name="asha:0.5,ravi:0.5">{TEXT}</voice></speak>'):
        with pytest.raises(SsmphonyError, match=r"cannot mix speakers \('asha:0.5,ravi:0.5'\): choose one of asha, "):
            tiny.say(spoken, speaker="asha:0.5,ravi:0.5" if spoken is TEXT else None)
    np.testing.assert_array_equal(tiny.say("हाँ।", speaker="ravi:1").samples, tiny.say("हाँ।", speaker="ravi").samples)


@pytest.mark.parametrize("chunks", [0, 3])
def test_a_stored_stream_keeps_its_reference(voice: Voice, chunks: int) -> None:
    style = Style(speed=0.8, reference=REFERENCE)
    with Engine(voice, workers=1, buffer_s=0.2) as engine:
        stream = engine.stream(TEXT, style=style)
        parts = [next(stream) for _ in range(chunks)]
        state = stream.snapshot()
        parts += stream
    with Engine(voice, workers=1) as engine:
        spoken = Audio.join([*parts, *engine.resume(state)], voice.sample_rate)
        np.testing.assert_array_equal(spoken.samples, voice.say(TEXT, speed=0.8, reference=REFERENCE).samples)
        with pytest.raises(SsmphonyError, match="not a stored stream, or it is damaged"):
            engine.resume(without_reference(state))


def without_reference(state: bytes) -> bytes:
    """The same, with the name of the reference's array spoilt."""
    length = int.from_bytes(state[:8], "little")
    header = json.loads(state[8 : 8 + length])
    header["reference.noise__"] = header.pop("reference.samples")
    spoilt = json.dumps(header).encode()
    return len(spoilt).to_bytes(8, "little") + spoilt + state[8 + length :]


def test_the_command_reads_recordings_and_saved_references(voice: Voice, tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "clip.wav", voice.sample_rate) as writer:
        writer.write(CLIP)
    recorded = read_reference(tmp_path / "clip.wav", voice)
    np.testing.assert_allclose(recorded.arrays["samples"][:, 0], CLIP, atol=1e-4)
    save_reference(REFERENCE, tmp_path / "clip.safetensors")
    assert read_reference(tmp_path / "clip.safetensors", voice) == REFERENCE


def test_the_command_refuses_it_for_the_tiny_voice(
    tiny_voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["say", "--voice", str(tiny_voice_folder), "--reference", "x.wav", "-o", str(tmp_path / "a.wav"), "हाँ"]
    assert app(command, standalone_mode=False) == 1
    assert capsys.readouterr().err == "ssmphony: the voice 'tiny' takes no reference: leave --reference out\n"
    assert not list(tmp_path.iterdir())


def test_a_style_is_built_at_the_edges_and_passed_on_as_it_is() -> None:
    """A new field is a field of `Style`, a keyword of `Voice.say`, and an array in ``model_inputs``; then edges."""
    source = Path(ssmphony.__file__).parent
    built = re.compile(r"\bStyle\((?!\))|\bstyle\.(speed|pitch_semitones|seed|speaker|reference)\b")
    found = {path.relative_to(source).as_posix() for path in source.rglob("[!_]*.py") if built.search(path.read_text())}
    edges = {"batch/jobs.py", "batch/speak.py", "cli/batch.py", "cli/say.py", "server/style.py", "server/wyoming.py"}
    edges |= {"speechd/settings.py", "books/cast.py", "books/speak.py", "cli/book.py", "cli/generate.py"}
    others = {"evaluation", "training", "models", "export"}
    assert {path for path in found - edges if path.partition("/")[0] not in others} == {
        "voice.py",
        "model_inputs.py",
        "engine/snapshot.py",
    }


@pytest.mark.parametrize("speed", [0.25, 6.0])
def test_the_slowest_and_the_fastest_speed(speed: float) -> None:
    assert Style(speed=speed).speed == speed
    with pytest.raises(SsmphonyError, match=r"choose 0\.25 to 6\.0"):
        Style(speed=speed + math.copysign(0.01, speed - 1))


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
def test_the_smallest_and_the_largest_seed(tiny_voice_folder: Path, seed: int) -> None:
    assert len(ssmphony.load(tiny_voice_folder, threads=1).say("हाँ", seed=seed).samples)
    with pytest.raises(SsmphonyError, match=r"seed -?\d+ is out of range"):
        Style(seed=seed + (1 if seed > 0 else -1))
