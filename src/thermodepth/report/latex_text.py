"""Text for LaTeX: plain ASCII that any installation sets, and how wide it comes out.

What has no sign in the fonts that every LaTeX has stands as its code, `[U+4E2D]`: nothing is lost in silence,
and nothing stops the compiler.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    '"': "''",  # the classic encoding has no upright one
    **{c: "\\" + c for c in "{}$&#%_"},
    # A row that starts with one of these would be read as an argument of the row end or rule before it.
    **{c: f"{{{c}}}" for c in "[]*"},
    # Outside math mode the classic font encoding prints other characters for these three.
    **{c: f"${c}$" for c in "<>|"},
    **{c: f"$^{n}$" for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"$_{n}$" for n, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    "−": "$-$",
    "–": "--",
    "—": "---",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "●": r"$\bullet$",
    "•": r"$\bullet$",
    "†": r"$^\dagger$",
    "‡": r"$^\ddagger$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "…": r"\ldots{}",
    "µ": r"$\mu$",
    "§": r"\S{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
}

_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip
_GREEK_SMALL = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "varsigma",
)  # fmt: skip
_GREEK_CAPITALS = (
    "gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega"
)  # fmt: skip
_GREEK_NAMES = {"lamda": "lambda", "final sigma": "varsigma"}
#: Those that look like ours, which LaTeX has no command for.
_LIKE_LATIN = dict(zip("οΑΒΕΖΗΙΚΜΝΟΡΤΧ", "oABEZHIKMNOPTX", strict=True))

#: Points of Computer Modern at 10 pt, the widest font that papers use.
_WIDTHS = {
    2.78: "!',.:;<[]_`il", 3.06: "fj", 3.33: "- ", 3.61: "I", 3.89: "()t", 3.92: "r", 3.94: "s", 4.44: "cez",
    4.72: "?", 5.0: '"$*/0123456789ago^{}~', 5.14: "J", 5.28: "kqvxy", 5.56: "Sbdhnpu", 6.11: "Z", 6.25: "L",
    6.53: "F", 6.81: "EP", 7.08: "B", 7.22: "CTw", 7.36: "R", 7.5: "AHNUVXY", 7.64: "D", 7.78: "&+=<>@KOQ",
    7.85: "G", 8.33: "#%m", 9.17: "M", 10.0: "\\|", 10.28: "W",
}  # fmt: skip
_OF = {character: width for width, characters in _WIDTHS.items() for character in characters}
_OF |= dict.fromkeys("_\\", 6.0) | {"|": 3.0, "–": 5.0, "—": 10.0, "−": 7.78, "↓": 5.0, "↑": 5.0}
_OF |= dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉°†‡", 4.5)
_WIDEST = 11.0  # of any other sign
_CODE = 46.0  # of `[U+10FFFF]`

_AFTER = "-/_.:,=+&@"  # a long word may break behind these
_BOUND = re.compile(r" (?=[↓↑→])|(?<=[→Δ]) ")  # spaces that no line ends at
_LONG = 12  # letters of a word that may break
LONGEST_PT = 90.0  # at 10 pt, of what stays together


def latex(text: str) -> str:
    """The text as it stands, escaped; white space is a space."""
    return "".join(_escaped(cluster) for cluster in _clusters(" ".join(text.split())))


def latex_breaking(text: str) -> str:
    """The same, long words with places where a line may end."""
    return " ".join(r"\allowbreak{}".join(map(latex, pieces(word))) for word in text.split())


def pieces(word: str) -> list[str]:
    """What `latex_breaking` keeps together of a word."""
    if len(word) <= _LONG:
        return [word]
    parts, filled = [""], 0.0
    for cluster in _clusters(word):
        wide = _width(cluster)
        if filled + wide > LONGEST_PT:
            parts, filled = [*parts, ""], 0.0
        parts[-1] += cluster
        filled += wide
        if cluster in _AFTER:
            parts, filled = [*parts, ""], 0.0
    parts = [piece for piece in parts if piece]
    if len(parts) > 1 and len(parts[-1]) == 1:  # no line of a single letter
        parts[-2:] = ["".join(parts[-2:])]
    return parts


@lru_cache(maxsize=1 << 14)  # a layout asks for the same cells over and over
def width(text: str) -> float:
    """Points at 10 pt, never too few but for kerning."""
    return sum(_width(cluster) for cluster in _clusters(" ".join(text.split())))


def fold(text: str, room: float) -> tuple[str, ...]:
    """Lines no wider than so many points at 10 pt, but for a piece of a word that alone is wider.

    An arrow stays with the word before it, and a sign of a difference with the one behind.
    """
    words = _BOUND.sub("\N{NO-BREAK SPACE}", " ".join(text.split())).split(" ")
    lines, filled = [""], 0.0
    for word in words:
        for number, piece in enumerate(pieces(word)):
            space = " " if number == 0 and lines[-1] else ""
            wide = width(piece)
            if lines[-1] and filled + width(space) + wide > room:
                lines.append(piece)
                filled = wide
            else:
                lines[-1] += space + piece
                filled += width(space) + wide
    return tuple(line.replace("\N{NO-BREAK SPACE}", " ") for line in lines)


def _clusters(text: str) -> Iterator[str]:
    """Letters with the accents that belong to them."""
    cluster = ""
    for character in unicodedata.normalize("NFC", text):
        if cluster and unicodedata.combining(character):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


def _escaped(cluster: str) -> str:
    if cluster in _SIGNS:
        return _SIGNS[cluster]
    if cluster.isascii() and cluster.isprintable():
        return cluster
    plain = unicodedata.normalize("NFD", cluster)
    base, accents = plain[0], plain[1:]
    if accents and base.isascii() and base.isalpha() and all(a in _ACCENTS for a in accents):
        for accent in accents:
            base = f"\\{_ACCENTS[accent]}{{{base}}}"
        return base
    return _greek(cluster) or "".join(f"{{[}}U+{ord(c):04X}{{]}}" for c in cluster)


def _greek(character: str) -> str | None:
    if character in _LIKE_LATIN:
        return _LIKE_LATIN[character]
    if len(character) != 1:
        return None
    case, _, name = unicodedata.name(character, "").partition(" LETTER ")
    name = _GREEK_NAMES.get(name.lower(), name.lower())
    if case == "GREEK SMALL" and name in _GREEK_SMALL:
        return f"$\\{name}$"
    return (
        f"$\\{name.capitalize()}$" if case == "GREEK CAPITAL" and name in _GREEK_CAPITALS else None
    )


def _width(cluster: str) -> float:
    if cluster in _OF:
        return _OF[cluster]
    if "U+" in _escaped(cluster):
        return _CODE * len(cluster)
    return _OF.get(unicodedata.normalize("NFD", cluster)[0], _WIDEST)
