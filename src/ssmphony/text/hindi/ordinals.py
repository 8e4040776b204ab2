"""Ordinals: 10वीं, ५वाँ, 6ठा, 1st, and ranges of them (18-19वीं)."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers
from ssmphony.text.hindi.context import AFTER_OBLIQUE, DEVANAGARI, Context, Said, Token

SUFFIX = "व(?:ीं|ें|ाँ|ां|ी|े|ा)|ठ[ाीे]|र[ाीे]|ल[ाीे]|थ[ाीे]"
_FEMININE = {1: "ली", 2: "री", 3: "री", 4: "थी"}
_OBLIQUE = {1: "ले", 2: "रे", 3: "रे", 4: "थे"}
_CLASS = frozenset("class pass std standard board क्लास पास कक्षा बोर्ड".split())
_FEMININE_NOUNS = frozenset(
    "शताब्दी सदी वर्षगांठ वर्षगाँठ सालगिरह पुण्यतिथि जयंती बार मंज़िल मंजिल किस्त क़िस्त बैठक पारी गेंद लहर डोज़ डोज खुराक ख़ुराक रैंक "
    "पोज़िशन पोजीशन जगह पीढ़ी फ़िल्म फिल्म किताब पुस्तक पंक्ति लाइन तारीख तारीख़ तिथि सूची परीक्षा सिंचाई कड़ी धारा श्रेणी लिस्ट "
    "anniversary dose wave rank position film movie line list".split()
)
_LAST_DAY = 31
_FINAL_CLASSES = (10, 12)
_AT_SCHOOL = frozenset("में की के का तक".split())
"""What follows 10th or 12th where a class is meant: 12th में 85%."""
_ROMANISED = {"i": "वीं", "a": "वाँ", "e": "वें"}
_SUFFIXES = {1: "ला", 2: "रा", 3: "रा", 4: "था"}


def _ordinal(match: re.Match[str], state: Context) -> Said:
    suffix = match["glued"] or match["apart"]
    words = _words(match["last"], suffix, state, match.end())
    if match["first"]:
        neighbours = match["own"] and int(match["last"].replace(",", "")) == int(match["first"]) + 1
        between = () if neighbours else ("से",)  # 9वीं-10वीं, as दो-तीन
        words = (*_words(match["first"], suffix, state, match.end()), *between, *words)
    return words, match.end()


def bare(number: int) -> tuple[str, ...]:
    """Where nothing tells the gender: पहला, दूसरा, दसवाँ."""
    return numbers.ordinal(number, _SUFFIXES.get(number, "वाँ"))


def _english(match: re.Match[str], state: Context) -> Said:
    after = state.after(match.end()).lower()
    schooled = int(match[1]) in _FINAL_CLASSES and after in _AT_SCHOOL
    if after in _CLASS or state.before(match.start()).lower() in _CLASS or schooled:  # कक्षा is feminine
        return numbers.ordinal(int(match[1]), _FEMININE.get(int(match[1]), "वीं")), match.end()
    before = state.before(match.start())
    if before == "की" or after in _FEMININE_NOUNS:  # what belongs to a feminine noun is one: कोविड की 2nd dose
        return numbers.ordinal(int(match[1]), _FEMININE.get(int(match[1]), "वीं")), match.end()
    if after == "को" and int(match[1]) <= _LAST_DAY:  # 25th को
        return numbers.cardinal(int(match[1])), match.end()
    following = state.words_after(match.end())[1:2]
    if following and following[0] in AFTER_OBLIQUE:  # 2nd फ्लोर पर
        return numbers.ordinal(int(match[1]), _OBLIQUE.get(int(match[1]), "वें")), match.end()
    return bare(int(match[1])), match.end()


def _romanised(match: re.Match[str], state: Context) -> Said:
    """12vi, 10vin, 5wa, 7ve: the endings of Hindi in Latin letters."""
    return numbers.ordinal(int(match[1]), _ROMANISED[match[2].lower()[0]]), match.end()


def _words(written: str, suffix: str, state: Context, stop: int) -> tuple[str, ...]:
    number = int(written.replace(",", ""))
    if state.style.years == "hundreds" and 1100 <= number <= 1999 and state.after(stop) == "दशक":
        return (*numbers.year(number)[:-1], numbers.ordinal(number, suffix)[-1])
    return numbers.ordinal(number, suffix)


TOKENS = (
    Token(
        "d",
        (
            rf"(?:(?P<first>\d{{1,4}})(?P<own>-?(?:{SUFFIX}))?\s?[-–]\s?)?(?P<last>\d{{1,3}}(?:,\d{{2,3}}){{1,5}}|\d{{1,18}})"
            rf"(?:-?(?P<glued>{SUFFIX})|\s(?P<apart>व(?:ीं|ें|ाँ|ां)))(?!{DEVANAGARI})"
        ),
        _ordinal,
    ),
    Token("d", r"(\d{1,3})[vVwW]((?i:i|in|ee|een|a|aa|an|aan|e|en|ein))(?![A-Za-z])", _romanised),
    Token("d", (r"(\d{1,9})(?i:st|nd|rd|th)(?![A-Za-z])"), _english),
)
