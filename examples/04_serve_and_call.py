"""Your own server, and a client that needs nothing but Python's standard library:

    python examples/04_serve_and_call.py                          # starts a server, calls it, stops it
    python examples/04_serve_and_call.py http://127.0.0.1:8000    # calls one that runs

Starting a server needs the extra `serve`: `pip install ".[serve]"` in a checkout.
"""

import base64
import json
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

TEXT = "आपकी गाड़ी प्लेटफ़ॉर्म नंबर 4 से 10:30 बजे जाएगी।"


# In production, a supervisor runs `ssmphony serve` (see the page Deploy). `/health` answers once the voices are loaded.


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ssmphony.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not is_up(url):
            if process.poll() is not None:
                sys.exit("the server did not start; run it by hand to see why: ssmphony serve")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def is_up(url: str) -> bool:
    try:
        return urlopen(f"{url}/health", timeout=5).status == 200
    except (URLError, ConnectionError, TimeoutError):
        return False


# The route and the fields are those of OpenAI's speech API, so its clients work too. Other formats are mp3, opus, aac,
# flac and wav. `pcm` is 16-bit samples at 24 kHz that arrive as they are computed.


def save(url: str, name: str) -> None:
    body = {"model": "ssmphony", "voice": "default", "input": TEXT, "response_format": "pcm"}
    start, first = time.perf_counter(), 0.0
    with call(url, body) as answer, wave.open(name, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        while piece := answer.read1(65536):
            first = first or time.perf_counter() - start
            file.writeframesraw(piece)
    print(f"{name}: the first sound came after {1000 * first:.0f} ms")


# With `return_timestamps`, the answer is one JSON object per line: sound in base64, and the words that end in it.


def print_words(url: str) -> None:
    body = {"model": "ssmphony", "voice": "default", "input": TEXT, "return_timestamps": True, "response_format": "pcm"}
    with call(url, body) as answer:
        for line in answer:
            piece = json.loads(line)
            samples = base64.b64decode(piece["audio"])
            words = [
                f"{word['word']} {word['start_time']:.2f}-{word['end_time']:.2f} s" for word in piece["timestamps"]
            ]
            print(f"{len(samples) // 2} samples, {', '.join(words)}")


def call(url: str, body: dict[str, object]) -> Any:
    data = json.dumps(body).encode()
    return urlopen(Request(f"{url}/v1/audio/speech", data, {"Content-Type": "application/json"}))


def main(url: str) -> None:
    save(url, "served.wav")
    print_words(url)


if len(sys.argv) > 1:
    main(sys.argv[1].rstrip("/"))
else:
    with server() as address:
        main(address)
