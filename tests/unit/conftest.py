"""Frames and protocols that the tests of evaluations and of their reports share."""

from collections.abc import Callable

import numpy as np
import pytest

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.types import Sample, ThermalUnit

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
