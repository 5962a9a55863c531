"""The longer study that is published with the package, for whoever runs a short one on the same frames.

`assets/published/study-NAME.json` holds the changes of its arms with their intervals; `make results`
copies it from the folder of the long run. A run on other frames, or one that is as long itself, has
nothing beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from thermodepth.files import read_json
from thermodepth.statistics.comparison import Comparison
from thermodepth.study.design import Study

FOLDER = "assets/published"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedChange:
    """Of an arm against the reference, in percent, with its 95 % interval."""

    percent: float
    low: float
    high: float

    def overlaps(self, change: Comparison) -> bool | None:
        """Do the two intervals share a value? None where the change has none."""
        span = change.printed_interval()
        return None if span is None else span[0] <= self.high and self.low <= span[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedStudy:
    """A study that was run for longer than most people wait."""

    seeds: int
    steps: int
    protocol: str  # frames and scoring
    changes: Mapping[str, Mapping[str, PublishedChange]]  # metric -> arm


def file_of(study_name: str) -> str:
    """The file's name in `FOLDER`."""
    return f"study-{study_name}.json"


def published_study(study: Study, protocol_id: str) -> PublishedStudy | None:
    """The published study of this name on these frames; None without one, or if this one is as long."""
    file = Path(str(files("thermodepth"))) / FOLDER / file_of(study.name)
    if not file.is_file():
        return None
    tree = read_json(file)
    if tree["protocol"] != protocol_id:
        return None
    if len(study.seeds) >= tree["seeds"] and study.settings.steps >= tree["steps"]:
        return None
    changes = {
        metric: {arm: PublishedChange(**change) for arm, change in arms.items()}
        for metric, arms in tree["changes"].items()
    }
    return PublishedStudy(
        seeds=tree["seeds"], steps=tree["steps"], protocol=protocol_id, changes=changes
    )
