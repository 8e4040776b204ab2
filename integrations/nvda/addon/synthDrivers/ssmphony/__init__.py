"""The driver: speech sequences become messages for `ssmphony speechd`, whose events become sound and notifications.

Speech runs in a process of its own (`process`), so that NVDA's Python, which may be a 32-bit one without NumPy, loads
none of it.
"""

from collections import OrderedDict

import config
import nvwave
from logHandler import log
from speech.commands import (
    BreakCommand,
    CharacterModeCommand,
    IndexCommand,
    PitchCommand,
    RateCommand,
    VolumeCommand,
)
from synthDriverHandler import SynthDriver as BaseDriver
from synthDriverHandler import VoiceInfo, synthDoneSpeaking, synthIndexReached

from .markup import document
from .process import Speaker, find_command

HELD_BYTES = 480
"""Of the sound, what waits for what follows: NVDA is notified of a mark when the sound before it has been heard, and a
mark comes after that sound. 10 ms at 24 kHz."""


class SynthDriver(BaseDriver):
    name = "ssmphony"
    description = "ssmphony"
    supportedSettings = (
        BaseDriver.VoiceSetting(),
        BaseDriver.RateSetting(),
        BaseDriver.PitchSetting(),
        BaseDriver.VolumeSetting(),
    )
    supportedCommands = {
        IndexCommand,
        CharacterModeCommand,
        BreakCommand,
        PitchCommand,
        RateCommand,
        VolumeCommand,
    }
    supportedNotifications = {synthIndexReached, synthDoneSpeaking}

    @classmethod
    def check(cls):
        return find_command() is not None

    def __init__(self):
        super().__init__()
        self._player = None
        self._held, self._marks = b"", []
        self._voice = ""
        self._rate = self._pitch = 50
        self._volume = 100
        self._speaker = Speaker(find_command(), self._sound, self._mark, self._done, log.error)
        self._voices = self._speaker.voices()

    def terminate(self):
        self._speaker.close()
        if self._player is not None:
            self._player.close()

    def speak(self, speechSequence):
        self._speaker.speak(document(speechSequence), self._settings())

    def cancel(self):
        self._speaker.stop()
        self._held, self._marks = b"", []
        if self._player is not None:
            self._player.stop()

    def pause(self, switch):
        if self._player is not None:
            self._player.pause(switch)

    def _settings(self):
        return {
            "rate": 2 * self._rate - 100,
            "pitch": 2 * self._pitch - 100,
            "volume": 2 * self._volume - 100,
            "synthesis_voice": self._voice or "NULL",
            "punctuation_mode": "none",  # NVDA puts the names of signs into the text itself
        }

    # From the thread that reads the events of the process.

    def _sound(self, samples, sample_rate):
        if self._player is None:
            self._player = nvwave.WavePlayer(1, sample_rate, 16, outputDevice=_output_device())
        if self._marks:
            self._feed_held()
        samples = self._held + samples
        size = max(0, len(samples) - HELD_BYTES)
        self._held = samples[size:]
        if size:
            self._player.feed(samples[:size])

    def _mark(self, name):
        self._marks.append(int(name))

    def _done(self):
        self._feed_held()
        if self._player is not None:
            self._player.idle()
        synthDoneSpeaking.notify(synth=self)

    def _feed_held(self):
        """The sound before the marks that wait, and then the marks."""
        held, self._held = self._held, b""
        marks, self._marks = self._marks, []

        def notify():
            for index in marks:
                synthIndexReached.notify(synth=self, index=index)

        if held:
            self._player.feed(held, onDone=notify)
        else:
            notify()

    # Settings, each from 0 to 100.

    def _getAvailableVoices(self):
        return OrderedDict((name, VoiceInfo(name, name, language)) for name, language in self._voices)

    def _get_voice(self):
        return self._voice or next((name for name, _ in self._voices), "")

    def _set_voice(self, value):
        if value in dict(self._voices):
            self._voice = value

    def _get_rate(self):
        return self._rate

    def _set_rate(self, value):
        self._rate = value

    def _get_pitch(self):
        return self._pitch

    def _set_pitch(self, value):
        self._pitch = value

    def _get_volume(self):
        return self._volume

    def _set_volume(self, value):
        self._volume = value


def _output_device():
    """Newer versions of NVDA keep the device with the other settings of sound."""
    for section, key in (("audio", "outputDevice"), ("speech", "outputDevice")):
        try:
            return config.conf[section][key]
        except KeyError:
            continue
    return "default"
