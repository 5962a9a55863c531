"""Summaries: means over frames, then seeds, only ever of the same frames."""

import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.rows import concatenate, rows_from_records
from thermodepth.evaluation.summary import summarise


def rows(*cells, protocol="toy-1", study="paper"):
    """Rows from (arm, seed, frame, condition, slice, metric, value[, pixels])."""
    records = []
    for arm, seed, frame, condition, part, metric, value, *pixels in cells:
        records.append(
            {
                "study": study,
                "arm": arm,
                "seed": seed,
                "sample_id": frame,
                "sequence": "drive",
                "condition": condition,
                "protocol": protocol,
                "slice": part,
                "metric": metric,
                "value": value,
                "pixels": pixels[0] if pixels else 10,
            }
        )
    return rows_from_records(records)


# Two arms, two seeds, two frames: a by day, b by night, of 10 and 30 pixels.
VALUES = {
    ("full", 0): (0.1, 0.3),
    ("full", 1): (0.2, 0.6),
    ("bare", 0): (1.0, 2.0),
    ("bare", 1): (3.0, 4.0),
}
TWO_ARMS = rows(
    *(
        cell
        for (arm, seed), (a, b) in VALUES.items()
        for cell in (
            (arm, seed, "a", "day", "all", "abs_rel", a, 10),
            (arm, seed, "b", "night", "all", "abs_rel", b, 30),
            (arm, seed, "a", "day", "range:2.5-6", "abs_rel", a, 4),
            (arm, seed, "a", "day", "range:16-40", "abs_rel", 2 * a, 6),
            (arm, seed, "b", "night", "range:16-40", "abs_rel", 2 * b, 30),
            (arm, seed, "a", "day", "all", "rmse", 10 * a, 10),
            (arm, seed, "b", "night", "all", "rmse", 10 * b, 30),
        )
    )
)


def test_means_over_frames_then_seeds_with_counts():
    summary = summarise(TWO_ARMS, metrics=("abs_rel", "rmse"))
    assert [group.key for group in summary.groups] == [{"arm": "full"}, {"arm": "bare"}]
    full = summary.group(arm="full")
    assert full.values == {"abs_rel": pytest.approx(0.3), "rmse": pytest.approx(3.0)}
    assert full.seed_values["abs_rel"] == {0: pytest.approx(0.2), 1: pytest.approx(0.4)}
    assert full.frames == {"abs_rel": 2, "rmse": 2}
    assert full.pixels == 40
    assert summary.group(arm="bare").values["abs_rel"] == 2.5
    assert (summary.protocol, summary.metrics) == ("toy-1", ("abs_rel", "rmse"))


def test_frames_weigh_the_same_whatever_their_pixels():
    table = rows(
        ("full", 0, "a", "", "all", "mae", 1.0, 1), ("full", 0, "b", "", "all", "mae", 3.0, 9999)
    )
    assert summarise(table, metrics=("mae",)).group(arm="full").values["mae"] == 2.0


def test_by_condition():
    summary = summarise(TWO_ARMS, by=("arm", "condition"), metrics=("abs_rel",))
    found = {tuple(g.key.values()): (g.values["abs_rel"], g.pixels) for g in summary.groups}
    assert found == {
        ("full", "day"): (pytest.approx(0.15), 10),
        ("full", "night"): (pytest.approx(0.45), 30),
        ("bare", "day"): (2.0, 10),
        ("bare", "night"): (3.0, 30),
    }
    assert {g.frames["abs_rel"] for g in summary.groups} == {1}


def test_by_range_from_near_to_far_with_each_ranges_own_frames():
    reverse = TWO_ARMS.take(list(range(TWO_ARMS.num_rows))[::-1])
    summary = summarise(reverse, by=("arm", "slice"), metrics=("abs_rel",), slice=None)
    # By name "range:16-40" would stand before "range:2.5-6".
    order = ["all", "range:2.5-6", "range:16-40"]
    assert [g.key["slice"] for g in summary.groups] == order * 2
    assert [g.frames["abs_rel"] for g in summary.groups[:3]] == [2, 1, 2]
    assert [g.pixels for g in summary.groups[:3]] == [40, 4, 36]
    far = summary.group(arm="full", slice="range:16-40")
    assert far.values["abs_rel"] == pytest.approx(0.6)


def test_one_range():
    summary = summarise(TWO_ARMS, metrics=("abs_rel",), slice="range:2.5-6")
    assert summary.group(arm="full").values["abs_rel"] == pytest.approx(0.15)
    assert summary.group(arm="full").frames == {"abs_rel": 1}


def test_the_order_of_the_rows_changes_no_digit():
    values = [1e16, 1.0, -1e16, 0.1, 0.2, 0.3]
    cells = [("full", 0, f"f{i}", "", "all", "mae", v) for i, v in enumerate(values)]
    means = {
        summarise(rows(*order), metrics=("mae",)).groups[0].values["mae"]
        for order in (cells, cells[::-1], sorted(cells, key=lambda c: c[6]))
    }
    assert means == {1.6 / 6}


def test_a_metric_that_some_frames_are_too_small_for():
    table = rows(
        ("full", 0, "a", "day", "all", "abs_rel", 0.1),
        ("full", 0, "b", "night", "all", "abs_rel", 0.3, 1),
        ("full", 0, "a", "day", "all", "silog", 7.0),
    )
    summary = summarise(table, metrics=("abs_rel", "silog"))
    assert summary.groups[0].frames == {"abs_rel": 2, "silog": 1}
    printed = summary.table(title="t")
    assert any("too few pixels" in note for note in printed.notes)
    assert printed.printed()[0][-2:] == ["2", "11"]
    night = summarise(table, by=("arm", "condition"), metrics=("abs_rel", "silog"))
    assert "silog" not in night.group(arm="full", condition="night").values
    assert "–" in night.table(title="t").printed()[1]


def test_as_a_table():
    table = summarise(TWO_ARMS, metrics=("rmse", "abs_rel")).table(title="Means")
    headings = [column.heading for column in table.columns]
    assert headings == ["arm", "RMSE (m) ↓", "AbsRel ↓", "seeds", "frames", "pixels"]
    assert table.printed() == [
        ["full", "3.000", "0.3000", "2", "2", "40"],
        ["bare", "25.000", "2.5000", "2", "2", "40"],
    ]
    assert table.notes == ("Protocol toy-1; mean over frames, then over seeds.",)
    assert not table.bold


def test_a_condition_without_a_name_is_said_in_the_table():
    table = rows(("full", 0, "a", "", "all", "mae", 1.0))
    printed = summarise(table, by=("arm", "condition"), metrics=("mae",)).table(title="t")
    assert printed.printed()[0][1] == "(not given)"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("full", 1, "b", "", "all", "mae", 1.0), "has 1 frames and .* not all the same"),
        (("bare", 0, "b", "", "all", "mae", 1.0), "first at frame 'a'"),
        (("full", 1, "a", "", "all", "mae", 1.0, 11), "not all the same"),
        (("full", 1, "a", "", "all", "rmse", 1.0), "arm 'full', seed 1 has 0, not all"),
    ],
    ids=["seeds", "arms", "pixels", "a metric is missing"],
)
def test_means_over_different_frames_are_refused(second, message):
    table = rows(("full", 0, "a", "", "all", "mae", 1.0), second)
    with pytest.raises(DataError, match=message):
        summarise(table, metrics=("mae", "rmse") if second[5] == "rmse" else ("mae",))


def test_a_condition_that_one_arm_lacks_is_refused():
    table = rows(
        ("full", 0, "a", "day", "all", "mae", 1.0),
        ("full", 0, "b", "night", "all", "mae", 1.0),
        ("bare", 0, "a", "day", "all", "mae", 1.0),
    )
    with pytest.raises(DataError, match="first at frame 'b'"):
        summarise(table, by=("arm", "condition"), metrics=("mae",))


def test_studies_may_have_their_own_frames_but_are_never_averaged():
    one = rows(("full", 0, "a", "", "all", "mae", 1.0))
    two = rows(("full", 0, "b", "", "all", "mae", 3.0), study="other")
    both = concatenate([one, two])
    with pytest.raises(DataError, match=r"more than one study .paper, other.: group by 'study'"):
        summarise(both, metrics=("mae",))
    summary = summarise(both, by=("study", "arm"), metrics=("mae",))
    assert [g.values["mae"] for g in summary.groups] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"by": ("condition",)}, "a mean over more than one arm"),
        ({"by": ("arm", "seed")}, "unknown column to group by 'seed'"),
        ({"by": ("arm", "slice")}, "slice=None"),
        ({"slice": None}, "name the one slice"),
        ({"slice": "range:2.5-7"}, "unknown slice 'range:2.5-7'; did you mean 'range:2.5-6'"),
        ({"metrics": ("abs_rel", "delta_1")}, "no row holds delta_1"),
    ],
)
def test_summaries_that_make_no_sense(call, message):
    with pytest.raises(DataError, match=message):
        summarise(TWO_ARMS, **({"metrics": ("abs_rel",)} | call))


def test_an_unknown_metric_and_an_empty_table():
    with pytest.raises(SettingsError, match="unknown metric 'absrel'"):
        summarise(TWO_ARMS, metrics=("absrel",))
    with pytest.raises(DataError, match="empty"):
        summarise(rows_from_records([]), metrics=("mae",))


def test_a_frame_that_is_there_twice_is_refused():
    one = rows(("full", 0, "a", "", "all", "mae", 1.0))
    import pyarrow as pa

    with pytest.raises(DataError, match="frame 'a' is there twice"):
        summarise(pa.concat_tables([one, one]), metrics=("mae",))


def test_a_group_that_does_not_exist():
    with pytest.raises(DataError, match="unknown group 'fall'; did you mean 'full'"):
        summarise(TWO_ARMS, metrics=("abs_rel",)).group(arm="fall")
