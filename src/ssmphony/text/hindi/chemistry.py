"""Chemical formulas, letter by letter: H2SO4, Ca(OH)2, NaCl, Na⁺, Ca²⁺, CuSO4·5H2O; and blood groups (AB+)."""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, numbers, tables
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_ELEMENTS = frozenset(row[0] for row in tables.rows("elements"))
COMPOUNDS = frozenset(row[0] for row in tables.rows("elements") if row[1:] == ("compound",))
_MOLECULES = frozenset("H2 N2 O2 O3 F2 Cl2 Br2 I2 P4 S8".split())
_NUMBERS = tuple(row[1] for row in tables.rows("english_numbers"))
_IONS = "SO4|SO3|CO3|HCO3|PO4|NO3|NO2|OH|MnO4|CrO4|Cr2O7|CH3COO|Cl|Br|CN"
"""Ions whose charge may be typed as plain characters: SO42-."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻−", "0123456789+--")
_SUBSTANCES = frozenset("गैस परमाणु परमाणुओं आयन धातु तत्व अणु नाभिक atom atoms gas ion ions".split())
_CHARGES = {"+": "प्लस", "-": "माइनस"}
_PART = Lazy(r"[A-Z][a-z]?|\d+|[()\[\]·.]")
_LARGEST = 12
"""Outside organic chemistry no formula has larger numbers; HP15 and NH44 have."""
_BLOOD_WORDS = frozenset("ब्लड रक्त ग्रुप समूह खून ख़ून blood group टाइप डोनर रक्तदाता रक्तदान पॉजिटिव".split())
_GRADE_WORDS = frozenset("ग्रेड ग्रेड्स श्रेणी रेटिंग grade grades rating".split())
_SUMMAND = Lazy(r"\s?(?:[A-Z](?![a-z])|\d)")
_VALENCY = Lazy(r"\([IVX]{1,4}\)")
_REACTS = Lazy(r"\s?[+→⇌⟶]\s?\d{0,2}[A-Z]")
_REACTED = Lazy(r"[A-Z][A-Za-z\d()]{0,10}\s?[+→⇌⟶]\s?\Z")
_FORMULA = Lazy(r"[A-Z][a-z]?\d(?!\d)")
_RHESUS = {"+": "पॉज़िटिव", "-": "नेगेटिव", "−": "नेगेटिव"}


def number(value: int) -> tuple[str, ...]:
    """A number below a hundred in English, as formulas and names have it."""
    return tuple(_NUMBERS[value].split()) if value < len(_NUMBERS) else ()


def _formula(match: re.Match[str], state: Context) -> Said | None:
    body, charge, stop = match["body"], match["charge"].lstrip("^").translate(_SUPERSCRIPTS), match.end()
    if body.endswith(")") and body.count(")") > body.count("("):  # the formula stands in brackets
        body, stop = body[:-1], match.end("body") - 1
    parts = _PART.findall(body)
    if not _is_formula(body, parts, charge):
        return None
    words: list[str] = []
    for part in parts:
        if part.isdigit():
            words += number(int(part))
        elif part.isalpha():
            words += (latin.LETTER_NAMES[letter] for letter in part.lower())
    for sign in re.findall(r"\d+|[+-]", charge):
        words += number(int(sign)) if sign.isdigit() else (_CHARGES[sign],)
    return tuple(words), stop


def _is_formula(body: str, parts: list[str], charge: str) -> bool:
    symbols = [part for part in parts if part.isalpha()]
    counts = [int(part) for part in parts if part.isdigit()]
    if (
        not symbols
        or "".join(parts) != body
        or not _ELEMENTS.issuperset(symbols)
        or any(part[0] == "0" for part in parts)
    ):
        return False
    if charge or body.lstrip("0123456789") in COMPOUNDS | _MOLECULES:
        return True
    if not counts or len(set(symbols)) < 2 or body.isalpha() or max(counts) >= len(_NUMBERS):
        return False
    return max(counts) <= _LARGEST or {"C", "H"} <= set(symbols)


def _particle(match: re.Match[str], state: Context) -> Said:
    """e⁻, p⁺, 2e⁻"""
    count = number(int(match["count"])) if match["count"] else ()
    return (
        *count,
        latin.LETTER_NAMES[match["body"].lower()],
        _CHARGES[match["charge"].translate(_SUPERSCRIPTS)],
    ), match.end()


def _isotope(match: re.Match[str], state: Context) -> Said | None:
    """¹⁴C, ²³⁵U: the element, then its mass."""
    if match[2] not in _ELEMENTS:
        return None
    mass = numbers.cardinal(int(match[1].translate(_SUPERSCRIPTS)))
    return (*(latin.LETTER_NAMES[letter] for letter in match[2].lower()), *mass), match.end()


def _grade(match: re.Match[str], state: Context) -> Said | None:
    """Marks of examinations and ratings: ग्रेड B-, रेटिंग BBB+."""
    near = [*state.words_before(match.start())[-3:], *state.words_after(match.end())[:2]]
    if not any(word.lower() in _GRADE_WORDS for word in near):
        return None
    letters = (latin.LETTER_NAMES[letter] for letter in match[1].lower())
    return (*letters, *(_CHARGES[sign.translate(_SUPERSCRIPTS)] for sign in match[2])), match.end()


def _blood_group(match: re.Match[str], state: Context) -> Said | None:
    near = [*state.words_before(match.start())[-3:], *state.words_after(match.end())[:3]]
    written = match["written"]
    apart = match["rhesus"] != state.character(match.end("group"))
    if apart and _SUMMAND.match(state.text, match.end()):
        return None  # A + B
    glued = match["group"] in ("AB", "Rh") and not apart
    if not (written or glued or any(word.lower() in _BLOOD_WORDS for word in near)):
        return None
    return (*(latin.LETTER_NAMES[letter] for letter in match["group"].lower()), _RHESUS[match["rhesus"]]), match.end()


def _letters(match: re.Match[str], state: Context) -> Said:
    """The group at the end of a chain (CH3-CH2-OH), and the state of what is dissolved (aq)."""
    return tuple(latin.LETTER_NAMES[letter] for letter in match[0].lower()), match.end()


def _element(match: re.Match[str], state: Context) -> Said | None:
    """The symbol of an element before what it is: He गैस, Na आयन."""
    return _letters(match, state) if match[0] in _ELEMENTS else None


def _reactant(match: re.Match[str], state: Context) -> Said | None:
    """An element alone in an equation (2Na + Cl2 → 2NaCl), or with its valency: Fe(III)."""
    if match[2] not in _ELEMENTS:
        return None
    before, after = state.text[max(0, match.start() - 20) : match.start()], state.text[match.end() : match.end() + 20]
    signed = _REACTS.match(after) or _REACTED.search(before)
    if not (_VALENCY.match(after) or (signed and _FORMULA.search(before + after))):
        return None
    count = number(int(match[1])) if match[1] else ()
    return (*count, *(latin.LETTER_NAMES[letter] for letter in match[2].lower())), match.end()


def names_element(symbol: str, after: str) -> bool:
    """Whether the word after a symbol makes it one of an element."""
    return after in _SUBSTANCES and symbol in _ELEMENTS


def _test_result(match: re.Match[str], state: Context) -> Said:
    return (_RHESUS[match[1]],), match.end()


TOKENS = (
    Token(
        "l",
        r"(?<![A-Za-z\d])(?P<group>AB|A|B|O|Rh)\s?(?P<rhesus>[-+−])(?P<written>\s?ve)?(?![A-Za-z\d+])",
        _blood_group,
    ),
    Token("l", r"(?<![A-Za-z\d])([A-F]{1,3})([-+−]{1,2})(?![A-Za-z\d])", _grade),
    Token("ld", r"(?<![A-Za-z\d])(?P<count>\d{0,2})(?P<body>[eEp])(?P<charge>[⁺⁻])", _particle),
    Token("ld", r"(?<![A-Za-z\d])(\d{0,2})([A-Z][a-z]?)(?![A-Za-z\d⁺⁻+])", _reactant),
    Token("s", r"([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})([A-Z][a-z]?)(?![a-z])", _isotope),
    Token("s", r"([-+−])\s?ve(?![A-Za-z])", _test_result),
    Token("l", r"(?<=[A-Za-z\d]-)(?:OH|CHO|COOH|CN)(?![A-Za-z\d-])|(?<=\()aq(?=\))", _letters),
    Token("l", rf"(?<![A-Za-z\d])[A-Z][a-z](?=\s(?:{'|'.join(sorted(_SUBSTANCES))})(?!\w))", _element),
    Token("l", rf"(?<![A-Za-z\d])(?P<body>{_IONS})(?P<charge>\d?[-−])(?![-\dA-Za-z])", _formula),
    Token(
        "ld",
        (
            r"(?<![A-Za-z\d.])(?P<body>\d{0,2}[A-Z](?:[A-Za-z\d]|\((?=[A-Z])|(?<=[A-Za-z\d])\)|·(?=\d{0,2}[A-Z])|\.(?=\d{1,2}[A-Z])){0,40})"
            r"(?P<charge>\+(?![\dA-Za-z+])|\^\d?[-+−]|[⁰¹²³⁴⁵⁶⁷⁸⁹]{0,2}[⁺⁻]|)(?![A-Za-z\d])"
        ),
        _formula,
    ),
)
