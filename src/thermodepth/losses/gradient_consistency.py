"""The two depths have the same gradients once scale and offset are taken out.

Which gradients, and how scale and offset are taken out, is the `form`: `consistency_forms` has their
formulas. In every form the side named by `detach` is taken as given. Source: the paper's
gradient-consistency constraint; it gives no formula, so the default is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from thermodepth.losses.consistency_forms import FORMS, ConsistencyForm, Side, Space
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Scales, TermSettings, Trim

#: Fields that some forms leave alone.
_OF_FORMS = ("space", "scales", "reach", "trim", "edge")


class GradientConsistencySettings(TermSettings):
    """Settings of `gradient_consistency`."""

    later = frozenset({"form", "reach", "trim", "edge"})

    weight: NonNegative = 0.1
    form: ConsistencyForm = "normalised"
    space: Space = "inverse"
    detach: Side = "none"  # the side that is taken as given
    scales: Scales = 4
    reach: Annotated[float, Field(ge=1.0)] = 10.0  # S is at most so many times the mean truth away
    trim: Trim = 0.2  # share of the worst pixels left out
    #: The least |grad ln S| per pixel that has a direction; its square has to be a float32.
    edge: Annotated[float, Field(ge=1e-4)] = 0.05

    def unread(self) -> Mapping[str, str]:
        """What the form leaves alone."""
        reads = FORMS[self.form].reads
        return {name: f" while form is {self.form}" for name in _OF_FORMS if name not in reads}

    def also_reads(self) -> Literal["label", "depth"] | None:
        """The truth, to align the structure to."""
        return "depth" if FORMS[self.form].aligned else None


def gradient_consistency(maps: Maps, settings: GradientConsistencySettings) -> Tensor:
    """`[b]`; in units of each map's own mean deviation by default, else as the form says."""
    return FORMS[settings.form].cost(maps, settings)
