"""Questions by parts of the ledger: lines add up, and a known change lands in its part."""

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.report.study.ledger_table import matrix_table
from thermodepth.statistics.questions import against
from thermodepth.study.results.ledger_matrix import WHOLE, PartChange, ledger_matrix


def rows(arms):
    """{arm: {seed: log bias}}: frames of two sequences with a fixed fine part of 0.04."""
    records = []
    for arm, seeds in arms.items():
        for seed, bias in seeds.items():
            for frame in range(4):
                values = {
                    "log_bias": bias,
                    "ledger_range": 0.0,
                    "ledger_coarse": 0.0,
                    "ledger_fine": 0.04,
                    "rmse_log": (bias**2 + 0.04) ** 0.5,
                }
                records += [
                    {
                        "study": "s",
                        "arm": arm,
                        "seed": seed,
                        "frame": frame,
                        "sample_id": f"f{frame}",
                        "sequence": f"q{frame // 2}",
                        "condition": "",
                        "protocol": "p",
                        "head": "depth",
                        "against": "truth",
                        "alignment": "none",
                        "slice": "all",
                        "metric": metric,
                        "value": value,
                        "pixels": 100,
                    }
                    for metric, value in values.items()
                ]
    return rows_from_records(records)


TWO = {"full": {0: 0.0, 1: 0.0}, "no-a": {0: 0.2, 1: 0.2}}


def test_a_bias_is_calibration_and_the_line_adds_up():
    matrix = ledger_matrix(rows(TWO), against("full", ["no-a"]), reference="full")
    (line,) = matrix.values()
    assert line["calibration"].percent == pytest.approx(100.0)  # .04 more beside a whole of .04
    assert line["fine"].percent == pytest.approx(0.0, abs=1e-9)
    parts = sum(entry.percent for name, entry in line.items() if name != WHOLE)
    assert parts == pytest.approx(line[WHOLE].percent)
    assert line["calibration"].is_clear
    table = matrix_table(matrix, reference="full")
    assert table.rows[0][1].startswith("+100.0 [")
    assert (0, 1) in table.bold


def test_one_seed_has_no_interval_and_nothing_is_bold():
    one = {arm: {0: seeds[0]} for arm, seeds in TWO.items()}
    matrix = ledger_matrix(rows(one), against("full", ["no-a"]), reference="full")
    (line,) = matrix.values()
    assert line["calibration"].interval is None
    table = matrix_table(matrix, reference="full")
    assert table.rows[0][1] == "+100.0"
    assert not table.bold


def test_seeds_that_an_arm_lacks_are_left_out_and_arms_without_results_too():
    lacking = {"full": {0: 0.0, 1: 0.5}, "no-a": {0: 0.2}}
    asked = against("full", ["no-a", "no-b"])
    matrix = ledger_matrix(rows(lacking), asked, reference="full")
    assert len(matrix) == 1
    assert next(iter(matrix.values()))["calibration"].percent == pytest.approx(100.0)
    with pytest.raises(DataError, match="no ledger of the reference arm 'other'"):
        ledger_matrix(rows(TWO), asked, reference="other")


def test_an_interval_over_seeds_is_the_paired_t():
    varied = {"full": {0: 0.0, 1: 0.0, 2: 0.0}, "no-a": {0: 0.1, 1: 0.2, 2: 0.3}}
    matrix = ledger_matrix(rows(varied), against("full", ["no-a"]), reference="full")
    entry = next(iter(matrix.values()))["calibration"]
    changes = 100 * np.square([0.1, 0.2, 0.3]) / 0.04
    half = 4.302653 * changes.std(ddof=1) / np.sqrt(3)
    assert entry.percent == pytest.approx(changes.mean())
    assert entry.interval == pytest.approx((changes.mean() - half, changes.mean() + half))


@pytest.mark.parametrize(
    ("interval", "clear"),
    [
        ((0.0, 2.0), False),  # 0 is still among what it may be
        ((-2.0, 0.0), False),
        ((-1.0, 1.0), False),
        ((0.01, 2.0), True),
        ((-2.0, -0.01), True),
        (None, False),
    ],
)
def test_an_interval_that_touches_zero_is_not_clear(interval, clear):
    assert PartChange(percent=1.0, interval=interval).is_clear is clear
