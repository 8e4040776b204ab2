"""``ssmphony serve`` while texts ask for minutes of silence: its memory, and how long others wait for their sound.

    python -m benchmarks.serve.silence [--voice VOICE] [--formats pcm mp3]

Each attack is one short text with 258 breaks of ten seconds, of which its client takes as much as it can get. Another
listener asks for a sentence again and again, from the moment before the attack begins to its end. Prints a line of
JSON for each measurement. Reads /proc: Linux only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable
from statistics import median

from benchmarks.serve.client import PATH
from benchmarks.serve.servers import OURS, Row, Server, listen, running

ATTACK = "<speak>क" + 258 * "<break time='10s'/>" + "</speak>"
SENTENCE = "नमस्ते दुनिया, आज मौसम अच्छा है।"
FORMATS = ("pcm", "opus", "mp3", "flac")


def first_s(server: Server) -> float:
    """Seconds until the sound of a sentence begins; the rest of it is read, too."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    body = json.dumps({"input": SENTENCE, "response_format": "pcm"})
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read(1)
    seconds = time.perf_counter() - began
    response.read()
    connection.close()
    return seconds


def repeat(work: Callable[[], None], until: threading.Event, pause_s: float) -> threading.Thread:
    def run() -> None:
        while not until.is_set():
            work()
            until.wait(pause_s)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def attack(server: Server, count: int, response_format: str) -> Row:
    """``count`` attacks at once, by a process of their own."""
    fields = {"response_format": response_format}
    listen(server, way="closed", listeners=2, each=3, fields=fields)
    before_mb = server.memory_mb()
    over = threading.Event()
    memory: list[float] = []
    waits: list[float] = []
    watchers = [
        repeat(lambda: memory.append(server.memory_mb()), over, 0.02),
        repeat(lambda: waits.append(first_s(server)), over, 0.05),
    ]
    try:
        result = listen(server, way="closed", listeners=count, each=1, texts=[ATTACK], fields=fields)
    finally:
        over.set()
        for thread in watchers:
            thread.join()
    return {
        "attacks": count,
        "format": response_format,
        "statuses": [status for status, *_ in result["heard"]],
        "first_s": round(max(first or wall_s for _, first, wall_s, _ in result["heard"]), 3),
        "wall_s": round(result["wall_s"], 2),
        "server_processor_s": round(result["server_processor_s"], 2),
        "before_mb": round(before_mb),
        "most_mb": round(max(memory)),
        "others": len(waits),
        "others_first_p50_s": round(median(waits), 3),
        "others_first_max_s": round(max(waits), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice")
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    options = parser.parse_args()
    for response_format in options.formats:
        for count in (1, 4):
            with running(OURS, options.voice) as server:  # a new one each time: memory that was taken may be kept
                print(json.dumps(attack(server, count, response_format)), flush=True)


if __name__ == "__main__":
    main()
