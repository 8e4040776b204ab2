r"""Formulas of LaTeX as a line of signs: $\frac{a}{b}$, $$E=mc^2$$, \sqrt{2}."""

from __future__ import annotations

import re

from ssmphony.text.hindi import tables

_COMMANDS = tables.pairs("latex")
_ANY = "|".join(sorted(_COMMANDS, key=len, reverse=True))
_GROUPS = r"(?:[\^_]?\{[^{}\n]{0,100}\}){0,3}"
FORMULA = (
    r"\$\$[^$\n]{1,500}\$\$"
    r"|\$(?=[^\s$])(?=[^$\n]{0,300}[\\^_={}]|[A-Za-z]\$)(?!\d[\d,.]*\s)[^$\n]{0,299}[^\s$]\$(?!\d)|\$[A-Za-z]\$"
    r"|\\\([^\n]{1,300}?\\\)|\\\[[^\n]{1,300}?\\\]"
    rf"|\\(?:frac|dfrac|tfrac|sqrt|{_ANY})(?![A-Za-z]){_GROUPS}"
)
"""Between dollars stands a formula where a command, a power, an index or an equation does, and no amount of money."""
_STEPS = (
    (r"\\[dt]?frac\s?\{\s*(\d{1,4})\s*\}\s?\{\s*(\d{1,4})\s*\}", r" \1/\2 "),
    (r"\\[dt]?frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}", r" \1 बटा \2 "),
    (r"\\sqrt\s?\[3\]\s?\{([^{}]*)\}", r" ∛\1 "),
    (r"\\sqrt\s?(?:\[[^\[\]]*\])?\s?\{([^{}]*)\}", r" √\1 "),
    (r"\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|overline|vec|hat|bar)\s?\{([^{}]*)\}", r" \1 "),
    (r"\^\s?\{(-?\d{1,6})\}", r"^\1 "),
    (r"\^\s?\{([^{}]*)\}", r" की घात \1 "),
    (r"\^([A-Za-z])", r" की घात \1 "),
    (r"_\s?\{([^{}]*)\}", r" \1 "),
)
_DEPTH = 6
"""Of braces inside each other; deeper ones are only taken away."""


def plain(formula: str) -> str:
    """The signs and letters of a formula in the order they are spoken."""
    text = re.sub(r"^(?:\$\$?|\\[(\[])|(?:\$\$?|\\[)\]])$", "", formula)
    for _ in range(_DEPTH):
        before = text
        for pattern, said in _STEPS:
            text = re.sub(pattern, said, text)
        if text == before:
            break
    text = re.sub(r"\\([A-Za-z]+)", lambda match: f" {_COMMANDS.get(match[1], '')} ", text)
    text = re.sub(r"[{}_$]|\\.?", " ", text)
    return re.sub(r"(?<![A-Za-z])[a-z](?![A-Za-z])", lambda match: match[0].upper(), text)  # variables, no words
