"""The maps of the frames that were picked, read again to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.map_means import ScoredMap
from thermodepth.evaluation.results.picked import PickedFrame
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.metres import metres_of
from thermodepth.evaluation.scoring.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PickedMaps:
    """A frame that was picked, on one pixel grid."""

    frame: PickedFrame
    condition: str
    thermal: NDArray[Any] | None  # [h w] raw; None where there is no thermal picture
    rgb: NDArray[np.uint8] | None  # [h w 3]
    truth_m: NDArray[Any]  # [h w] NaN where it is not scored
    predictions_m: Mapping[
        ScoredMap, NDArray[Any]
    ]  # [h w] under the alignment that a map is judged under


def picked_maps(source: Source, findings: EvaluationFindings) -> tuple[PickedMaps, ...]:
    """Those of all maps that were held against the truth and are no guess.

    Raises:
        DataError: naming the file that is missing or broken.
    """
    judged = [m for m in findings.maps if m.against == "truth" and m.arm not in BASELINES]
    numbers = {sample_id: number for number, sample_id in enumerate(source.sample_ids)}
    pictures = []
    for frame in findings.picked:
        number = numbers[frame.sample_id]
        sample, head_maps = source.read(number)
        truth = FrameTruth.from_sample(sample, frame=number, protocol=findings.protocol)
        assert truth is not None, "it was scored"
        pictures.append(
            PickedMaps(
                frame=frame,
                condition=sample.condition,
                thermal=sample.thermal if sample.has_thermal else None,
                rgb=source.rgb(number),
                truth_m=np.where(truth.scored, truth.truth_m, np.nan),
                predictions_m={
                    m: metres_of(head_maps[m.arm][m.head], truth, findings.means.shown_alignment(m))
                    for m in judged
                },
            )
        )
    return tuple(pictures)
