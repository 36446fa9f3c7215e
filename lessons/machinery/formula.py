r"""Formulas as MathML, which every browser of today draws: the small part of TeX that the lessons use.

Letters, numbers, signs, `^`, `_`, `{...}`, `\frac{}{}`, `\sqrt{}`, `\text{}`, `\mathbf{}`, and the commands in the tables below.
"""

from __future__ import annotations

import re
from html import escape

from tinyconv.errors import DataError

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
         "mu": "μ", "sigma": "σ", "Delta": "Δ", "Sigma": "Σ"}
SIGNS = {"cdot": "·", "times": "×", "partial": "∂", "nabla": "∇", "to": "→", "le": "≤", "ge": "≥", "ne": "≠", "approx": "≈",
         "in": "∈", "infty": "∞", "dots": "…", "lVert": "‖", "rVert": "‖", "pm": "±"}
SPACES = {",": "0.17em", "quad": "1em"}
PLAIN = {"-": "−", "'": "′"}
LARGE = {"sum": "∑", "prod": "∏"}  # limits stand under and over
WORDS = re.compile(r"\\(text|mathbf)\{([^{}]*)\}")
TOKEN = re.compile(r"\s*(\\(?:text|mathbf)\{[^{}]*\}|\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|.)", re.DOTALL)


def formula(tex: str, display: bool = False) -> str:
    """`tex` as a `<math>` element; with `display` as a centred block.

    Raises
    ------
    DataError
        A command that this small part of TeX lacks, or braces that do not match.
    """
    tokens = TOKEN.findall(tex.strip())
    body, rest = _row(tokens, tex)
    block = ' display="block"' if display else ""
    if rest:
        raise DataError(f"formula {tex!r}: a brace closes that nothing opened.")
    return f"<math{block}>{body}</math>"


def _row(tokens: list[str], tex: str) -> tuple[str, list[str]]:
    """Everything up to a closing brace or the end, and the tokens that are left from there."""
    parts: list[str] = []
    while tokens and tokens[0] != "}":
        base, tokens = _atom(tokens, tex)
        large = base in {f"<mo>{sign}</mo>" for sign in LARGE.values()}
        scripts: dict[str, str] = {}
        while tokens and tokens[0] in ("_", "^"):
            sign, tokens = tokens[0], tokens[1:]
            scripts[sign], tokens = _atom(tokens, tex)
        parts.append(_with_scripts(base, scripts.get("_"), scripts.get("^"), large))
    return f"<mrow>{''.join(parts)}</mrow>", tokens


def _with_scripts(base: str, low: str | None, high: str | None, large: bool) -> str:
    under, over, both = ("munder", "mover", "munderover") if large else ("msub", "msup", "msubsup")
    if low and high:
        return f"<{both}>{base}{low}{high}</{both}>"
    if low:
        return f"<{under}>{base}{low}</{under}>"
    return f"<{over}>{base}{high}</{over}>" if high else base


def _atom(tokens: list[str], tex: str) -> tuple[str, list[str]]:
    """One letter, number, sign, group or command with its arguments, and the tokens after it."""
    if not tokens:
        raise DataError(f"formula {tex!r}: it ends where something must follow.")
    first, tokens = tokens[0], tokens[1:]
    if first == "{":
        body, tokens = _row(tokens, tex)
        if not tokens:
            raise DataError(f"formula {tex!r}: a brace opens and never closes.")
        return body, tokens[1:]
    if words := WORDS.fullmatch(first):
        tag = "mtext" if words[1] == "text" else 'mi mathvariant="bold"'
        return f"<{tag}>{escape(words[2])}</{tag.split()[0]}>", tokens
    if not first.startswith("\\"):
        tag = "mn" if first[0].isdigit() else "mi" if first.isalpha() else "mo"
        if first in "()[]|":
            return f'<mo stretchy="false">{first}</mo>', tokens
        return f"<{tag}>{PLAIN.get(first, escape(first))}</{tag}>", tokens
    name = first[1:]
    if name == "frac":
        top, tokens = _atom(tokens, tex)
        bottom, tokens = _atom(tokens, tex)
        return f"<mfrac>{top}{bottom}</mfrac>", tokens
    if name == "sqrt":
        body, tokens = _atom(tokens, tex)
        return f"<msqrt>{body}</msqrt>", tokens
    if name in GREEK:
        return f"<mi>{GREEK[name]}</mi>", tokens
    if name in LARGE:
        return f"<mo>{LARGE[name]}</mo>", tokens
    if name in SPACES:
        return f'<mspace width="{SPACES[name]}"/>', tokens
    if name in SIGNS:
        return f"<mo>{SIGNS[name]}</mo>", tokens
    raise DataError(f"formula {tex!r}: \\{name} is not among the commands of lessons/machinery/formula.py.")
