"""Which frames a page shows."""

import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.results.picked import pick_frames, rule_words
from thermodepth.evaluation.rows.rows import concatenate, rows_from_records


def make_rows(values, *, arm="model", **changes):
    """Rows of `{frame: AbsRel}`, or `{frame: [one per seed]}`."""
    return rows_from_records(
        {
            "study": "evaluate",
            "arm": arm,
            "seed": seed,
            "frame": number,
            "sample_id": sample,
            "sequence": "drive",
            "condition": "day",
            "protocol": "toy-1",
            "head": "depth",
            "against": "truth",
            "alignment": "none",
            "slice": "all",
            "metric": "abs_rel",
            "value": value,
            "pixels": 10,
        }
        | changes
        for number, (sample, given) in enumerate(values.items())
        for seed, value in enumerate(given if isinstance(given, list) else [given])
    )


def ids(picked):
    return [frame.sample_id for frame in picked]


NINE = {f"f{n}": (n + 1) / 10 for n in range(9)}  # f0 0.1 is the best, f8 0.9 the worst


def test_three_worst_three_in_the_middle_and_the_best():
    picked = pick_frames(make_rows(NINE), arm="model")
    # The middle of nine is f4; f3 and f5 are as near, and the better one comes first.
    assert ids(picked) == ["f8", "f7", "f6", "f4", "f3", "f5", "f0"]
    assert [frame.rank for frame in picked] == [9, 8, 7, 5, 4, 6, 1]
    assert picked[0].value == pytest.approx(0.9)
    assert picked[0].reason == "worst (AbsRel, rank 9 of 9)"
    assert picked[2].reason == "3rd worst (AbsRel, rank 7 of 9)"
    assert picked[3].reason == "median (AbsRel, rank 5 of 9)"
    assert picked[6].reason == "best (AbsRel, rank 1 of 9)"


def test_an_even_number_has_two_middles():
    ten = NINE | {"f9": 1.0}
    # Between f4 and f5; f3 and f6 are as near as each other.
    assert ids(pick_frames(make_rows(ten), arm="model"))[3:6] == ["f4", "f5", "f3"]


def test_ties_go_by_id_from_both_ends_and_not_by_the_order_of_rows():
    values = dict.fromkeys(["d", "b", "g", "a", "c", "e", "f", "h"], 0.1)
    rows = make_rows(values)
    picked = pick_frames(rows, arm="model")
    assert ids(picked) == ["a", "c", "d", "e", "f", "g", "b"]
    assert pick_frames(rows.take(list(range(rows.num_rows))[::-1]), arm="model") == picked


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["f0"]),
        (2, ["f1", "f0"]),
        (3, ["f2", "f1", "f0"]),
        (5, ["f4", "f3", "f2", "f1", "f0"]),
    ],
)
def test_of_few_frames_none_comes_twice(count, expected):
    few = {name: NINE[name] for name in list(NINE)[:count]}
    assert ids(pick_frames(make_rows(few), arm="model")) == expected


def test_values_are_means_over_seeds():
    rows = make_rows({"a": [0.1, 0.5], "b": [0.2, 0.2]})
    assert [(f.sample_id, f.value) for f in pick_frames(rows, arm="model")] == [
        ("a", pytest.approx(0.3)),
        ("b", pytest.approx(0.2)),
    ]


def test_only_the_whole_frames_of_that_arm_head_and_alignment_count():
    backwards = {name: 1 - value for name, value in NINE.items()}
    rows = concatenate(
        [
            make_rows(NINE),
            make_rows(backwards, arm="other"),
            make_rows(backwards, slice="range:1-4"),
            make_rows(backwards, head="structure"),
            make_rows(backwards, against="teacher"),
            make_rows(backwards, alignment="median"),
            make_rows(backwards, metric="rmse"),
        ]
    )
    assert pick_frames(rows, arm="model")[0].sample_id == "f8"
    assert pick_frames(rows, arm="other")[0].sample_id == "f0"
    assert pick_frames(rows, arm="model", alignment="median")[0].sample_id == "f0"
    assert pick_frames(rows, arm="model", metric="rmse")[0].sample_id == "f0"


def test_where_higher_is_better_the_lowest_is_the_worst():
    picked = pick_frames(make_rows(NINE, metric="delta_1"), arm="model", metric="delta_1")
    assert picked[0].sample_id == "f0"
    assert picked[-1].sample_id == "f8"


def test_where_an_optimum_is_in_the_middle_the_farthest_from_it_is_the_worst():
    values = {"low": -0.5, "right": 0.0, "high": 0.2}
    picked = pick_frames(make_rows(values, metric="log_bias"), arm="model", metric="log_bias")
    assert ids(picked) == ["low", "high", "right"]


def test_what_has_no_rows_is_refused_by_name():
    with pytest.raises(DataError, match="did you mean 'model'"):
        pick_frames(make_rows(NINE), arm="modell")
    with pytest.raises(DataError, match=r"unknown alignment .* 'median'"):
        pick_frames(make_rows(NINE), arm="model", alignment="median")
    with pytest.raises(SettingsError, match="abs_rell"):
        pick_frames(make_rows(NINE), arm="model", metric="abs_rell")


def test_the_rule_is_one_sentence():
    assert "3 worst" in rule_words()
    assert "AbsRel" in rule_words()
    assert "RMSE" in rule_words("rmse")
    assert rule_words().count(". ") == 0
