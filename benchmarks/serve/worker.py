"""Processes that the server is compared with: a naive server, and a voice without any.

    python -m benchmarks.serve.worker naive PORT [VOICE]
    python -m benchmarks.serve.worker limit SECONDS [VOICE]

``limit`` writes a line when its voice is loaded, speaks from the next line it reads, and writes the seconds of audio
that it has spoken per second.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.spoken_texts import SENTENCES
from ssmphony.audio.pcm import pcm16
from ssmphony.voices.package import load


def naive(port: int, voice: str | None) -> None:
    """A minimal server: a voice under a lock, on both cores, with the audio sent as it is generated."""
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


def speak_for(seconds: float, voice: str | None) -> None:
    """Sentences one after another, on one thread."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("naive", "limit"))
    parser.add_argument("number", type=float, metavar="PORT | SECONDS")
    parser.add_argument("voice", nargs="?", help="a voice or its folder; the default one, if not given")
    chosen = parser.parse_args()
    if chosen.job == "naive":
        naive(int(chosen.number), chosen.voice)
    else:
        speak_for(chosen.number, chosen.voice)


if __name__ == "__main__":
    main()
