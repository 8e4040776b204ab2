"""The instruments of SMamba: trials, what follows from their rows, and tables that say missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.smamba import speech, tables, training
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.types import SsmphonyError

MACHINE = {"date": "2026-11-30", "cpu": "any", "cores": 2, "load_before": 0.1}


def corpus(folder: Path, spoken: dict[str, str], phones: bool = True) -> Path:
    """Clips by id, of these speakers."""
    folder.mkdir()
    symbols, words = (("ə", "b"), ((0, 2),)) if phones else (None, ())
    clips = [Clip(name, f"{name}.flac", 3.0, speaker, "hi", "अब", symbols, words) for name, speaker in spoken.items()]
    write_manifest(folder, clips)
    return folder


def test_speakers_take_turns_and_never_repeat_their_reference(tmp_path: Path) -> None:
    named = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b", "alone": "c"}
    group = speech.group_of("unseen", f"some={corpus(tmp_path / 'some', named)}")
    trials = speech.trials_of(group, 4, [])
    assert [trial.speaker for trial in trials] == ["a", "b", "a", "b"]
    assert [(trial.prompt.id, trial.target.id) for trial in trials[:3]] == [("a1", "a2"), ("b1", "b2"), ("a2", "a3")]
    assert all(trial.same for trial in trials)
    real = speech.group_of("real", f"people={corpus(tmp_path / 'people', {**named}, phones=False)}")
    sentences = [trial.target for trial in trials]
    assert [trial.target.id for trial in speech.trials_of(real, 2, sentences)] == ["a2", "b2"]
    assert not any(trial.same for trial in speech.trials_of(real, 2, sentences))
    with pytest.raises(SsmphonyError, match="two clips each of two speakers"):
        speech.trials_of(speech.group_of("seen", f"x={corpus(tmp_path / 'x', {'a1': 'a', 'a2': 'a'})}"), 2, [])
    with pytest.raises(SsmphonyError, match=r"NAME=PREPARED,IDS"):
        speech.group_of("seen", "nothing")


def test_a_system_is_judged_on_what_it_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "some", {"a1": "a", "a2": "a", "b1": "b", "b2": "b"})
    one, other = [1.0, 0.0], [0.0, 1.0]
    monkeypatch.setattr(speech, "_prompt", lambda path: one if path.stem == "a1" else other)
    groups = [speech.group_of(kind, f"{kind}={folder}") for kind in ("seen", "unseen")]
    trials = [trial for group in groups for trial in speech.trials_of(group, 2, [])]
    recordings = [{"embedding": one if trial.speaker == "a" else other, "characters": [1, 10]} for trial in trials]
    spoken = [{"embedding": one, "characters": [2, 10], "distillmos": 4.0} for _ in trials]
    found = speech.conclude(trials, spoken, recordings)
    assert list(found) == ["seen", "unseen"]
    assert found["unseen"]["characters"]["value"] == pytest.approx(0.2)
    assert found["unseen"]["speaker"]["nearest"]["value"] == 0.5  # all of it sounds like a
    named = speech.conclude(trials, [*spoken[:2], None, None], recordings)
    assert list(named) == ["seen"]

    result = {
        "date": "",
        "machine": MACHINE,
        "kinds": {"seen": "seen", "unseen": "unseen"},
        "systems": {name: {"name": name, "groups": groups} for name, groups in (("own", found), ("default", named))},
        "robustness": {"clips": 2, "broken": 1},
    }
    lines = tables.targets(result).splitlines()
    assert "| DistillMOS, seen | ≥ 3.9 | 4.00 ± 0.00 | met |" in lines
    (likeness,) = (line for line in lines if line.startswith("| similarity to the reference, unseen | ≥ 0.75 | 0.500"))
    assert likeness.endswith("| missed |")
    assert "| broken, of 2 sentences | 0 | 1 | missed |" in lines
    assert "| DistillMOS, unseen | 4.00 ± 0.00 | – |" in tables.systems(result)


def test_lengths_tell_from_where_mamba_is_cheaper() -> None:
    seconds = {("base", 10): 2.0, ("attention", 10): 1.0, ("base", 100): 3.0, ("attention", 100): 4.0}
    rows = [{"twin": twin, "phones": count, "seconds": s, "megabytes": 1.0} for (twin, count), s in seconds.items()]
    result = {"machine": MACHINE, "frames_a_phone": 6, "repeats": 1, "rows": rows}
    assert "costs less than attention from 100 phones on" in tables.lengths(result)
    rows[2]["seconds"] = 5.0
    assert "At none of these lengths" in tables.lengths(result)


def test_steps_to_a_loss() -> None:
    curve = [(100, 3.0), (200, 2.0), (300, 1.0), (400, 1.5)]
    assert training.first_below(curve, 2.0) == 200
    assert training.first_below(curve, 0.5) is None
    rows = [
        {"name": name, "parameters": 1e6, "steps": 400, "seconds": 1.0, "memory_mb": 10.0, "final": {"val/kl": 1.5}}
        | {"reached": {"val/kl": reached}}
        for name, reached in (("one", 200), ("other", None))
    ]
    shown = tables.training({"machine": MACHINE, "timed_steps": 5, "goals": {"val/kl": 1.5}, "rows": rows})
    assert "| steps until val/kl ≤ 1.500 | 200 | – |" in shown
