"""A small file cannot ask for a large block."""

import tracemalloc

import pytest

from thermodepth.errors import DataError
from thermodepth.statistics import measurements
from thermodepth.statistics.reading import read_measurements


def write(path, lines):
    path.write_text("arm,seed,image,metric,value\n" + "".join(f"{line},rmse,1\n" for line in lines))
    return path


def test_a_diagonal_of_arms_seeds_and_images_is_refused_before_it_takes_memory(tmp_path):
    path = write(tmp_path / "x.csv", [f"a{n},{n},i{n}" for n in range(580)])
    tracemalloc.start()
    try:
        words = r"x\.csv: rmse: 580 rows are nearly nothing of 580 arms x 580 seeds x 580 images"
        with pytest.raises(DataError, match=words):
            read_measurements(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_small_block_may_have_any_holes_and_a_full_one_any_size(tmp_path, monkeypatch):
    path = write(tmp_path / "x.csv", [f"a{n},{n},i" for n in range(60)])  # 60 of 3600 places
    assert read_measurements(path)["rmse"].values.shape == (60, 60, 1)
    monkeypatch.setattr(measurements, "ROOM", 8 * 3600)
    assert read_measurements(path)["rmse"].values.shape == (60, 60, 1)
    monkeypatch.setattr(measurements, "ROOM", 8 * 3600 - 1)
    with pytest.raises(DataError, match="60 rows are nearly nothing of"):
        read_measurements(path)
    full = write(tmp_path / "y.csv", [f"a{a},{s},i" for a in range(60) for s in range(60)])
    assert read_measurements(full)["rmse"].values.shape == (60, 60, 1)
    # 60 of 3000 places are one in fifty, and that is enough.
    enough = write(tmp_path / "z.csv", [f"a{n},{n % 50},i" for n in range(60)])
    monkeypatch.setattr(measurements, "ROOM", 0)
    assert read_measurements(enough)["rmse"].values.shape == (60, 50, 1)
