"""What a mean over probes weighs, and which probes are the first and last third."""

import pytest

from thermodepth.study.gradients import ArmDiagnostics, GradientRecord, arm_gradients, average

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
    arm = arm_gradients(ArmDiagnostics(name="", title="full", records=(record,), maps=()))
    thirds = {share.term: (share.first_third, share.last_third) for share in arm.shares}
    assert thirds[A] == pytest.approx((0.2, 0.7))  # (.1 + .3) / 2 and (.5 + .9) / 2
