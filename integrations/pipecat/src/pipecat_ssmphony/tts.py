"""`SsmphonyTTSService`: text goes to the server as the language model writes it; sound and words come back.

Each audio context of Pipecat, which is one reply or one `TTSSpeakFrame`, is one utterance on a socket of its own.
Closing the socket stops the server at once, so an interruption closes it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import CancelFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TextAggregationMode, TTSService
from pipecat.utils.types import NOT_GIVEN, NotGiven
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

STREAM = "/audio/speech/stream"
SILENCE_S = 0.02
"""Sent for a text that has nothing to speak, such as an emoji: Pipecat takes a context without sound for a failure."""

CLOSING = re.compile(r"""(?:\s*[।॥.,!?;:…)\]}”’»]|["'-])*""")
"""Punctuation that belongs to the word before it."""


@dataclass
class SsmphonyTTSSettings(TTSSettings):
    """What `TTSUpdateSettingsFrame` can change; it applies from the next reply on.

    ``voice`` is a voice of the server, a speaker's alias or a reference; ``language`` and ``model`` change nothing.
    """

    speaker: str | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    speed: float | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    """2 is twice as fast."""
    pitch: float | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    """Semitones up or down."""


@dataclass
class _Utterance:
    messages: asyncio.Queue[dict[str, Any]]
    """What is still to be sent."""
    text: str = ""
    task: asyncio.Task[None] | None = None

    def write(self, text: str) -> None:
        self.text += text
        self.messages.put_nowait({"type": "text", "text": text})


class SsmphonyTTSService(TTSService):
    """Speaks with a ssmphony server.

    Args:
        base_url: The address of the server with ``/v1``.
        api_key: Where the server asks for one.
        settings: Voice, speaker, speed and pitch; those not given are the server's.
        text_aggregation_mode: ``TOKEN`` sends text as it is written, and the server finds the clauses;
            ``SENTENCE`` waits for whole sentences.
        sample_rate: In Hz; that of the pipeline if None.
        kwargs: Those of `TTSService`.
    """

    Settings = SsmphonyTTSSettings
    _settings: SsmphonyTTSSettings  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        *,
        base_url: str = "http://127.0.0.1:8000/v1",
        api_key: str | None = None,
        settings: SsmphonyTTSSettings | None = None,
        text_aggregation_mode: TextAggregationMode = TextAggregationMode.TOKEN,
        sample_rate: int | None = None,
        **kwargs: Any,
    ) -> None:
        chosen = SsmphonyTTSSettings(model=None, voice=None, language=None, speaker=None, speed=None, pitch=None)
        if settings is not None:
            chosen.apply_update(settings)
        super().__init__(
            push_text_frames=False,  # words come with their times instead
            push_start_frame=True,
            append_trailing_space=True,
            stop_frame_timeout_s=kwargs.pop("stop_frame_timeout_s", 30.0),  # a model may pause within its reply
            text_aggregation_mode=text_aggregation_mode,
            sample_rate=sample_rate,
            settings=chosen,
            **kwargs,
        )
        self._url = base_url.rstrip("/").replace("http", "ws", 1) + STREAM
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._utterances: dict[str, _Utterance] = {}

    def can_generate_metrics(self) -> bool:
        return True

    @property
    def supports_processing_metrics(self) -> bool:
        return False

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send more of the text of a context. Its sound is appended to the context as it arrives."""
        utterance = self._utterances.get(context_id)
        if utterance is None:
            self._utterances[context_id] = utterance = _Utterance(asyncio.Queue())
            utterance.messages.put_nowait(self._start_message())
            utterance.task = self.create_task(self._speak(context_id, utterance), "utterance")
        utterance.write(text)
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Pipecat calls this at the end of a reply: there is no more text."""
        utterance = self._utterances.get(context_id or self.get_active_audio_context_id() or "")
        if utterance is not None:
            utterance.messages.put_nowait({"type": "finish"})

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Someone speaks: stop the server, too."""
        await self._drop(context_id)
        await super().on_audio_context_interrupted(context_id)

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._drop_all()

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._drop_all()

    def _start_message(self) -> dict[str, Any]:
        settings = self._settings
        fields = {name: getattr(settings, name) for name in ("voice", "speaker", "speed", "pitch")}
        given = {name: value for name, value in fields.items() if value is not None}
        return {"type": "start", "format": "pcm", "sample_rate": self.sample_rate, **given}

    async def _drop_all(self) -> None:
        for context_id in list(self._utterances):
            await self._drop(context_id)

    async def _drop(self, context_id: str) -> None:
        utterance = self._utterances.pop(context_id, None)
        if utterance is not None and utterance.task is not None:
            await self.cancel_task(utterance.task)

    async def _speak(self, context_id: str, utterance: _Utterance) -> None:
        """One utterance from its connection to its end, which ends the audio context, too."""
        try:
            socket = await connect(self._url, additional_headers=self._headers, max_size=None, close_timeout=1)
            sender = asyncio.create_task(_send(socket, utterance.messages))
            try:
                await self._receive(socket, context_id, utterance)
            finally:
                sender.cancel()
                socket.transport.abort()  # closing politely would wait for sound that is under way
        except (OSError, WebSocketException) as error:
            await self.push_error(f"ssmphony at {self._url}: {error}", exception=error)
        self._utterances.pop(context_id, None)
        await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
        await self.remove_audio_context(context_id)

    async def _receive(self, socket: ClientConnection, context_id: str, utterance: _Utterance) -> None:
        shown = 0
        async for message in socket:
            if isinstance(message, bytes):
                await self._append_sound(message, context_id)
                continue
            answer = json.loads(message)
            if answer["type"] == "words":
                for word in answer["words"]:
                    end = _end_with_punctuation(utterance.text, word["end"])
                    await self.add_word_timestamps([(utterance.text[shown:end].strip(), word["start_s"])], context_id)
                    shown = end
            elif answer["type"] == "error":
                await self.push_error(f"ssmphony: {answer['message']}")
                return
            elif answer["type"] == "done":
                if answer.get("nothing_spoken"):
                    await self._append_sound(bytes(2 * int(SILENCE_S * self.sample_rate)), context_id)
                return
        await self.push_error("ssmphony: the server closed the socket before the end of the utterance")

    async def _append_sound(self, sound: bytes, context_id: str) -> None:
        frame = TTSAudioRawFrame(sound, self.sample_rate, 1, context_id=context_id)
        await self.append_to_audio_context(context_id, frame)


async def _send(socket: ClientConnection, messages: asyncio.Queue[dict[str, Any]]) -> None:
    """Send messages until cancelled. A closed socket is for the receiver to report."""
    with suppress(ConnectionClosed):
        while True:
            await socket.send(json.dumps(await messages.get()))


def _end_with_punctuation(text: str, end: int) -> int:
    closing = CLOSING.match(text, end)
    return end if closing is None else closing.end()
