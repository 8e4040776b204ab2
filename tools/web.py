"""Build what speaks in a browser: the package `web/dist` and, around a voice, the static page.

    python tools/web.py [--voice VOICE] [--out build/web]

Needs Node.js 20 or later with npm. What it takes of other projects (ONNX Runtime, Pyodide) is pinned in
``web/package-lock.json`` and copied from there; nothing of it is in the repository. The page is a folder that any web
server can serve.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
MODULES = WEB / "node_modules"
PACKAGE = ROOT / "src/ssmphony"
VOICE = PACKAGE / "voices/default"
OUT = ROOT / "build/web"

_GRAPHS = ("encoder", "decoder", "codec_decoder")
_PYODIDE = ("pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_RUNTIME = "ort-wasm-simd-threaded.wasm"
_SERVER_ONLY = {"registry.py", "utf8.py", "frontend.py"}
"""Modules of the text package that need pydantic."""
_DATE = (2020, 1, 1, 0, 0, 0)
"""Of every file of the archive, so that equal content gives equal bytes."""


def voice_folder(name: str) -> Path:
    """The folder of a voice: ``name`` itself, or that of a voice of the repository. Raises `SystemExit`."""
    for folder in (Path(name), ROOT / "voices" / name, PACKAGE / "voices" / name):
        if (folder / "voice.json").is_file():
            return folder.resolve()
    raise SystemExit(f"{name} is no voice: give the folder of one, or the name of one in voices/")


def install() -> None:
    """Install the pinned packages into ``web/node_modules``, unless they are there."""
    stamp, lock = MODULES / ".package-lock.json", WEB / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
        stamp.touch()


def compile_package() -> None:
    """TypeScript → ``web/dist``: modules and their types."""
    shutil.rmtree(WEB / "dist", ignore_errors=True)
    _run("npm", "run", "--silent", "compile")


def write_frontend(path: Path) -> None:
    """The Hindi frontend's Python and its tables as one ZIP archive."""
    text = sorted(file for file in (PACKAGE / "text").rglob("*") if file.suffix in (".py", ".tsv"))
    files = [*(PACKAGE / name for name in ("__init__.py", "errors.py", "tokens.py")), *text]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files:
            if file.name not in _SERVER_ONLY:
                info = zipfile.ZipInfo(file.relative_to(PACKAGE.parent).as_posix(), _DATE)
                archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def build(voice: Path, out: Path) -> dict[str, int]:
    """The whole page in ``out``: bytes to load of each part of it, as they are stored.

    Raises `SystemExit` for a voice that the page cannot speak with.
    """
    manifest = json.loads((voice / "voice.json").read_text(encoding="utf-8"))
    if not manifest["graphs"].keys() >= set(_GRAPHS):
        raise SystemExit(f"{voice}: the page speaks with voices of the parallel family and a spectrum codec only")
    graphs = [manifest["graphs"][name]["file"] for name in _GRAPHS]
    shutil.rmtree(out, ignore_errors=True)
    (out / "voice").mkdir(parents=True)
    (out / "python").mkdir()
    for name in ("voice.json", *graphs):
        shutil.copyfile(voice / name, out / "voice" / name)
    for name in _PYODIDE:
        shutil.copyfile(MODULES / "pyodide" / name, out / "python" / name)
    lock = json.loads((MODULES / "pyodide/pyodide-lock.json").read_text(encoding="utf-8"))
    (out / "python/pyodide-lock.json").write_text(json.dumps({"info": lock["info"], "packages": {}}))
    write_frontend(out / "python/frontend.zip")
    runtime = (MODULES / "onnxruntime-web/dist" / _RUNTIME).read_bytes()
    (out / f"{_RUNTIME}.gz").write_bytes(gzip.compress(runtime, 9, mtime=0))
    for file in (WEB / "page/index.html", WEB / "page/style.css", PACKAGE / "server/page/base.css"):
        shutil.copyfile(file, out / file.name)

    _bundle(out, ("src/worker.ts", "src/player-worklet.ts"), {})
    stored = sizes(out)
    page = {
        "speakers": manifest["speakers"],
        "speakerNames": manifest["speaker_names"],
        "sampleRate": manifest["codec"]["sample_rate"],
        "bytes": sum(sizes(out, sent=True).values()),
        "counted": stored["runtime"] + stored["frontend"] + stored["voice"],
    }
    _bundle(out, ("page/main.ts",), {"PAGE": json.dumps(page)})
    checksums = {path.relative_to(out).as_posix(): _checksum(path) for path in _files(out)}
    _bundle(out, ("page/service-worker.ts",), {"FILES": json.dumps(checksums)})
    return sizes(out)


def sizes(out: Path, *, sent: bool = False) -> dict[str, int]:
    """Bytes of the parts of a built page: as stored, or as ``sent`` by a server that compresses (gzip)."""
    parts = {"runtime": 0, "python": 0, "frontend": 0, "voice": 0, "page": 0}
    for path in _files(out):
        part = path.relative_to(out).parts[0]
        part = "frontend" if path.name == "frontend.zip" else "runtime" if path.name.startswith("ort-") else part
        smaller = sent and path.suffix not in (".gz", ".zip")
        size = len(gzip.compress(path.read_bytes(), 6)) if smaller else path.stat().st_size
        parts[part if part in parts else "page"] += size
    return parts


@contextmanager
def served(folder: Path) -> Generator[str, None, None]:
    """Serve a folder on this machine as the simplest web server does; yields the address of it."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _bundle(out: Path, entries: Iterable[str], constants: dict[str, str]) -> None:
    define = [f"--define:{name}={value}" for name, value in constants.items()]
    options = ["--bundle", "--format=esm", "--minify", "--target=es2022", "--log-level=warning", "--entry-names=[name]"]
    # names of Node.js that Pyodide asks for where it runs there
    outside = [f"--external:{name}" for name in ("node:*", "ws")]
    _run("npx", "--no-install", "esbuild", *entries, f"--outdir={out}", *options, *outside, *define)


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise SystemExit(f"{command[0]} is not here: install Node.js 20 or later, which brings it")
    subprocess.run([program, *command[1:]], cwd=WEB, check=True)


def _files(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*") if path.is_file())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--voice", default=str(VOICE), help="the folder of a voice, or the name of one in voices/")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the page")
    arguments = parser.parse_args()
    voice = voice_folder(arguments.voice)
    install()
    compile_package()
    parts = build(voice, arguments.out.resolve())
    listed = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in parts.items())
    sys.stdout.write(f"{arguments.out}: {sum(parts.values()) / 1e6:.1f} MB ({listed})\n")


if __name__ == "__main__":
    main()
