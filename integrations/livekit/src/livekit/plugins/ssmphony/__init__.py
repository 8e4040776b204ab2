"""LiveKit Agents' text-to-speech on the WebSocket of a ssmphony server."""

from livekit.plugins.ssmphony.tts import TTS, SynthesizeStream

__all__ = ["TTS", "SynthesizeStream"]
