"""The kinds of SSML's ``say-as`` (W3C note of 2005): a text → the Hindi words that speak it as that kind."""

from __future__ import annotations

import re
from collections.abc import Callable

from ssmphony.errors import SsmphonyError, suggest
from ssmphony.text.hindi import dates, durations, numbers, roman, tables, telephone_keys, times
from ssmphony.text.hindi.codes import spell
from ssmphony.text.hindi.context import DEVANAGARI
from ssmphony.text.hindi.ordinals import bare
from ssmphony.text.hindi.unicode import clean

_CLUSTER = rf"(?:{DEVANAGARI}\u094d)*{DEVANAGARI}[\u0900-\u0903\u093a-\u094f]*"
_BETWEEN_DIGITS = {".": ("पॉइंट",), "+": ("प्लस",)}
_SIGNS = tables.pairs("character_names")
_ALIASES = {"verbatim": "characters", "spell": "characters", "letters": "characters", "vxml:digits": "digits",
            "vxml:phone": "telephone", "phone": "telephone", "integer": "cardinal", "money": "currency",
            "measure": "unit"}  # fmt: skip


def say_as(text: str, kind: str, form: str = "") -> str:
    """What is spoken for a text of a kind.

    Raises:
        SsmphonyError: the kind is unknown, or the text is none of its kind.

    >>> say_as("1947", "cardinal"), say_as("1947", "digits")
    ('एक हज़ार नौ सौ सैंतालीस', 'एक नौ चार सात')
    """
    name = _ALIASES.get(kind, kind.removeprefix("vxml:"))
    if ":" in name:  # number:digits, date:dmy, as SSML 1.0 had it
        first, _, rest = name.partition(":")
        name, form = (rest, form) if rest in _KINDS else (first, form or rest)
    if name == "number" and form in _KINDS:
        name, form = form, ""
    if name not in _KINDS:
        raise SsmphonyError(f"interpret-as '{kind}' is not known{suggest(kind, _KINDS)}; use {', '.join(_KINDS)}")
    try:
        return _KINDS[name](clean(text).text.strip(), form)
    except ValueError:
        shown = f"{kind} of the format '{form}'" if form else kind
        raise SsmphonyError(f"'{text:.40}' cannot be read as {shown}") from None


def _cardinal(text: str, form: str) -> str:
    if value := roman.value(text):
        return " ".join(numbers.cardinal(value))
    number = _matched(r"([-−+]?)([\d,]*\d(?:\.\d+)?)", text)
    sign = {"-": "माइनस ", "−": "माइनस ", "+": "प्लस "}.get(number[1], "")
    return sign + " ".join(numbers.decimal(number[2]))


def _ordinal(text: str, form: str) -> str:
    if value := roman.value(text.upper()):
        return " ".join(bare(value))
    number = _matched(r"(\d{1,18})[ .-]?(\D{0,3})", text)
    suffix = "" if number[2].isascii() else number[2]
    return " ".join(numbers.ordinal(int(number[1]), suffix) if suffix else bare(int(number[1])))


def _digits(text: str, form: str) -> str:
    if not re.search(r"\d", text):
        raise ValueError(text)
    if not re.fullmatch(r"[\d\s().+-]+", text):
        return _characters(text, form)
    return " ".join(word for sign in text for word in numbers.digits(sign) or _BETWEEN_DIGITS.get(sign, ()))


def _telephone(text: str, form: str) -> str:
    """Digits and keys one by one, what stands between them as it is written."""
    if not re.search(r"\d", text):
        raise ValueError(text)
    said = re.sub(r"(?<=\d)\s?(?:[xX]|[eE]xt\.?)\s?(?=\d)", " एक्सटेंशन ", text)
    said = re.sub(r"\d[\d\s().-]*(?=[^\d\s().-]|\Z)", lambda run: f" {' '.join(numbers.digits(run[0]))} ", said)
    for key, name in (*telephone_keys.NAMES.items(), ("+", "प्लस")):
        said = said.replace(key, f" {name} ")
    return " ".join(re.sub(r"[()]", " ", said).split())


def _characters(text: str, form: str) -> str:
    """Latin letters by their names, Devanagari syllable by syllable, digits one by one, signs by their names."""
    said: list[str] = []
    for part in re.findall(rf"{_CLUSTER}|\S", text):
        said.append(_SIGNS.get(part) or (" ".join(spell(part)) if part.isascii() else part))
    return ", ".join(part for part in said if part)


def _date(text: str, form: str) -> str:
    """``form`` is the order of the parts: dmy (the default, as India writes), mdy, ymd, dm, my, y …

    A month may have its name, and the parts of a fixed width need no marks between them (20240512); ``?`` stands for
    a part that is left out, as in VoiceXML.
    """
    order = re.sub(r"(.)\1+", r"\1", re.sub("[^a-z]", "", form.lower()))
    named = _fixed_width(text, order) if re.fullmatch(r"[\d?]{4,8}", text) else _parts(text, order)
    if not named or not 1 <= named.get("m", 1) <= 12 or not 1 <= named.get("d", 1) <= 31:
        raise ValueError(text)
    said = [*numbers.cardinal(named["d"])] if "d" in named else []
    said += [dates.MONTHS[named["m"] - 1]] if "m" in named else []
    said += [*numbers.year(named["y"])] if "y" in named else []
    return " ".join(said)


def _fixed_width(text: str, order: str) -> dict[str, int]:
    """20240512, 12052024, 202405; a four-digit number is a year unless ``order`` says otherwise."""
    if not order:
        order = "y" if len(text) == 4 else "ymd" if text[:2] in ("19", "20", "??") else "dmy"
    wide = len(text) - 2 * (len(order) - 1)  # the digits of the year
    named, place = dict[str, int](), 0
    for part in order:
        width = wide if part == "y" else 2
        written, place = text[place : place + width], place + width
        if not written.isdecimal() and "?" not in written:
            raise ValueError(text)
        if written.isdecimal():
            named[part] = _year(written) if part == "y" else int(written)
    if place != len(text) or (wide not in (2, 4) and "y" in order):
        raise ValueError(text)
    return named


def _parts(text: str, order: str) -> dict[str, int]:
    """Day, month and year by their order; where the month has its name, a day is the number below 32."""
    month = re.search(dates.MONTH, text)
    rest = f"{text[: month.start()]} {text[month.end() :]}" if month else text
    if re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|[\d\s,/.-]", "", rest):
        raise ValueError(text)
    written = re.findall(r"\d{1,4}", rest)
    if month:
        number = 1 + dates.MONTHS.index(dates.month_name(month[0])) if dates.month_name(month[0]) in dates.MONTHS else 0
        days = [part for part in written if len(part) < 3 and int(part) < 32]
        first = written.index(days[-1] if order.startswith("y") else days[0]) if days else -1
        years = [part for place, part in enumerate(written) if place != first]
        if len(years) > 1 or not number:
            raise ValueError(text)
        named = {"m": number} | ({"d": int(written[first])} if days else {})
        return named | ({"y": _year(years[0])} if years else {})
    order = order or ("dmy" if written and len(written[0]) < 3 else "ymd")[: len(written)]
    if len(written) != len(order) or set(order) - set("dmy") or len(set(order)) < len(order):
        raise ValueError(text)
    named = dict(zip(order, written, strict=True))
    return {part: _year(value) if part == "y" and len(order) > 1 else int(value) for part, value in named.items()}


def _year(written: str) -> int:
    return dates.full_year(written) if len(written) == 2 else int(written)


def _duration(text: str, form: str) -> str:
    """01:33:21, 5:30 and 1'21"; other forms (2h 30m, PT5M) as they are written."""
    primed = re.fullmatch(r"(\d{1,3})['’′]\s?(?:(\d{1,2})[\"”″])?", text)
    written = f"{primed[1]}:{primed[2] or 0}" if primed else text
    return " ".join(durations.of_clock(written)) if re.fullmatch(r"\d{1,3}(?::[0-5]?\d){1,2}", written) else text


def _time(text: str, form: str) -> str:
    if re.fullmatch(r"\d{1,3}['’′]\s?(?:\d{1,2}[\"”″])?", text):
        return _duration(text, form)
    short = re.fullmatch(r"(\d{2})(\d{2})([aph?]?)", text)  # 0830, VoiceXML: 0830p
    if short:
        text = f"{short[1]}:{short[2]}" + {"a": "am", "p": "pm"}.get(short[3], "")
    time = _matched(r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2}))?\s*(?:([AaPp])\.?[Mm]\.?|बजे)?", text)
    hour, minute, second = int(time[1]), int(time[2] or 0), int(time[3] or 0)
    if hour > 24 or minute > 59 or second > 59:
        raise ValueError(text)
    read = times.Clock(hour, minute, second or None, f"{time[4]}m" if time[4] else "", ":")
    return " ".join((*read.part_of_day, *read.words(everyday=True)))


def _currency(text: str, form: str) -> str:
    """What the normaliser reads as money; a bare number is rupees."""
    return f"₹{text}" if re.fullmatch(r"[\d,]+(?:\.\d+)?", text) else text


def _fraction(text: str, form: str) -> str:
    return _matched(r"[-−]?(?:\d+[ +])?\d+\s?[/⁄]\s?\d+", text)[0].replace("+", " ")


def _boolean(text: str, form: str) -> str:
    return {"true": "हाँ", "false": "नहीं"}.get(text.lower(), text)


def _as_written(text: str, form: str) -> str:
    return text


def _matched(pattern: str, text: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError(text)
    return found


_KINDS: dict[str, Callable[[str, str], str]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "digits": _digits,
    "characters": _characters,
    "spell-out": _characters,
    "date": _date,
    "time": _time,
    "duration": _duration,
    "currency": _currency,
    "telephone": _telephone,
    "fraction": _fraction,
    "unit": _as_written,
    "address": _as_written,
    "name": _as_written,
    "boolean": _boolean,
}
