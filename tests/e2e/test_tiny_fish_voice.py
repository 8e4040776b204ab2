"""A voice of audio codes, trained for three steps and exported: it speaks, streams, resumes and shares an engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ssmphony
from ssmphony.audio.files import read_audio
from ssmphony.cli import app
from ssmphony.engine import Engine
from ssmphony.reference import reference_from
from ssmphony.training.run import train
from ssmphony.types import Style
from ssmphony.voice import Voice
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import settings

pytestmark = pytest.mark.integration
TEXT = "नमस्ते दुनिया।"
TEXTS = ("नमस्ते।", "हाँ।", "क्या?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("fish")
    corpus = write_corpus(home / "tiny", every_token=True)
    # repeated codes are not drawn again, so that one of the likeliest is the likeliest
    sampler = "voice.model.sampler={temperature: 0.8, top_p: 0.9}"
    file, overrides = settings("fish", corpus, home / "run", "run.validate_every=100", sampler)
    train(file, (*overrides, "task.optimiser.max_steps=3"))
    app(["export", str(home / "run"), str(home / "voice")], standalone_mode=False)
    return home / "voice"


@pytest.fixture(scope="module")
def voice(folder: Path) -> Voice:
    return ssmphony.load(folder, threads=1)


def test_its_chunks_are_the_whole(voice: Voice) -> None:
    whole = voice.say(TEXT, seed=3)
    chunks = [chunk.samples for chunk in voice.stream(TEXT, seed=3)]
    assert len(chunks) > 1
    np.testing.assert_allclose(np.concatenate(chunks), whole.samples, atol=1e-6)
    assert [word.text for word in whole.words] == ["नमस्ते", "दुनिया"]
    assert voice.say(TEXT, temperature=0.0).seconds > 0


def test_streams_share_an_engine(voice: Voice) -> None:
    with Engine(voice, workers=1, frames=16) as engine:
        streams = [engine.stream(text, style=Style(seed=seed)) for seed, text in enumerate(TEXTS)]
        made = [np.concatenate([chunk.samples for chunk in stream]) for stream in streams]
    for seed, (text, samples) in enumerate(zip(TEXTS, made, strict=True)):
        np.testing.assert_allclose(samples, voice.say(text, seed=seed).samples, atol=1e-6)


def test_a_resumed_stream_is_the_unbroken_one(voice: Voice) -> None:
    with Engine(voice, workers=1, buffer_s=0.2) as engine:
        stream = engine.stream(TEXT)
        parts = [next(stream).samples]
        saved = stream.snapshot()
        parts += [chunk.samples for chunk in stream]  # made before the snapshot
        parts += [chunk.samples for chunk in engine.resume(saved)]
    np.testing.assert_array_equal(np.concatenate(parts), voice.say(TEXT).samples)


def test_a_recording_is_a_prompt(voice: Voice) -> None:
    """The runtime's own steps make of its codes what the model in PyTorch does; the voice then speaks like it."""
    clip = voice.say(TEXT, seed=1).samples
    reference = reference_from(clip, voice.encoder, voice.model)
    again = reference_from(clip, voice.encoder, voice.model)
    assert reference == again
    plain, like = (voice.say(TEXT, seed=3, reference=given).samples for given in (None, reference))
    assert len(plain) != len(like) or not np.array_equal(plain, like)


def test_the_command_line_clones_copies_and_draws(folder: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> None:
        app([*map(str, arguments), "--voice", str(folder)], standalone_mode=False)

    def said(name: str, *options: object) -> np.ndarray:
        run("say", TEXT, "-o", tmp_path / f"{name}.wav", *options)
        return read_audio(tmp_path / f"{name}.wav")[0]

    plain = said("plain", "--seed", 3)
    run("voices", "make-reference", tmp_path / "plain.wav", "-o", tmp_path / "plain.safetensors")
    like = said("like", "--seed", 3, "--reference", tmp_path / "plain.safetensors")
    assert len(like) != len(plain) or not np.array_equal(like, plain)
    np.testing.assert_array_equal(said("again", "--seed", 3, "--reference", tmp_path / "plain.wav"), like)

    run("encode", tmp_path / "plain.wav", "-o", tmp_path / "codes.safetensors")
    run("decode", tmp_path / "codes.safetensors", "-o", tmp_path / "copy.wav")
    hop = ssmphony.load(folder).codec.grid.hop_length
    assert 0 <= len(read_audio(tmp_path / "copy.wav")[0]) - len(plain) <= 2 * hop

    likeliest = said("likeliest", "--seed", 1, "--temperature", 0)
    np.testing.assert_array_equal(said("another", "--seed", 2, "--temperature", 0), likeliest)
    np.testing.assert_array_equal(said("one", "--seed", 2, "--top-k", 1), likeliest)
