"""How fast a voice speaks, in how much memory, and how large it is: measured in a process of its own.

    python -m ssmphony.evaluation.speed VOICE TEXT

prints one line of JSON. The benchmarks compare systems and lengths of text; this is one voice on one text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import load, locate

FIRST_S = 0.1
ROUNDS = 3
TEXT = (
    "सुबह की धूप में छोटा सा गाँव धीरे धीरे जागा। बच्चे अपने बस्ते उठाकर नदी के किनारे वाले स्कूल चले। "
    "रास्ते में एक बूढ़े किसान ने उन्हें मीठे आम दिए। क्या तुमने कभी इतना बड़ा और पीला फल देखा है?"
)


def time_once(voice: Voice, text: str) -> dict[str, float]:
    """One reading: wall and processor seconds for a second of sound, seconds until the first 100 ms were there."""
    samples, first = 0, float("nan")
    begin, processor = time.perf_counter(), time.process_time()
    for chunk in voice.stream(text):
        samples += len(chunk.samples)
        if first != first and samples >= FIRST_S * voice.sample_rate:
            first = time.perf_counter() - begin
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    audio = samples / voice.sample_rate
    if not audio:
        raise SsmphonyError("the speed of a text with nothing to speak cannot be measured")
    return {"wall": wall / audio, "processor": processor / audio, "first_s": first}


def peak_memory_mb() -> float:
    """Of this process. Not ru_maxrss on Linux: a child inherits that of its parent there."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) / 1024
    try:
        import resource  # not on Windows
    except ModuleNotFoundError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def measure(voice: str | None, text: str = TEXT) -> dict[str, float]:
    """Medians after one reading to warm up; peak memory of this process."""
    loaded = load(voice)
    time_once(loaded, text)
    rows = [time_once(loaded, text) for _ in range(ROUNDS)]
    return {**{name: median(row[name] for row in rows) for name in rows[0]}, "memory_mb": peak_memory_mb()}


def measure_apart(voice: str | None, text: str = TEXT, threads: int | None = None) -> dict[str, float]:
    """The same in a fresh process, so that the memory is the voice's alone. Raises `SsmphonyError`."""
    command = [sys.executable, "-m", "ssmphony.evaluation.speed", voice or "", text]
    chosen = {} if threads is None else {"SSMPHONY_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **chosen})
    if done.returncode:
        raise SsmphonyError(f"the speed could not be measured: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return json.loads(done.stdout)


def card(voice: str | None) -> dict[str, Any]:
    """What the package says of itself, and the bytes of each graph."""
    folder = locate(voice)
    manifest = read_manifest(folder)
    graphs = {name: (folder / graph.file).stat().st_size for name, graph in manifest.graphs.items()}
    about = manifest.model_dump(include={"name", "language", "description", "licence", "attribution", "speakers"})
    return {
        **about,
        "graphs": graphs,
        "lookahead_frames": manifest.codec.lookahead,
        "voice": manifest.voice.model_dump(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1] or None, sys.argv[2])) + "\n")
