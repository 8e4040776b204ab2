r"""Formulas and commands of LaTeX as a line of signs: $\frac{a}{b}$, $$E=mc^2$$, \sqrt{2}."""

from __future__ import annotations

import re

from ssmphony.text.hindi import tables

_COMMANDS = tables.pairs("latex")
_ANY = "|".join(sorted(_COMMANDS, key=len, reverse=True))
_GROUPS = r"(?:[\^_]?\{[^{}\n]{0,100}\}){0,3}"
_DISPLAYS = r"(?:equation|align|gather|multline|displaymath|math)\*?"
FORMULA = (
    r"\$\$[^$\n]{1,500}\$\$"
    r"|\$(?=[^\s$])(?=[^$\n]{0,300}[\\^_={}]|[A-Za-z]\$)(?!\d[\d,.]*\s(?![^$\n]{0,100}\\[a-z]))[^$\n]{0,299}[^\s$]\$(?!\d)|\$[A-Za-z]\$"
    r"|\\\([^\n]{1,300}?\\\)|\\\[[^\n]{1,300}?\\\]"
    rf"|\\begin\{{{_DISPLAYS}\}}[^\n]{{1,500}}?\\end\{{{_DISPLAYS}\}}"
    rf"|\\(?:frac|dfrac|tfrac|sqrt|{_ANY})(?![A-Za-z]){_GROUPS}"
)
"""Between dollars stands a formula where a command, a power, an index or an equation does, and no amount of money."""
COMMAND = (
    r"\\(?:text(?:bf|it|tt|rm|sc|sf)?|emph|underline|(?:sub){0,2}section\*?|chapter\*?|paragraph\*?|title|author|date"
    r"|caption|footnote)\{(?P<braced>[^{}\n]{1,300})\}"
)
"""A command of running text, which says what is in its braces."""
HIDDEN = (
    r"\\(?:begin|end)\{[A-Za-z]{1,20}\*?\}(?:\[[^\[\]\n]{0,60}\])?"
    r"|\\(?:label|ref|cite|vspace|hspace|usepackage|documentclass|includegraphics)(?:\[[^\[\]\n]{0,60}\])?\{[^{}\n]{0,80}\}"
    r"|\\(?:item|maketitle|tableofcontents|newpage|centering|noindent|hline)(?![A-Za-z])"
)
"""What says nothing."""
_BOUND = r"(\{[^{}]*\}|\\[A-Za-z]+|[^\s{}\\])"
"""One bound of a sum or an integral: a group, a command or one sign."""
_STEPS = (
    (rf"(\\(?:i?int|oint|sum|prod))\s?_\s?{_BOUND}\s?\^\s?{_BOUND}", r"\1 \2 से \3 "),
    (r"\\log\s?_\s?(?:\{([^{}]*)\}|([A-Za-z\d]))", r"\\log बेस \1\2 "),
    (r"\\[dt]?frac\s?\{\s*(d(?:\^\d)?[A-Za-z]?)\s*\}\s?\{\s*(d[A-Za-z](?:\^\d)?)\s*\}", r" \1/\2 "),
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
    text = re.sub(rf"^(?:\$\$?|\\[(\[])|(?:\$\$?|\\[)\]])$|\\(?:begin|end)\{{{_DISPLAYS}\}}", "", formula)
    for _ in range(_DEPTH):
        before = text
        for pattern, said in _STEPS:
            text = re.sub(pattern, said, text)
        if text == before:
            break
    text = re.sub(r"\\([A-Za-z]+)", lambda match: f" {_COMMANDS.get(match[1], '')} ", text)
    text = re.sub(r"[{}_$&]|\\.?", " ", text)
    return re.sub(r"(?<![A-Za-z])[a-z](?![A-Za-z])", lambda match: match[0].upper(), text)  # variables, no words
