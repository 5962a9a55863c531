"""What every loss term shares: its signature, its schedule, and arithmetic in full precision.

term(maps, settings) -> Tensor[b]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from thermodepth.config import Settings
from thermodepth.losses.maps import Maps
from thermodepth.types import Prediction

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Scales = Annotated[int, Field(ge=1, le=6)]
Trim = Annotated[float, Field(ge=0.0, le=0.9)]


class TermSettings(Settings):
    """Weight and schedule of a term. `start` and `ramp` are shares of the whole training."""

    #: Numbers without which a reader does not know the formula; named choices always belong to it.
    formula_numbers: ClassVar[frozenset[str]] = frozenset()

    weight: NonNegative = 1.0
    start: Share = 0.0  # off before this share of training
    ramp: Share = 0.0  # then rising linearly to the full weight over this share

    @model_validator(mode="after")
    def _fits_into_training(self) -> Self:
        if self.start + self.ramp > 1.0:
            raise ValueError(
                f"start {self.start} + ramp {self.ramp} goes past the end of training (1.0)"
            )
        return self

    def minimum(self) -> float:
        """The value of the term at a perfect prediction."""
        return 0.0

    def unread(self) -> Mapping[str, str]:
        """Fields that another field makes idle: `{name: rest of "name has no effect"}`."""
        return {}

    def also_reads(self) -> Literal["label", "depth"] | None:
        """Whose map and mask a term whose row has no mask reads with these settings."""
        return None

    def form_words(self) -> str:
        """The formula among those of the term: `normalised inverse`, `relative`, `lam 0.85`; often empty.

        `form` and `space` by their value, other choices after their name, numbers where they are not the
        default or belong to the formula. What is idle, and a choice `none`, is left out.
        """
        default, idle = type(self)(), self.unread()
        plain, named = [], []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in ("weight", "start", "ramp") or name in idle or value == "none":
                continue
            if name in ("form", "space"):
                plain.append(str(value))
            elif (
                isinstance(value, str)
                or name in self.formula_numbers
                or value != getattr(default, name)
            ):
                text = f"{value:g}" if isinstance(value, float) else str(value).lower()
                named.append(f"{name} {text}")
        return ", ".join([*([" ".join(plain)] if plain else []), *named])

    def weight_words(self) -> str:
        """`weight 0.1`, with its schedule where it has one."""
        words = f"weight {self.weight:g}"
        if self.start or self.ramp:
            words += f" from {self.start:.0%} of the training"
        return words + (f", whole at {self.start + self.ramp:.0%}" if self.ramp else "")

    def without_effect(self) -> tuple[str, ...]:
        """Idle fields that somebody set, as `name=value has no effect ...`; each warns."""
        default = type(self)()
        return tuple(
            f"{name}={getattr(self, name)} has no effect{reason}"
            for name, reason in self.unread().items()
            if getattr(self, name) != getattr(default, name)
        )


def weight_at(settings: TermSettings, progress: float) -> float:
    """The weight of a term when `progress` (0 to 1) of the training is done."""
    if settings.ramp == 0.0:
        return settings.weight if progress >= settings.start else 0.0
    risen = (progress - settings.start) / settings.ramp
    return settings.weight * min(max(risen, 0.0), 1.0)


Term = Callable[[Maps, Any], Tensor]  # Any: each term takes its own settings class


def full_precision(prediction: Prediction) -> torch.autocast:
    """A context without autocast on the prediction's device: in float16, 300 squared is infinite."""
    return torch.autocast(device_type=prediction.structure.device.type, enabled=False)
