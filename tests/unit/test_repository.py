"""Rules of this repository that no linter checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ssmphony

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PAGE = (".html", ".css", ".js", ".svg")
HEAVY = {"torch", "onnxruntime", "lightning", "fastapi", "scipy", "matplotlib", "jax", "transformers"}


def modules_after(code: str) -> set[str]:
    """The top-level modules loaded by a fresh Python that runs ``code``."""
    ending = "\nfinally:\n import sys; sys.stderr.write(' '.join(sorted({m.partition('.')[0] for m in sys.modules})))"
    script = "try:\n " + code.replace("\n", "\n ") + "\nexcept SystemExit: pass" + ending
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_public_names_are_pinned() -> None:
    """Whoever changes this list changes the promise to every user: say so in CHANGELOG.md."""
    assert ssmphony.__all__ == ["Audio", "AudioChunk", "SsmphonyError", "Voice", "__version__", "list_voices", "load"]
    assert dir(ssmphony) == sorted(ssmphony.__all__)
    for name in ssmphony.__all__:
        assert getattr(ssmphony, name) is not None


def test_help_loads_nothing_heavy() -> None:
    loaded = modules_after("from ssmphony.cli import app; app(['--help'])")
    assert "typer" in loaded
    assert not loaded & (HEAVY | {"numpy", "pydantic"})


@pytest.mark.parametrize("module", ["ssmphony", "ssmphony.text", "ssmphony.config", "ssmphony.interfaces"])
def test_import_is_light(module: str) -> None:
    assert not modules_after(f"import {module}") & HEAVY


def test_hindi_text_needs_the_standard_library_alone() -> None:
    """So that it also runs where there is neither NumPy nor pydantic: in a browser."""
    loaded = modules_after("from ssmphony.text.hindi.tokens import sentences; list(sentences('<speak>नमस्ते</speak>'))")
    assert "ssmphony" in loaded
    assert not loaded & (HEAVY | {"numpy", "pydantic"})


def test_speaking_imports_no_pytorch() -> None:
    loaded = modules_after("import ssmphony; ssmphony.load; ssmphony.Voice; import ssmphony.cli, ssmphony.audio.files")
    assert "numpy" in loaded
    assert not loaded & (HEAVY - {"onnxruntime"})


@pytest.mark.parametrize("package", ["ssm", "nn"])
def test_every_layer_says_what_uses_it(package: str) -> None:
    """What has no line in the docstring of its package is used by nothing: use it or remove it."""
    folder = ROOT / "src/ssmphony" / package
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    lines = re.findall(r"^\* (.+?):", text, re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"`(\w+)`", line)}
    assert named == {path.stem for path in folder.iterdir() if path.stem.isidentifier() and path.stem[0] != "_"}


def test_one_version() -> None:
    assert f'version = "{ssmphony.__version__}"' in PYPROJECT
    assert f"version: {ssmphony.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_source_follows_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 10))
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")
    assert text.count("\n") <= 400, "file too long (max 400 lines): split it"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}"
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno < 90, f"{node.name} is too long"


def test_no_path_of_one_machine() -> None:
    machine = re.compile("/(?:work|root|home|Users)/" + r"\w|\.\./" + "shared|/tmp/" + r"\w")
    folders = ("src", "docs", "configs", "tests", "benchmarks", "tools", "examples")
    files = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".yaml")
    ]
    assert len(files) > 50
    for path in [*files, *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]:
        assert not (found := machine.search(path.read_text(encoding="utf-8"))), f"{path}: {found.group()}"
    graphs = [*ROOT.glob("src/ssmphony/voices/*/*.onnx"), *ROOT.glob("voices/*/*.onnx")]
    assert len(graphs) > 5
    for path in graphs:  # PyTorch's exporter records the lines of code of every node
        assert not (found := machine.search(path.read_bytes().decode("latin-1"))), f"{path}: {found.group()}"


def git(*arguments: str) -> str:
    """What git prints; skips where the tree is no checkout, such as an unpacked archive."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return done.stdout


def test_nothing_large_is_tracked() -> None:
    """History keeps every version of a file for ever: only final voices and the recogniser may be large."""
    allowed = re.compile(
        r"(src/ssmphony/)?voices/\w+/\w+\.(onnx|safetensors)|src/ssmphony/evaluation/models/recogniser\.safetensors"
    )
    paths = [path for path in git("ls-files", "-z").split("\0") if path and not allowed.fullmatch(path)]
    large = [path for path in paths if (ROOT / path).is_file() and (ROOT / path).stat().st_size > 1_000_000]
    assert not large, "over 1 MB: " + ", ".join(large)


def test_last_commit_has_a_scope_and_a_short_subject() -> None:
    subject = git("log", "-1", "--no-merges", "--format=%s").strip()
    assert len(subject) <= 72, f"{len(subject)} characters: {subject}"
    assert re.match(r"[a-z0-9_/., -]+: \S", subject), f"write `scope: what the commit does`, not: {subject}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {info.filename for info in wheel.infolist()}
    source = {path.relative_to(ROOT / "src").as_posix() for path in SOURCES}
    assert source <= names
    for name in names - source:
        suffixes = (".py", ".cpp", ".h", ".typed", ".tsv", ".txt", ".json", ".onnx", ".safetensors", ".md", *PAGE)
        assert name.startswith("ssmphony-") or (name.startswith("ssmphony/") and name.endswith(suffixes)), name
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_is_small(wheel: zipfile.ZipFile) -> None:
    """The runtime graphs of the default voice are at most 25 MB, the recogniser 2, and nothing else is large."""
    sizes = {info.filename: info.file_size / 1e6 for info in wheel.infolist()}
    graphs = {name: size for name, size in sizes.items() if name.startswith("ssmphony/voices/default/")}
    assert sum(graphs.values()) <= 25
    assert sizes["ssmphony/evaluation/models/recogniser.safetensors"] < 2
    assert sum(size >= 1 for name, size in sizes.items() if name not in graphs) == 1
    assert sum(sizes.values()) - sum(graphs.values()) < 8  # 3 of them tables, 2 the recogniser
