"""Every shipped voice can be evaluated, whatever its system: a recording, a sentence and a story, in one report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ssmphony.alignment.recogniser import RecogniserConfig, write_recogniser
from ssmphony.audio.files import AudioWriter
from ssmphony.config import load_json
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.evaluation import run
from ssmphony.evaluation.models import loading
from ssmphony.voices.manifest import MANIFEST, SAMPLES
from ssmphony.voices.package import load, voice_folders

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = sorted(
    manifest.parent
    for home in (voice_folders()[0], REPOSITORY / "voices")
    for manifest in home.glob(f"*/{MANIFEST}")
    if load_json(manifest).get("kind") != SAMPLES  # it reads no text
)
TEXT = "नमस्ते दुनिया।"


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of one clip, which the default voice spoke, a list of sentences, a story and an untrained recogniser."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "corpus" / "audio").mkdir(parents=True)
    voice = load(None, threads=1)
    (tokens,) = voice.frontend.sentences(TEXT)
    audio = voice.say(TEXT)
    with AudioWriter(folder / "corpus" / "audio" / "one.flac", voice.sample_rate) as writer:
        writer.write(audio.samples)
    words = tuple((word.first, word.stop) for word in tokens.words)
    anchors = tuple((*pair, span.start_s, span.end_s) for pair, span in zip(words, audio.words, strict=True))
    clip = Clip("one", "audio/one.flac", audio.seconds, "a", "hi", TEXT, tokens.symbols, words, anchors)
    write_manifest(folder / "corpus", [clip])
    (folder / "sentences.txt").write_text("एक आम।\n", encoding="utf-8")
    (folder / "story.txt").write_text("यह कहानी है।\n", encoding="utf-8")
    torch.manual_seed(0)
    write_recogniser(
        folder / "recogniser.safetensors",
        RecogniserConfig(d_model=8, d_state=4, n_layers=1, dropout=0.0).build().eval(),
    )
    return folder


def test_the_shipped_voices_are_found() -> None:
    assert {"default", "recorded", "lewm", "small", "fish", "smamba"} <= {folder.name for folder in SHIPPED}


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_shipped_voice_is_evaluated(
    folder: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MODELS", {})
    plan = run.Plan(
        str(folder),
        tmp_path / "report",
        material / "corpus",
        sentences=material / "sentences.txt",
        stories=(material / "story.txt",),
        recogniser=material / "recogniser.safetensors",
        quick=True,
        workers=1,
    )
    (voice,) = run.evaluate(plan)["voices"]
    (clip,) = voice["clips"]
    conditions: dict[str, Any] = clip["conditions"]
    assert {"recording", "free"} <= set(conditions)
    loaded = load(folder, threads=1)
    assert ("copy" in conditions) == (loaded.encoder is not None)
    assert all(len(figures) > 5 for figures in conditions.values())
    assert voice["sentences"]["clips"] == voice["stories"]["clips"] == 1
    assert (tmp_path / "report" / "index.html").stat().st_size > 1000
