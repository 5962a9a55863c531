"""What several rooms' tests share: frames, protocols, results and scenes of studies that never ran."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.evaluation.store import StoredPrediction
from thermodepth.metrics import ERRORS
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.scenes import Scene
from thermodepth.types import Geometry, Sample, ThermalUnit

ARMS = (
    ArmLabel(name="full", title="All losses"),
    ArmLabel(name="no-silog", title="No SiLog"),
    ArmLabel(name="no-smooth", title="No Smooth"),
    ArmLabel(name="no-consistency", title="No Consistency"),
    ArmLabel(name="no-smooth-no-consistency", title="No Smooth & Consistency"),
)


@pytest.fixture
def arms():
    return ARMS


@pytest.fixture
def make_rows():
    """Rows from `{arm: {seed: {frame: AbsRel}}}`; every other metric is a fixed multiple of it."""

    def make(values, *, conditions=None, ranges=("range:0.3-1", "range:1-2.5"), pixels=100):
        protocol = named_protocol("synthetic").protocol_id()
        return rows_from_records(
            {
                "study": "paper",
                "arm": arm,
                "seed": seed,
                "frame": number,
                "sample_id": frame,
                "sequence": frame,
                "condition": (conditions or {}).get(frame, ""),
                "protocol": protocol,
                "head": "depth",
                "against": "truth",
                "alignment": "none",
                "slice": part,
                "metric": metric,
                "value": value * (1 + place) * (1 if part == "all" else 2),
                "pixels": pixels if part == "all" else pixels // 2,
            }
            for arm, seeds in values.items()
            for seed, frames in seeds.items()
            for number, (frame, value) in enumerate(frames.items())
            for part in ("all", *ranges)
            for place, metric in enumerate(ERRORS)
        )

    return make


@pytest.fixture
def make_scene():
    """A ramp with a hole, its label, and a prediction per arm that is off by the arm's number."""

    def make(arms, *, size=(24, 32), prediction_size=None, sample_id="street-day-1", label=True):
        rows, columns = size
        rng = np.random.default_rng(1)
        depth = np.geomspace(40, 2, rows)[:, None] * np.linspace(1, 1.5, columns)
        depth = depth.astype(np.float32)
        shown = np.geomspace(40, 2, (prediction_size or size)[0])[:, None]
        shown = (shown * np.linspace(1, 1.5, (prediction_size or size)[1])).astype(np.float32)
        inverse = 1 / depth
        depth[: rows // 4] = np.nan
        sample = Sample(
            sample_id=sample_id,
            thermal=rng.integers(7000, 7200, size).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.eye(3, dtype=np.float32),
            depth_m=depth,
            label=3 * inverse + 1 if label else None,
            label_geometry=Geometry.AFFINE_INVERSE if label else None,
            condition="street-day",
        )
        predictions = {
            arm.name: StoredPrediction(
                depth_m=shown * np.float32(1 + 0.1 * n),
                structure=(1 / shown) ** np.float32(1 + 0.1 * n),
            )
            for n, arm in enumerate(arms)
        }
        scores = {arm.name: 0.1 * n for n, arm in enumerate(arms)}
        return Scene(sample=sample, predictions=predictions, reason="because", scores=scores)

    return make


MakeSample = Callable[..., Sample]


@pytest.fixture
def make_sample() -> MakeSample:
    """`make_sample(depth_m, sample_id=..., ...)`; `depth_m=None` gives a frame without truth."""

    def make(depth_m, *, sample_id="f0", sequence="drive", condition="day", size=(2, 3)) -> Sample:
        truth = None if depth_m is None else np.asarray(depth_m, dtype=np.float32)
        return Sample(
            sample_id=sample_id,
            thermal=np.zeros(size if truth is None else truth.shape, np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.eye(3, dtype=np.float32),
            depth_m=truth,
            sequence=sequence,
            condition=condition,
        )

    return make


@pytest.fixture
def protocol() -> Protocol:
    """1-16 m in three ranges."""
    return Protocol(
        name="toy", min_depth_m=1.0, max_depth_m=16.0, range_bin_edges_m=(1.0, 4.0, 8.0, 16.0)
    )
