"""Which frames a figure shows."""

import pytest

from thermodepth.errors import StudyError
from thermodepth.study.results import frames
from thermodepth.study.results.frames import frame_errors, rule_of


def pick_frames(rows, *, reference, arms):
    return frames.pick_frames(frame_errors(rows), reference=reference, arms=arms)


def names(picked):
    return [frame.sample_id for frame in picked]


def hundred_and_one(**changed):
    """Frames f000 .. f100 whose AbsRel rises with their number."""
    values = {f"f{n:03d}": (n + 1) / 100 for n in range(101)}
    return {**values, **changed}


def test_percentiles_of_the_reference_then_the_largest_disagreement(make_rows):
    reference = hundred_and_one()
    other = {**reference, "f030": 0.9}
    rows = make_rows({"full": {0: reference}, "b": {0: other}}, ranges=())
    picked = pick_frames(rows, reference="full", arms=["full", "b"])
    assert names(picked) == ["f010", "f050", "f090", "f030"]
    assert picked[0].reason == "10th percentile of AbsRel (rank 11 of 101)"
    assert picked[3].reason.startswith("largest disagreement between arms (AbsRel spread 190 %")


def test_a_new_condition_goes_first_within_two_percent(make_rows):
    reference = hundred_and_one()
    conditions = dict.fromkeys(reference, "street-day")
    conditions |= {"f048": "street-night", "f052": "room-lit", "f093": "street-rain"}
    rows = make_rows(
        {"full": {0: reference}, "b": {0: reference}}, conditions=conditions, ranges=()
    )
    picked = pick_frames(rows, reference="full", arms=["full", "b"])
    # A new kind of scene beats a new condition of a kind already shown; f093 is outside the band.
    assert names(picked)[:3] == ["f010", "f052", "f090"]
    assert picked[1].condition == "room-lit"


def test_ties_go_by_id_and_not_by_the_order_of_rows(make_rows):
    values = dict.fromkeys(["d", "b", "a", "c", "e"], 0.1)
    rows = make_rows({"full": {0: values}, "x": {0: values}}, ranges=())
    first = pick_frames(rows, reference="full", arms=["full", "x"])
    again = pick_frames(
        rows.take(list(range(rows.num_rows))[::-1]), reference="full", arms=["x", "full"]
    )
    assert first == again
    assert names(first) == ["a", "c", "e", "b"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_no_frame_comes_twice_and_a_few_frames_suffice(make_rows, count):
    values = {f"f{n}": 0.1 + n for n in range(count)}
    rows = make_rows({"full": {0: values}, "b": {0: values}}, ranges=())
    picked = names(pick_frames(rows, reference="full", arms=["full", "b"]))
    assert len(picked) == len(set(picked)) == min(count, 4)


def test_the_most_disputed_frame_yields_to_the_next_when_it_is_shown_already(make_rows):
    reference = hundred_and_one()
    other = {**reference, "f050": 5.0, "f070": 3.0}
    rows = make_rows({"full": {0: reference}, "b": {0: other}}, ranges=())
    assert names(pick_frames(rows, reference="full", arms=["full", "b"]))[3] == "f070"


def test_values_are_means_over_seeds_and_scores_are_of_one(make_rows):
    rows = make_rows({"full": {0: {"a": 0.1}, 1: {"a": 0.3}}})
    errors = frame_errors(rows)
    assert errors.means == {"full": {"a": pytest.approx(0.2)}}
    assert errors.of_frame("a", seed=1) == {"full": 0.3}


def test_a_lone_arm_disagrees_with_nobody(make_rows):
    rows = make_rows({"full": {0: hundred_and_one()}}, ranges=())
    assert len(pick_frames(rows, reference="full", arms=["full"])) == 3


def test_unknown_arms_are_refused(make_rows):
    rows = make_rows({"full": {0: {"a": 0.1}}})
    with pytest.raises(StudyError, match="did you mean 'full'"):
        pick_frames(rows, reference="fall", arms=["full"])


def test_the_rule_is_one_sentence_that_names_the_reference():
    rule = rule_of("All losses")
    assert "“All losses”" in rule
    assert rule.count(". ") == 0
    assert rule.endswith(".")
