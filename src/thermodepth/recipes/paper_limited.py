"""Does structure help metric depth where truth ends: the consistency term at several reaches of truth.

The paper finds that without consistency RMSE rises by 22.9 % and AbsRel by .9 %: the damage is far away. A
rendered frame has truth everywhere; a sensor has not. So the same contrast, with and without the term, is
taken with truth to 6, 16 and 40 m (edges of the ranges that are scored) and with all of it. Every arm is
scored on whole truth.

    thermodepth study run paper-limited --seeds 5
    thermodepth study run paper-limited --seeds 5 --set teacher.kind=truth      an ideal teacher

`paper-scarce` asks the same where whole frames lack truth and all have labels: truth in 50 or 200 frames,
and in light only.

    thermodepth study run paper-scarce --seeds 5

Form and weight of the term are those of the run, `--set losses.gradient_consistency.form=...`; the study's
title says them, for whatever it finds holds for this reading of the loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from thermodepth.config import Edits
from thermodepth.statistics.claims import Claim, Says
from thermodepth.statistics.default_questions import NO_DESIGN
from thermodepth.statistics.questions import Question
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects
from thermodepth.study.design import Arm, Study
from thermodepth.training.settings import TrainingSettings

#: The switch that parts the two arms of a level: the group of terms, and what turns it off.
FACTOR, OFF = "consistency", {"losses.groups.consistency": False}
TERM = "gradient_consistency"
REACHES_M = (6.0, 16.0, 40.0)
FAR_M = 80.0  # where all truth ends, of data that do not say it
FEW_FRAMES = (50, 200)
IN_LIGHT = ("day", "overcast", "lit")  # conditions of the rendered packs in which people see well


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One level: what truth the training has."""

    arm: str  # name of the arm with the term; empty: the reference
    title: str
    edits: Edits = field(default_factory=dict)
    level: float | None = None


def paper_limited(
    settings: TrainingSettings, *, seeds: int, reaches_m: Sequence[float] = REACHES_M
) -> Study:
    """Consistency on and off at several reaches of truth, seeds 0, 1, ...

    Args:
        settings: of every arm but for its truth.
        seeds: how many.
        reaches_m: metres; for data of another range than streets have, others.
    """
    limits = [
        Limit(
            arm=f"reach-{_name(reach)}",
            title=f"truth to {reach:g} m",
            edits={"data.truth.max_m": reach},
            level=reach,
        )
        for reach in reaches_m
    ]
    far = settings.data.max_truth_m or FAR_M
    effects, arms = _arms([*limits, Limit(arm="", title="all truth", level=far)], "reach of truth")
    return _study(
        settings,
        name="paper-limited",
        title="From which reach of truth on does structure help?",
        arms=arms,
        effects=effects,
        claims=_claims(effects),
        seeds=seeds,
    )


def paper_scarce(settings: TrainingSettings, *, seeds: int) -> Study:
    """Consistency on and off where few frames have truth, seeds 0, 1, ..."""
    limits = [
        Limit(
            arm=f"frames-{count}",
            title=f"truth in {count} frames",
            edits={"data.truth.frames": count},
        )
        for count in FEW_FRAMES
    ]
    light = Limit(
        arm="in-light",
        title="truth in light",
        edits={"data.truth.conditions": list(IN_LIGHT)},
    )
    effects, arms = _arms([*limits, light, Limit(arm="", title="all truth")], "frames with truth")
    return _study(
        settings,
        name="paper-scarce",
        title="Does structure help where few frames have truth?",
        arms=arms,
        effects=effects,
        claims=(),
        seeds=seeds,
    )


def _study(
    settings: TrainingSettings,
    *,
    name: str,
    title: str,
    arms: tuple[Arm, ...],
    effects: SimpleEffects,
    claims: tuple[Claim, ...],
    seeds: int,
) -> Study:
    return Study(
        name=name,
        title=f"{title} ({reading_of(settings)})",
        settings=settings,
        arms=arms,
        reference="full",
        seeds=tuple(range(seeds)),
        claims=claims,
        design=NO_DESIGN,
        doses=(),
        simple_effects=(effects,),
    )


def reading_of(settings: TrainingSettings) -> str:
    """`gradient_consistency of weight 0.1, form value`: which reading of the loss is studied."""
    term = settings.losses.term(TERM)
    tree: Mapping[str, object] = term.tree()
    words = [
        f"{key} {tree[key]}" for key in ("form", "space", "detach") if key not in term.unread()
    ]
    return f"{TERM} of weight {term.weight:g}, {', '.join(words)}"


def _arms(limits: Sequence[Limit], across: str) -> tuple[SimpleEffects, tuple[Arm, ...]]:
    """The arms of every level with the term and without, whole truth first, and what is asked of them."""
    pairs, arms = [], []
    for limit in limits:
        on, off = limit.arm or "full", f"{limit.arm}-no-{FACTOR}" if limit.arm else f"no-{FACTOR}"
        pairs.append(LevelPair(title=limit.title, on=on, off=off, level=limit.level))
        title = limit.title.capitalize()
        arms += [
            Arm(name=on, title=title, edits=dict(limit.edits)),
            Arm(name=off, title=f"{title}, no {FACTOR}", edits={**limit.edits, **OFF}),
        ]
    effects = SimpleEffects(factor=FACTOR, across=across, pairs=tuple(pairs))
    return effects, (*arms[-2:], *arms[:-2])


def _claims(effects: SimpleEffects) -> tuple[Claim, ...]:
    """What the sign pattern of the paper's table would be, where its term has something to carry."""
    nearest, whole = effects.pairs[0], effects.pairs[-1]

    def claim(
        name: str, text: str, question: Question, says: Says, at_least: float | None
    ) -> Claim:
        return Claim(
            name=name, text=text, question=question, metric="rmse", says=says, at_least=at_least
        )

    claims = [
        claim(
            "structure-carries",
            "What truth does not reach, structure carries",
            effects.question(nearest),
            "falls",
            None,
        ),
        claim(
            "little-with-all",
            "Where all distances have truth, structure adds little",
            effects.question(whole),
            "stays",
            0.02,
        ),
    ]
    if effects.trend is not None:
        text = "The nearer truth ends, the more structure helps"
        claims.append(claim("more-where-near", text, effects.trend, "rises", None))
    return tuple(claims)


def _name(number: float) -> str:
    return format(number, "g").replace(".", "p")
