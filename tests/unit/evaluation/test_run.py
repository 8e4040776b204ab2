"""The whole evaluation of a tiny voice: what the report holds, resuming, comparing, and what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.alignment.recogniser import RecogniserConfig, write_recogniser
from ssmphony.audio.files import AudioWriter
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.evaluation import contrasts, run
from ssmphony.evaluation.metrics.registry import METRICS
from ssmphony.evaluation.models import loading
from ssmphony.evaluation.robustness import summary
from ssmphony.evaluation.statistics import Interval
from ssmphony.evaluation.summary import compare_voices, verdict, worst_first
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import load

TEXT = "नमस्ते दुनिया"


@pytest.fixture(scope="module")
def plan(tiny_voice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Plan:
    """Two "recordings": the voice's own synthesis and the same, softer; one sentence, one story, an untrained model."""
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "corpus" / "audio").mkdir(parents=True)
    voice = load(tiny_voice_folder, threads=1)
    (tokens,) = voice.frontend.sentences(TEXT)
    audio = voice.say(TEXT)
    anchors = tuple(
        (word.first, word.stop, span.start_s, span.end_s) for word, span in zip(tokens.words, audio.words, strict=True)
    )
    words = tuple((word.first, word.stop) for word in tokens.words)
    clips: list[Clip] = []
    for name, gain in (("loud", 1.0), ("soft", 0.5)):
        path = f"audio/{name}.flac"
        with AudioWriter(folder / "corpus" / path, voice.sample_rate) as writer:
            writer.write((gain * audio.samples).astype(np.float32))
        clips.append(Clip(name, path, audio.seconds, "a", "hi", TEXT, tokens.symbols, words, anchors))
    write_manifest(folder / "corpus", clips)
    (folder / "sentences.txt").write_text("एक\nदो\n", encoding="utf-8")
    (folder / "story.md").write_text("# कहानी\n\n![x](y.png)\nयह कहानी है।\n", encoding="utf-8")
    torch.manual_seed(0)
    model = RecogniserConfig(d_model=8, d_state=4, n_layers=1, dropout=0.0).build().eval()
    write_recogniser(folder / "recogniser.safetensors", model)
    return run.Plan(
        str(tiny_voice_folder),
        folder / "report",
        folder / "corpus",
        sentences=folder / "sentences.txt",
        stories=(folder / "story.md",),
        recogniser=folder / "recogniser.safetensors",
        quick=True,
        workers=1,
    )


@pytest.fixture(autouse=True)
def few_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those that take no time; their own tests judge the others."""
    monkeypatch.setattr(loading, "MODELS", {})


@pytest.fixture(scope="module")
def result(plan: run.Plan) -> dict[str, Any]:
    before = dict(loading.MODELS)
    loading.MODELS.clear()
    try:
        return run.evaluate(plan)
    finally:
        loading.MODELS.update(before)


def test_report_is_whole(plan: run.Plan, result: dict[str, Any]) -> None:
    assert json.loads((plan.out / "report.json").read_text(encoding="utf-8")) == result
    (voice,) = result["voices"]
    assert {clip["clip"] for clip in voice["clips"]} == {"loud", "soft"}
    loud = next(clip for clip in voice["clips"] if clip["clip"] == "loud")
    assert loud["conditions"]["free"]["mcd_db"] == pytest.approx(0.0, abs=0.2)  # it is the recording, but for 16 bits
    assert loud["conditions"]["free"]["word_ms"] == pytest.approx(0.0, abs=1e-6)
    assert loud["conditions"]["free"]["global_variance"] == pytest.approx(1.0, abs=0.1)
    assert loud["conditions"]["recording"]["phone_error"] > 0.0
    assert set(loud["conditions"]) == {"recording", "copy", "timed", "free"}
    assert voice["sentences"]["clips"] == 2
    assert voice["stories"]["clips"] == 1
    assert voice["means"]["unseen"]["seconds"]["clips"] == 2
    assert voice["sets"]["pauses"]["in the recordings"] == voice["sets"]["pauses"]["in the synthesis"]


def test_page_shows_what_is_there_and_loads_nothing_from_afar(plan: run.Plan, result: dict[str, Any]) -> None:
    page = (plan.out / "index.html").read_text(encoding="utf-8")
    assert "http" not in page
    sources = re.findall(r'src="([^"]+)"', page)
    assert len(sources) >= 2 * 5
    for source in sources:
        assert (plan.out / source).stat().st_size > 100
    assert METRICS["mcd_db"].label in page
    assert "in-domain" in page


def test_minimal_pairs_are_counted_in_the_report(
    plan: run.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "trials", lambda language: contrasts.trials(language)[:4])
    monkeypatch.setattr(run.speed, "measure_apart", lambda voice: {})
    (tmp_path / "story.txt").write_text("यह कहानी है।", encoding="utf-8")
    one = replace(plan, out=tmp_path / "r", quick=False, corpus=None, sentences=None, stories=(tmp_path / "story.txt",))
    (voice,) = run.evaluate(one)["voices"]
    found = voice["contrasts"]
    assert found["all"]["pairs"] == found["dental and retroflex"]["pairs"] == 2
    assert len(found["all"]["which"]) == found["all"]["confused"]
    page = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    assert f"<td>dental and retroflex</td><td>{found['all']['confused']} of 2</td>" in page


def test_a_second_run_does_nothing_again(plan: run.Plan, result: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr("ssmphony.evaluation.worker.recorded", None)
    monkeypatch.setattr("ssmphony.evaluation.worker.examine", None)
    (journal,) = (plan.out / "work").glob("*.jsonl")
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"id": "cut of')  # as a kill leaves it
    assert run.evaluate(plan) == result


def test_compared_with_an_earlier_report_nothing_differs(
    plan: run.Plan, result: dict[str, Any], tmp_path: Path
) -> None:
    again = run.evaluate(replace(plan, against=str(plan.out)))
    assert again["comparison"]
    assert {(row["mean"], row["verdict"]) for row in again["comparison"]} == {(0.0, "undecided")}
    assert "Comparison" in (plan.out / "index.html").read_text(encoding="utf-8")


def test_comparison_finds_the_better_voice(result: dict[str, Any]) -> None:
    (a,) = result["voices"]
    b = json.loads(json.dumps(a))
    for k, clip in enumerate(b["clips"]):
        clip["conditions"]["free"]["mcd_db"] += 1.0 + 0.1 * k
    (row,) = [row for row in compare_voices(a, b) if row["metric"] == "mcd_db" and row["where"] == "synthesis"]
    assert row["mean"] == pytest.approx(1.05)
    assert row["verdict"] == "a"
    assert verdict("pesq_wb", Interval(0.5, 0.2, 0.8, 9)) == "b"
    assert verdict("pesq_wb", Interval(0.5, -0.2, 0.8, 9)) == "undecided"


def test_worst_clips_come_first() -> None:
    rows = [
        {"conditions": {"free": {"mcd_db": mcd, "dnsmos_overall": mos}}}
        for mcd, mos in ((4, 3.0), (6, 2.0), (3.5, 3.1))
    ]
    assert [row["conditions"]["free"]["mcd_db"] for row in worst_first(rows)] == [6, 4, 3.5]


def test_what_is_missing_is_a_line(plan: run.Plan, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="nothing to measure"):
        run.evaluate(run.Plan(plan.voice, tmp_path))
    found = loading.load_models(tmp_path / "none.safetensors", quick=True)
    assert "no such recogniser" in found.missing["recogniser"]
    assert "--online" in found.missing["utmos"]
    assert not found.found


def test_doubts_are_counted_separately_from_defects() -> None:
    row = {"text": "x", "defects": [], "seconds": 1.0, "seconds_per_phoneme": 0.1, "words": 4, "clipped_samples": 0}
    row |= {"peak": 0.5, "loudest_rms": 0.1, "longest_phoneme_s": 0.2}
    doubted = {**row, "text": "y", "heard": {"skipped": 1, "repeated": 0, "invented": 0}}
    found = summary([row, doubted])
    assert (found["broken"], found["in_doubt"], found["heard"]["skipped"]) == (0, 1, 1)
    assert found["worst"][0]["text"] == "y"
