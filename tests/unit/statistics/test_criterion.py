"""Several metrics as one number: the mean of their relative changes."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.statistics.comparison import compare
from thermodepth.statistics.criterion import criterion_name, mean_relative
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.questions import Question


def block(metric: str, values: list[list[list[float]]], *, images: str = "ab") -> Measurements:
    """[arm seed image] of the arms full and other."""
    array = np.array(values)
    return Measurements(
        metric=metric,
        arms=("full", "other"),
        seeds=tuple(range(array.shape[1])),
        images=tuple(images),
        clusters=tuple(images),
        values=array,
    )


def test_the_criterion_is_the_mean_of_the_changes_in_percent() -> None:
    # AbsRel .2 to .19 is -5 %, RMSE 4 to 4.4 is +10 %: +2.5 % together, whatever their units.
    abs_rel = block("abs_rel", [[[0.1, 0.3]], [[0.1, 0.28]]])
    rmse = block("rmse", [[[3.0, 5.0]], [[3.4, 5.4]]])
    criterion = mean_relative([abs_rel, rmse], reference="full")
    assert criterion.values[0].mean() == pytest.approx(1.0, abs=1e-15)
    assert criterion.values[1].mean() == pytest.approx(1.025, abs=1e-15)
    # By image: (.1 / .2 + 3 / 4) / 2 and (.3 / .2 + 5 / 4) / 2.
    assert criterion.values[0, 0] == pytest.approx([0.625, 1.375])
    question = Question(name="other", title="other", weights={"other": 1.0, "full": -1.0})
    change = compare(criterion, question, reference="full", better="lower")
    assert change.percent == pytest.approx(2.5)


def test_one_metric_alone_is_its_own_change() -> None:
    rmse = block("rmse", [[[3.0, 5.0]], [[3.4, 5.4]]])
    assert mean_relative([rmse], reference="full").values[1].mean() == pytest.approx(1.1)


def test_the_name_says_what_it_is_made_of() -> None:
    assert criterion_name(["abs_rel", "rmse"]) == "mean change of AbsRel and RMSE"
    assert criterion_name(["rmse"]) == "change of RMSE"


def test_metrics_of_other_images_or_cells_make_no_criterion() -> None:
    abs_rel = block("abs_rel", [[[0.1, 0.3]], [[0.1, 0.28]]])
    other_images = block("rmse", [[[3.0, 5.0]], [[3.4, 5.4]]], images="ac")
    with pytest.raises(DataError, match="not of the same cells and images"):
        mean_relative([abs_rel, other_images], reference="full")
    lost = block("rmse", [[[3.0, 5.0]], [[np.nan, np.nan]]])
    with pytest.raises(DataError, match="not of the same cells and images"):
        mean_relative([abs_rel, lost], reference="full")


def test_nothing_is_relative_to_nothing() -> None:
    zero = block("rmse", [[[0.0, 0.0]], [[1.0, 1.0]]])
    with pytest.raises(DataError, match="the mean of full is 0"):
        mean_relative([zero], reference="full")
    lost = block("rmse", [[[np.nan, np.nan]], [[1.0, 1.0]]])
    with pytest.raises(DataError, match="the mean of full is not known"):
        mean_relative([lost], reference="full")
