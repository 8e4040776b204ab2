"""Listeners in their own process, as cheap as possible: HTTP/1.1 by hand, and audio that is only counted.

    python -m benchmarks.serve.client < plan.json > answers.json

A plan has a ``port``, ``texts``, and a ``way``:

* ``closed``: ``listeners`` send ``each`` requests, the next when the last is complete, all from the same moment, with
  further ``fields`` of a request;
* ``open``: requests begin at random moments, ``rate`` a second for ``seconds``, whether or not the others are done;
* ``mixed``: ``listeners`` ask for texts of any length in any format and pause between them, some leave in the middle,
  some send rubbish, for ``seconds``.

The clock of a request starts when it should be sent, and stops at the first bytes of sound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

Row = dict[str, Any]
PATH = "/v1/audio/speech"
SAMPLE_RATE = 24_000
FORMATS = ("pcm", "wav", "mp3", "opus", "flac", "aac")


class Answer(NamedTuple):
    """Status 0 is an answer that broke off; ``first_s`` is None without audio, ``audio_s`` counts only PCM."""

    status: int
    first_s: float | None
    wall_s: float
    audio_s: float


class Left(Exception):
    """The listener disconnected on purpose."""


class Line:
    """A persistent connection; one request after another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self._reader, self._writer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def ask(self, began: float | None = None, *, leave: bool = False, **fields: Any) -> Answer:
        body = json.dumps({"response_format": "pcm", **fields}).encode()
        kind = "Host: x\r\nContent-Type: application/json"
        head = f"POST {PATH} HTTP/1.1\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter() if began is None else began
        try:
            status = await self._send(head.encode() + body)
            first, received = await self._receive(began, leave)
        except (OSError, EOFError, ValueError, IndexError):
            self.close()
            return Answer(0, None, time.perf_counter() - began, 0.0)
        audio = received / (2 * SAMPLE_RATE) if fields.get("response_format", "pcm") == "pcm" else 0.0
        return Answer(status, first, time.perf_counter() - began, audio)

    async def _send(self, request: bytes) -> int:
        """The status of the answer. A server may have closed a connection that was idle: then on a new one."""
        for _ in range(2):
            reader, writer = await self.connect()
            writer.write(request)
            try:
                if line := await reader.readline():
                    return int(line.split()[1])
            except ConnectionError:
                pass
            self.close()
        raise EOFError

    async def _receive(self, began: float, leave: bool) -> tuple[float | None, int]:
        """When the first of the body came, and its size if it was chunked, as sound is."""
        reader, _ = await self.connect()
        length, first, received = 0, None, 0
        while (line := await reader.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length:
            await reader.readexactly(length)
            return None, 0
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
            first = time.perf_counter() - began if first is None else first
            received += size
            if leave:
                self.close()
                raise Left
        await reader.readline()
        return first, received


async def closed(plan: Row) -> list[Answer]:
    lines = [Line(plan["port"]) for _ in range(plan["listeners"])]
    await asyncio.gather(*(line.connect() for line in lines))

    async def listen(number: int) -> list[Answer]:
        texts, fields = plan["texts"], plan.get("fields", {})
        return [await lines[number].ask(input=texts[(number + i) % len(texts)], **fields) for i in range(plan["each"])]

    answers = await asyncio.gather(*(listen(number) for number in range(len(lines))))
    for line in lines:
        line.close()
    return [one for each in answers for one in each]


async def opened(plan: Row) -> list[Answer]:
    chance = random.Random(plan.get("seed", 0))
    idle: list[Line] = []
    begin = time.perf_counter() + 0.1

    async def arrive(moment: float, text: str) -> Answer:
        await asyncio.sleep(begin + moment - time.perf_counter())
        line = idle.pop() if idle else Line(plan["port"])
        answer = await line.ask(begin + moment, input=text)
        idle.append(line)
        return answer

    moments = [0.0]
    while moments[-1] < plan["seconds"]:
        moments.append(moments[-1] + chance.expovariate(plan["rate"]))
    answers = await asyncio.gather(*(arrive(moment, chance.choice(plan["texts"])) for moment in moments[:-1]))
    for line in idle:
        line.close()
    return list(answers)


async def mixed(plan: Row) -> list[Answer]:
    until = time.perf_counter() + plan["seconds"]
    answers: list[Answer] = []

    async def listen(number: int) -> None:
        chance, line = random.Random(number), Line(plan["port"])
        while time.perf_counter() < until:
            fields: Row = {"input": " ".join(chance.choices(plan["texts"], k=chance.choice((1, 1, 1, 2, 5))))}
            fields["response_format"] = chance.choice(FORMATS)
            fate = chance.random()
            if fate < 0.1:
                fields |= chance.choice(({"voice": "../../etc"}, {"speed": 99}, {"input": ""}, {"input": "<speak><b>"}))
            elif fate < 0.2:
                fields["stream_format"] = "sse"
            with suppress(Left):
                answers.append(await line.ask(leave=fate > 0.9, **fields))
            await asyncio.sleep(min(chance.expovariate(1 / plan["pause_s"]), 10 * plan["pause_s"]))
        line.close()

    await asyncio.gather(*(listen(number) for number in range(plan["listeners"])))
    return answers


WAYS = {"closed": closed, "open": opened, "mixed": mixed}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    plan = json.load(sys.stdin)
    begin, processor = time.perf_counter(), time.process_time()
    answers = asyncio.run(WAYS[plan["way"]](plan))
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    json.dump({"heard": answers, "wall_s": wall, "processor_s": processor}, sys.stdout)


if __name__ == "__main__":
    main()
