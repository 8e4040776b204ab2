"""The comparison with a teacher: plans, cached clips, the student's conditions, figures and tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmarks.teacher import experiments, figures, forms, measure, render, tables
from benchmarks.teacher import student as student_module
from benchmarks.teacher.options import common_speakers
from benchmarks.teacher.student import Original, Student, decoded, teacher_pitch
from ssmphony.audio.frame_features import PITCH_UNIT_HZ, frame_energy
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.export.voice import CardConfig, export
from ssmphony.models.s4_spectrum import S4SpectrumConfig
from ssmphony.text.vocabulary import SYMBOLS
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import load

SPEAKERS = ("hf_alpha", "hf_beta", "hm_omega", "hm_psi")
PHONES = ("^", "n", "ə", "m", "ə", "s", "t̪", "eː", ".")
STEP = 0.1


def clip_of(name: str = "000000_own", speaker: str = "own") -> Clip:
    anchors = tuple((token, token + 1, token * STEP, (token + 1) * STEP) for token in range(len(PHONES)))
    return Clip(name, f"audio/{name}.flac", len(PHONES) * STEP, speaker, "hi", "नमस्ते", PHONES, ((1, 8),), anchors, 80.0)


def original_of(clip: Clip, rate: int) -> Original:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal(round(clip.seconds * rate)).astype(np.float32)
    return Original(clip, samples, np.full(72, 200.0, np.float32))


def test_the_unseen_sentences_are_dealt_evenly_and_appear_once() -> None:
    plan = render.read_plan(render.UNSEEN)
    assert [number for number, _, _ in plan] == list(range(1000))
    assert all(speaker == SPEAKERS[number % 4] for number, speaker, _ in plan)
    assert len({text for _, _, text in plan}) == 1000
    assert len(render.read_plan(render.PICTURES)) == 10


def test_every_speaker_says_as_many_words_of_each_contrast() -> None:
    lines, trials = render.contrast_plan(SPEAKERS)
    counts: dict[tuple[str, str], int] = {}
    for number, speaker, text in lines:
        assert trials[number].text == text
        key = (trials[number].contrast, speaker)
        counts[key] = counts.get(key, 0) + 1
    assert set(counts.values()) == {12}
    assert len(render.contrast_plan(("one",))[0]) == len(trials)


def test_clips_of_the_teacher_are_found_again_without_its_files(tmp_path: Path) -> None:
    out = tmp_path / "unseen"
    out.mkdir()
    write_manifest(out, [clip_of("000001_b"), clip_of("000000_a-00"), clip_of("000000_a-01")])
    (out / "rejected.jsonl").write_text('{"id": "000002_c", "reason": "too short"}\n', encoding="utf-8")
    lines = [(0, "a", ""), (1, "b", ""), (2, "c", ""), (3, "d", "")]
    found = [clip.id for clip in render.teacher_clips(out, lines, None, 1)]
    assert found == ["000000_a-00", "000000_a-01", "000001_b"]
    files = render.TeacherFiles(tmp_path / "none.onnx", tmp_path / "none.json", tmp_path)
    assert len(render.teacher_clips(out, lines[:3], files, 1)) == 3  # all there: the teacher is not even loaded
    with pytest.raises(SsmphonyError, match="give --model"):
        render.teacher_clips(tmp_path / "empty", lines, None, 1)


def test_a_voice_in_the_prosody_of_the_teacher(tiny_voice_folder: Path) -> None:
    student = Student(str(tiny_voice_folder))
    original = original_of(clip_of(), student.voice.sample_rate)
    spoken = student.speak(original)
    assert len(spoken.durations_s) == len(PHONES)
    assert len(spoken.free) == pytest.approx(spoken.durations_s.sum() * student.voice.sample_rate, abs=1)
    assert len(spoken.pitch) == round(original.clip.seconds * spoken.frame_rate)
    assert spoken.prosody is not None  # a voice of mels: its vocoder
    assert len(spoken.prosody) == len(original.samples)


@pytest.mark.integration
def test_a_voice_of_spectra_gets_pitch_and_energy_of_the_teacher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    codec = SpectrumConfig.tiny()[""]
    model = S4SpectrumConfig.tiny(len(SYMBOLS))[""].model_copy(
        update={"d_model": codec.d_text, "d_speaker": codec.d_speaker}
    )
    parts = {"model": model.build(), "codec": codec.build()}
    weights = {f"{part}.{k}": v.contiguous() for part, module in parts.items() for k, v in module.state_dict().items()}
    save_file(weights, tmp_path / "w.safetensors")
    block = {"frontend": {"kind": "hindi"}, "model": model.model_dump(), "codec": codec.model_dump()}
    source = tmp_path / "w.safetensors"
    folder = export(block, source, source, CardConfig(name="t", language="hi"), tmp_path / "voice")
    student = Student(str(folder))
    seen: list[Any] = []
    monkeypatch.setattr(student_module, "decoded", lambda codec, frames: seen.append(frames) or frames[:, 0])
    original = original_of(clip_of(speaker="other"), student.voice.sample_rate)
    spoken = student.speak(original)
    (frames,) = seen
    hop = student.voice.codec.grid.hop_length
    wanted = teacher_pitch(original, spoken.frame_rate, len(frames))
    np.testing.assert_allclose(frames[:, codec.d_text] * PITCH_UNIT_HZ, wanted)
    energy = frame_energy(original.samples, hop)
    np.testing.assert_allclose(frames[: len(energy), codec.d_text + 1], energy, atol=1e-5)
    assert not np.allclose(spoken.pitch, wanted)


def test_frames_decode_to_their_own_length(tiny_voice_folder: Path) -> None:
    codec = load(tiny_voice_folder).codec
    assert len(decoded(codec, np.zeros((7, codec.grid.channels), np.float32))) == 7 * codec.grid.hop_length


def test_low_values_of_the_teachers_pitch_are_unvoiced() -> None:
    clip = clip_of()
    pitch = np.array([0.0, 30.0, 100.0, 100.0, 200.0], np.float32)
    found = teacher_pitch(Original(clip, np.zeros(1, np.float32), pitch), 80.0, 6)
    assert found.tolist() == pytest.approx([0, 100, 100, 100 * 2**0.5, 0, 0], rel=1e-5)


def test_durations_count_phones_but_the_last() -> None:
    own = np.full(len(PHONES), STEP) + 0.01
    found = measure.durations(clip_of(), own)
    assert found["durations"] == 6
    assert found["duration_error_s"] == pytest.approx(0.06)
    assert found["own_s"] / found["wanted_s"] == pytest.approx(1.1)


def test_pitch_is_compared_where_both_are_voiced() -> None:
    found = measure._pitch(np.array([100.0, 100.0, 0.0]), np.array([110.0, 0.0, 0.0]))  # pyright: ignore[reportPrivateUsage]
    assert found["log_f0_rmse"] == pytest.approx(np.log(1.1))
    assert found["voicing"] == pytest.approx(1 / 3)


def heard(opinion: float, edits: int, angle: float) -> dict[str, Any]:
    return {
        "distillmos": opinion, "phones": [edits, 20], "characters": [edits, 10], "faults": 0, "words": 5,
        "clipped": 0, "level_db": -20.0, "embedding": [float(np.cos(angle)), float(np.sin(angle))],
    }  # fmt: skip


def pairs_of(count: int = 8) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Two speakers at right angles; the student's second one sounds like the first."""
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for number in range(count):
        speaker, angle = ("a", 0.0) if number % 2 == 0 else ("b", np.pi / 2)
        prosody = {"log_f0_rmse": 0.1, "voicing": 0.05, "duration_error_s": 0.2, "durations": 20, "own_s": 2.0}
        free = heard(4.0 + 0.1 * (number % 3), 5, 0.1)
        teacher = {"speaker": speaker, "teacher": heard(4.5, 4, angle + 0.01 * number)}
        pairs.append((teacher, {"speaker": speaker, "free": free, "prosody": free, **prosody, "wanted_s": 2.2}))
    return pairs


def test_figures_of_speakers_and_of_all() -> None:
    found = figures.conclude(pairs_of())
    assert list(found) == ["a", "b", "all"]
    everyone = found["all"]
    assert everyone["free"]["phones_ratio"]["value"] == pytest.approx(1.25)
    assert everyone["free"]["phones_ratio"]["error"] == pytest.approx(0.0)
    assert everyone["free"]["distillmos_loss"]["value"] == pytest.approx(0.4125)
    assert 0.0 < everyone["free"]["distillmos_loss"]["error"] < 0.1
    assert everyone["duration_ms"]["value"] == pytest.approx(10.0)
    assert found["a"]["nearest"]["value"] == 1.0
    assert found["b"]["nearest"]["value"] == 0.0
    assert found["a"]["own"]["value"] > 0.9 > found["b"]["own"]["value"]
    assert found["a"]["teacher_own"]["value"] > 0.99


def test_another_speaker_may_be_nearer() -> None:
    found = figures.conclude(pairs_of(), {"c": [[float(np.cos(0.1)), float(np.sin(0.1))]]})
    assert found["a"]["nearest"]["value"] == 0.0


def test_standard_error_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(4.0, 0.5, 100)
    found = figures.mean([*values.tolist(), None])
    assert found is not None
    assert found["value"] == pytest.approx(values.mean())
    assert found["error"] == pytest.approx(0.5 / 10, rel=0.3)
    assert figures.mean([None]) is None


def result_of() -> dict[str, Any]:
    contrast = {"contrast": "length", "word": "कम", "other": "काम", "text": "", "other_text": ""}
    teacher = [{**contrast, "margin": 1.0}, {**contrast, "word": "काम", "other": "कम", "margin": 2.0}]
    spoken = {"speaker": "a", "text": "हाँ", "id": "0", "words": 1000, "seconds": 1.0, "seconds_per_phoneme": 0.1}
    level = {"peak": 1.0, "clipped_samples": 2, "loudest_rms": 0.1, "longest_phoneme_s": 0.2}
    faults = {"heard": {"skipped": 2, "repeated": 1, "invented": 0}, "defects": ["clipped"]}
    return {
        "date": "2026-01-01", "voice": "v", "graphs_mb": 15.3, "default_speaker": "a",
        "speakers": figures.conclude(pairs_of()),
        "contrasts": figures.compare_contrasts(teacher, [teacher[0], {**teacher[1], "margin": -1.5}]),
        "robustness": figures.broken([{**spoken, **level, **faults}]),
    }  # fmt: skip


def test_tables_say_what_was_aimed_at_and_what_came_of_it() -> None:
    result = json.loads(json.dumps(result_of()))
    targets = tables.targets(result)
    assert "| DistillMOS lost, a | ≤ 0.15 | 0.4" in targets
    assert "| mean error of a phone's duration, ms | ≤ 12 | 10.0 ± 0.0 | yes |" in targets
    assert "| minimal pairs confused | ≤ the teacher's + 2 % | 100.0 % (teacher 0.0 %) | no |" in targets
    assert "| broken of 1 clips | 0 | 1 | no |" in targets
    assert "| of 1,000 words, skipped or repeated | ≤ 1 | 3.00 (3) | no |" in targets
    assert "| size of the graphs | ≤ 14 MB | 15.3 MB | no |" in targets
    assert "| length | 1 | 0 (0 %) | 1 (100 %) | कम / काम |" in tables.contrasts(result)
    speakers = tables.speakers(result)
    assert "| sentences | 4 | 4 | 8 |" in speakers
    assert "| DistillMOS, teacher | 4.50 ± 0.00 |" in speakers
    assert result["robustness"]["named"][0]["defects"] == ["clipped"]


def test_tables_without_the_models_that_are_not_installed() -> None:
    pairs = pairs_of()
    for teacher, student in pairs:
        for row in (teacher["teacher"], student["free"]):
            row.pop("distillmos", None)
            row.pop("embedding", None)
        del student["prosody"]
    result = {**result_of(), "speakers": figures.conclude(pairs), "contrasts": {}, "robustness": {}}
    assert "| DistillMOS lost, a | ≤ 0.15 | – | – |" in tables.targets(result)
    assert "| DistillMOS, with the teacher's prosody | – | – | – |" in tables.speakers(result)


def test_speakers_are_named(tmp_path: Path, tiny_voice_folder: Path) -> None:
    manifest = json.loads((tiny_voice_folder / "voice.json").read_text(encoding="utf-8"))
    (tmp_path / "voice").mkdir()
    manifest["speakers"] = ["alpha", "omega"]
    (tmp_path / "voice" / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
    voice, names = str(tmp_path / "voice"), {"hf_alpha": "alpha", "hm_omega": "omega"}
    assert common_speakers(list(SPEAKERS), voice, names) == ["hf_alpha", "hm_omega"]
    with pytest.raises(SsmphonyError, match="name them with --speaker"):
        common_speakers(list(SPEAKERS), voice, {})


def test_rows_are_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spoken: list[str] = []

    def start(setting: measure.Setting) -> Any:
        return lambda job: spoken.append(job.id) or {"speaker": job.speaker}

    monkeypatch.setattr(measure, "start", start)
    monkeypatch.setattr(measure, "_stamp", lambda setting: {"voice": "x"})
    jobs = [measure.Job(str(number), "a", "हाँ", clip_of()) for number in range(3)]
    for count in (2, 3):
        rows = measure.measured("student", measure.Setting(None), jobs[:count], tmp_path, 1, lambda *_: None)
        assert [row["id"].split()[1] for row in rows] == [str(number) for number in range(count)]
    assert spoken == ["0", "1", "2"]


def test_forms_are_compared_with_their_teacher_and_each_other() -> None:
    """Rows of which one has been measured in fewer ways."""
    stored = forms.quality("default")
    speed = {"processor": 0.01, "wall": 0.005, "first_s": 0.012, "memory_mb": 120.0, "graphs_mb": 9.9}
    row = {
        "name": "default",
        "systems": ["s4_spectrum", "spectrum"],
        "date": stored["date"],
        "quality": stored["speakers"]["all"],
        "contrasts": stored["contrasts"]["all"],
        "robustness": stored["robustness"],
        **speed,
    }
    fewer = {**row, "name": "mel", "contrasts": None, "robustness": {}}
    about = {"date": "2026-11-29", "cpu": "a processor", "cores": 2, "load_before": 0.1}
    whole = forms.rendered({"machine": about, "rounds": 3, "rows": [row, row]})
    assert "| DistillMOS | 4.30" in whole
    assert "| first 100 ms, ms |  | 12 | 12 |" in whole
    assert "minimal pairs" in whole
    part = forms.rendered({"machine": about, "rounds": 3, "rows": [row, fewer]})
    assert "minimal pairs" not in part
    assert "clips broken" not in part
    with pytest.raises(SsmphonyError, match="with this voice first"):
        forms.quality("nobody")


def test_experiments_learn_from_the_first_hours_and_from_their_speakers() -> None:
    clips = [
        replace(clip_of(f"{number:06d}", speaker), seconds=600.0)
        for number, speaker in enumerate(("hf_alpha", "hf_beta") * 6)
    ]
    one, all_of_them = experiments.EXPERIMENTS["one-speaker"], experiments.EXPERIMENTS["hours-0.5"]
    assert experiments.chosen(clips, all_of_them) == ["000000", "000001", "000002"]
    assert experiments.chosen(clips, one) == [f"{number:06d}" for number in range(0, 12, 2)]
    rows = {"base": {"what": "x", "steps": 8, "distillmos": 4.0, "teacher_distillmos": 4.25, "characters": 0.5}}
    rows["base"]["teacher_characters"] = 0.25
    assert "| x | 4.00 | 0.500 |" in experiments.rendered(rows)
