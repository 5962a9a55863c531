"""What the loss terms of each arm weigh in loss and gradients, and what a question switches of it.

Of the loss: from the logs, the weighted terms over the last quarter of the training, each arm's mean over its
seeds. Of the gradients: from what every cell noted at its end (`study.end_shares`), pooled over the pixels of
an arm's seeds. Cells of earlier versions noted nothing, and then it is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from thermodepth.losses import LossesSettings, weight_at
from thermodepth.statistics.questions import Question
from thermodepth.statistics.switched import MapShare, Shares, Switched
from thermodepth.study.design import Study
from thermodepth.study.results.cells import CellRecord
from thermodepth.study.results.training_logs import Curve
from thermodepth.study.switched import switched_items, terms_of, variants_of
from thermodepth.training.diagnostics.shares import GradientShares, MapShares

#: Output maps as people call them, the one that is scored first.
MAP_NAMES: Mapping[str, str] = {"log_depth": "metric", "structure": "structure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmShares:
    """What every term of one arm weighs."""

    loss: Mapping[str, float]  # by term; empty where no log tells
    gradients: GradientShares | None  # over all of its seeds; None where none was recorded
    seeds: int  # with recorded gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class TermWeight:
    """One term of one arm."""

    arm: str
    term: str
    reading: str  # form and weight
    shares: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyShares:
    """What the terms of a study weigh."""

    terms: tuple[
        TermWeight, ...
    ]  # of the reference all, of another arm those that it has otherwise
    frames: int  # that gradients were looked at on in each cell; 0 where none was recorded
    seeds: int  # of the reference, with recorded gradients


def arm_shares(
    study: Study, cells: Sequence[CellRecord], curves: Sequence[Curve]
) -> dict[str, ArmShares]:
    """Each arm's, of the cells that are done."""
    shares = {}
    for arm in study.arms:
        settings = study.settings.edit(arm.edits)
        of_seeds = [
            loss_shares(curve, settings.losses, steps=settings.steps)
            for curve in curves
            if curve.arm == arm.name
        ]
        recorded = [
            cell.shares for cell in cells if cell.arm == arm.name and cell.shares is not None
        ]
        names = {name for own in of_seeds for name in own}
        shares[arm.name] = ArmShares(
            loss={name: fmean(own.get(name, 0.0) for own in of_seeds) for name in names},
            gradients=pooled(recorded),
            seeds=len(recorded),
        )
    return shares


def loss_shares(curve: Curve, losses: LossesSettings, *, steps: int) -> dict[str, float]:
    """|w_k L_k| of each term, summed over the last quarter of a log, as a part of all.

    A line is the mean over the steps since the line before; its weight is the mean of that of its ends.
    """
    lines = sorted({step for points in curve.columns.values() for step, _ in points})
    begin_of = dict(zip(lines, [0.0, *lines], strict=False))
    late = [end for end in lines if end > 0.75 * steps] or lines[-1:]
    sums: dict[str, float] = {}
    for name in losses.switched_on():
        values = dict(curve.columns.get(name, ()))
        term = losses.term(name)
        for end in late:
            value, begin = values.get(end), begin_of[end]
            if value is None or not math.isfinite(value):
                continue
            weight = fmean(weight_at(term, step / steps) for step in (begin, end - 1))
            sums[name] = sums.get(name, 0.0) + abs(weight * value) * (end - begin)
    total = math.fsum(sums.values())
    return {name: own / total for name, own in sums.items()} if total > 0 else {}


def pooled(looks: Sequence[GradientShares]) -> GradientShares | None:
    """Several cells' as one over all of their pixels; None of none, or where their bands are not the same."""
    if not looks or len({look.edges_m for look in looks}) > 1:
        return None
    heads = [head for head in MAP_NAMES if any(head in look.maps for look in looks)]
    return GradientShares(
        frames=looks[0].frames,
        edges_m=looks[0].edges_m,
        maps={head: _pooled_map([m for k in looks if (m := k.maps.get(head))]) for head in heads},
    )


def _pooled_map(maps: Sequence[MapShares]) -> MapShares:
    pixels = tuple(sum(counts) for counts in zip(*(each.pixels for each in maps), strict=True))
    names = dict.fromkeys(name for each in maps for name in each.terms)
    return MapShares(
        pixels=pixels,
        terms={
            name: tuple(
                min(
                    math.fsum(m.terms[name][b] * m.pixels[b] for m in maps if name in m.terms)
                    / max(count, 1),
                    1.0,
                )
                for b, count in enumerate(pixels)
            )
            for name in names
        },
    )


def shares_of(arm: ArmShares, terms: Iterable[str]) -> Shares:
    """What these terms of an arm weigh together."""
    names = list(terms)
    known = [arm.loss[name] for name in names if name in arm.loss]
    return Shares(
        loss=math.fsum(known) if known else None,
        maps=None
        if arm.gradients is None
        else {
            MAP_NAMES[head]: map_share(arm.gradients, head, names)
            for head in MAP_NAMES
            if head in arm.gradients.maps
            and any(name in arm.gradients.maps[head].terms for name in names)
        },
    )


def map_share(look: GradientShares, head: str, terms: Sequence[str]) -> MapShare:
    """The share of these terms together at one map."""
    shares = look.maps[head]
    *pixels, without = shares.pixels
    sums = [
        math.fsum(shares.terms[name][b] for name in terms if name in shares.terms) * count
        for b, count in enumerate(shares.pixels)
    ]

    def over(bands: Sequence[int]) -> float | None:
        count = sum(shares.pixels[b] for b in bands)
        return min(math.fsum(sums[b] for b in bands) / count, 1.0) if count else None

    filled = [b for b, count in enumerate(pixels) if count]
    far = filled[-math.ceil(len(filled) / 3) :] if len(filled) > 1 else []
    return MapShare(
        whole=over(filled),
        bands={
            f"{low:g}–{high:g} m": over([b]) for b, (low, high) in enumerate(pairwise(look.edges_m))
        },
        far=over(far),
        beyond=f"{look.edges_m[far[0]]:g} m" if far else "",
        without_truth=over([len(pixels)]) if without else None,
        truth_missing=without / total if (total := sum(shares.pixels)) else 0.0,
    )


def switched_by(
    study: Study, questions: Iterable[Question], shares: Mapping[str, ArmShares] | None = None
) -> dict[str, Switched]:
    """What each question switches, by its name.

    Args:
        study: its arms and their settings.
        questions: about these arms.
        shares: of each arm; None: nobody recorded any.
    """
    variants = variants_of(study)

    def weight(arm: str | None, terms: Sequence[str]) -> Shares | None:
        own = [term for term in terms if arm is not None and variants[arm][term] is not None]
        if arm is None or not own:
            return None
        if shares is None:
            return Shares(loss=None, maps=None)
        return shares_of(shares[arm], own)

    switched = {}
    for question in questions:
        if not set(question.arms) <= variants.keys():
            continue
        items = switched_items(question, variants)
        switched[question.name] = Switched(
            terms=items.words,
            others=items.others if items.terms or items.others else "nothing: the same settings",
            base=weight(items.base, items.terms),
            other=weight(items.other, items.terms),
        )
    return switched


def study_shares(study: Study, shares: Mapping[str, ArmShares]) -> StudyShares:
    """The lines of the table of shares: the reference's terms, and what other arms have otherwise."""
    reference = terms_of(study.settings.edit(study.arm(study.reference).edits).losses)
    lines = []
    for arm in sorted(study.arms, key=lambda arm: arm.name != study.reference):
        own = terms_of(study.settings.edit(arm.edits).losses)
        for term, variant in own.items():
            if arm.name != study.reference and reference.get(term) == variant:
                continue
            words = ", ".join(filter(None, [variant.form, variant.weight]))
            weight = shares_of(shares[arm.name], [term])
            lines.append(TermWeight(arm=arm.name, term=term, reading=words, shares=weight))
    look = shares[study.reference].gradients
    return StudyShares(
        terms=tuple(lines),
        frames=0 if look is None else look.frames,
        seeds=shares[study.reference].seeds,
    )
