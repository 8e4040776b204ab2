"""Where text becomes audio. Every voice speaks through this module, whatever its model.

    text ──frontend──▶ sentences ──model──▶ blocks of frames ──codec──▶ samples

`Voice.stream` speaks one sentence after another, each as `ssmphony.speech` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ssmphony import speech
from ssmphony.interfaces import Decoder, Encoder, Frontend, VoiceModel
from ssmphony.reference import check_reference
from ssmphony.speakers import check_speaker
from ssmphony.speech import Speech
from ssmphony.timeline import Progress
from ssmphony.types import Audio, AudioChunk, Frames, Reference, SsmphonyError, Style, Tokens, VoiceCard

MAX_SILENCE_S = 3600.0
"""The silence that the breaks of one text may add up to, in seconds, unless a voice is given another limit."""


@dataclass(frozen=True)
class Voice:
    """A frontend, a model and a codec. Immutable: threads may share it.

    With ``overlap``, `stream` lets the model produce the next block in a thread of its own while the codec decodes
    this one: two graphs on one thread each cost less than one after the other on two threads.
    """

    frontend: Frontend
    model: VoiceModel
    codec: Decoder
    card: VoiceCard
    overlap: bool = False
    encoder: Encoder | None = None
    """Turns recordings into the codec's frames; None if the package holds only what is needed to speak."""
    identity: str = ""
    """A checksum of what was loaded: a stored stream continues only with the voice that began it."""
    max_silence_s: float = MAX_SILENCE_S
    """The silence that the breaks of one text may add up to, in seconds; a text that asks for more is refused."""

    @property
    def sample_rate(self) -> int:
        """Of the samples that the voice makes, in Hz."""
        return self.codec.grid.sample_rate

    def say(
        self,
        text: str | Iterable[str],
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        reference: Reference | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Audio:
        """The whole of `stream` at once."""
        style = Style(speed, pitch, seed, speaker, reference, temperature, top_k, top_p)
        return Audio.join(self.speak(text, style), self.sample_rate)

    def stream(
        self,
        text: str | Iterable[str],
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        reference: Reference | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Iterator[AudioChunk]:
        """Speak, a chunk at a time, in memory that does not grow with the text.

        The concatenation of the chunks is exactly what `say` returns. Text with no speakable content yields no chunks.

        Args:
            text: A string, or an iterable of strings: text that is still being written.
            speed: 2.0 is twice as fast.
            pitch: In semitones.
            seed: For all random numbers.
            speaker: A speaker of the voice; for a voice that mixes them, also ``"alpha:0.7,omega:0.3"``.
            reference: A recording to speak like, for a voice that takes one.
            temperature: For a voice that samples codes: 0 takes the most likely; None: the voice's own setting.
            top_k: Codes are sampled from this many of the most likely; 0: from all.
            top_p: Codes are sampled from the fewest that together have this probability.

        Raises:
            SsmphonyError: For a style out of range and for what `check` refuses; and, where the chunks are read, for
                markup that is refused and for breaks of more than ``max_silence_s``.
        """
        return self.speak(text, Style(speed, pitch, seed, speaker, reference, temperature, top_k, top_p))

    def speak(self, text: str | Iterable[str], style: Style) -> Iterator[AudioChunk]:
        """`stream`, in a `Style`."""
        return self._sentences(text, self.check(style))

    def check(self, style: Style) -> Style:
        """Return the style if the voice supports it.

        Raises:
            SsmphonyError: For an unknown speaker, and for a speed, a pitch, a mix of speakers, a reference or sampling
                settings that the model does not support.
        """
        follows = self.model.capabilities
        check_speaker(style.speaker, self.card.speakers, mixes="mix" in follows)
        learned = [name for name in ("speed", "pitch") if name not in follows]
        changed = {"speed": style.speed != 1.0, "pitch": style.pitch_semitones != 0.0}
        if any(changed[name] for name in learned):
            fixed = " and ".join(learned)
            raise SsmphonyError(
                f"the voice '{self.card.name}' speaks at the {fixed} that it learned: leave {fixed} out"
            )
        asked = (style.temperature, style.top_k, style.top_p)
        if "sampling" not in follows and any(value is not None for value in asked):
            raise SsmphonyError(f"the voice '{self.card.name}' draws no codes: leave temperature, top_k and top_p out")
        if style.reference is not None:
            if "reference" not in follows:
                raise SsmphonyError(f"the voice '{self.card.name}' takes no reference: leave it out")
            check_reference(style.reference, self.model.reference_inputs)
        return style

    def begin(self, tokens: Tokens, style: Style, origin: int = 0) -> Speech:
        """Start a sentence; ``origin`` is the sample of its stream at which it begins.

        Raises:
            SsmphonyError: For a speaker whom the markup of the sentence names and the voice does not have.
        """
        if tokens.speaker is not None:
            check_speaker(tokens.speaker, self.card.speakers, mixes="mix" in self.model.capabilities)
            style = replace(style, speaker=tokens.speaker)
        progress = Progress(tokens, origin, pause=round(tokens.pause_after_s / style.speed * self.sample_rate))
        return Speech(progress, self.model.begin([tokens], [style]), self.codec.initial_state(1))

    def step(self, batch: Sequence[Speech]) -> list[tuple[AudioChunk, Speech]]:
        """One block of every sentence; see `ssmphony.speech.step`."""
        return speech.step(self.model, self.codec, batch)

    def decode(self, batch: Sequence[Speech], frames: Frames) -> list[tuple[AudioChunk, Speech]]:
        """The sound of a block of every sentence; see `ssmphony.speech.decode`."""
        return speech.decode(self.codec, batch, frames)

    def silence_s(self, tokens: Tokens, style: Style, before_s: float) -> float:
        """Seconds of silence that the breaks of a text ask for: ``before_s``, and what ``tokens`` add to it.

        Raises:
            SsmphonyError: Where that is more than ``max_silence_s``.
        """
        total_s = before_s + tokens.breaks_s / style.speed
        if total_s > self.max_silence_s + 1e-6:  # sums of tenths are not exact
            raise SsmphonyError(
                f"the breaks of this text add up to {total_s:,.6g} s of silence, and {self.max_silence_s:,.6g} s are "
                "allowed: shorten them, or speak the text in parts"
            )
        return total_s

    def _sentences(self, text: str | Iterable[str], style: Style) -> Iterator[AudioChunk]:
        spoken, silence_s = 0, 0.0
        with ThreadPoolExecutor(1) as worker:  # starts its thread when it gets work
            for tokens in self.frontend.sentences(text):
                silence_s = self.silence_s(tokens, style, silence_s)
                sentence = self.begin(tokens, style, spoken)
                for chunk in speech.speak(self.model, self.codec, sentence, worker if self.overlap else None):
                    spoken += len(chunk.samples)
                    yield chunk
