"""One text being spoken: the caller's handle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from ssmphony.engine.job import StreamJob
from ssmphony.engine.snapshot import pack
from ssmphony.types import AudioChunk, SsmphonyError


class Stream:
    """Returned by `Engine.open`. Text goes in, chunks come out; any thread may do either, one at a time.

    ``for`` and ``async for`` wait for the next chunk and end with the text, after `cancel`, and after `snapshot`. They
    raise `DeadlineExceeded`, `EngineClosed`, `VoiceFailed`, or an `SsmphonyError` for the text itself; the
    chunks produced before come first. As a context manager, a stream is cancelled where the block ends.
    """

    def __init__(self, job: StreamJob, lock: threading.RLock, changed: Callable[[StreamJob], None]) -> None:
        self._job = job
        self._lock = lock
        self._changed = changed

    @property
    def sample_rate(self) -> int:
        return self._job.voice.sample_rate

    @property
    def done(self) -> bool:
        """No more chunks will be produced; some may still be unread."""
        return self._job.ended

    # -- text -----------------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Add text. Never waits; what is written to a stream that has ended is dropped."""
        self._put(text)

    def flush(self) -> None:
        """Speak what is written so far, even where its sentence has no end yet. More may follow."""
        self._put(None)

    def finish(self) -> None:
        """Declare that no more text will come."""
        with self._lock:
            self._job.closed = True
            self._wake()

    def cancel(self) -> None:
        """Stop now. The slot is free at once; unread chunks are dropped."""
        with self._lock:
            self._job.chunks.clear()
            self._job.abandoned = True
            self._wake()

    def _put(self, piece: str | None) -> None:
        with self._lock:
            if self._job.closed and not self._job.ended:
                raise SsmphonyError("this stream's text is finished: open another stream")
            if not self._job.ended:
                self._job.inbox.append(piece)
                self._wake()

    def _wake(self) -> None:
        self._job.asleep = False
        self._changed(self._job)

    # -- sound ----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[AudioChunk]:
        return self

    def __next__(self) -> AudioChunk:
        with self._lock:
            while (chunk := self._take()) is None:
                if self._job.ended:
                    raise StopIteration
                self._job.news.wait()
            return chunk

    def __aiter__(self) -> AsyncIterator[AudioChunk]:
        return self

    async def __anext__(self) -> AudioChunk:
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if (chunk := self._take()) is not None:
                    return chunk
                if self._job.ended:
                    raise StopAsyncIteration
                future: asyncio.Future[None] = loop.create_future()
                self._job.waiters.append((loop, future))
            await future

    def _take(self) -> AudioChunk | None:
        """The next chunk, if there is one; raises the stream's error after the last."""
        job = self._job
        if job.chunks:
            chunk = job.chunks.popleft()
            job.unread_s -= chunk.seconds
            self._changed(job)
            return chunk
        if job.ended and job.error is not None:
            error, job.error = job.error, None
            raise error
        return None

    # -- state ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Stop here and return what `Engine.resume` needs to continue, in this process or another.

        Chunks produced so far can still be read; the resumed stream begins after them and sounds, bit for bit, as if
        nothing had happened. Waits for the step in progress. Raises `SsmphonyError` for a stream that has
        ended, and for one that was opened with a frontend of its own, which is not part of the stored state.
        """
        job = self._job
        if job.reader.frontend is not job.voice.frontend:
            raise SsmphonyError("a stream with a frontend of its own cannot be stored: give the lexicon to the voice")
        with self._lock:
            job.stopping = True
            self._changed(job)
            while job.held and not job.ended:
                job.news.wait()
            if job.ended:
                raise SsmphonyError("this stream has ended: there is nothing left to store")
            job.read_inbox()
            data = pack(job.voice, job.style, job.reader, job.speech, job.spoken, job.silence_s)
            job.abandoned = True
            self._changed(job)
            return data

    # -- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()

    def __del__(self) -> None:
        self._job.abandoned = True  # no lock: the collector may run in a thread that has it
