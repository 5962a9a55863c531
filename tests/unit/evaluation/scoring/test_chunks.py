"""Scoring in chunks and processes: nothing about the work changes a byte of the result."""

from dataclasses import dataclass

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.head_maps import depth_head_maps
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import read_rows
from thermodepth.evaluation.scoring.chunks import CHUNK, score_into, score_source
from thermodepth.metrics import EXPECTED, METRICS
from thermodepth.types import Sample, ThermalUnit

TOY = Protocol(
    name="toy", min_depth_m=1.0, max_depth_m=16.0, range_bin_edges_m=(1.0, 4.0, 8.0, 16.0)
)


@dataclass(frozen=True)
class Reliefs:
    """Frames made from their numbers, so that any process makes the same ones."""

    numbers: tuple[int, ...]
    broken: int = -1  # this frame's prediction holds a NaN

    @property
    def sample_ids(self):
        return [f"f{number}" for number in self.numbers]

    def read(self, index):
        number = self.numbers[index]
        random = np.random.default_rng(number)
        depth = np.geomspace(15.0, 2.0, 60)[:, None] * random.uniform(0.8, 1.0, 80)
        depth[8:20, 10:30] = 2.5
        prediction = depth * np.exp(0.1 * random.normal(size=depth.shape))
        if number == self.broken:
            prediction[3, 4] = np.nan
        if number % 5 == 4:
            depth[:] = np.nan
        sample = Sample(
            sample_id=f"f{number}",
            thermal=random.integers(7000, 7400, depth.shape).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.array([[50, 0, 28], [0, 50, 20], [0, 0, 1]], np.float32),
            depth_m=depth.astype(np.float32),
            sequence=f"s{number // 4}",
        )
        return sample, {"net": depth_head_maps(prediction)}

    def rgb(self, _index):
        return None


def scored(source, processes=1):
    chunks = list(score_source(source, TOY, study="s", processes=processes))
    rows = [row for chunk in chunks for row in chunk.rows.to_pylist()]
    skipped = [name for chunk in chunks for name in chunk.skipped]
    densities = sum(chunk.densities["net"].counts for chunk in chunks)
    return rows, skipped, densities


MANY = Reliefs(tuple(range(2 * CHUNK + 3)))


def test_the_number_of_processes_changes_nothing(tmp_path):
    one, two = scored(MANY), scored(MANY, processes=2)
    assert one[0] == two[0]
    assert one[1] == two[1] == ["f4", "f9", "f14"]
    np.testing.assert_array_equal(one[2], two[2])
    assert {row["metric"] for row in one[0]} == set(METRICS) - set(EXPECTED)
    for processes, name in ((1, "one"), (2, "two")):
        score_into(tmp_path / name, MANY, TOY, processes=processes)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_frames_in_another_order_have_the_same_values():
    backwards = Reliefs(MANY.numbers[::-1])
    key = ("sample_id", "alignment", "slice", "metric", "value", "pixels")
    rows, _, densities = scored(MANY)
    others, _, other_densities = scored(backwards)
    assert {tuple(r[k] for k in key) for r in rows} == {tuple(r[k] for k in key) for r in others}
    np.testing.assert_array_equal(densities, other_densities)


def test_chunks_come_in_order_with_progress(tmp_path):
    told = []
    result = score_into(
        tmp_path / "rows.parquet", MANY, TOY, processes=2, progress=lambda *p: told.append(p)
    )
    assert told == [(CHUNK, 19), (2 * CHUNK, 19), (19, 19)]
    assert result.note().startswith("16 frames scored; 3 skipped")
    frames = read_rows(tmp_path / "rows.parquet")["frame"].to_pylist()
    assert frames == sorted(frames)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_nan_in_a_prediction_names_the_frame_and_leaves_no_file(tmp_path, processes):
    source = Reliefs(MANY.numbers, broken=11)
    with pytest.raises(DataError, match=r"frame 'f11' \(arm 'net', seed 0\): 1 of 4800 scored"):
        score_into(tmp_path / "rows.parquet", source, TOY, processes=processes)
    assert list(tmp_path.iterdir()) == []


def test_nothing_scored_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no frame has truth between 1 and 16 m"):
        score_into(tmp_path / "rows.parquet", Reliefs((4, 9)), TOY)
    assert list(tmp_path.iterdir()) == []
