"""The bodies of requests for sound: what all of them have in common, and that of OpenAI's speech endpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ssmphony.audio.encoding import SAMPLE_RATES, Format, SampleRate, output_rate
from ssmphony.server.errors import ApiError
from ssmphony.server.lexicon import LexiconField
from ssmphony.server.style import StyleFields
from ssmphony.types import SsmphonyError

SHORT = 200
"""Characters of a text whose wav is sent whole unless the request says otherwise: it is made in a moment."""
_OTHER_NAMES = {
    **dict.fromkeys(("format", "output_format", "audio_format", "encoding", "codec", "container"), "response_format"),
    **dict.fromkeys(
        ("samplerate", "sampleRate", "sampling_rate", "sample_rate_hertz", "sampleRateHertz", "rate"), "sample_rate"
    ),
}
"""What other interfaces call these fields. Sound in another form than asked for would be worse than an error."""


class VoiceId(BaseModel):
    id: str


VoiceName = Annotated[
    str | VoiceId | None,
    Field(description="A voice or an alias of /v1/audio/voices, or VOICE/SPEAKER; without, the first voice."),
]
Input = Annotated[str, Field(min_length=1, description="Plain text, or SSML in <speak>. The server limits it.")]


class RequestBody(BaseModel):
    """Fields that do not exist are ignored, and null is the default of every field that has one.

    Half of a character beyond U+FFFF, which a client left that cut its text between UTF-16 units, becomes U+FFFD: it
    has no sound, as the whole character has none.
    """

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: _repaired(value) for name, value in data.items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            if field.get("default") is not None:
                outside = {name: field.pop(name) for name in ("title", "description", "default") if name in field}
                inside = dict(field)
                field.clear()
                field.update(outside, anyOf=[inside, {"type": "null"}])
        return schema


class SpeechOptions(StyleFields, RequestBody):
    """How to speak, whatever the request is for."""

    model: Annotated[str | None, Field(description="Any: the voice decides.")] = None
    voice: VoiceName = None
    lexicon: LexiconField = None


class SoundOptions(SpeechOptions):
    """How to speak, and the form in which the sound is sent."""

    response_format: Annotated[
        Format, Field(description="pcm is 16-bit little-endian mono; g711_ulaw and g711_alaw are for telephones.")
    ] = "mp3"
    sample_rate: Annotated[
        SampleRate | None, Field(description="Hz; without, the voice's own, and 8000 for G.711.")
    ] = None
    stream: Annotated[
        bool | None,
        Field(
            description="true: send the sound as it is made. false: send it when all of it is made, as a file whose "
            f"header has the true length. Without: flac, and wav of up to {SHORT} characters, are sent whole."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _no_other_name(cls, data: Any) -> Any:
        for other, name in _OTHER_NAMES.items():
            if isinstance(data, dict) and data.get(other) is not None and data.get(name) is None:
                message = f"there is no field '{other}': ask for the form of the sound with '{name}'"
                raise ApiError(400, message, "unknown_parameter", other)
        return data

    @model_validator(mode="after")
    def _possible(self) -> SoundOptions:
        try:
            output_rate(self.response_format, SAMPLE_RATES[0], self.sample_rate)
        except SsmphonyError as error:
            raise ApiError(400, str(error), "invalid_value", "sample_rate") from None
        return self

    def whole(self, text: str) -> bool:
        """Whether the sound of ``text`` is sent when all of it is made. Raises `ApiError` where it has to be."""
        if self.stream and self.response_format == "flac":
            message = "a flac file that is sent as it is made has no length, and many programs refuse it"
            raise ApiError(400, f"{message}: leave 'stream' out, or ask for wav", "invalid_value", "stream")
        if self.stream is not None:
            return not self.stream
        return self.response_format == "flac" or (self.response_format == "wav" and len(text) <= SHORT)


class SpeechRequest(SoundOptions):
    """What to say and how: OpenAI's fields, and some of ours. Other fields are ignored, null is the default."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"input": "नमस्ते दुनिया।"},
                {"model": "ssmphony", "input": "आज मौसम अच्छा है।", "voice": "default", "response_format": "wav"},
                {"input": "<speak>एक <break time='300ms'/> दो</speak>", "speed": 1.2, "stream_format": "sse"},
                {"input": "नमस्ते।", "voice": "alloy", "response_format": "flac", "sample_rate": 48000},
            ]
        },
    )

    input: Input
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="The sound itself, or events with the sound in base64.")
    ] = "audio"
    return_timestamps: Annotated[
        bool, Field(description="Answer with the sound in base64 and the times of its words, in JSON lines.")
    ] = False
    instructions: Annotated[str | None, Field(description="Accepted and ignored.")] = None


def _repaired(value: Any) -> Any:
    """A text in which surrogates that belong together are joined, and others are U+FFFD."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
