"""Scores: 256/7 and 82* of cricket, 3-1 and 6-4, 7-5 of other games."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_GAME_WORDS = ("जीत", "हार", "हरा", "बराबर", "ड्रॉ", "ड्रा", "बढ़त", "मात", "पराजित", "शिकस्त", "पछाड़", "अपने", "पीछे", "आगे")
_SCORE_WORDS = frozenset("स्कोर score".split())
_PLACES = frozenset("मकान नंबर नम्बर नं म.नं प्लॉट प्लाट खसरा फ्लैट गली धारा पाई".split())
_DOSE = Lazy(r"(?:\d-\d|OD|BD|BID|TDS|TID|QID|HS|SOS|mg|ml|दिन|बार|गोली|गोलियाँ|चम्मच|बूँद|बूंद|कैप्सूल)\s\Z")
TEAMS = tables.pairs("teams")
_VERSUS = r"(?i:vs?\.?|बनाम)"
_AGAINST = Lazy(rf"\s{_VERSUS}\s[A-Z]")
_AGAINST_BEFORE = Lazy(rf"[A-Za-z]\s{_VERSUS}\s\Z")
_NEXT_PAIR = Lazy(r",\s?\d{1,2}-\d{1,2}(?!\d)")
_PAIR_BEFORE = Lazy(r"(?<!\d)\d{1,2}-\d{1,2},\s?\Z")


def _cricket(match: re.Match[str], state: Context) -> Said | None:
    """Runs पर wickets; up to ten wickets, and more runs than any fraction has."""
    runs, wickets = int(match[1]), int(match[2])
    if not (runs >= 50 and wickets <= 10 and runs > 8 * wickets) or state.before(match.start()) in _PLACES:
        return None
    declared = ("पारी", "घोषित") if match[3] else ()
    return (*numbers.cardinal(runs), "पर", *numbers.cardinal(wickets), *declared), match.end()


def _not_out(match: re.Match[str], state: Context) -> Said:
    return (*numbers.integer(match[1]), "नाबाद"), match.end()


def _added_time(match: re.Match[str], state: Context) -> Said:
    """45+2', the minute of a goal."""
    return (*numbers.integer(match[1]), "प्लस", *numbers.integer(match[2]), "मिनट"), match.end()


def _team(match: re.Match[str], state: Context) -> Said | None:
    """Ind vs Eng"""
    before = _AGAINST_BEFORE.search(state.text[max(0, match.start() - 12) : match.start()])
    if not (before or _AGAINST.match(state.text, match.end())):
        return None
    return tuple(TEAMS[match[0]].split()), match.end()


def _row(match: re.Match[str], state: Context) -> Said:
    """4-4-2: one after the other."""
    return tuple(word for part in match[0].split("-") for word in numbers.integer(part)), match.end()


def _for_days(match: re.Match[str], state: Context) -> Said | None:
    """The x of a prescription: 1-0-1 x 5 days, 500 mg BD x 5 दिन."""
    return ((), match.end()) if _DOSE.search(state.text[max(0, match.start() - 12) : match.start()]) else None


def _pair(match: re.Match[str], state: Context) -> Said | None:
    """Two numbers one after the other, where they do not rise or the words around tell of a game."""
    first, second = int(match[1]), int(match[2])
    if first < second and not _of_a_game(match, state):
        return None
    return (*numbers.integer(match[1]), *numbers.integer(match[2])), match.end()


def _of_a_game(match: re.Match[str], state: Context) -> bool:
    after = state.words_after(match.end())[:3]
    in_game = after[:1] in (["से"], ["की"]) and any(word.startswith(_GAME_WORDS) for word in after[1:])
    listed = _NEXT_PAIR.match(state.text, match.end()) or _PAIR_BEFORE.search(
        state.text[max(0, match.start() - 8) : match.start()]
    )
    return in_game or bool(listed) or state.before(match.start()) in _SCORE_WORDS


TOKENS = (
    Token("l", r"[xX](?=\s?\d{1,3}\s?(?:days?|दिन|weeks?|सप्ताह|हफ्ते|months?|माह|महीने|बार|times))", _for_days),
    Token("l", rf"(?<![A-Za-z])(?:{'|'.join(TEAMS)})(?![A-Za-z])", _team),
    Token("d", r"(\d{1,3})\+(\d{1,2})['’′](?!\d)", _added_time),
    Token("d", r"\d{1,4}(?:-\d{1,4}){2,6}(?![\d-]|[.,/]\d)", _row),
    Token("d", (r"(\d{2,4})/(\d{1,2})(\s?(?:dec|d)(?![A-Za-z\d]))?(?![\d/]|[,.-]\d)"), _cricket),
    Token("d", (r"([1-9]\d{1,2})\*(?![\d*])"), _not_out),
    Token("d", (r"(\d{1,3})\s?[-–]\s?(\d{1,3})(?![\d,./%:-]\d|\d|%|\s?=)"), _pair),
)
