"""The command line, on a tiny voice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import ssmphony
from ssmphony.cli import app
from ssmphony.cli.play import PLAYERS
from ssmphony.extras import install_command

TEXT = "नमस्ते दुनिया। कैसे हो?"


@pytest.fixture(scope="module")
def home(tiny_voice_folder: Path) -> Path:
    return tiny_voice_folder.parent


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(home))
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, [*map(str, arguments)], **options)


@pytest.fixture
def players(tmp_path, monkeypatch):
    """A PATH that holds only the players that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return add


def process(home: Path, *arguments: object, **options):
    source = str(Path(ssmphony.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "SSMPHONY_VOICES": str(home), **options.pop("env", {})}
    command = [sys.executable, "-m", "ssmphony.cli", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("command", [[], ["say"], ["batch"], ["voices"], ["text"], ["prepare"], ["train"], ["export"]])
def test_help_loads_nothing_heavy(home, command):
    code = (
        "import sys; from ssmphony.cli import app\n"
        f"try: app({[*command, '--help']!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'numpy', 'torch', 'onnxruntime', 'soundfile', 'lightning'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(ssmphony.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_version(run):
    assert run("--version").output.strip() == f"ssmphony {ssmphony.__version__}"


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_say_to_a_file(run, tmp_path, tiny_voice_folder, suffix):
    path = tmp_path / f"out.{suffix}"
    result = run("say", TEXT, "-o", path, "--voice", "tiny")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    expected = ssmphony.load(tiny_voice_folder).say(TEXT).samples
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 24_000
    assert abs(len(samples) - len(expected)) <= (0 if suffix != "mp3" else 2304)
    if suffix in ("wav", "flac"):
        np.testing.assert_allclose(samples, expected, atol=1 / 30_000)


def test_options_reach_the_voice(run, tmp_path, tiny_voice_folder):
    path = tmp_path / "out.wav"
    options = ["--speed", 0.8, "--pitch", -2, "--speaker", "ravi", "--seed", 3, "--threads", 1]
    assert run("say", TEXT, "-o", path, "--voice", tiny_voice_folder, *options).exit_code == 0
    expected = ssmphony.load(tiny_voice_folder).say(TEXT, speed=0.8, pitch=-2, speaker="ravi", seed=3).samples
    np.testing.assert_allclose(soundfile.read(path, dtype="float32")[0], expected, atol=1 / 30_000)


def test_file_stdin_and_argument_sound_alike(run, home, tmp_path):
    (tmp_path / "text.txt").write_text("\ufeff" + TEXT, encoding="utf-8")
    assert run("say", TEXT, "-o", tmp_path / "a.wav", "--voice", "tiny").exit_code == 0
    assert run("say", "-f", tmp_path / "text.txt", "-o", tmp_path / "b.wav", "--voice", "tiny").exit_code == 0
    process_ = process(home, "say", "-o", tmp_path / "c.wav", "--voice", "tiny", stdin=subprocess.PIPE)
    process_.communicate(TEXT.encode())
    assert process_.returncode == 0
    first, *others = ((tmp_path / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert all(other == first for other in others)


def test_raw_is_16_bit_samples(home, tiny_voice_folder):
    process_ = process(home, "say", TEXT, "--raw", "--voice", "tiny")
    output, errors = process_.communicate()
    assert (process_.returncode, errors) == (0, b"")
    expected = ssmphony.load(tiny_voice_folder).say(TEXT).samples
    np.testing.assert_allclose(np.frombuffer(output, "<i2") / 32767, expected, atol=1 / 30_000)


def test_text_is_spoken_while_it_is_written(home):
    """The first sound comes before standard input ends."""
    process_ = process(home, "say", "--raw", "--voice", "tiny", stdin=subprocess.PIPE)
    process_.stdin.write((TEXT * 2).encode())
    process_.stdin.flush()
    assert len(os.read(process_.stdout.fileno(), 1000)) == 1000
    rest, _ = process_.communicate()
    assert process_.returncode == 0
    assert rest


def test_a_terminal_sees_progress(home, tmp_path):
    pty = pytest.importorskip("pty")
    (tmp_path / "text.txt").write_text(TEXT * 30, encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ssmphony.cli", "say", "-f", "text.txt", "-o", "a.wav", "--voice", "tiny"]
    source = str(Path(ssmphony.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "SSMPHONY_VOICES": str(home), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=theirs, stdin=subprocess.DEVNULL):
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # Linux's way to say that the other end is closed
            pass
    os.close(ours)
    assert b" s audio, RTF 0." in shown
    assert (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("suffix", ["json", "srt", "vtt"])
def test_timings(run, tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    assert run("say", TEXT, "-o", tmp_path / "a.wav", "--timings", path, "--voice", "tiny").exit_code == 0
    written = path.read_text(encoding="utf-8")
    assert "नमस्ते" in written
    if suffix == "json":
        words = json.loads(written)["words"]
        assert [TEXT[word["start"] : word["end"]] for word in words] == ["नमस्ते", "दुनिया", "कैसे", "हो"]
        assert json.loads(written)["seconds"] == pytest.approx(soundfile.info(tmp_path / "a.wav").duration, abs=1e-3)


def test_subtitles_show_the_text_as_it_is_written(run, tmp_path):
    text = "आप कैसे हैं? ₹500 दीजिए।"
    (tmp_path / "text.txt").write_text("\ufeff" + text, encoding="utf-8")
    for given in (["--", text], ["-f", tmp_path / "text.txt"]):
        result = run("say", "-o", tmp_path / "s.wav", "--voice", "tiny", "--timings", tmp_path / "s.srt", *given)
        assert result.exit_code == 0, result.output
        assert (tmp_path / "s.srt").read_text(encoding="utf-8").split("\n")[2::4] == ["आप कैसे हैं?", "₹500 दीजिए।"]
    document = '<speak>आप <sub alias="भारतीय जनता पार्टी">भाजपा</sub> में हैं?</speak>'
    run("say", document, "-o", tmp_path / "s.wav", "--voice", "tiny", "--timings", tmp_path / "s.srt")
    assert (tmp_path / "s.srt").read_text(encoding="utf-8").split("\n")[2] == "आप भाजपा में हैं?"


@pytest.mark.parametrize("name", PLAYERS)
def test_play_is_the_default(run, players, tmp_path, tiny_voice_folder, name):
    players(name, f'echo "$@" > {tmp_path}/arguments; /bin/cat > {tmp_path}/played')
    result = run("say", TEXT, "--voice", "tiny")
    assert result.exit_code == 0, result.output
    assert "24000" in (tmp_path / "arguments").read_text()
    expected = ssmphony.load(tiny_voice_folder).say(TEXT).samples
    played = np.frombuffer((tmp_path / "played").read_bytes(), "<i2")
    np.testing.assert_allclose(played / 32767, expected, atol=1 / 30_000)


def test_play_and_write_at_once(run, players, tmp_path):
    players("aplay", f"/bin/cat > {tmp_path}/played")
    assert run("say", TEXT, "--play", "-o", tmp_path / "a.wav", "--voice", "tiny").exit_code == 0
    played = np.frombuffer((tmp_path / "played").read_bytes(), "<i2")
    assert len(played) == soundfile.info(tmp_path / "a.wav").frames


def test_without_a_player(run, players):
    result = run("say", TEXT, "--voice", "tiny")
    assert result.exit_code == 1
    assert result.output.startswith("ssmphony: no player found (aplay, paplay,")
    assert "write a file instead, with -o out.wav" in result.output


@pytest.mark.parametrize("script", ["exit 3", "/bin/cat > /dev/null; exit 3"])
def test_a_player_that_fails(run, players, script):
    players("aplay", script)
    result = run("say", TEXT * 20, "--voice", "tiny")
    assert result.exit_code == 1
    assert "aplay" in result.output
    assert "exit code 3" in result.output
    assert "Traceback" not in result.output


def test_voices(run, home, tmp_path, monkeypatch):
    result = run("voices")
    assert result.exit_code == 0
    assert "tiny" in result.output
    assert "A voice for tests" in result.output
    card = run("voices", "show", "tiny").output
    assert "speakers:" in card
    assert "asha, ravi" in card
    broken = tmp_path / "voices" / "broken"
    broken.mkdir(parents=True)
    (broken / "voice.json").write_text("{")
    monkeypatch.setenv("SSMPHONY_VOICES", str(broken.parent))
    listed = run("voices")
    assert listed.exit_code == 0
    assert "damaged" in listed.output


def test_text_shows_every_stage(run):
    result = run("text", "नमस्ते दुनिया, ₹5 दो। 🙂। [[n ə]]")
    assert result.exit_code == 0
    assert result.output.split("\n") == [
        "नमस्ते दुनिया, ₹5 दो।",
        "  नमस्ते दुनिया, पाँच रुपये दो।",
        "    नमस्ते\tn ə m ə s t̪ eː\tnə.ˈməs.t̪eː",
        "    दुनिया\td̪ ʊ n ɪ j aː\td̪ʊ.nɪ.ˈjaː\t,",
        "    ₹5\tपाँच रुपये\tp ãː tʃ ɾ ʊ p j eː\tpãːtʃ ˈɾʊp.jeː",
        "    दो\td̪ oː\td̪oː",
        "🙂।",
        "  (nothing to speak)",
        "[[n ə]]",
        "  न",
        "    [[n ə]]\tन\tn ə\tnə",
        "",
    ]
    assert run("text", "🙂").exit_code == 1
    assert "did you mean 'hindi'" in run("text", "नमस्ते", "--frontend", "hind").output


def test_text_shows_bytes(run):
    result = run("text", "क", "--frontend", "bytes")
    assert result.output.split("\n")[1:3] == ["    क\te0 a4 95", "  ^ e0 a4 95 $"]
    assert "leave out --frontend bytes" in run("text", "क", "--frontend", "bytes", "--to", "ipa").output


def piped(home: Path, data: bytes, *arguments: object) -> str:
    with process(home, *arguments, stdin=subprocess.PIPE) as running:
        out, error = running.communicate(data, timeout=100)
        assert running.returncode == 0, error.decode()
        return out.decode()


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("words", ["नमस्ते दुनिया पाँच रुपये", "", "", "घर नहीं", "क"]),
        ("ipa", ["nəməst̪eː d̪ʊnɪjaː pãːtʃ ɾʊpjeː", "", "", "ɡʱəɾ nəɦĩː", "kə"]),
    ],
)
def test_text_writes_one_line_for_each(run, home, form, lines):
    written = "नमस्ते दुनिया! ₹5\n\n🙂\r\nघर।\x0bनहीं?\nक"
    expected = "".join(line + "\n" for line in lines)
    assert run("text", written, "--to", form).output == expected
    assert piped(home, written.encode(), "text", "--to", form) == expected


def test_text_writes_as_many_lines_as_there_are(home):
    assert piped(home, b"", "text", "--to", "ipa") == ""
    assert piped(home, b"\n", "text", "--to", "ipa") == "\n"
    assert piped(home, b"\n\n", "text", "--to", "ipa") == "\n\n"


def test_text_of_an_argument_is_at_least_a_line(run):
    assert run("text", "", "--to", "ipa").output == "\n"
    shown = [json.loads(line) for line in run("text", "क\r\nख\n", "--to", "json").output.splitlines()]
    assert [line["text"] for line in shown] == ["क", "ख"]


def test_text_writes_json(run):
    first, second = run("text", "--to", "json", "राम 5 है, ना? हाँ\n\n").output.splitlines()
    shown = json.loads(first)
    assert shown["text"] == "राम 5 है, ना? हाँ"
    assert shown["normalized"] == "राम पाँच है, ना? हाँ"
    assert shown["ipa"].split() == [word["ipa"] for word in shown["words"]]
    assert shown["phones"] == [phone for word in shown["words"] for phone in word["phones"]]
    assert [(each["start"], each["end"], each["mark"]) for each in shown["sentences"]] == [(0, 13, "?"), (14, 17, "")]
    for word in shown["words"]:
        assert shown["text"][word["start"] : word["end"]] == word["text"]
        assert len(word["spans"]) == len(word["phones"])
    assert json.loads(second)["words"] == []


def test_text_takes_a_lexicon(run, tmp_path):
    (tmp_path / "words.tsv").write_text("ram\tरमेश\n", encoding="utf-8")
    assert run("text", "Ram", "--to", "words", "--lexicon", tmp_path / "words.tsv").output == "रमेश\n"
    (tmp_path / "words.tsv").write_text("ram\n", encoding="utf-8")
    assert "words.tsv, line 1: write the word, a tab" in run("text", "a", "--lexicon", tmp_path / "words.tsv").output


def test_say_takes_a_lexicon(run, tmp_path):
    (tmp_path / "words.tsv").write_text("घर\tविश्वविद्यालय\n", encoding="utf-8")
    plain, changed = tmp_path / "a.wav", tmp_path / "b.wav"
    assert run("say", "घर", "-o", plain, "--voice", "tiny").exit_code == 0
    assert run("say", "घर", "-o", changed, "--voice", "tiny", "--lexicon", tmp_path / "words.tsv").exit_code == 0
    assert soundfile.info(changed).frames > soundfile.info(plain).frames


def test_text_answers_each_line_as_it_comes(home):
    with process(home, "text", "--to", "words", stdin=subprocess.PIPE) as running:
        for line, answer in (("5\n", "पाँच\n"), ("\n", "\n"), ("घर\n", "घर\n")):
            running.stdin.write(line.encode())
            running.stdin.flush()
            assert running.stdout.readline().decode() == answer
        running.stdin.close()
        assert running.wait(timeout=20) == 0


def test_text_ends_quietly_when_nobody_reads_on(home):
    with process(home, "text", "--to", "json", stdin=subprocess.PIPE) as running:
        running.stdin.write(("घर\n" * 5).encode())
        running.stdin.flush()
        running.stdout.readline()
        running.stdout.close()
        try:
            running.stdin.write(("घर\n" * 5000).encode())
            running.stdin.close()
        except BrokenPipeError:
            pass
        assert running.wait(timeout=20) == 128 + 13
        assert running.stderr.read() == b""


def test_text_refuses_what_is_not_utf8_in_one_line(home):
    with process(home, "text", "--to", "words", stdin=subprocess.PIPE) as running:
        _, error = running.communicate("घर\n".encode() + b"\xff\n")
        assert running.returncode == 1
        assert error.decode().startswith("ssmphony: standard input is not valid UTF-8 (byte 7)")


def test_text_reads_a_line_of_hundreds_of_kilobytes(home):
    spoken = piped(home, ("यह एक वाक्य है। " * 8_000).encode(), "text", "--to", "words")
    assert spoken == ("यह एक वाक्य है " * 8_000).rstrip() + "\n"


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (["train", "config.yaml"], "lightning"),
        (["export", "a.ckpt", "voice"], "torch"),
        (["prepare", "folder", "corpus", "-o", "out"], "soundfile"),
    ],
)
def test_training_commands_name_the_extra_to_install(home, command, missing):
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom ssmphony.cli import app\napp({command!r})\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(ssmphony.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == f"ssmphony: this needs {missing}: {install_command('train')}"


def test_evaluate_says_what_it_needs(run, tmp_path):
    nothing = run("evaluate", "default", "-o", tmp_path / "out")
    assert nothing.exit_code == 1
    assert "ssmphony: nothing to measure" in nothing.output
    assert run("evaluate", "voice", "default").exit_code == 2
    missing = run("evaluate", "default", "--corpus", tmp_path / "none", "-o", tmp_path / "out")
    assert "prepare the corpus first" in missing.output
    one = run("evaluate", "listening-test", "default", "--sentences", tmp_path / "none", "-o", tmp_path / "out")
    assert one.exit_code == 1
    assert "cannot read" in one.output
    assert not (tmp_path / "out").exists()


def test_listening_test_without_its_key_is_refused(run, tmp_path):
    (tmp_path / "a.csv").write_text("listener,test\n", encoding="utf-8")
    result = run("evaluate", "listening-test", "--results", tmp_path / "a.csv", "-o", tmp_path)
    assert result.exit_code == 1
    assert "key.json" in result.output


def test_prepare_runs(run, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    time = np.arange(24_000) / 24_000
    soundfile.write(corpus / "a.wav", 0.3 * np.sin(2 * np.pi * 200 * time), 24_000)
    (corpus / "a.txt").write_text("नमस्ते दुनिया", encoding="utf-8")
    result = run("prepare", "folder", corpus, "-o", tmp_path / "out", "--workers", 1, "--set", "speaker=asha")
    assert result.exit_code == 0, result.output
    assert "1 clips" in result.output
    assert json.loads((tmp_path / "out" / "manifest.jsonl").read_text())["speaker"] == "asha"
    assert run("prepare", "folder", corpus, "-o", tmp_path / "out2", "--set", "speaker").exit_code == 2
    missing = run("prepare", "folder", tmp_path / "missing", "-o", tmp_path / "out3")
    assert missing.exit_code == 1
    assert "ssmphony: no such folder" in missing.output
