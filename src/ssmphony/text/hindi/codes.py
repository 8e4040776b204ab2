"""Digits that are names, not amounts: telephone numbers, PIN codes, accounts, identities, plates, versions."""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_SHORTEST = {row[0]: int(row[1]) for row in tables.rows("codes")}
_PLACES = frozenset(row[0] for row in tables.rows("places"))
_FILLERS = frozenset("कोड नंबर नम्बर नं संख्या सं है हैं आपका is no number code no. करें करे फ्री पर वाले".split())
_COUNTED = frozenset("रुपये रुपए रु लोग लाख करोड़ हज़ार हजार में साल वर्ष".split())
_AFTER_PIN = frozenset("में से पर का के की को तक है भारत और या india mein me".split())
_AMOUNT_WORDS = frozenset(row[0] for row in tables.rows("amount_words"))
_CALLED = Lazy(
    r"\s(?:\S{1,15}\s)?(?i:हेल्पलाइन|हेल्प\sलाइन|helpline|टोल\s?फ्री|toll)"
    r"|\s(?:नंबर\s|number\s)?(?i:पर|पे|par|pe)\s(?:\S{1,12}\s){0,2}?(?i:कॉल|फोन|फ़ोन|डायल|call|phone|dial|शिकायत|संपर्क|सम्पर्क"
    r"|मिस्ड|एसएमएस|मैसेज|sms|msg|message|shikayat|sampark|भेज|bhej)"
    r"|\s(?i:डायल|dial)"
)
"""What tells, after four to six digits, that they are a number to call: 1930 साइबर हेल्पलाइन, 56767 पर भेजें."""
_OTP_BEHIND = Lazy(r"\s(?:आपका|आपकी|is your|is the|is|your)\s(?:\S{1,12}\s)?(?:OTP|ओटीपी|otp)")
_MONEY = Lazy(r"(?:RS|INR|USD|EUR|GBP|NPR)\d")
VERSION_WORDS = frozenset("version ver v वर्ज़न वर्जन संस्करण अपडेट एंड्रॉयड एंड्रॉइड android ios".split())
POINT = "पॉइंट"

_PHONES = (
    r"\+\d{1,3}(?:[\s-]?\(?\d{2,5}\)?){1,4}",
    r"\(0\d{2,4}\)[\s-]?\d{3,8}(?:[\s-]\d{3,4})?",
    r"0\d{2,4}[\s-]\d{3,4}[\s-]?\d{3,4}",
    r"1[89]00[\s-]\d{2,4}[\s-]\d{3,4}",
    r"91[\s-]?[6-9]\d{9}",
    r"\d{5}[\s-]\d{5}",
    r"\d{4}[\s-]\d{3}[\s-]\d{3}",
    r"\d{3}-\d{3}-\d{4}|\d{3}-\d{7}",
    r"\d{4}([\s-])\d{4}\1\d{4}(?:\1\d{4})?",
    r"\d{10,}(?<!000)",
)


def spell(text: str) -> tuple[str, ...]:
    """Letters by their names, digits one by one."""
    words: list[str] = []
    for character in text.lower():
        if character in latin.LETTER_NAMES:
            words.append(latin.LETTER_NAMES[character])
        elif character.isdigit():
            words += numbers.digits(character)
    return tuple(words)


def _spelled(match: re.Match[str], state: Context) -> Said:
    """Hexadecimal numbers, identifiers, hardware addresses, branches of banks (BARB0RAMPUR) and flights (6E-2134)."""
    return spell(match[0]), match.end()


def _pair_of_trains(match: re.Match[str], state: Context) -> Said | None:
    """गाड़ी सं. 12004/12003, 12345/46: a train and the one that goes back."""
    if not _announced(match[1], match.start(), state):
        return None
    return (*numbers.digits(match[1]), "बटा", *numbers.digits(match[2])), match.end()


def _between(match: re.Match[str], state: Context) -> Said:
    """The stroke between two telephone numbers."""
    return (), match.end()


def _standard(match: re.Match[str], state: Context) -> Said:
    """The letters of a standard that are a word too: IS 456:2000, BS 5950."""
    return spell(match[0]), match.end()


def _groups(match: re.Match[str], state: Context) -> Said | None:
    """978-3-16-148410-0: at least nine digits in groups, digit by digit; fewer are a date, a score or a line-up."""
    count = sum(character.isdigit() for character in match[0])
    return (spell(match[0]), match.end()) if count >= 9 else None


def _digits(text: str, state: Context) -> tuple[str, ...]:
    return numbers.pairs(text) if state.style.phones == "pairs" else numbers.digits(text)


def _phone(match: re.Match[str], state: Context) -> Said | None:
    count = sum(character.isdigit() for character in match[0])
    if match[0].isdigit() and _is_amount(match, state):
        return None
    if match[0].startswith("+"):
        code = re.match(r"\+(\d{1,3})(?=\D)|\+(91|\d)", match[0])
        if not 8 <= count <= 15 or code is None:
            return None
        return ("प्लस", *numbers.digits(code[0]), *_digits(match[0][code.end() :], state)), match.end()
    return _digits(match[0], state), match.end()


def _is_amount(match: re.Match[str], state: Context) -> bool:
    """Whether ten digits or more are counted: by the words around, or since no mobile number begins so."""
    near = state.words_after(match.end())[:2] + state.words_before(match.start())[-2:]
    if _announced(match[0], match.start(), state) or match[0][0] == "0":
        return False
    counted = any(word in _AMOUNT_WORDS for word in near)
    return counted or (len(match[0]) == 10 and match[0][0] in "12345")


def _code(match: re.Match[str], state: Context) -> Said | None:
    """Digits after a word that announces a code (OTP, पिन, हेल्पलाइन), or a place whose PIN code they are."""
    digits = re.sub(r"\D", "", match[0])
    text = state.text
    if state.after(match.end()) in _COUNTED:
        return (numbers.digits(digits), match.end()) if _announced(digits, match.start(), state, near=True) else None
    called = 4 <= len(digits) <= 6 and _CALLED.match(text, match.end())
    if called or _announced(digits, match.start(), state) or _OTP_BEHIND.match(text, match.end()):
        return numbers.digits(digits), match.end()
    if len(digits) == 6 and digits[0] != "0":
        hyphened = re.match(rf"[A-Za-z]|{DEVANAGARI}", state.character(match.start() - 2))
        if (hyphened and state.character(match.start() - 1) in "-–") or (
            state.before(match.start()).lower() in _PLACES
            and (not (after := state.after(match.end())) or after.lower() in _AFTER_PIN)
        ):
            return numbers.digits(digits), match.end()
    return None


def _announced(digits: str, place: int, state: Context, near: bool = False) -> bool:
    words = [word.lower() for word in state.words_before(place)][-4:]
    while words:
        word = words.pop().rstrip("0०॰")  # नं०
        if len(digits) >= _SHORTEST.get(word, 99):
            return True
        if near or (word not in _FILLERS and word not in _SHORTEST):
            return False
    return False


def _plate(match: re.Match[str], state: Context) -> Said:
    """DL 3C AB 1234: the district as a number, the rest one by one; short numbers as numbers."""
    state_code, district, series, number = match.groups()
    last = numbers.digits(number) if len(number) == 4 else numbers.integer(number)
    return (*spell(state_code), *numbers.integer(district), *spell(series), *last), match.end()


def _mixed(match: re.Match[str], state: Context) -> Said | None:
    """XX1234, AB12345, HDFC0001234: letters and at least four digits; a name with a year (IPL2024) is none."""
    text = match[0]
    if re.fullmatch(r"[A-Z]{2,12}(?:19|20)\d\d", text) and not text.startswith("XX"):
        return None
    masked = re.fullmatch(r"[Xx]{2,12}\d{3,6}", text)
    digits = sum(character.isdigit() for character in text)
    enough = digits >= 5 or (len(text) >= 8 and digits >= 4) or (len(text) >= 9 and digits >= 3)
    long = text.upper() == text and enough and not _MONEY.match(text)
    return (spell(text), match.end()) if masked or long else None


def _masked(match: re.Match[str], state: Context) -> Said:
    return numbers.digits(match[0]), match.end()


def _version(match: re.Match[str], state: Context) -> Said | None:
    """Parts with पॉइंट between them: three or more, or after a word that announces a version."""
    written = match[2]
    announced = match[1] or state.before(match.start()).lower() in VERSION_WORDS
    if written.count(".") < 2 and not announced:
        return None
    words: list[str] = list(spell("v")) if match[1] else []
    for number, part in enumerate(written.split(".")):
        words += ((POINT,) if number else ()) + numbers.integer(part)
    return tuple(words), match.end()


_END = r"(?!\d|(?:,\d{2,3})+(?!\d)|\.\d|-\d)"
TOKENS = (
    Token("d", r"(?<![A-Za-z\d])0[xX][0-9A-Fa-f]{1,32}(?![0-9A-Za-z])", _spelled),
    Token("dl", r"(?<![A-Za-z\d])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z-])", _spelled),
    Token(
        "dl", r"(?<![A-Za-z\d])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z:-])", _spelled
    ),
    Token(
        "dl",
        r"(?<![A-Za-z\d])(?=[0-9a-f]{0,20}[a-f][0-9a-f]{0,4}\d)(?=[0-9a-f]{0,20}\d[0-9a-f]{0,4}[a-f])[0-9a-f]{7,}(?![0-9A-Za-z])",
        _spelled,
    ),
    Token("l", r"(?<![A-Za-z\d])[A-Z]{4}0[A-Z\d]{6}(?![A-Za-z\d])", _spelled),
    Token("l", r"(?<![A-Za-z\d])(?:IS|BS|AS)(?=[\s-]\d{2,5}(?:\s?:\s?|-)(?:19|20)\d\d(?!\d))", _standard),
    Token("d", r"(?:6E|9I|9W)[\s-]?\d{4}(?![\dA-Za-z])", _spelled),
    Token("d", r"(\d{5})/(\d{5}|\d\d)(?![\d/])", _pair_of_trains),
    Token("s", r"(?:(?<=\d{5})|(?<=\d{5}\s))/(?=\s?\d{5})", _between),
    Token("d", r"\d{1,7}(?:-\d{1,7}){2,6}(?:-[\dXx])?(?![\dA-Za-z-]|[./]\d)", _groups),
    Token("ds", (rf"(?<![\d.])(?:{'|'.join(_PHONES)}){_END}"), _phone),
    Token("d", (r"\d{3}\s\d{3}(?!\d|\s\d)|\d{3,12}(?![\d%]|[.,:/]\d|-\d)"), _code),
    Token(
        "l",
        (r"([A-Z]{2})[\s-]?(\d{1,2})[\s-]?([A-Z]{1,3}|[A-Z][\s-][A-Z]{1,2})[\s-]?(\d{1,4})(?![\dA-Za-z,]|\.\d)"),
        _plate,
    ),
    Token("l", (r"(?=[A-Za-z]{0,12}\d)[A-Za-z\d]{5,24}(?![A-Za-z\d])"), _mixed),
    Token("d", r"(?<![A-Za-z\d])(?=\d{1,4}[A-Z]{3})(?=(?:\d*[A-Z]){5})[A-Z\d]{10,20}(?![A-Za-z\d])", _spelled),
    Token("l", r"(?<![A-Za-z\d])(?:[Xx]{2,6}[\s-]){1,4}(?:\d{2}[\s-])?\d{3,6}(?![\dA-Za-z])", _spelled),
    Token("s", (r"[*]{2,12}\d{3,6}(?!\d)"), _masked),
    Token("d", r"(?<=ISSN[\s:])\s?\d{4}-\d{3}[\dXx](?![\dA-Za-z])", _spelled),
)
VERSIONS = (
    Token("d", (r"()(\d{1,6}(?:\.\d{1,6}){1,6})(?!\d)"), _version),
    Token("l", (r"([vV])\.?\s?(\d{1,6}(?:\.\d{1,6}){1,4})(?!\d)"), _version),
)
