"""What a shell does with the command: completes it, and gives it texts that look like options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import ssmphony
from ssmphony.cli import app


@pytest.fixture
def run(tiny_voice_folder, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, [*map(str, arguments)], prog_name="ssmphony", **options)


# -- completion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
@pytest.mark.parametrize("form", ["--show-completion {}", "--show-completion={}"])
def test_the_script_of_a_shell(run, shell, form):
    result = run(*form.format(shell).split())
    assert result.exit_code == 0, result.output
    assert "_SSMPHONY_COMPLETE" in result.stdout
    assert "ssmphony" in result.stdout


def test_the_script_of_the_shell_that_asks(run, monkeypatch):
    import shellingham

    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("zsh", "/bin/zsh"))
    assert run("--show-completion").stdout.startswith("#compdef ssmphony")

    def nothing() -> None:
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", nothing)
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("--show-completion").stdout.startswith("complete --command ssmphony")
    monkeypatch.setenv("SHELL", "/usr/bin/tcsh")
    unknown = run("--show-completion")
    assert unknown.exit_code == 1
    assert unknown.stderr.startswith("ssmphony: name your shell, bash, zsh, fish")
    assert unknown.stderr.count("\n") == 1


def test_completion_is_installed(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    result = run("--install-completion", "bash")
    assert result.exit_code == 0, result.output
    assert "ssmphony.sh" in (tmp_path / ".bashrc").read_text()
    assert "_SSMPHONY_COMPLETE" in (tmp_path / ".bash_completions" / "ssmphony.sh").read_text()
    assert run("--install-completion", "tcsh").exit_code == 1


def completed(run, words: str) -> list[str]:
    """What bash offers for the last word, which may be empty."""
    environment = {
        "_SSMPHONY_COMPLETE": "complete_bash",
        "COMP_WORDS": f"ssmphony {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    result = run(env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("sa", {"say"}),
        ("say --tim", {"--timings"}),
        ("say --voice ", {"tiny", "default"}),
        ("say --voice ti", {"tiny"}),
        ("batch --voice ti", {"tiny"}),
        ("serve --voice ti", {"tiny"}),
        ("voices show ti", {"tiny"}),
        ("evaluate voice ti", {"tiny"}),
        ("say --voice tiny --speaker ", {"asha", "ravi"}),
        ("batch --voice tiny --speaker r", {"ravi"}),
        ("say --voice nobody --speaker ", set()),
        ("say -o - --format o", {"ogg", "opus"}),
    ],
)
def test_what_is_offered(run, words, offered):
    found = set(completed(run, words))
    assert offered <= found
    if not words.endswith(" ") or not offered:
        assert found == offered


def test_damaged_voices_are_not_offered(run, tmp_path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "voice.json").write_text("{")
    monkeypatch.setenv("SSMPHONY_VOICES", str(tmp_path))
    assert completed(run, "say --voice bro") == []


def test_completion_loads_no_runtime(tiny_voice_folder):
    code = (
        "import sys; from ssmphony.cli import app\n"
        "try: app(prog_name='ssmphony')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'onnxruntime', 'soundfile', 'lightning', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
        "SSMPHONY_VOICES": str(tiny_voice_folder.parent),
        "_SSMPHONY_COMPLETE": "complete_bash",
        "COMP_WORDS": "ssmphony say --voice ti",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["tiny"]), done.stderr


# -- texts that begin with a minus --------------------------------------------------------------------------------

TEXTS = ["-5 डिग्री", "--- विराम ---", "-5", "-०.५", "--नमस्ते", "-₹500", "- हाँ", "-h हाँ", "— हाँ", "--5 degrees"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_begins_with_a_minus_is_spoken(run, tmp_path, text):
    plain, marked = tmp_path / "plain.wav", tmp_path / "marked.wav"
    result = run("say", "--voice", "tiny", text, "-o", plain)
    assert result.exit_code == 0, result.output
    assert run("say", "--voice", "tiny", "-o", marked, "--", text).exit_code == 0
    assert plain.read_bytes() == marked.read_bytes()
    assert soundfile.info(plain).duration > 0.1


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_begins_with_a_minus_is_shown(run, text):
    shown = [run("text", *arguments).stdout for arguments in ((text, "--to", "json"), ("--to", "json", "--", text))]
    assert shown[0] == shown[1]
    assert json.loads(shown[0])["text"] == text


def test_values_that_begin_with_a_minus_stay_values(run, tmp_path):
    path = tmp_path / "a.wav"
    assert run("say", "--voice", "tiny", "--pitch", "-2", "-5 डिग्री", "--output", path, "--seed", "-3").exit_code == 0
    assert path.exists()
    assert run("say", "--voice=tiny", "--pitch=-2", f"-o{path}", "-5").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--spede", "2", "हाँ"], "--speed"),
        (["--spekar=आशा", "हाँ"], "--speaker"),
        (["--spede=बहुत तेज़", "हाँ"], "--speed"),
        (["--outputt my.wav", "हाँ"], "No such option"),
        (["--speed 1.2", "हाँ"], "No such option"),
        (["-hello"], "write -- before a text that begins with a minus"),
        (["-x", "हाँ"], "write -- before a text that begins with a minus"),
    ],
)
def test_mistyped_options_are_reported(run, tmp_path, arguments, named):
    result = run("say", "--voice", "tiny", "-o", tmp_path / "a.wav", *arguments)
    assert result.exit_code == 2
    assert "No such option" in result.output
    assert named in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "a.wav").exists()
