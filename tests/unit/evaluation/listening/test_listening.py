"""A listening test is blind and whole, and its statistics are those of the textbook."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import stats

from ssmphony.evaluation.listening.make import ANCHOR, REFERENCE, Item, items, make_test
from ssmphony.evaluation.listening.results import conclusion, preference, ratings
from ssmphony.types import SsmphonyError


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Two systems of three clips each, the second an octave higher; and originals."""
    for name, pitch in (("low", 200), ("high", 400), ("originals", 300)):
        (tmp_path / name).mkdir()
        for k in range(3):
            tone = 0.3 * np.sin(2 * np.pi * pitch * np.arange(24_000) / 24_000)
            soundfile.write(tmp_path / name / f"{k}.wav", tone + 0.05 * np.sin(np.arange(24_000) * 2.0), 24_000)
    return [str(tmp_path / "low"), str(tmp_path / "high")]


def shown(out: Path) -> dict:
    """What the page knows."""
    page = (out / "index.html").read_text(encoding="utf-8")
    return json.loads(re.search(r"const TEST = (.+);\n", page)[1])


def write_answers(path: Path, test: str, rows: list[tuple[str, str, str, str, str]]) -> Path:
    lines = ["listener,test,trial,first,second,answer", *(f"{row[0]},{test},{','.join(row[1:])}" for row in rows)]
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


def test_the_page_of_an_ab_test_does_not_say_what_is_what(folders: list[str], tmp_path: Path) -> None:
    out = tmp_path / "test"
    assert make_test(folders, items(None, None, None, folders, 2), out) == 2
    test, key = shown(out), json.loads((out / "key.json").read_text(encoding="utf-8"))
    assert test["id"] == key["id"]
    assert set(key["key"].values()) == set(folders)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert not any(folder in page for folder in folders)
    assert "http" not in page
    for trial in test["trials"]:
        assert {key["key"][clip] for clip in trial["clips"]} == set(folders)
        sounds = [soundfile.read(out / "clips" / clip)[0] for clip in trial["clips"]]
        levels = [np.sqrt(np.mean(sound**2)) for sound in sounds]
        assert levels[0] == pytest.approx(levels[1], rel=0.15)


def test_a_mushra_test_hides_the_original_and_an_anchor(folders: list[str], tmp_path: Path) -> None:
    said = [Item("0", "नमस्ते </script>", tmp_path / "originals" / "0.wav")]
    out = tmp_path / "test"
    make_test(folders, said, out, "mushra")
    key = json.loads((out / "key.json").read_text(encoding="utf-8"))["key"]
    assert set(key.values()) == {*folders, REFERENCE, ANCHOR}
    assert (out / "index.html").read_text(encoding="utf-8").count("</script>") == 1
    sounds = {name: soundfile.read(out / "clips" / file)[0] for file, name in key.items()}
    original, anchor = (np.abs(np.fft.rfft(sounds[name])) for name in (REFERENCE, ANCHOR))
    high = np.fft.rfftfreq(24_000, 1 / 24_000) > 4000
    assert anchor[high].max() < 0.01 * original[high].max()
    shown_trial = shown(out)["trials"][0]
    assert shown_trial["reference"] not in shown_trial["clips"]


@pytest.mark.parametrize(
    ("systems", "kind", "message"),
    [((0,), "ab", "compares two"), ((0, 0), "ab", "must differ"), ((0, 1), "mushra", "--corpus")],
)
def test_what_cannot_be_made_is_one_line(
    folders: list[str], tmp_path: Path, systems: tuple[int, ...], kind: str, message: str
) -> None:
    with pytest.raises(SsmphonyError, match=message):
        make_test([folders[k] for k in systems], [Item("0", "x")], tmp_path / "out", kind)  # type: ignore[arg-type]
    with pytest.raises(SsmphonyError, match="no audio file for 'other'"):
        make_test(folders, [Item("other", "x")], tmp_path / "out")
    with pytest.raises(SsmphonyError, match="no sentences"):
        items(None, None, None, ["default", folders[0]], 3)


KEY = {"1": "a", "2": "b"}


def ab(listener: str, answer: str) -> dict[str, str]:
    return {"listener": listener, "trial": "t", "first": "1", "second": "2", "answer": answer}


def test_preference_by_the_binomial_test() -> None:
    """9 of 10: p = 2 (1 + 10) / 2^10; the exact interval of the tables is 55.5 % to 99.7 %."""
    found = preference(KEY, [ab("x", "2")] * 9 + [ab("x", "1"), ab("x", "")])
    assert (found.prefer_a, found.prefer_b, found.undecided) == (1, 9, 1)
    assert found.p == pytest.approx(22 / 1024)
    assert (found.low, found.high) == pytest.approx((0.555, 0.9975), abs=5e-4)
    assert preference(KEY, [ab("x", "")]).p == 1.0


def test_one_eager_listener_does_not_make_many() -> None:
    """A hundred answers of one person convince the binomial test, not the test over listeners: p = 1 of one."""
    found = preference(KEY, [ab("x", "2")] * 100)
    assert found.p < 1e-20
    assert found.p_listeners == 1.0
    all_agree = preference(KEY, [ab(f"{k}", "2") for k in range(6) for _ in range(k + 1)])
    assert all_agree.p_listeners == pytest.approx(2 / 2**6, abs=0.02)


def mushra(listener: str, trial: str, *scores: float) -> list[dict[str, str]]:
    return [
        {"listener": listener, "trial": trial, "first": str(k), "second": "", "answer": str(score)}
        for k, score in enumerate(scores)
    ]


def test_ratings_of_a_mushra_test() -> None:
    key = {"0": REFERENCE, "1": ANCHOR, "2": "good", "3": "fair"}
    chance = np.random.default_rng(0)
    good, fair = chance.uniform(70, 90, 20), chance.uniform(50, 75, 20)
    answers = [row for k in range(20) for row in mushra(f"{k % 5}", f"{k // 5}", 100, 20, good[k], fair[k])]
    answers += [row for k in range(4) for row in mushra("deaf", f"{k}", 40, 90, 10, 10)]
    found = ratings(key, answers)
    assert found.left_out == ("deaf",)
    assert found.means["good"]["mean"] == pytest.approx(good.mean())
    assert found.means["good"]["low"] < good.mean() < found.means["good"]["high"]
    single = stats.wilcoxon(fair - good).pvalue
    assert single <= found.pairs[("fair", "good")] <= 6 * single
    with pytest.raises(SsmphonyError, match="nothing can be concluded"):
        ratings(key, answers[-16:])


def test_answers_are_read_and_strange_files_refused(folders: list[str], tmp_path: Path) -> None:
    out = tmp_path / "test"
    make_test(folders, items(None, None, None, folders, 3), out)
    test, key = shown(out), json.loads((out / "key.json").read_text(encoding="utf-8"))["key"]
    rows = []
    for trial in test["trials"]:
        better = next(clip for clip in trial["clips"] if key[clip] == folders[1])
        rows.append(("asha", trial["id"], *trial["clips"], better))
    good = write_answers(tmp_path / "asha.csv", test["id"], rows)
    lines = conclusion([good], out)
    assert lines[0] == "1 listeners, 3 answers"
    by_system = dict(part.rsplit(": ", 1) for part in lines[1].split("; "))
    assert by_system == {folders[0]: "0", folders[1]: "3", "no difference": "0"}
    other = write_answers(tmp_path / "other.csv", "someone else's", rows)
    (tmp_path / "strange.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for file, message in ((other, "another test"), (tmp_path / "strange.csv", "not the"), (tmp_path / "no", "read")):
        with pytest.raises(SsmphonyError, match=message):
            conclusion([file], out)
