"""The relative error in the prediction store: of models that tell it; other stores are as they were."""

import numpy as np
import pytest

from thermodepth.checksums import read_record
from thermodepth.errors import DataError
from thermodepth.evaluation.store import PredictionStore

MADE_BY = {"model": "aaa", "data": "bbb"}


def maps(seed=0, size=(3, 4)):
    random = np.random.default_rng(seed)
    return {
        "depth_m": random.uniform(1, 9, size).astype(np.float32),
        "structure": random.normal(size=size).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def with_error(seed=0, size=(3, 4)):
    error = np.random.default_rng(seed).uniform(0, 2, (2, *size)).astype(np.float32)
    return {**maps(seed, size), "relative_error": error}


def test_it_comes_back_and_the_store_says_so(folder):
    with PredictionStore(folder, made_by=MADE_BY, relative_error=True) as store:
        store.write("f", **with_error())
    assert read_record(folder / "store.json")["format"] == 3
    again = PredictionStore.open(folder)
    assert again.has_relative_error
    frame = again.read("f")
    np.testing.assert_array_equal(frame.relative_error, with_error()["relative_error"])
    np.testing.assert_array_equal(frame.depth_m, maps()["depth_m"])


def test_a_store_that_is_there_decides(folder):
    PredictionStore(folder, made_by=MADE_BY).write("f", **maps())
    again = PredictionStore(folder, made_by=MADE_BY, relative_error=True)
    assert not again.has_relative_error
    assert again.read("f").relative_error is None
    with pytest.raises(AssertionError):
        again.write("g", **with_error())


def test_other_shapes_are_refused(folder):
    store = PredictionStore(folder, made_by=MADE_BY, relative_error=True)
    with pytest.raises(DataError, match=r"relative_error must be \(2, 3, 4\), got \(3, 4\)"):
        store.write("f", **maps(), relative_error=np.ones((3, 4)))


def test_a_frame_without_it_in_a_store_that_has_it_is_refused(folder):
    store = PredictionStore(folder, made_by=MADE_BY, relative_error=True)
    store.write("f", **with_error())
    np.savez_compressed(folder / "f.npz", **maps())
    with pytest.raises(DataError, match=r"expected .*relative_error_68 and relative_error_90"):
        store.read("f")
