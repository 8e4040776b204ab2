"""``ssmphony serve`` under load, compared with a naive server that speaks one text after another.

    python -m benchmarks.serve [--voice VOICE] [--rounds 3] [--minutes 30] [--only concurrency,arrivals,memory]
                               [--quick] [--write] [--before PYTHON]

Real processes on the loopback and on two cores: both servers and, as a third, their listeners, who cost little
(`benchmarks.serve.client`). The servers take turns within a round, ratios are taken within a round, and figures are
medians of rounds. ``--only`` measures some sections again and leaves the others as they are. Writes
``benchmarks/results/serve.json``; ``--write`` also fills the tables of the documentation from it. ``--quick`` takes
two minutes and stores nothing. ``--before`` names the interpreter of an environment with another version of ssmphony,
whose server takes the place of the naive one; it prints the ratios and stores nothing. Reads /proc: Linux only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.texts import SENTENCES

Row = dict[str, Any]
OURS, NAIVE, BEFORE = "ssmphony serve", "one after another", "the version before"
CORES = 2
"""For everything together, the listeners too."""
SECTIONS = ("concurrency", "arrivals", "memory")
_ME = [sys.executable, "-m", "benchmarks.serve"]


class Size(NamedTuple):
    """How much is measured."""

    rounds: int = 3
    each: tuple[tuple[int, int], ...] = ((1, 24), (8, 4), (32, 3), (128, 2))
    """Concurrent streams, and how many texts each of them asks for."""
    shares: tuple[float, ...] = (0.3, 0.6)
    """Of what the machine can compute: arrivals ask for that much."""
    seconds: float = 20.0
    """Of arrivals, at each load."""
    limit_s: float = 5.0
    minutes: float = 30.0
    listeners: int = 12
    pause_s: float = 1.0


QUICK = Size(1, ((1, 6), (8, 2), (32, 1), (128, 1)), (0.5,), 6.0, 3.0, 0.5)


# -- servers ------------------------------------------------------------------------------------------------------


class Server(NamedTuple):
    port: int
    pid: int

    def memory_mb(self) -> float:
        return sum(_status_kb(pid, "VmRSS") for pid in _family(self.pid)) / 1024

    def processor_s(self) -> float:
        ticks = 0
        for pid in _family(self.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _status_kb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def running(system: str, voice: str | None, python: str = sys.executable) -> Generator[Server, None, None]:
    """A server in its own process, from its first answer on; ``python`` runs it where it is `BEFORE`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ)
    if system == NAIVE:
        command = [*_ME, "--worker", "naive", str(port), voice or ""]
    else:
        command = [python, "-m", "ssmphony.cli", "serve", "--port", str(port)]
        command += ["--voice", voice] if voice else []
    if system == BEFORE:
        environment.pop("PYTHONPATH", None)  # it would lead to this version
    with (
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory() as elsewhere,  # Python also looks for modules where it is started
        subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=elsewhere if system == BEFORE else None
        ) as process,
    ):
        try:
            _wait(process, port)
            yield Server(port, process.pid)
        except ServerDown:
            log.seek(0)
            raise SystemExit(f"{system} did not start:\n{log.read().decode()}") from None
        finally:
            process.terminate()


class ServerDown(Exception):
    pass


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise ServerDown


def naive(port: int, voice: str | None) -> None:
    """A minimal server: a voice under a lock, on both cores, with the audio sent as it is generated."""
    from ssmphony.audio.pcm import pcm16
    from ssmphony.voices.package import load

    speaker, lock = load(voice), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
            with lock:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in speaker.stream(text):
                    data = pcm16(chunk.samples)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            pass

    class Threads(ThreadingHTTPServer):
        request_queue_size = 1024

    Threads(("127.0.0.1", port), Handler).serve_forever()


# -- what is measured ---------------------------------------------------------------------------------------------


def listen(server: Server, **plan: Any) -> Row:
    """Run a plan in a process of listeners."""
    before = server.processor_s()
    data = json.dumps({"port": server.port, "texts": SENTENCES, **plan})
    command = [sys.executable, "-m", "benchmarks.serve.client"]
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout), "server_processor_s": server.processor_s() - before}


def figures(result: Row) -> Row:
    """First audio in ms, rate in seconds of audio a second, processor-seconds of server and client a second of it."""
    fine = [one for one in result["heard"] if one[0] == 200 and one[1] is not None]
    if not fine:
        raise SystemExit("no request was answered with sound")
    firsts = sorted(1000 * one[1] for one in fine)
    audio = sum(one[3] for one in fine)
    return {
        "requests": len(result["heard"]),
        "refused": len(result["heard"]) - len(fine),
        "first_p50_ms": quantile(firsts, 0.5),
        "first_p95_ms": quantile(firsts, 0.95),
        "rate": audio / result["wall_s"],
        "audio_s": audio,
        "server_processor": result["server_processor_s"] / audio,
        "client_processor": result["processor_s"] / audio,
    }


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def compute_limit(voice: str | None, seconds: float) -> float:
    """Seconds of audio per second with one process per core, each with a voice on one thread, and no server."""
    cores = len(os.sched_getaffinity(0))
    command = [*_ME, "--worker", "limit", str(seconds), voice or ""]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(cores)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()  # it is ready
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("\n")
        worker.stdin.flush()
    return sum(float(worker.communicate()[0]) for worker in workers)


def speak_for(seconds: float, voice: str | None) -> None:
    from ssmphony.voices.package import load

    speaker = load(voice, threads=1)
    speaker.say(SENTENCES[0])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begin, audio, number = time.perf_counter(), 0.0, 0
    while (took := time.perf_counter() - begin) < seconds:
        audio += speaker.say(SENTENCES[number % len(SENTENCES)]).seconds
        number += 1
    sys.stdout.write(f"{audio / took}\n")


def concurrency(voice: str | None, size: Size, rival: str = NAIVE, python: str = sys.executable) -> Row:
    """Streams that send their next request as soon as the last is complete, so that their number stays constant."""
    runs: dict[int, dict[str, list[Row]]] = {streams: {OURS: [], rival: []} for streams, _ in size.each}
    limits: list[float] = []
    with running(OURS, voice) as ours, running(rival, voice, python) as other:
        systems = {OURS: ours, rival: other}
        for server in systems.values():
            listen(server, way="closed", listeners=2, each=2)
        for _ in range(size.rounds):
            limits.append(compute_limit(voice, size.limit_s))
            for streams, each in size.each:
                for name, server in systems.items():
                    row = figures(listen(server, way="closed", listeners=streams, each=each))
                    runs[streams][name].append(row)
                    note(f"{streams} streams, {name}: {short(row)}")
        memory = ours.memory_mb()
    single = runs[size.each[0][0]][OURS]
    rows = [
        {
            "streams": streams,
            **{name: medians(found[name]) for name in (OURS, rival)},
            **ratios(found[OURS], found[rival]),
            "of_single": median(row["rate"] / one["rate"] for row, one in zip(found[OURS], single, strict=True)),
            "of_limit": median(row["rate"] / limit for row, limit in zip(found[OURS], limits, strict=True)),
        }
        for streams, found in runs.items()
    ]
    return {"rounds": size.rounds, "limit": median(limits), "memory_mb": memory, "rows": rows}


def compare(voice: str | None, size: Size, python: str) -> str:
    """This version's server and that of another interpreter, in turns: a line for each number of streams."""
    lines: list[str] = []
    for row in concurrency(voice, size, BEFORE, python)["rows"]:
        ratio = row["ratios"]
        lines.append(
            f"{row['streams']} streams: {short(row[OURS])}; before: {short(row[BEFORE])}; before / now: first "
            f"{ratio['first_p50_ms']:.2f} (p95 {ratio['first_p95_ms']:.2f}); now / before: rate {ratio['rate']:.2f}"
        )
    return "\n".join(lines)


def arrivals(voice: str | None, size: Size) -> Row:
    """Requests at random moments, independent of earlier ones: what an individual listener experiences."""
    limit = compute_limit(voice, size.limit_s)
    rows: list[Row] = []
    with running(OURS, voice) as ours, running(NAIVE, voice) as other:
        systems = {OURS: ours, NAIVE: other}
        for server in systems.values():
            warm = figures(listen(server, way="closed", listeners=2, each=5))
        each_s = warm["audio_s"] / warm["requests"]
        for share in size.shares:
            rate = share * limit / each_s
            found: dict[str, list[Row]] = {OURS: [], NAIVE: []}
            for seed in range(size.rounds):
                for name, server in systems.items():
                    row = figures(listen(server, way="open", rate=rate, seconds=size.seconds, seed=seed))
                    found[name].append(row)
                    note(f"{rate:.1f} requests a second, {name}: {short(row)}")
            medians_of = {name: medians(runs) for name, runs in found.items()}
            rows.append({"share": share, "rate": rate, **medians_of, **ratios(found[OURS], found[NAIVE])})
    return {"rounds": size.rounds, "limit": limit, "rows": rows}


def ratios(ours: list[Row], other: list[Row]) -> Row:
    pairs = list(zip(ours, other, strict=True))
    firsts = {key: median(b[key] / a[key] for a, b in pairs) for key in ("first_p50_ms", "first_p95_ms")}
    return {"ratios": {**firsts, "rate": median(a["rate"] / b["rate"] for a, b in pairs)}}


def medians(rows: list[Row]) -> Row:
    return {key: median(row[key] for row in rows) for key in rows[0]}


def memory(voice: str | None, size: Size) -> Row:
    """Resident memory of a fresh server: idle, under mixed load, and after it."""
    seconds = 60 * size.minutes
    samples: list[tuple[float, float]] = []
    with running(OURS, voice) as server:
        time.sleep(1.0)
        idle = server.memory_mb()
        done = threading.Event()

        def watch() -> None:
            begin = time.monotonic()
            while not done.wait(1.0):
                samples.append((time.monotonic() - begin, server.memory_mb()))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            plan = {"way": "mixed", "listeners": size.listeners, "seconds": seconds, "pause_s": size.pause_s}
            answers = listen(server, **plan)["heard"]
        finally:
            done.set()
            watching.join()
        time.sleep(2.0)
        after = server.memory_mb()
    note(f"idle {idle:.0f} MB, after {after:.0f} MB")
    return {
        "minutes": size.minutes,
        "listeners": size.listeners,
        "requests": len(answers),
        "refused": sum(one[0] != 200 for one in answers),
        "idle_mb": idle,
        "after_mb": after,
        **flatness(samples, seconds / 3),
    }


def flatness(samples: list[tuple[float, float]], since_s: float) -> Row:
    """Of the samples (second, MB) from ``since_s`` on: their median, the farthest from it (of all, and of the medians
    of minutes), and the drift an hour."""
    late = [sample for sample in samples if sample[0] >= since_s]
    values = [mb for _, mb in late]
    middle = median(values)
    minutes: dict[int, list[float]] = {}
    for second, mb in late:
        minutes.setdefault(int(second // 60), []).append(mb)
    mean_s, mean_mb = sum(second for second, _ in late) / len(late), sum(values) / len(late)
    spread = sum((second - mean_s) ** 2 for second, _ in late)
    slope = sum((second - mean_s) * (mb - mean_mb) for second, mb in late) / spread if spread else 0.0
    return {
        "median_mb": middle,
        "peak_mb": max(mb for _, mb in samples),
        "deviation_mb": max(abs(mb - middle) for mb in values),
        "minutes_deviation_mb": max(abs(median(minute) - middle) for minute in minutes.values()),
        "drift_mb_per_hour": 3600 * slope,
    }


def short(row: Row) -> str:
    return f"first {row['first_p50_ms']:.0f}/{row['first_p95_ms']:.0f} ms, {row['rate']:.1f} s/s"


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure(voice: str | None, size: Size, sections: list[str]) -> Row:
    ways = {"concurrency": concurrency, "arrivals": arrivals, "memory": memory}
    return {name: {"machine": machine(), **ways[name](voice, size)} for name in sections}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", help="a voice or its folder; the default one, if not given")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--minutes", type=float, help="of mixed load; 30, if not given")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="two minutes; stores nothing")
    parser.add_argument("--write", action="store_true", help="fill the tables of the documentation")
    parser.add_argument("--before", metavar="PYTHON", help="an interpreter with the version to compare with")
    parser.add_argument("--output", type=Path, default=RESULTS / "serve.json")
    parser.add_argument("--worker", nargs=3, metavar=("JOB", "ARGUMENT", "VOICE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        job, argument, voice = chosen.worker
        return naive(int(argument), voice or None) if job == "naive" else speak_for(float(argument), voice or None)
    sections = chosen.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"--only: no section {', '.join(unknown)}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    size = QUICK if chosen.quick else Size()
    size = size._replace(rounds=chosen.rounds or size.rounds, minutes=chosen.minutes or size.minutes)
    if chosen.before:
        return print(compare(chosen.voice, size, chosen.before))
    from benchmarks.serve.tables import sections as tables

    result: Row = json.loads(chosen.output.read_text()) if chosen.output.exists() and not chosen.quick else {}
    for name in sections:  # what is measured is kept, whatever happens to the next
        result |= measure(chosen.voice, size, [name])
        if not chosen.quick:
            write_json(result, chosen.output)
    print(tables(result))
    if chosen.write and not chosen.quick:
        from benchmarks.update_docs import update

        update()
    return None
