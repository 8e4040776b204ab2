"""Money: ₹1,25,000, Rs. 500/-, ₹5 लाख करोड़, $3.5 million, ₹500-700, ₹50/किलो, 500 रु."""

from __future__ import annotations

import re
from typing import NamedTuple

from ssmphony.text.hindi import codes, measures, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.quantities import DASH, NUMBER, SIGNS, amount, scaled_second, scales


class Currency(NamedTuple):
    """Names of one and of many, and of their hundredth parts."""

    one: str
    many: str
    part: str
    parts: str


_ROWS = tables.rows("currencies")
WRITTEN = {written: Currency(*row[1:5]) for row in _ROWS for written in row[5].split()}
_SIGN = "|".join(re.escape(sign) + (r"(?![A-Za-z])" if sign.isalpha() else "") for sign in
                 sorted(WRITTEN, key=len, reverse=True))  # fmt: skip
_RUPEE = WRITTEN["₹"]
_RUPEES = frozenset("रुपये रुपए रूपये रूपए".split())
_RUPEES_NAMED = Lazy(rf"\s?(?:रुपये|रुपए|रुपया|rupees|Rupees|रु\.?)(?![A-Za-z]|{DEVANAGARI})")
_NEXT_SCALE = Lazy(r"\s(\d{1,2})(?!\d)(?=\s?(?:करोड़|करोड|लाख|हज़ार|हजार|सौ|crore|lakh|lac|thousand))")
_ONLY = Lazy(r"\s?/[-–=](?![\d\w])")
_AMOUNT_BEFORE = Lazy(r"(?:(?:[₹$€£]|Rs\.?|रु\.?)\s?[\d,.]+(?:/-)?|(?:रुपये|रुपए|rupees|लाख|हज़ार|हजार))\s\Z")
_PER = Lazy(r"(?:/\s?|\sper\s)(?:(\d{1,4})\s?)?")


def _sign_before(match: re.Match[str], state: Context) -> Said | None:
    """A currency sign, then the amount."""
    currency = WRITTEN[match["sign"]]
    if match["sign"] == "COP" and match.start("first") == match.end("sign"):
        return None  # COP28 is a conference
    if match["first"] == "0" and match["sign"][0] >= "\u0900" and match.start("first") == match.end("sign"):
        return tuple(currency.many.split()), match.end()  # रु०
    minus = (SIGNS.get(match["below"], numbers.MINUS),) if match["minus"] or match["below"] else ()
    scaled, stop = scales(state.text, match.end(), money=True)
    also, stop = _smaller_scales(state.text, stop) if scaled else ((), stop)
    if scaled and not also:
        also, stop = scaled_second(stop, state)
    words = _amount(match["first"], match["second"], (*scaled, *also), currency, state)
    closing = _ONLY.match(state.text, stop)
    stop = closing.end() if closing else stop
    if currency == _RUPEE and (again := _RUPEES_NAMED.match(state.text, stop)):
        stop = again.end()
    each, stop = _each(state.text, stop)
    return (*minus, *words, *each), stop


def _smaller_scales(text: str, place: int) -> Said:
    """What follows in smaller scales: the 20 हज़ार of ₹1 लाख 20 हज़ार."""
    words: list[str] = []
    while more := _NEXT_SCALE.match(text, place):
        scaled, stop = scales(text, more.end(1), money=False)
        if not scaled:
            break
        words += (*numbers.integer(more[1]), *scaled)
        place = stop
    return tuple(words), place


def _sign_after(match: re.Match[str], state: Context) -> Said | None:
    """The amount, then the currency sign: 500₹, 100 USD; a scale word may stand between."""
    currency = WRITTEN.get(match["sign"])
    if currency is None:
        return None
    scaled = match["scale"]
    words = scales(" " + scaled, 0)[0] if scaled else ()
    said = _amount(match["first"], match["second"], words, currency, state)
    each, stop = _each(state.text, match.end())
    return (*said, *each), stop


def _name(match: re.Match[str], state: Context) -> Said:
    """A sign without an amount: ₹ का चिह्न."""
    return tuple(WRITTEN[match[0]].many.split()), match.end()


def _bracketed(match: re.Match[str], state: Context) -> Said:
    """₹(500), as accounts write what is owed."""
    return _amount(match[2], None, (), WRITTEN[match[1]], state), match.end()


def _booked(match: re.Match[str], state: Context) -> Said:
    """12,345.67 Cr, 500.00 DR"""
    return ("क्रेडिट" if match[0][0] in "Cc" else "डेबिट",), match.end()


def _booking(match: re.Match[str], state: Context) -> Said:
    """UPI/4123/DR/…"""
    return codes.spell(match[0]), match.end()


def _rate(match: re.Match[str], state: Context) -> Said:
    """The stroke of 84.07/$."""
    return ("प्रति",), match.end()


def _monthly(match: re.Match[str], state: Context) -> Said | None:
    """₹12,345 p.m.; of a time of day it is the afternoon."""
    before = state.text[max(0, match.start() - 24) : match.start()]
    return (("प्रति", "माह"), match.end()) if _AMOUNT_BEFORE.search(before) else None


def _only(match: re.Match[str], state: Context) -> Said:
    """500/- is rupees, whether it says so or not, once before or behind the number."""
    if state.before(match.start()) in _RUPEES:
        return numbers.decimal(match[1]), match.end()
    again = _RUPEES_NAMED.match(state.text, match.end())
    return _amount(match[1], None, (), _RUPEE, state), again.end() if again else match.end()


def _with_parts(match: re.Match[str], state: Context) -> Said:
    """10.50 रुपये"""
    return _amount(match[1], None, (), _RUPEE, state), match.end()


def _amount(
    first: str, second: str | None, scaled: tuple[str, ...], currency: Currency, state: Context
) -> tuple[str, ...]:
    many = currency.many.split()
    if second:
        everyday = bool(scaled)
        return *amount(first, state, everyday), "से", *amount(second, state, everyday), *scaled, *many
    if scaled:
        return *amount(first, state, everyday=True), *scaled, *many
    whole, _, fraction = first.replace(",", "").partition(".")
    if len(fraction) > 2 or (fraction and not currency.part):
        return *numbers.decimal(first), *many
    parts = int(fraction.ljust(2, "0")) if fraction else 0
    small = (*numbers.cardinal(parts), currency.part if parts == 1 else currency.parts) if parts else ()
    if small and not whole.strip("0"):
        return small
    return *numbers.integer(whole), *(currency.one.split() if whole == "1" else many), *small


def _each(text: str, place: int) -> Said:
    """The unit after a stroke: ₹50/किलो, ₹62,450/10 ग्राम."""
    stroke = _PER.match(text, place)
    unit = measures.per(text, stroke.end()) if stroke else None
    if not stroke or not unit:
        return (), place
    count = numbers.integer(stroke[1]) if stroke[1] else ()
    return ("प्रति", *count, *unit.words), unit.end


_RANGE = rf"(?P<first>{NUMBER}|\.\d{{1,2}}(?!\d))(?:{DASH}(?:{_SIGN})?\s?(?P<second>{NUMBER})(?!-?\d))?"
_SIGNS = f"[{''.join(sign for sign in WRITTEN if len(sign) == 1 and not sign.isalpha())}]"
_BELOW = rf"(?:(?<={_SIGNS})|(?<=\s))[-−–+](?=\d)"
"""A minus or a plus after the sign: ₹-500; after letters only after a space, since Rs-500 has a hyphen."""
_NOT_GLUED = rf"(?<![A-Za-z\d]|{DEVANAGARI})"
TOKENS = (
    Token(
        "slh",
        (
            rf"{_NOT_GLUED}(?:(?<!\d\s)|(?={_SIGNS}))(?P<minus>[-−])?(?P<sign>{_SIGN})\s{{0,2}}(?:(?P<below>{_BELOW})|(?<=[A-Za-z.])-)?{_RANGE}"
        ),
        _sign_before,
    ),
    Token(
        "d",
        (
            rf"{_RANGE}(?:\s?(?P<scale>हज़ार|हजार|लाख|करोड़|अरब))?\s?(?P<sign>{_SIGNS}|(?:[A-Z]{{3}}|zl)(?![A-Za-z]))(?!\s?\d)"
        ),
        _sign_after,
    ),
    Token("s", rf"(?<=\d)/(?={_SIGNS}(?!\s?\d))", _rate),
    Token("s", rf"({_SIGNS})\s?\(({NUMBER})\)", _bracketed),
    Token("s", _SIGNS, _name),
    Token("l", r"(?<=\.\d\d\s)(?:DR|Dr|CR|Cr|cr)(?![A-Za-z.]|\s[A-Z])", _booked),
    Token("l", r"(?<=/)(?:DR|CR)(?=/)", _booking),
    Token("d", (rf"({NUMBER}){_ONLY.pattern}"), _only),
    Token("l", r"p\.m\.?(?![A-Za-z])", _monthly),
    Token("d", rf"(\d[\d,]{{0,20}}\.\d\d){_RUPEES_NAMED.pattern}", _with_parts),
)
