"""Steadiness of scale: the published form, flicker within sequences, and what is not measured."""

import numpy as np
import pyarrow as pa
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.results.stability import ScaleStability, scale_stability
from thermodepth.evaluation.rows.rows import (
    ROW_SCHEMA,
    TEACHER_ARM,
    concatenate,
    rows_from_columns,
)
from thermodepth.report.evaluation.ledger import stability_table


def rows_of(
    scales: list[float],
    *,
    sequences: list[str] | None = None,
    frames: list[int] | None = None,
    arm: str = "full",
    seed: int = 0,
) -> pa.Table:
    """One row for each frame; ids run against the order of the frames."""
    n = len(scales)
    frames = frames or list(range(n))
    columns = {
        "study": ["st"] * n,
        "arm": [arm] * n,
        "seed": [seed] * n,
        "frame": frames,
        "sample_id": [f"f{1000 - frame}" for frame in frames],
        "sequence": sequences or ["s"] * n,
        "condition": [""] * n,
        "protocol": ["toy-1"] * n,
        "head": ["depth"] * n,
        "against": ["truth"] * n,
        "alignment": ["none"] * n,
        "slice": ["all"] * n,
        "metric": ["scale"] * n,
        "value": scales,
        "pixels": [10] * n,
    }
    return rows_from_columns({name: columns[name] for name in ROW_SCHEMA.names})


def stability(*given, **named) -> ScaleStability:
    return scale_stability(rows_of(*given, **named))["full", 0]


def test_by_hand():
    # ln s = 0, 0.2, 0.1 and 1.0, 0.8 in two sequences; steps 0.2, -0.1 and -0.2.
    logs = np.array([0.0, 0.2, 0.1, 1.0, 0.8])
    found = stability(np.exp(logs).tolist(), sequences=["a", "a", "a", "b", "b"])
    assert found.flicker == pytest.approx(np.sqrt(0.5 * 0.09 / 3))
    assert found.log_std == pytest.approx(np.sqrt(np.mean(logs**2) - np.mean(logs) ** 2))
    assert found.median_scale == pytest.approx(np.exp(0.2))
    assert (found.frames, found.steps) == (5, 3)


def test_the_published_form_is_numpys_std_over_the_median():
    # evaluate_depth.py of monodepth2 prints np.std(ratios / med) with ratios = median(gt) / median(pred).
    scales = np.exp(np.random.default_rng(0).normal(1.0, 0.3, 24))
    assert stability(scales.tolist()).relative_std == pytest.approx(
        np.std(scales / np.median(scales)), rel=1e-12
    )


def test_independent_frames_flicker_as_much_as_they_spread():
    logs = np.random.default_rng(1).normal(0.0, 0.1, 4000)
    found = stability(np.exp(logs).tolist())
    assert found.flicker == pytest.approx(found.log_std, rel=0.05)


def test_a_drift_spreads_and_hardly_flickers():
    found = stability(np.exp(np.linspace(0.0, 1.0, 101)).tolist())
    assert found.log_std == pytest.approx(0.2915, rel=1e-3)
    assert found.flicker == pytest.approx(0.01 / np.sqrt(2))


def test_neighbours_are_those_of_the_frame_numbers_whatever_the_order_of_rows_and_ids():
    # Frames 2, 5, 3, 9 of one sequence: in order 1, e, 1, e. Frame 4 was not scored and is stepped over.
    found = stability([1.0, 1.0, np.e, np.e], frames=[2, 5, 3, 9])
    assert found.flicker == pytest.approx(np.sqrt(0.5))
    # Two sequences with their frames mixed: each is steady.
    mixed = stability([1.0, np.e, 1.0, np.e], sequences=["a", "b", "a", "b"])
    assert mixed.flicker == 0.0
    assert mixed.steps == 2


@pytest.mark.parametrize("sequences", [["a"], ["a", "b", "c"]])
def test_without_neighbours_there_is_no_flicker(sequences):
    found = stability([2.0] * len(sequences), sequences=sequences)
    assert found.flicker is None
    assert found.steps == 0
    assert (found.log_std is None) == (len(sequences) == 1)
    assert (found.relative_std is None) == (len(sequences) == 1)


def test_the_table_is_the_mean_over_seeds():
    rows = concatenate(
        [
            rows_of([1.0, 2.0], arm="b", seed=0),
            rows_of([1.0, 4.0], arm="b", seed=1),
        ]
    )
    printed = stability_table(scale_stability(rows)).printed()
    # Medians 1.5 and 2.5; std ln s half of ln 2 and of ln 4; flicker ln 2 and ln 4 over sqrt 2.
    half = np.log(2) * 1.5 / 2
    assert printed[0] == [
        "b", "2.0000", f"{half:.4f}", f"{np.log(2) * 1.5 / np.sqrt(2):.4f}",
        f"{(0.5 / 1.5 + 1.5 / 2.5) / 2:.4f}", "2", "1", "2",
    ]  # fmt: skip
    alone = stability_table(scale_stability(rows_of([3.0], arm="a"))).printed()
    assert alone[0] == ["a", "3.0000", "–", "–", "–", "1", "0", "1"]


def test_arms_on_other_frames_are_not_set_side_by_side():
    rows = concatenate([rows_of([1.0, 2.0], arm="b"), rows_of([3.0], arm="a")])
    with pytest.raises(DataError, match="arm 'b', seed 0 has 2 frames and arm 'a', seed 0 has 1"):
        stability_table(scale_stability(rows))
    silent = concatenate([rows_of([1.0, 2.0], arm="b"), rows_of([3.0], arm=TEACHER_ARM)])
    assert (
        len(stability_table(scale_stability(silent)).rows) == 2
    )  # a teacher answers where it has labels


def test_rows_without_the_scale_are_refused():
    rows = rows_of([1.0, 2.0])
    renamed = rows.set_column(
        rows.schema.get_field_index("metric"), ROW_SCHEMA.field("metric"), pa.array(["rmse"] * 2)
    )
    with pytest.raises(DataError, match=r"arm 'full', seed 0 .* has no rows of scale"):
        scale_stability(renamed)
