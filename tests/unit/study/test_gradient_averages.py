"""What a mean over probes weighs, and which probes are the first and last third."""

import pytest

from thermodepth.report.gradients import share_table
from thermodepth.study.gradients import GradientRecord, average

A, B = "structure_ssi", "metric_silog"


def test_every_run_weighs_the_same_however_many_probes_it_has() -> None:
    # Means .0 and 1.: their mean .5, while the mean of the five probes is .2.
    assert average([[0.0, 0.0, 0.0, 0.0], [1.0]]).mean == 0.5


def test_a_third_of_four_probes_is_two_of_them() -> None:
    shares = (0.1, 0.3, 0.5, 0.9)
    record = GradientRecord(
        run="run",
        losses={A: ((1, 1.0), (4, 1.0)), B: ((1, 1.0), (4, 1.0))},
        shares={
            A: tuple(enumerate(shares, start=1)),
            B: tuple((s, 1 - v) for s, v in enumerate(shares, start=1)),
        },
        cosines={},
        similarities={},
        step_cosines={},
        not_finite=(),
        missing=0,
        overhead=None,
        stops=(),
    )
    table = share_table([record], title="full")
    first, last = (
        next(i for i, c in enumerate(table.columns) if c.label.startswith(f"{which} third"))
        for which in ("first", "last")
    )
    lines = {str(row[0]): row for row in table.rows}
    assert lines[A][first] == pytest.approx(20.0)  # (.1 + .3) / 2
    assert lines[A][last] == pytest.approx(70.0)  # (.5 + .9) / 2
