"""Pipecat's text-to-speech on the WebSocket of a ssmphony server."""

from pipecat_ssmphony.tts import SsmphonyTTSService, SsmphonyTTSSettings

__all__ = ["SsmphonyTTSService", "SsmphonyTTSSettings"]
