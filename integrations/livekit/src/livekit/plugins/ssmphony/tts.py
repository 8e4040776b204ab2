"""`TTS` and `SynthesizeStream`: text goes to the server as the language model writes it; sound and words come back.

Each stream, which is one reply, is one utterance on a socket of its own. Closing the socket stops the server at once,
so closing the stream, as an interruption does, closes the socket.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import aiohttp
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString

STREAM = "/audio/speech/stream"
SILENCE_S = 0.02
"""Sent for a text that has nothing to speak, such as an emoji: LiveKit takes a stream without sound for a failure."""
CLOSING = re.compile(r"""(?:\s*[।॥.,!?;:…)\]}”’»]|["'-])*""")
"""Punctuation that belongs to the word before it."""
BUSY = ("server_busy", "shutting_down", "too_many_connections", "timeout")
"""Codes of errors after which another attempt may succeed."""


class TTS(tts.TTS[Any]):
    """Speaks with a ssmphony server.

    Args:
        base_url: The address of the server with ``/v1``.
        api_key: Where the server asks for one.
        voice: A voice of the server, a speaker's alias or a reference; the server's first voice if None.
        speaker: One of the voice's speakers, or a mix of them.
        speed: 2 is twice as fast.
        pitch: Semitones up or down.
        sample_rate: In Hz.
        http_session: Used in place of that of the job.
    """

    def __init__(
        self,
        *,
        base_url: str = "http://127.0.0.1:8000/v1",
        api_key: str | None = None,
        voice: str | None = None,
        speaker: str | None = None,
        speed: float | None = None,
        pitch: float | None = None,
        sample_rate: int = 24_000,
        http_session: aiohttp.ClientSession | None = None,
    ) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=sample_rate,
            num_channels=1,
        )
        self.url = base_url.rstrip("/") + STREAM
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._fields: dict[str, Any] = {}
        self._session = http_session
        self.update_options(voice=voice, speaker=speaker, speed=speed, pitch=pitch)

    @property
    def provider(self) -> str:
        return "ssmphony"

    @property
    def model(self) -> str:
        return str(self._fields.get("voice", "default"))

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session or utils.http_context.http_session()

    def start_message(self) -> dict[str, Any]:
        return {"type": "start", "format": "pcm", "sample_rate": self.sample_rate, **self._fields}

    def update_options(
        self,
        *,
        voice: str | None = None,
        speaker: str | None = None,
        speed: float | None = None,
        pitch: float | None = None,
    ) -> None:
        """Change what is given, from the next stream on."""
        changes = {"voice": voice, "speaker": speaker, "speed": speed, "pitch": pitch}
        self._fields.update({name: value for name, value in changes.items() if value is not None})

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> SynthesizeStream:
        return SynthesizeStream(self, conn_options)


class SynthesizeStream(tts.SynthesizeStream):
    """One utterance, from its first text to its last sound."""

    def __init__(self, speaker: TTS, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=speaker, conn_options=conn_options)
        self._speaker = speaker
        self._start = speaker.start_message()

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        """Speak the utterance. The base class calls this again after an error that another attempt may not meet."""
        request_id = utils.shortuuid()
        output_emitter.initialize(
            request_id=request_id,
            sample_rate=self._speaker.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=request_id)
        try:
            socket = await asyncio.wait_for(self._connect(), self._conn_options.timeout)
            async with socket:
                await self._speak(socket, output_emitter)
        except asyncio.TimeoutError:
            raise APITimeoutError(f"ssmphony at {self._speaker.url} does not answer") from None
        except aiohttp.WSServerHandshakeError as error:
            raise APIStatusError(f"ssmphony: {error.message}", status_code=error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise APIConnectionError(f"ssmphony at {self._speaker.url}: {error}") from error
        output_emitter.end_segment()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse[bool]:
        return await self._speaker.session.ws_connect(
            self._speaker.url,
            headers=self._speaker.headers,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),  # pyright: ignore[reportCallIssue]
        )

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse[bool], output_emitter: tts.AudioEmitter) -> None:
        written: list[str] = []
        sender = asyncio.create_task(self._send(socket, written))
        try:
            await self._receive(socket, written, output_emitter)
        finally:
            await utils.aio.cancel_and_wait(sender)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse[bool], written: list[str]) -> None:
        """A closed socket is for the receiver to report."""
        try:
            await socket.send_json(self._start)
            async for text in self._input_ch:
                if isinstance(text, str):
                    self._mark_started()
                    written.append(text)
                    await socket.send_json({"type": "text", "text": text})
                else:
                    await socket.send_json({"type": "flush"})
            await socket.send_json({"type": "finish"})
        except (aiohttp.ClientError, OSError):
            return

    async def _receive(
        self, socket: aiohttp.ClientWebSocketResponse[bool], written: list[str], output_emitter: tts.AudioEmitter
    ) -> None:
        shown = 0
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                output_emitter.push(message.data)
                continue
            answer = json.loads(message.data)
            if answer["type"] == "words":
                text = "".join(written)
                for word in answer["words"]:
                    end = _end_with_punctuation(text, word["end"])
                    timed = TimedString(text[shown:end], start_time=word["start_s"], end_time=word["end_s"])
                    output_emitter.push_timed_transcript(timed)
                    shown = end
            elif answer["type"] == "error":
                raise APIError(f"ssmphony: {answer['message']}", retryable=answer["code"] in BUSY)
            elif answer["type"] == "done":
                if answer.get("nothing_spoken"):
                    output_emitter.push(bytes(2 * int(SILENCE_S * self._speaker.sample_rate)))
                return
        raise APIConnectionError("ssmphony: the server closed the socket before the end of the utterance")


def _end_with_punctuation(text: str, end: int) -> int:
    closing = CLOSING.match(text, end)
    return end if closing is None else closing.end()
