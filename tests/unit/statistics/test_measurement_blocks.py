"""Blocks of measurements: from rows, from anybody's table, and what they refuse."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.reading import read_measurements
from thermodepth.statistics.two_way import estimate
from thermodepth.study.results.result_rows import measurements_of


def result_rows(values, *, metric="rmse", sequences=None, pixels=None, **others):
    """Rows from `{arm: {seed: {frame: value}}}`."""
    base = {
        "study": "s", "condition": "", "protocol": named_protocol("synthetic").protocol_id(), "head": "depth",
        "against": "truth", "alignment": "none", "slice": "all", "metric": metric, **others,
    }  # fmt: skip
    return rows_from_records(
        {
            **base,
            "arm": arm,
            "seed": seed,
            "frame": number,
            "sample_id": frame,
            "sequence": (sequences or {}).get(frame, ""),
            "value": float(value),
            "pixels": (pixels or {}).get((arm, frame), 10),
        }
        for arm, seeds in values.items()
        for seed, frames in seeds.items()
        for number, (frame, value) in enumerate(frames.items())
    )


WHOLE = {
    "full": {0: {"b": 1, "a": 2}, 1: {"b": 3, "a": 4}},
    "bare": {1: {"a": 8, "b": 7}, 0: {"b": 5, "a": 6}},
}


def test_rows_become_a_block():
    made = measurements_of(result_rows(WHOLE, sequences={"a": "drive"}), "rmse")
    assert (made.arms, made.seeds, made.images) == (("full", "bare"), (0, 1), ("a", "b"))
    assert made.values.tolist() == [[[2, 1], [4, 3]], [[6, 5], [8, 7]]]
    assert made.clusters == ("drive", "image b")
    assert made.pixels is not None
    assert np.unique(made.pixels).tolist() == [10.0]
    assert (made.left_out, made.missing) == ((), ())


def test_only_the_rows_asked_for_are_taken():
    from thermodepth.evaluation.rows.rows import concatenate

    other = {
        arm: {s: dict.fromkeys(frames, 100) for s, frames in seeds.items()}
        for arm, seeds in WHOLE.items()
    }
    rows = concatenate(
        [
            result_rows(WHOLE),
            result_rows(other, metric="mae"),
            result_rows(other, head="structure"),
            result_rows(other, alignment="median"),
            result_rows(other, slice="range:1-2.5"),
            result_rows(other, against="teacher"),
        ]
    )
    assert measurements_of(rows, "rmse").values.max() == 8
    assert measurements_of(rows, "rmse", alignment="median").values.min() == 100
    assert measurements_of(rows, "rmse", arms=["bare"]).arms == ("bare",)
    with pytest.raises(DataError, match=re.escape("no value of silog (depth, truth, none, all)")):
        measurements_of(rows, "silog")
    with pytest.raises(SettingsError, match="unknown metric 'rmze'"):
        measurements_of(rows, "rmze")


def test_a_missing_cell_is_a_hole_that_is_said():
    values = {"full": WHOLE["full"], "bare": {0: WHOLE["bare"][0]}}
    made = measurements_of(result_rows(values), "rmse", arms=["full", "bare", "lost"])
    assert made.missing == (("bare", 1), ("lost", 0), ("lost", 1))
    assert made.left_out == ("arm 'lost' has no results", "arm 'bare' has no results under seed 1")
    contrast = made.contrast({"bare": 1.0, "full": -1.0}, reference="full")
    assert contrast.difference.tolist() == [[4.0, 4.0]]
    assert contrast.reference is not None
    assert contrast.reference.tolist() == [[2.0, 1.0]]
    assert contrast.seeds == (0,)
    assert contrast.left_out == ("seed 1 left out: no results of bare",)
    with pytest.raises(DataError, match="no seed in common: lost has none; full has 0, 1"):
        made.contrast({"lost": 1.0, "full": -1.0})
    with pytest.raises(DataError, match="unknown arm 'bar'; did you mean 'bare'"):
        made.contrast({"bar": 1.0, "full": -1.0})


def test_seeds_that_the_reference_lacks_are_left_out_of_what_is_asked_of_others():
    values = {"full": {1: WHOLE["full"][1]}, "bare": WHOLE["bare"], "other": WHOLE["full"]}
    made = measurements_of(result_rows(values), "rmse")
    weights = {"bare": 1.0, "other": -1.0}
    assert made.contrast(weights).seeds == (0, 1)
    found = made.contrast(weights, reference="full")
    assert found.seeds == (1,)
    assert found.difference.tolist() == [[4.0, 4.0]]
    assert found.reference is not None
    assert found.reference.tolist() == [[4.0, 3.0]]
    assert found.left_out == ("seed 0 left out: no results of full",)


def test_an_image_that_a_cell_lacks_is_refused_or_left_out_everywhere():
    values = {"full": {0: {"a": 1, "b": 2, "c": 3}}, "bare": {0: {"a": 4, "c": 6}}}
    rows = result_rows(values)
    with pytest.raises(
        DataError, match=r"arm 'bare', seed 0 has no value for image 'b'.*\(1 of 3 images"
    ):
        measurements_of(rows, "rmse")
    made = measurements_of(rows, "rmse", images="common")
    assert made.images == ("a", "c")
    assert made.values.tolist() == [[[1, 3]], [[4, 6]]]
    assert made.left_out == (
        "1 of 3 images left out everywhere: some cell has no rmse of them (first 'b')",
    )


def test_nothing_in_common_is_nothing():
    rows = result_rows({"full": {0: {"a": 1}}, "bare": {0: {"b": 4}}})
    with pytest.raises(DataError, match="2 of 2 images are not in every cell"):
        measurements_of(rows, "rmse", images="common")


def test_an_error_over_other_pixels_is_another_quantity():
    values = {"full": {0: {"a": 1}}, "bare": {0: {"a": 4}}}
    with pytest.raises(
        DataError, match=r"over 9 pixels \(arm 'bare', seed 0\) and over 10 elsewhere"
    ):
        measurements_of(result_rows(values, pixels={("bare", "a"): 9}), "rmse")
    # Edges are found in the prediction: their number is its own.
    rows = result_rows(values, metric="edge_accuracy_px", pixels={("bare", "a"): 9})
    assert measurements_of(rows, "edge_accuracy_px").values.size == 2


def test_a_long_recording_is_cut_into_blocks_of_frames():
    frames = {f"f{n}": n for n in range(5)}
    rows = result_rows({"full": {0: frames}}, sequences=dict.fromkeys(frames, "drive"))
    made = measurements_of(rows, "rmse", block_frames=2)
    assert made.clusters == ("drive#0", "drive#0", "drive#1", "drive#1", "drive#2")


def test_forms_of_a_quantity():
    values = {"full": {0: {"a": -0.1, "b": 0.3, "c": 0.1}}}
    rows = result_rows(values, metric="log_bias")
    assert measurements_of(rows, "log_bias.distance").values.ravel() == pytest.approx(
        [0.1, 0.3, 0.1]
    )
    assert measurements_of(rows, "log_bias.square").values.ravel() == pytest.approx(
        [0.01, 0.09, 0.01]
    )
    spread = measurements_of(rows, "log_bias.spread")
    assert spread.metric == "log_bias.spread"
    assert spread.values.mean() == pytest.approx(np.var([-0.1, 0.3, 0.1], ddof=1))
    # The optimum of a ratio is 1.
    ratios = result_rows({"full": {0: {"a": 0.8, "b": 1.5}}}, metric="total_variation_ratio")
    found = measurements_of(ratios, "total_variation_ratio.distance")
    assert found.values.ravel() == pytest.approx([0.2, 0.5])
    with pytest.raises(
        SettingsError, match="unknown form of a metric 'sqare'; did you mean 'square'"
    ):
        measurements_of(rows, "log_bias.sqare")


def test_a_spread_needs_images():
    with pytest.raises(SettingsError, match="one image has no spread"):
        measurements_of(result_rows({"full": {0: {"a": 1}}}, metric="log_bias"), "log_bias.spread")


def test_equal_arms_cancel_exactly_under_any_weights():
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(1.7, 0.3, (1, 3, 50)), 4, axis=0)
    made = Measurements(
        metric="m", arms=tuple("abcd"), seeds=(0, 1, 2), images=tuple(map(str, range(50))),
        clusters=tuple(map(str, range(50))), values=values,
    )  # fmt: skip
    weights = {"a": 1 / 3, "b": 1 / 6, "c": 0.1, "d": -(1 / 3 + 1 / 6 + 0.1)}
    assert not made.contrast(weights).difference.any()
    # Three equals that differ from the first: nothing but rounding is left of .1 + .2 - .3.
    made.values[1:] *= 1.1
    of_equals = {"b": 0.1, "c": 0.2, "d": -0.3}
    assert (0.1 * made.values[1] + 0.2 * made.values[2] - 0.3 * made.values[3]).any()
    assert not made.contrast({"a": 1e-30, **of_equals}).difference.any()


def test_a_contrast_is_the_weighted_sum():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3, 2, 4))
    made = Measurements(
        metric="m", arms=("a", "b", "c"), seeds=(0, 1), images=tuple("wxyz"), clusters=tuple("wxyz"),
        values=values,
    )  # fmt: skip
    found = made.contrast({"a": 0.25, "b": -1.0, "c": 0.75}).difference
    assert found == pytest.approx(0.25 * values[0] - values[1] + 0.75 * values[2], abs=1e-14)


def test_rows_of_two_studies_are_refused():
    from thermodepth.evaluation.rows.rows import concatenate

    rows = concatenate([result_rows(WHOLE), result_rows(WHOLE, study="t")])
    with pytest.raises(DataError, match=r"rows of 2 studies \(s, t\)"):
        measurements_of(rows, "rmse")


# --- anybody's table -------------------------------------------------------------------------------

TABLE = """arm,seed,image,cluster,metric,value
full,0,f1,drive,rmse,1.5
full,1,f1,drive,rmse,1.25
bare,0,f1,drive,rmse,2
bare,1,f1,drive,rmse,3e0
full,0,f1,drive,mine,-1
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, **settings):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return read_measurements(path, **settings)

    return reading


def test_a_csv_becomes_a_block_per_metric(read):
    found = read(TABLE)
    assert list(found) == ["rmse", "mine"]
    assert found["rmse"].arms == ("full", "bare")
    assert found["rmse"].seeds == (0, 1)
    assert found["rmse"].clusters == ("drive",)
    assert found["rmse"].values.tolist() == [[[1.5], [1.25]], [[2.0], [3.0]]]
    assert found["mine"].missing == (("bare", 0),)
    assert found["mine"].left_out == ("arm 'bare' has no results",)


def test_without_clusters_every_image_is_its_own(read):
    text = "arm,seed,image,metric,value\nfull,0,f1,rmse,1\nfull,0,f2,rmse,2\n"
    assert read(text)["rmse"].clusters == ("image f1", "image f2")


def test_parquet_of_any_encoding_reads_as_the_csv(tmp_path, read):
    expected = read(TABLE)["rmse"]
    table = pa.table(
        {
            "value": pa.array([3.0, 2.0, 1.25, 1.5], pa.float32()),
            "arm": pa.array(["bare", "bare", "full", "full"]).dictionary_encode(),
            "seed": pa.array([1, 0, 1, 0], pa.int16()),
            "image": ["f1"] * 4,
            "cluster": ["drive"] * 4,
            "metric": ["rmse"] * 4,
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_measurements(tmp_path / "t.parquet", arms=["full", "bare"])["rmse"]
    assert found.values.tolist() == expected.values.tolist()
    assert found.clusters == expected.clusters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("cluster,", "clusters,"), r"unknown column 'clusters'; did you mean 'cluster'"),
        (("seed,", "cluster,"), "column 'cluster' is there twice"),
        (("seed,", "arm,"), "column 'arm' is there twice"),
        (("1.25", "1,25"), "cannot be read"),
        (("1.25", "one"), "row 2, column value: 'one' is not a number"),
        (("1.25", ""), "row 2, column value: '' is not a number"),
        (("1.25", "nan"), "row 2, column value: nan, expected a finite number"),
        (("1.25", "-inf"), "row 2, column value: -inf, expected a finite number"),
        (
            ("1.25", "1e308"),
            r"rmse of image 'f1' \(arm 'full', seed 1\) is 1e\+308: .* up to 1e\+50",
        ),
        (("bare,0", "bare,0.5"), "row 3, column seed: '0.5' is not a plain whole number"),
        (("bare,0", "bare,1_0"), "row 3, column seed: '1_0' is not a plain whole number"),
        (("bare,0", "bare,٣"), "row 3, column seed: '٣' is not a plain whole number"),
        (("bare,0", "bare,+1"), r"row 3, column seed: '\+1' is not a plain whole number"),
        (("bare,0", "bare,00"), "row 3, column seed: '00' is not a plain whole number"),
        (
            ("bare,0", f"bare,{10**19}"),
            f"row 3, column seed: '{10**19}' is not a plain whole number",
        ),
        (("bare,0", ",0"), "row 3, column arm: empty"),
        (("bare,0", "bare,1"), r"rmse of image 'f1' \(arm 'bare', seed 1\) is there 2 times"),
        (
            ("bare,0,f1,drive", "bare,0,f1,walk"),
            "image 'f1' is of cluster 'drive' in one row and of 'walk'",
        ),
        (("bare,0,f1", "bare,0,f2"), r"arm 'full', seed 0 has no value for image 'f2'"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(read, change, message):
    with pytest.raises(DataError, match=message) as caught:
        read(TABLE.replace(*change, 1))
    assert "table.csv" in str(caught.value)


@pytest.mark.parametrize("heading", ["", "Unnamed: 0"])
def test_the_row_numbers_of_pandas_are_left_out_and_said(read, heading):
    header, *lines = TABLE.splitlines()
    numbered = [f"{heading},{header}", *(f"{n},{line}" for n, line in enumerate(lines))]
    found = read("\n".join(numbered) + "\n")
    plain = read(TABLE)
    for metric, block in found.items():
        assert np.array_equal(block.values, plain[metric].values, equal_nan=True)
        assert block.left_out == (f"column '{heading}', row numbers", *plain[metric].left_out)


def test_a_lost_heading_is_no_row_number(read):
    with pytest.raises(DataError, match="heading '' holds no row numbers; name it"):
        read(TABLE.replace("cluster,", ",", 1))


def test_the_largest_values_that_are_read_have_finite_intervals(read):
    cells = [("full", 1e50), ("bare", -1e50)]
    lines = [
        f"{arm},{seed},f{image},d{image},rmse,{value / (1 + seed + image)}"
        for arm, value in cells
        for seed in range(3)
        for image in range(3)
    ]
    found = read("\n".join(["arm,seed,image,cluster,metric,value", *lines]) + "\n")["rmse"]
    with np.errstate(all="raise"):
        made = estimate(found.contrast({"bare": 1.0, "full": -1.0}).difference, found.groups)
        assert np.isfinite([*made.interval(), made.p_value()]).all()


def test_an_unknown_arm_is_named_with_its_row(read):
    with pytest.raises(
        DataError, match=r"row 3, column arm: unknown arm 'bare' \(known: full, smooth"
    ):
        read(TABLE, arms=["full", "smooth"])


def test_a_file_that_is_no_table_is_refused(tmp_path, read):
    with pytest.raises(DataError, match="no such file"):
        read_measurements(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read("")
    with pytest.raises(DataError, match="no row"):
        read("arm,seed,image,metric,value\n")
    with pytest.raises(DataError, match="no column 'value'"):
        read("arm,seed,image,metric\n")
    for name in ("table.txt", "broken.parquet"):
        (tmp_path / name).write_text("x")
        with pytest.raises(DataError, match=name):
            read_measurements(tmp_path / name)


def test_a_block_that_would_not_fit_is_refused(read, monkeypatch):
    monkeypatch.setattr("thermodepth.statistics.measurements.MOST_VALUES", 3)
    with pytest.raises(DataError, match="2 arms x 2 seeds x 1 images are more than"):
        read(TABLE)


def test_a_parquet_of_nulls_is_refused(tmp_path):
    table = pa.table(
        {
            "arm": ["a", None],
            "seed": [0, 1],
            "image": ["f", "f"],
            "metric": ["m", "m"],
            "value": [1.0, 2.0],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 2, column arm: empty"):
        read_measurements(tmp_path / "t.parquet")
    no_value = table.set_column(0, "arm", pa.array(["a", "a"])).set_column(
        4, "value", pa.array([1.0, None])
    )
    pq.write_table(no_value, tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 2, column value: empty"):
        read_measurements(tmp_path / "t.parquet")
