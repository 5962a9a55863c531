"""A question is a contrast: weights on arms that sum to 0, with a name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thermodepth.errors import SettingsError

Kind = Literal[
    "difference",
    "main effect",
    "interaction",
    "shapley",
    "leave one out",
    "add one in",
    "slope",
    "simple effect",
    "trend",
    "reading",
    "twin",
    "other",
]
#: Of arms, factors and studies: also folders, and parts of other names.
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
TWIN = "-twin"  # ends the name of an arm that is the reference once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the arms' means."""

    name: str  # in files
    title: str  # for people
    weights: Mapping[str, float]  # per arm
    kind: Kind = "other"
    base: str = ""  # the arm whose mean percentages and the margin are of; empty: the reference

    def __post_init__(self) -> None:
        size = math.fsum(abs(weight) for weight in self.weights.values())
        if not math.isfinite(size) or size == 0.0:
            raise SettingsError(
                f"question '{self.name}': weights {dict(self.weights)}, expected numbers, not all 0"
            )
        if abs(math.fsum(self.weights.values())) > 1e-9 * size:
            raise SettingsError(
                f"question '{self.name}': the weights sum to {math.fsum(self.weights.values()):g}; those of "
                "a comparison sum to 0"
            )

    @property
    def arms(self) -> tuple[str, ...]:
        """Those that count."""
        return tuple(arm for arm, weight in self.weights.items() if weight != 0.0)


def against(
    reference: str, arms: Sequence[str], *, titles: Mapping[str, str] | None = None
) -> tuple[Question, ...]:
    """One question an arm: what it changes against the reference, which itself is passed over.

    Of the reference's twin it asks how far two runs of one thing lie apart.
    """
    words = titles or {}
    return tuple(
        Question(
            name=arm,
            title=f"{words.get(arm, arm)} − {words.get(reference, reference)}",
            weights={arm: 1.0, reference: -1.0},
            kind="twin" if is_twin(arm, reference) else "difference",
        )
        for arm in arms
        if arm != reference
    )


def is_twin(arm: str, reference: str) -> bool:
    """Whether an arm is the reference once more, so that its difference is the machine's noise."""
    return arm == f"{reference}{TWIN}"
