"""The reading that stands beside a verdict, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from thermodepth.statistics.switched import (
    NOT_RECORDED,
    MapShare,
    Shares,
    Switched,
    share_words,
)

METRIC = MapShare(whole=0.0131, bands={"1–16 m": 0.02, "16–80 m": 0.004}, far=0.004, beyond="16 m")
FULL = Shares(loss=0.0204, maps={"metric": METRIC})
COUPLING = Switched(terms="gradient_consistency, normalised inverse, weight 0.1", base=FULL)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0"),
        (0.00004, "< 0.01"),
        (0.0001, "0.01"),
        (0.00437, "0.44"),
        (0.0204, "2"),
        (0.0256, "2.6"),
        (0.4149, "41"),
        (0.994, "99"),
        (0.996, "100"),
        (1.0, "100"),
    ],
)
def test_a_share_has_two_digits(share: float, words: str) -> None:
    assert share_words(share) == words


def test_a_reading_is_terms_loss_and_gradient() -> None:
    assert COUPLING.words == (
        "this reading (gradient_consistency, normalised inverse, weight 0.1; 2 % of the loss, "
        "1.3 % of the metric gradient, 0.4 % beyond 16 m)"
    )


def test_what_nobody_recorded_is_said() -> None:
    assert NOT_RECORDED.words == "this reading (not recorded)"
    old = replace(COUPLING, base=Shares(loss=0.0204, maps=None))
    assert old.shares == "2 % of the loss, share of the gradient not recorded"
    older = replace(COUPLING, base=Shares(loss=None, maps=None))
    assert older.shares == "share of the loss not recorded, share of the gradient not recorded"


def test_a_term_that_both_arms_compute_has_two_shares() -> None:
    ten = Shares(
        loss=0.17, maps={"metric": replace(METRIC, whole=0.11, far=0.004), "structure": METRIC}
    )
    words = replace(COUPLING, other=ten).shares
    assert words == (
        "2 → 17 % of the loss, 1.3 → 11 % of the metric gradient, 0.4 % beyond 16 m, "
        "1.3 % of the structure gradient, 0.4 % beyond 16 m"
    )


def test_maps_at_which_nothing_pulls() -> None:
    empty = Shares(loss=0.3, maps={})
    assert replace(COUPLING, base=empty).shares == "30 % of the loss, no gradient at either map"
    none = Shares(loss=0.3, maps={"metric": MapShare(whole=None)})
    assert replace(COUPLING, base=none).shares == "30 % of the loss, nothing of the metric gradient"


def test_where_much_truth_is_missing_what_pulls_there_is_told() -> None:
    short = replace(METRIC, without_truth=0.91, truth_missing=0.4)
    words = replace(COUPLING, base=Shares(loss=0.02, maps={"metric": short})).shares
    assert words.endswith("0.4 % beyond 16 m, 91 % where there is no truth")
    few = replace(short, truth_missing=0.1)
    assert "no truth" not in replace(COUPLING, base=Shares(loss=0.02, maps={"metric": few})).shares


def test_a_change_of_other_settings_is_no_reading_of_the_loss() -> None:
    change = Switched(terms="", others='teacher.kind "rgb-any" → "truth"')
    assert change.words == 'this change (teacher.kind "rgb-any" → "truth")'
    both = replace(COUPLING, others="steps 600 → 900")
    assert both.words.endswith("0.4 % beyond 16 m; steps 600 → 900)")
