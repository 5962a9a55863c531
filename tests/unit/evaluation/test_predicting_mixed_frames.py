"""Frames of many cameras: what goes through a network together is of one size and one unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.predict import predict_into
from thermodepth.evaluation.store import PredictionStore
from thermodepth.types import Sample, ThermalUnit

COUNTS, DISPLAY = ThermalUnit.COUNTS, ThermalUnit.DISPLAY
#: (unit, columns) of each frame.
FRAMES = [(COUNTS, 8), (DISPLAY, 8), (DISPLAY, 8), (COUNTS, 8), (COUNTS, 9), (DISPLAY, 9)]


class _Mixed:
    noise_is_drawn = False
    sample_ids: Sequence[str] = [f"frame-{number}" for number in range(len(FRAMES))]

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw, with_rgb
        unit, columns = FRAMES[index]
        dtype = np.uint16 if unit is COUNTS else np.uint8
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=np.full((6, columns), index, dtype),
            thermal_unit=unit,
            intrinsics=np.full((3, 3), np.nan, np.float32),
        )

    def check_beside(self, index: int) -> None:
        del index

    def fingerprint(self) -> str:
        return "mixed"


def test_every_pass_is_of_one_size_and_unit_and_every_frame_has_its_own_map(
    tmp_path: Path,
) -> None:
    passes: list[list[str]] = []

    def predict(
        samples: Sequence[Sample],
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        passes.append([sample.sample_id for sample in samples])
        assert len({(sample.size, sample.thermal_unit) for sample in samples}) == 1
        return [2 * (s.thermal.astype(np.float32) + 1,) for s in samples]

    store = PredictionStore(tmp_path / "store", made_by={"model": "a"})
    predict_into(store, _Mixed(), predict, batch_size=8)
    assert [len(each) for each in passes] == [1, 2, 1, 1, 1]
    for number, sample_id in enumerate(_Mixed.sample_ids):
        assert float(store.read(sample_id).depth_m.max()) == number + 1
