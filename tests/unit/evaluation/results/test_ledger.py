"""The ledger of a split: exact sums, numpy's variances, each part by hand, and what is refused."""

import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.results.frame_values import MapChoice
from thermodepth.evaluation.results.ledger import LogLedger, log_ledger, metric_ledger, over_seeds
from thermodepth.evaluation.rows.rows import ROW_SCHEMA, rows_from_columns
from thermodepth.report.evaluation.ledger import ledger_table, metric_ledger_table

STRUCTURE = MapChoice(head="structure", alignment="affine_inverse")

LOG_NEEDS = ("log_bias", "ledger_range", "ledger_coarse", "ledger_fine", "rmse_log")
METRIC_NEEDS = ("ledger_scale_m2", "ledger_shift_m2", "ledger_shape_m2", "rmse")


def rows_of(
    values: dict[str, list[float]],
    *,
    arm: str = "full",
    seed: int = 0,
    sequences: list[str] | None = None,
    pixels: list[int] | None = None,
    **constant: str,
) -> pa.Table:
    """Rows of one arm and seed; one value per frame for each metric."""
    frames = len(next(iter(values.values())))
    sequences = sequences or ["s"] * frames
    pixels = pixels or [100] * frames
    columns: dict[str, list[object]] = {name: [] for name in ROW_SCHEMA.names}
    fixed = {
        "study": "st",
        "condition": "",
        "protocol": "toy-1",
        "head": "depth",
        "against": "truth",
        "alignment": "none",
        "slice": "all",
        **constant,
    }
    for metric, of in values.items():
        for frame, value in enumerate(of):
            row = {
                **fixed,
                "arm": arm,
                "seed": seed,
                "frame": frame,
                "sample_id": f"f{frame}",
                "sequence": sequences[frame],
                "metric": metric,
                "value": float(value),
                "pixels": pixels[frame],
            }
            for name in columns:
                columns[name].append(row[name])
    return rows_from_columns(columns)


def consistent(
    bias: list[float], parts: list[tuple[float, float, float]]
) -> dict[str, list[float]]:
    """The metrics of frames with these biases and (range, coarse, fine)."""
    columns = dict(zip(LOG_NEEDS[1:4], map(list, zip(*parts, strict=True)), strict=True))
    whole = [np.sqrt(m * m + sum(of)) for m, of in zip(bias, parts, strict=True)]
    return {"log_bias": bias, **columns, "rmse_log": whole}


def random_frames(seed: int, frames: int = 40) -> dict[str, list[float]]:
    random = np.random.default_rng(seed)
    return consistent(
        random.normal(0.1, 0.2, frames).tolist(),
        [tuple(row) for row in random.exponential(0.02, (frames, 3))],
    )


def together(tables: list[pa.Table]) -> pa.Table:
    """Unchecked, unlike `concatenate`: what is refused must be made first."""
    return pa.concat_tables(tables).unify_dictionaries()


ZERO = (0.0, 0.0, 0.0)


def test_by_hand():
    # Sequence a: mu 0.1, 0.3 (mean 0.2); b: mu 0.5. Grand mean 0.3.
    # Calibration 0.09; between (2 * 0.1^2 + 0.2^2) / 3 = 0.02; within (2 * 0.1^2) / 3; in all 0.35 / 3.
    rows = rows_of(
        consistent([0.1, 0.3, 0.5], [(0.03, 0.0, 0.0), (0.0, 0.06, 0.0), (0.0, 0.0, 0.09)]),
        sequences=["a", "a", "b"],
    )
    ledger = log_ledger(rows)["full", 0]
    assert ledger.parts == pytest.approx(
        {
            "calibration": 0.09,
            "between_sequences": 0.02,
            "frame_to_frame": 0.02 / 3,
            "range": 0.01,
            "coarse": 0.02,
            "fine": 0.03,
        }
    )
    assert ledger.total == pytest.approx(0.35 / 3 + 0.06)


def test_pooled_frames_weigh_by_their_pixels():
    # One sequence, mu 0 over 300 pixels and 0.4 over 100: mean 0.1, variance 0.75*0.01 + 0.25*0.09 = 0.03.
    values = consistent([0.0, 0.4], [ZERO, (0.0, 0.0, 0.08)])
    ledger = log_ledger(rows_of(values, pixels=[300, 100]), averaging="pooled")["full", 0]
    assert ledger.calibration == pytest.approx(0.01)
    assert ledger.frame_to_frame == pytest.approx(0.03)
    assert ledger.fine == pytest.approx(0.02)
    evenly = log_ledger(rows_of(values, pixels=[300, 100]))["full", 0]
    assert evenly.calibration == pytest.approx(0.04)


@pytest.mark.parametrize("averaging", ["per_frame", "pooled"])
def test_sums_to_the_rows_own_mean_square_and_agrees_with_a_loop(averaging):
    random = np.random.default_rng(4)
    values = random_frames(1)
    sequences = [f"drive {k}" for k in random.integers(0, 5, 40)]
    pixels = random.integers(1, 9000, 40).tolist()
    rows = rows_of(values, sequences=sequences, pixels=pixels)
    # The order of the rows is no one's promise.
    rows = rows.take(random.permutation(rows.num_rows))
    ledger = log_ledger(rows, averaging=averaging)["full", 0]
    w = np.array(pixels if averaging == "pooled" else [1] * 40)
    mu = np.array(values["log_bias"])
    names = np.array(sequences)
    grand = np.average(mu, weights=w)
    between = within = 0.0
    for name in set(sequences):
        at = names == name
        mean = np.average(mu[at], weights=w[at])
        between += w[at].sum() * (mean - grand) ** 2 / w.sum()
        within += (w[at] * (mu[at] - mean) ** 2).sum() / w.sum()
    assert ledger.between_sequences == pytest.approx(between, rel=1e-10)
    assert ledger.frame_to_frame == pytest.approx(within, rel=1e-10)
    total = np.average(np.square(values["rmse_log"]), weights=w)
    assert abs(sum(ledger.parts.values()) - total) < 1e-10
    assert min(ledger.parts.values()) >= 0.0


def test_frames_without_a_sequence_are_one_sequence():
    values = consistent([0.1, 0.3, 0.8], [ZERO] * 3)
    ledger = log_ledger(rows_of(values, sequences=["", "", ""]))["full", 0]
    assert ledger.between_sequences == 0.0
    assert ledger.frame_to_frame == pytest.approx(np.var([0.1, 0.3, 0.8]))


def test_one_frame_is_calibration_alone():
    ledger = log_ledger(rows_of(consistent([0.3], [(0.0, 0.0, 0.01)])))["full", 0]
    assert ledger.parts == {
        "calibration": pytest.approx(0.09),
        "between_sequences": 0.0,
        "frame_to_frame": 0.0,
        "range": 0.0,
        "coarse": 0.0,
        "fine": pytest.approx(0.01),
    }


def test_sequences_of_one_steady_scale_each_have_no_flicker_at_all():
    values = consistent([0.1] * 3 + [0.7] * 3, [ZERO] * 6)
    ledger = log_ledger(rows_of(values, sequences=["a"] * 3 + ["b"] * 3))["full", 0]
    assert ledger.frame_to_frame == pytest.approx(0.0, abs=1e-30)
    assert ledger.between_sequences == pytest.approx(0.09)


def test_each_seed_has_its_own_ledger_and_their_mean_still_adds_up():
    seeds = {seed: random_frames(seed) for seed in (0, 1, 2)}
    rows = together([rows_of(values, seed=seed) for seed, values in seeds.items()])
    by_seed = log_ledger(rows)
    assert list(by_seed) == [("full", 0), ("full", 1), ("full", 2)]
    mean = over_seeds(by_seed)["full"]
    assert mean.calibration == pytest.approx(
        np.mean([np.mean(values["log_bias"]) ** 2 for values in seeds.values()])
    )
    squares = np.square([values["rmse_log"] for values in seeds.values()])
    assert mean.total == pytest.approx(squares.mean(), rel=1e-12)
    assert isinstance(mean, LogLedger)


def test_metres_are_the_means_of_the_frames_parts():
    values = {
        "ledger_scale_m2": [1.0, 3.0],
        "ledger_shift_m2": [0.5, 0.1],
        "ledger_shape_m2": [2.0, 0.0],
        "rmse": [np.sqrt(3.5), np.sqrt(3.1)],
    }
    ledger = metric_ledger(rows_of(values, pixels=[10, 30]))["full", 0]
    assert ledger.parts == pytest.approx({"scale_m2": 2.0, "shift_m2": 0.3, "shape_m2": 1.0})
    assert ledger.total == pytest.approx(3.3)
    pooled = metric_ledger(rows_of(values, pixels=[10, 30]), averaging="pooled")["full", 0]
    assert pooled.parts == pytest.approx({"scale_m2": 2.5, "shift_m2": 0.2, "shape_m2": 0.5})


def test_only_the_asked_for_head_reference_alignment_and_whole_frames_count():
    values = random_frames(1)
    rows = rows_of(values)
    expected = log_ledger(rows)
    others = [
        rows_of(random_frames(2), head="structure", alignment="affine_inverse"),
        rows_of(random_frames(3), against="teacher"),
        rows_of(random_frames(4), alignment="median"),
        rows_of(random_frames(5), slice="range:1-4"),
    ]
    both = together([*others, rows])
    assert log_ledger(both) == expected
    structure = log_ledger(both, STRUCTURE)
    assert structure == log_ledger(others[0], STRUCTURE)


@pytest.mark.parametrize("absent", LOG_NEEDS)
def test_rows_without_a_needed_metric_are_refused_by_name(absent):
    values = random_frames(1)
    del values[absent]
    rows = together([rows_of(random_frames(2), arm="good"), rows_of(values, arm="bad")])
    with pytest.raises(DataError, match=rf"arm 'bad', seed 0 .* has no rows of {absent}:"):
        log_ledger(rows)


@pytest.mark.parametrize("absent", METRIC_NEEDS)
def test_the_metric_ledger_names_what_it_needs(absent):
    values = {name: [1.0] for name in METRIC_NEEDS if name != absent}
    with pytest.raises(DataError, match=f"has no rows of {absent}"):
        metric_ledger(rows_of(values))


def test_a_metric_on_fewer_frames_is_refused():
    rows = rows_of(random_frames(1))
    lost = pc.and_(pc.equal(rows["metric"], "ledger_fine"), pc.equal(rows["frame"], 7))
    with pytest.raises(DataError, match="rmse_log on 40 frames and ledger_fine on 39"):
        log_ledger(rows.filter(pc.invert(lost)))


def test_rows_that_do_not_add_up_are_refused():
    values = random_frames(1)
    values["rmse_log"][3] *= 1.01
    with pytest.raises(DataError, match=r"arm 'full', seed 0: the parts .* not made from the same"):
        log_ledger(rows_of(values))


def test_a_prediction_that_is_perfect_but_for_its_last_bit_adds_up():
    # All that is left is rounding, and rounding does not add up.
    values = consistent([1e-16], [(0.0, 0.0, 2e-32)])
    values["rmse_log"] = [3e-16]
    assert log_ledger(rows_of(values))["full", 0].total == pytest.approx(3e-32)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"head": "structur"}, "unknown head 'structur'"),
        ({"alignment": "median"}, "unknown alignment 'median'"),
        ({"against": "teacher"}, "unknown against 'teacher'"),
    ],
)
def test_what_no_row_has_is_refused(asked, message):
    with pytest.raises(DataError, match=message):
        log_ledger(rows_of(random_frames(1)), MapChoice(**asked))


def test_two_protocols_or_studies_are_refused():
    rows = rows_of(random_frames(1))
    with pytest.raises(DataError, match="2 protocols"):
        log_ledger(together([rows, rows_of(random_frames(1), protocol="toy-2", arm="b")]))
    with pytest.raises(DataError, match="rows of 2 studies"):
        log_ledger(together([rows, rows_of(random_frames(1), study="other")]))
    with pytest.raises(DataError, match="empty"):
        log_ledger(rows.slice(0, 0))


def test_the_printed_ledger_gives_shares_and_sizes():
    # mu 0.3 on both frames and 0.01 of fine structure: 90 % calibration, RMSElog sqrt(0.1).
    values = consistent([0.3, 0.3], [(0.0, 0.0, 0.01)] * 2)
    rows = together([rows_of(values, arm="z"), rows_of(values, arm="a", seed=1)])
    table = ledger_table(log_ledger(rows))
    printed = table.printed()
    assert printed[0] == ["z", "total", "100.0", "0.10000", "0.3162"]
    assert printed[1] == ["z", "calibration", "90.0", "0.09000", "0.3000"]
    assert printed[6] == ["z", "fine", "10.0", "0.01000", "0.1000"]
    assert [row[0] for row in printed] == ["z"] * 7 + ["a"] * 7
    assert "toy-1" in table.notes[0]
    assert "alignment none" in table.notes[0]


def test_the_printed_metric_ledger_is_in_square_metres_and_metres():
    values = {name: [0.25] for name in METRIC_NEEDS[:3]}
    values["ledger_scale_m2"] = [3.5]
    table = metric_ledger_table(metric_ledger(rows_of({**values, "rmse": [2.0]})))
    assert [column.label for column in table.columns][3:] == ["square (m²)", "RMSE (m)"]
    assert table.printed() == [
        ["full", "total", "100.0", "4.000", "2.00"],
        ["full", "scale", "87.5", "3.500", "1.87"],
        ["full", "shift", "6.2", "0.250", "0.50"],
        ["full", "shape", "6.2", "0.250", "0.50"],
    ]


def test_a_perfect_arm_has_no_shares():
    printed = ledger_table(log_ledger(rows_of(consistent([0.0], [ZERO])))).printed()
    assert [row[2] for row in printed] == ["–"] * 7
    assert printed[0][3:] == ["0.00000", "0.0000"]


def test_a_quarter_of_a_million_rows_take_less_than_a_second():
    one = rows_of(random_frames(1, frames=500))
    many = together(
        [
            one.set_column(
                one.schema.get_field_index("slice"),
                ROW_SCHEMA.field("slice"),
                pa.array([part] * 2500),
            )
            for part in ["all", *(f"range:{k}-{k + 1}" for k in range(99))]
        ]
    )
    assert many.num_rows == 250_000
    started = time.process_time()  # not the time that others take on a busy machine
    log_ledger(many)
    assert time.process_time() - started < 1.0
