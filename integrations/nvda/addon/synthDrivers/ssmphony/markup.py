"""A speech sequence of NVDA as a document of SSML."""

from xml.sax.saxutils import escape

from speech.commands import (
    BreakCommand,
    CharacterModeCommand,
    IndexCommand,
    PitchCommand,
    RateCommand,
    VolumeCommand,
)

_PROSODY = {PitchCommand: "pitch", RateCommand: "rate", VolumeCommand: "volume"}
_INVALID = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}


def document(sequence):
    """Text, marks, pauses and changes of prosody; every change closes what it opened, so the elements nest."""
    parts = []
    changes = {}
    spelling = False
    for item in sequence:
        if isinstance(item, str):
            text = escape(item.translate(_INVALID))
            if spelling:
                text = f'<say-as interpret-as="characters">{text}</say-as>'
            parts.append(_with_prosody(text, changes))
        elif isinstance(item, IndexCommand):
            parts.append(f'<mark name="{item.index}"/>')
        elif isinstance(item, CharacterModeCommand):
            spelling = item.state
        elif isinstance(item, BreakCommand):
            parts.append(f'<break time="{item.time:.0f}ms"/>')
        elif type(item) in _PROSODY:
            changes[_PROSODY[type(item)]] = item.multiplier
    return "<speak>{}</speak>".format("".join(parts))


def _with_prosody(text, changes):
    attributes = "".join(f' {name}="{100 * value:.0f}%"' for name, value in changes.items() if value != 1)
    return f"<prosody{attributes}>{text}</prosody>" if attributes else text
