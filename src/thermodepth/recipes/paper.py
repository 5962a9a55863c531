"""The paper's loss study: five arms, one term group removed at a time.

Jang, Shin and Ko, "Loss Function Analysis for Monocular Depth Estimation in Thermal Imaging
Environments": all losses; without SiLog; without smoothness; without consistency; without both.

    thermodepth study run paper                       on the shipped synthetic pack
    thermodepth study run paper --data mm5:FOLDER     on real frames
"""

from __future__ import annotations

from thermodepth.statistics.claims import PAPER_CLAIMS
from thermodepth.study.design import Arm, Study
from thermodepth.training.settings import TrainingSettings

ARMS = (
    Arm(name="full", title="All losses"),
    Arm(name="no-silog", title="No SiLog", edits={"losses.groups.silog": False}),
    Arm(name="no-smooth", title="No Smooth", edits={"losses.groups.smooth": False}),
    Arm(name="no-consistency", title="No Consistency", edits={"losses.groups.consistency": False}),
    Arm(
        name="no-smooth-no-consistency",
        title="No Smooth & Consistency",
        edits={"losses.groups.smooth": False, "losses.groups.consistency": False},
    ),
)


def paper(settings: TrainingSettings, *, seeds: int) -> Study:
    """The study over any base settings, seeds 0, 1, ..."""
    return Study(
        name="paper",
        title="Loss configurations of the paper",
        settings=settings,
        arms=ARMS,
        reference="full",
        seeds=tuple(range(seeds)),
        claims=PAPER_CLAIMS,
    )
