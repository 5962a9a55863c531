"""What a question switches, in what form and with what weight: the reading of a loss that a verdict is about.

A study can contradict a sentence about a loss only as far as it computed that loss. So beside every verdict
stand the term, its form, its weight, and what it weighs in the training:

    share of the loss      |w_k L_k| / sum_j |w_j L_j|
    share of a gradient    mean over pixels of |d(w_k L_k)/d(map)| / sum_j |d(w_j L_j)/d(map)|

Where these come from is for whoever trained to say; here they are carried and put into words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

UNKNOWN = "not recorded"
_MUCH_MISSING = 0.25  # of the pixels, from where what pulls there is told


@dataclass(frozen=True, slots=True, kw_only=True)
class MapShare:
    """The share of the gradient at one output map, all in 0 to 1."""

    whole: float | None  # over pixels with truth; None where no term pulls at any
    bands: Mapping[str, float | None] = field(default_factory=dict)  # near to far; None: no pixels
    far: float | None = None  # over the farthest third of the bands that have pixels
    beyond: str = ""  # where that begins, such as `16 m`; empty where there is one band
    without_truth: float | None = None  # over pixels that no measurement reaches
    truth_missing: float = 0.0  # their part of all pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What terms weigh together in one arm."""

    loss: float | None  # None where nobody recorded it
    maps: Mapping[str, MapShare] | None  # by the map's name; None where nobody recorded it


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What parts the arms of one question."""

    terms: str  # of the loss, such as `gradient_consistency, normalised inverse, weight 0.1`
    others: str = ""  # settings outside of the loss; where both are empty, nobody knows
    #: In the arm that the question compares with; None where the terms are not computed there.
    base: Shares | None = None
    other: Shares | None = None  # in the other arm of two, where they are computed there

    @property
    def text(self) -> str:
        """`gradient_consistency, weight 0.1; 2 % of the loss, 1.3 % of the metric gradient, ...`."""
        if not self.terms:
            return self.others or UNKNOWN
        return "; ".join(filter(None, [self.terms, self.shares, self.others]))

    @property
    def words(self) -> str:
        """`this reading (...)`, as it stands before a verdict."""
        is_loss = self.terms or not self.others
        return f"this {'reading' if is_loss else 'change'} ({self.text})"

    @property
    def shares(self) -> str:
        """What the terms weigh, in words; from one arm to the other where both compute them."""
        both = [shares for shares in (self.base, self.other) if shares is not None]
        loss = _arrow(shares.loss for shares in both)
        parts = [f"{loss} of the loss" if loss else f"share of the loss {UNKNOWN}"]
        recorded = [shares.maps for shares in both if shares.maps is not None]
        for name in dict.fromkeys(name for maps in recorded for name in maps):
            parts += _map_words(name, [maps[name] for maps in recorded if name in maps])
        if not recorded:
            parts.append(f"share of the gradient {UNKNOWN}")
        elif not any(recorded):
            parts.append("no gradient at either map")
        return ", ".join(parts)


NOT_RECORDED = Switched(terms="")


def share_words(share: float) -> str:
    """A share in percent with two digits: `41`, `2`, `0.43`, `< 0.01`."""
    percent = 100.0 * share
    if 0.0 < percent < 0.01:
        return "< 0.01"
    return f"{percent:.0f}" if percent >= 99.5 else f"{percent:.2g}"


def _map_words(name: str, looks: Sequence[MapShare]) -> list[str]:
    whole = _arrow(look.whole for look in looks)
    words = [f"{whole or 'nothing'} of the {name} gradient"]
    beyond = next((look.beyond for look in looks if look.beyond), "")
    if beyond and (far := _arrow(look.far for look in looks)):
        words.append(f"{far} beyond {beyond}")
    if any(look.truth_missing >= _MUCH_MISSING for look in looks):
        words.append(f"{_arrow(look.without_truth for look in looks)} where there is no truth")
    return words


def _arrow(shares: Iterable[float | None]) -> str:
    """`2 %`, or `2 → 5.8 %` from one arm to the other; empty where nobody recorded any."""
    known = [share_words(share) for share in shares if share is not None]
    return f"{' → '.join(dict.fromkeys(known))} %" if known else ""
