"""Counts to kelvin and back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.thermal import PlanckConstants, counts_of_kelvin, kelvin_of_counts

A65 = PlanckConstants(r1=380747, b=1428, o=88.539)
FLIR = PlanckConstants(r1=17837.53, r2=0.01233278, b=1450.4, f=1, o=-1143)


def test_the_a65_formula_as_published() -> None:
    """T = B / ln(R / (raw - O) + F) with R 380747, B 1428, F 1, O -88.539."""
    for counts in (2000, 3211, 5756, 16000):
        by_hand = 1428 / math.log(380747 / (counts + 88.539) + 1)
        got = kelvin_of_counts(np.array([counts], np.uint16), A65)
        assert got.dtype == np.float32
        assert got[0] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("constants", [A65, FLIR])
def test_there_and_back(constants: PlanckConstants) -> None:
    kelvin = np.linspace(230, 700, 200).reshape(10, 20)
    counts = counts_of_kelvin(kelvin, constants)
    assert (np.diff(counts.ravel()) > 0).all()
    np.testing.assert_allclose(kelvin_of_counts(counts, constants), kelvin, atol=0.01)


def test_where_there_is_no_signal_there_is_no_temperature() -> None:
    kelvin = kelvin_of_counts(np.array([0, 1143, 1144], np.uint16), FLIR)
    assert np.isnan(kelvin).tolist() == [True, True, False]
    beyond = PlanckConstants(r1=1000, b=1400, f=0.5)
    assert np.isnan(kelvin_of_counts(np.array([60000], np.uint16), beyond)).all()


@pytest.mark.parametrize("change", [{"r1": 0}, {"b": -1}, {"f": 0}, {"r2": 0}])
def test_constants_that_no_camera_has(change: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(change))):
        PlanckConstants.parse({"r1": 380747.0, "b": 1428.0, **change})
