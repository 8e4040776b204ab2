"""The benchmarks' own arithmetic, and that every page shows what the results say."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import listen, robustness, spoken_texts, update_docs
from benchmarks.ssm import operations, peers, step, timing
from benchmarks.ssm import tables as ssm_tables
from benchmarks.text import frontend
from benchmarks.voice_report import tables as voice_tables
from ssmphony.voices.package import load

MACHINE = {"date": "2026-01-01", "cpu": "CPU", "cores": 2, "threads": 2, "python": "3.11", "load_before": 0.1}


@pytest.mark.parametrize("words", [10, 40, 400])
def test_texts_have_the_words_they_claim(words: int) -> None:
    assert len(spoken_texts.text_of(words).split()) == words
    sentences = spoken_texts.text_of(words, "en").replace("?", ".").split(".")
    assert len(sentences) - 1 == words // 10


def test_paragraph_holds_what_frontends_skip() -> None:
    found = frontend.covered(spoken_texts.paragraph(), [])
    assert found["words"]["written"] > 350
    assert found["digits"]["written"] > 15
    assert found["Latin"]["written"] > 5
    assert "।" in spoken_texts.paragraph()


def test_words_are_covered_by_the_spans_that_touch_them() -> None:
    text = "सन 1947 में, email।  - !"
    assert frontend.written(text) == [(0, 2), (3, 7), (8, 12), (13, 19)]
    assert frontend.covered(text, [(0, 2), (13, 18)]) == {
        "digits": {"written": 1, "spoken": 0},
        "Latin": {"written": 1, "spoken": 1},
        "words": {"written": 4, "spoken": 2},
    }


def test_the_paragraph_is_spoken_whole() -> None:
    result = frontend.compare(spoken_texts.paragraph(), None)
    for kind, counts in result["frontend"].items():
        assert counts["spoken"] == counts["written"], kind


def test_robustness_counts_what_is_broken(tiny_voice_folder: Path, tmp_path: Path) -> None:
    voice = load(tiny_voice_folder, threads=1)
    rows = [robustness.speak(voice, None, None, (0, "नमस्ते दुनिया।")), robustness.speak(voice, tmp_path, None, (1, "😀"))]
    assert "empty" in rows[1]["defects"]
    assert (tmp_path / "0001.flac").is_file()
    result = robustness.summary(rows)
    assert result["clips"] == 2
    assert result["defects"]["empty"] == 1
    assert result["worst"][0]["text"] == "😀"
    assert "| empty | 1 |" in robustness.table(result)
    assert "recogniser" not in robustness.table(result)
    faults = {"listened": True, "words": 4000, "heard": {"skipped": 1, "repeated": 3, "invented": 0}}
    assert "missed 1 words, recognised 3 twice (together 1.0 in 1,000)" in robustness.table({**result, **faults})


def test_measures_average_and_find_the_worst() -> None:
    way = {"mel_l1": 0.5, "mcd_db": 4.0, "log_f0_rmse": 0.1, "voicing": 0.1, "peak": 0.5, "silence": 0.1, "defects": []}
    worse = {**way, "mcd_db": 6.0, "log_f0_rmse": float("nan"), "defects": ["clipped"]}
    clips = [
        {"id": str(n), "text": "", "conditions": dict.fromkeys(voice_tables.CONDITIONS, row), "durations": {}}
        for n, row in enumerate((way, worse))
    ]
    text = voice_tables.measures({"clips": clips})
    assert "| synthesis | 0.50 (0.50) | 5.00 (6.00) | 0.100 (0.100) | 0.100 (0.100) | – | 0.50 | 10% | 1 |" in text


def test_versions_stand_side_by_side() -> None:
    def clips(pesq: float, p808: float) -> list[dict[str, object]]:
        figures = {"pesq_wb": pesq, "mcd_db": 4.0, "dnsmos": {"overall": 3.0, "p808": p808}}
        return [
            {"conditions": dict.fromkeys(voice_tables.CONDITIONS, figures)},
            {"conditions": {name: {} for name in voice_tables.CONDITIONS}},
        ]

    text = voice_tables.versions({"clips": clips(3.0, 3.5), "before": clips(2.0, 3.25)})
    assert "| synthesis, before | – | 2.00 | 3.00 | 3.25 | – | 4.00 | – |" in text
    assert "| synthesis, now | – | 3.00 | 3.00 | 3.50 | – | 4.00 | – |" in text
    marks = {"question": {"rise": 0.25, "sentences": 6}, "statement": {"rise": None, "sentences": 0}}
    assert "| synthesis | +0.25 (6) | – |" in voice_tables.intonation({"intonation": {"synthesis": marks}})
    assert "before" not in voice_tables.versions({"clips": clips(3.0, 3.5)})
    two = voice_tables.versions({"clips": clips(3.0, 3.5), "before": clips(2.0, 3.2), "names": ["recorded", "small"]})
    assert "| synthesis, recorded |" in two
    assert "| synthesis, small |" in two


def test_parts_are_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = "before\n<!-- generated: benchmarks/promises -->\nold\n<!-- end generated -->\nafter\n"
    assert update_docs.filled(page, tmp_path) == page  # no results yet
    shutil.copy(update_docs.RESULTS / "speed.json", tmp_path)
    new = update_docs.filled(page, tmp_path)
    assert new.startswith("before\n<!-- generated: benchmarks/promises -->\n* **Fast**")
    assert new.endswith("\n<!-- end generated -->\nafter\n")
    assert update_docs.filled(new, tmp_path) == new
    with pytest.raises(KeyError, match="no part"):
        update_docs.filled(page.replace("promises", "promise"), tmp_path)


def test_tables_of_the_code_are_parts_too() -> None:
    new = update_docs.filled("<!-- generated: docs/layers -->\n<!-- end generated -->\n")
    assert "| `cli` |" in new
    assert "`interfaces`" in new.splitlines()[-2]
    with pytest.raises(KeyError, match="no part 'docs/promises'"):
        update_docs.filled("<!-- generated: docs/promises -->\n<!-- end generated -->\n")


def test_every_page_shows_the_results() -> None:
    assert [page.name for page in update_docs.stale()] == []


ROOT = update_docs.ROOT
SOURCES = sorted((ROOT / "benchmarks").rglob("*.py"))
NAMED = re.compile(r"(python3? -m )?\bbenchmarks\.(?!md\b)(\w+(?:\.\w+)*)")
GUARD = '\nif __name__ == "__main__":'
PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in SOURCES
    if GUARD in path.read_text(encoding="utf-8")
)


def exists(command: bool, dotted: str) -> bool:
    """Whether a name below `benchmarks` is a module or is defined in one; of a ``command``, whether it is a program."""
    place, parts = ROOT / "benchmarks", dotted.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    file = place / ("__main__.py" if command else "__init__.py")
    if parts and (place / f"{parts[0]}.py").is_file():
        file = place / f"{parts.pop(0)}.py"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if command:
        return not parts and GUARD in text
    return not parts or (len(parts) == 1 and bool(re.search(rf"^(def |class )?{parts[0]}\b", text, re.MULTILINE)))


def test_everything_of_the_benchmarks_that_is_named_exists() -> None:
    """In pages, docstrings, settings and recipes."""
    kinds = (".md", ".py", ".yaml", ".toml")
    folders = ("docs", "src", "benchmarks", "tests", "tools", "configs", "reference")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    files += [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    missing = [
        f"{path.relative_to(ROOT)}: {command}benchmarks.{dotted}"
        for path in files
        for command, dotted in NAMED.findall(path.read_text(encoding="utf-8"))
        if not exists(bool(command), dotted)
    ]
    assert missing == []


@pytest.mark.integration
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_has_help(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so nothing that it imports is missing."""
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.integration
@pytest.mark.parametrize("operation", [name for section in operations.SECTIONS.values() for name in section])
def test_peers_of_the_operations_compute_the_same(operation: str) -> None:
    """`compare` raises where an output is off; an even length holds the S4 paper's pole."""
    row = operations.compare(operations.Case(operation, 1, 48, True), 1)
    assert len(row["ms"]) >= 2
    assert not row["left_out"]
    assert all(milliseconds > 0 for milliseconds in row["ms"].values())
    assert all(0 < error < 1e-4 for error in row["error"].values())


@pytest.mark.integration
def test_a_wrong_peer_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = peers.forms("S4D kernel")
    wrong = {**right, "wrong": lambda kernel, length: lambda: 1.01 * kernel.kernel(length)}
    monkeypatch.setattr(peers, "forms", lambda _: wrong)
    with pytest.raises(AssertionError, match="the output of wrong"):
        operations.compare(operations.Case("S4D kernel", 1, 20, False), 1)


def test_what_would_take_too_long_or_too_much_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = operations.Case("selective scan", 1, 16_384, False)
    shorter = {**case._asdict(), "length": 2048, "ms": {"mambapy": 1000.0, "transformers": 9000.0}, "left_out": {}}
    monkeypatch.setattr(operations, "available_gb", lambda: 100.0)
    assert operations.left_out(case, "mambapy", [shorter]) == ""
    assert operations.left_out(case, "transformers", [shorter]) == "would take about 72 s"
    assert "quadratic" in operations.left_out(case._replace(backward=True), "transformers", [])
    gone = {**shorter, "ms": {}, "left_out": {"mambapy": "would take about 20 s"}}
    assert operations.left_out(case, "mambapy", [gone]) == "left out at a shorter length"
    monkeypatch.setattr(operations, "available_gb", lambda: 1.0)
    assert operations.left_out(case, "mambapy", [shorter]) == "needs about 2 GB, 1 GB are there"


def test_peak_memory_is_that_of_the_call() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells the peak of a moment")
    y, mb = timing.peak_mb(lambda: torch.ones(16 << 20).mul_(2.0)[:1].clone())
    assert y.item() == 2.0
    assert 60 < mb < 80


@pytest.mark.slow
def test_steps_of_the_peers_are_the_same() -> None:
    stack = step.make_stack(layers=2)
    forms = step.steppers(stack, 2, 1)
    assert len(forms) >= 4
    for _ in range(3):
        x = torch.randn(2, 1, step.D_MODEL)
        with torch.no_grad():
            outputs = {name: form(x) for name, form in forms.items()}
        for name, y in outputs.items():
            off = step.DIFFERENCE_INT8 * float(outputs["Stack"].abs().max()) if "int8" in name else 1e-4
            torch.testing.assert_close(y, outputs["Stack"], rtol=1e-4, atol=off)


def test_exponents() -> None:
    assert ssm_tables.exponent([(2.0, 12.0), (4.0, 48.0), (8.0, 192.0)]) == pytest.approx(2.0)


def test_tables_of_operations() -> None:
    case = {"operation": "SSD", "batch": 1, "length": 2048, "backward": False, "rounds": {"ssmphony": 3}}
    times = {"ssmphony": 2.0, "mambapy": 5.0, "transformers": 24.0}
    error = {"ssmphony": 2e-7, "mambapy": 1e-6, "transformers": 3e-6}
    rows = [
        {**case, "ms": times, "mb": {"ssmphony": 10.0, "mambapy": 1000.0}, "error": error, "left_out": {}},
        {
            **case,
            "batch": 8,
            "ms": {"ssmphony": 2.0},
            "mb": {},
            "error": {"ssmphony": 2e-7},
            "left_out": {"mambapy": "no"},
        },
        {**case, "operation": "selective scan", "ms": times, "mb": {}, "error": error, "left_out": {}},
    ]
    ceilings = {"memory_gb_s": 10.0, "cache_gb_s": 50.0, "gflop_s": 100.0}
    steps = {
        "batch": 1,
        "ms": {"DecodeStack": 0.9, "ONNX Runtime": 2.7, "transformers": 8.1},
        "ms_least": {"DecodeStack": 0.7},
        "error": {"DecodeStack": 1e-6},
        "rounds": {"DecodeStack": 200},
        "bytes": 20e6,
        "operations": 10e6,
    }
    about = {"machine": {**MACHINE, "waiting": "passive"}, "ceilings": ceilings}
    text = ssm_tables.sections({"ssd": {**about, "times": rows, "states": []}, "step": {**about, "steps": [steps]}})
    assert "| 1 | 2,048 | forward | 2.0; 10 | 5.0 (2.5 times); 1,000 | 24.0 (12 times) | 2e-07, 3e-06 | – |" in text
    assert "| 8 | 2,048 | forward | 2.0 | – | – | 2e-07, – | – |" in text
    assert "Not run: mambapy at batch 8, length 2,048, forward: no." in text
    # 20 operations for each of 2,048 * 256 * 16 states at 100 GFLOP/s take 1.68 ms of the 2 ms
    assert "| 2e-07, 3e-06 | 84% (operations) |" in text
    assert "time of transformers | ≥ 10 times ours | 12 | met |" in text
    assert "time of mambapy | ≥ 25 times ours | 2.5 | missed |" in text
    assert "| step of twelve Mamba layers | ≤ 0.8 ms | 0.90 ms | missed |" in text
    assert "| step: time of ONNX Runtime | ≥ 2.5 times ours | 3.0 | met |" in text
    assert "| 1 | 0.90 | 2.70 (3.0 times) | 8.10 (9.0 times) | 0.70 ms | 1e-06 | 44% (bytes) |" in text


def test_every_sound_of_the_page_has_a_player() -> None:
    rows = [{"text": "अ < आ", "speaker": "storyteller", "files": {"original": "a.mp3", "small": "b.mp3"}}]
    text = listen.players({"rows": rows})
    assert "**storyteller**: अ &lt; आ" in text
    assert 'src="a.mp3" title="a person"' in text
    assert 'src="b.mp3" title="the small voice"' in text
    first = listen.first_players({"rows": [{**rows[0], "files": {"original": f"{listen.FIRST[0]}.mp3"}}, *rows]})
    assert re.findall(r'src="([^"]+)"', first) == [f"listen/{listen.FIRST[0]}.mp3"]
    shown = set(re.findall(r'src="([^"]+)"', (listen.ROOT / "docs" / "listen.md").read_text(encoding="utf-8")))
    assert shown == {path.name for path in listen.OUTPUT.iterdir()}
