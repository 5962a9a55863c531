"""What the arms of a question part in: loss terms with their form and weight, or other settings.

An item is a loss term, or a setting outside of the losses; its variant in an arm is what the arm's resolved
settings make of it (None: not computed). With weights c_a of the arms, a question switches the items of
which

    sum of c_a over the arms with variant v  is not 0 for some v

for a difference all in which its arms differ, for a main effect or a Shapley value those of its factor. Of an
interaction these sums are all 0, and those over pairs of variants are not: then both items of a pair count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from thermodepth.config import difference
from thermodepth.losses import LOSSES, LossesSettings, TermSettings
from thermodepth.statistics.questions import Question
from thermodepth.study.design import Study

_LOSSES = "losses."
_MOST_VARIANTS = 3  # that are written out
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What one arm makes of an item."""

    key: str  # equal for equal ones
    form: str  # in words; of a setting its value
    weight: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedItems:
    """What one question switches."""

    terms: tuple[str, ...]  # of the loss, in the order of the loss table
    words: str  # the terms with form and weight; empty where the arms part in none
    others: str  # the same of other settings
    #: Of two arms the one that is compared with, where it computes any of the terms; of more one with all.
    base: str | None
    other: str | None  # the other arm of two, where it computes any


Variants = Mapping[str, Mapping[str, Variant | None]]  # by arm, then by item


def variants_of(study: Study) -> dict[str, dict[str, Variant | None]]:
    """Every item of every arm: loss terms that any arm computes, other settings that any arm edits."""
    resolved = {arm.name: study.settings.edit(arm.edits) for arm in study.arms}
    edited = dict.fromkeys(
        path
        for settings in resolved.values()
        for path in difference(study.settings, settings)
        if not path.startswith(_LOSSES)
    )
    on = {arm: terms_of(settings.losses) for arm, settings in resolved.items()}
    names = {name for own in on.values() for name in own}
    order = [name for name in LOSSES if name in names]
    variants: dict[str, dict[str, Variant | None]] = {}
    for arm, settings in resolved.items():
        variants[arm] = {name: on[arm].get(name) for name in order}
        for path in edited:
            value: Any = settings.tree()
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            text = json.dumps(value)
            variants[arm][path] = Variant(key=text, form=text)
    return variants


def terms_of(losses: LossesSettings) -> dict[str, Variant]:
    """The terms that are computed at some time, in the order of the loss table."""
    return {name: variant_of(losses.term(name)) for name in losses.switched_on()}


def variant_of(settings: TermSettings) -> Variant:
    """A term's form and weight."""
    idle = settings.unread()
    own = {name: value for name, value in settings.tree().items() if name not in idle}
    return Variant(
        key=json.dumps(own, sort_keys=True),
        form=settings.form_words(),
        weight=settings.weight_words(),
    )


def switched_items(question: Question, variants: Variants) -> SwitchedItems:
    """What this question switches.

    Args:
        question: about arms of the study.
        variants: of the study.
    """
    weights = {arm: weight for arm, weight in question.weights.items() if weight != 0.0}
    # The arm that is compared with comes first.
    arms = sorted(weights, key=lambda arm: (weights[arm] > 0, list(variants).index(arm)))
    items = _switching(weights, variants)
    terms = [item for item in items if item in LOSSES]
    words = {item: _words(item, [variants[arm][item] for arm in arms]) for item in items}
    on = {arm: sum(variants[arm][term] is not None for term in terms) for arm in arms}
    base = other = None
    if len(arms) == 2:
        base, other = (arm if on[arm] else None for arm in arms)
    elif terms:  # of arms that have all of the terms the first of the study
        base = max(sorted(arms, key=list(variants).index), key=lambda arm: on[arm])
    return SwitchedItems(
        terms=tuple(terms),
        words="; ".join(words[item] for item in terms),
        others="; ".join(words[item] for item in items if item not in terms),
        base=base,
        other=other,
    )


def _switching(weights: Mapping[str, float], variants: Variants) -> list[str]:
    parting = [
        item
        for item in next(iter(variants.values()))
        if len({_key(variants[arm][item]) for arm in weights}) > 1
    ]
    alone = [item for item in parting if _counts([item], weights, variants)]
    if alone:
        return alone
    pairs = [pair for pair in combinations(parting, 2) if _counts(pair, weights, variants)]
    together = {item for pair in pairs for item in pair}
    return [item for item in parting if item in together or not pairs]


def _counts(items: Sequence[str], weights: Mapping[str, float], variants: Variants) -> bool:
    sums: dict[tuple[str, ...], float] = {}
    for arm, weight in weights.items():
        key = tuple(_key(variants[arm][item]) for item in items)
        sums[key] = sums.get(key, 0.0) + weight
    return any(abs(total) > _ROUNDING for total in sums.values())


def _key(variant: Variant | None) -> str:
    return "" if variant is None else variant.key


def _words(item: str, variants: Sequence[Variant | None]) -> str:
    """`gradient_consistency, normalised inverse, weight 0.1 → 0.3`; of arms in the order given."""
    on = list({variant.key: variant for variant in variants if variant is not None}.values())
    between = " → " if len(variants) == 2 else " / "
    forms = list(dict.fromkeys(variant.form for variant in on))
    if len(forms) == 1 and item in LOSSES:
        weights = list(dict.fromkeys(variant.weight for variant in on))
        first, *rest = weights
        shorter = [first, *(weight.removeprefix("weight ") for weight in rest)]
        return ", ".join(filter(None, [item, forms[0], _joined(shorter, between)]))
    texts = [", ".join(filter(None, [variant.form, variant.weight])) for variant in on]
    return f"{item}{', ' if item in LOSSES else ' '}{_joined(texts, between)}"


def _joined(texts: Sequence[str], between: str) -> str:
    shortened = list(texts[:_MOST_VARIANTS])
    rest = len(texts) - len(shortened)
    return between.join(shortened) + (f" and {rest} more" if rest else "")
