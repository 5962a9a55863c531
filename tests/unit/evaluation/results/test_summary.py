"""Summaries: means over frames, then seeds, only ever of the same frames."""

import time

import numpy as np
import pyarrow as pa
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.protocol import PROTOCOLS
from thermodepth.evaluation.results.summary import summarise
from thermodepth.evaluation.rows.rows import (
    TEACHER_ARM,
    concatenate,
    plain_text,
    rows_from_columns,
    rows_from_records,
    with_protocol,
)
from thermodepth.metrics import ERRORS, METRICS, PixelErrors
from thermodepth.report.evaluation.summary import summary_table


def rows(*cells, protocol="toy-1", study="paper", **choices):
    """Rows from (arm, seed, frame, condition, slice, metric, value[, pixels])."""
    records = []
    for arm, seed, frame, condition, part, metric, value, *pixels in cells:
        records.append(
            {
                "study": study,
                "arm": arm,
                "seed": seed,
                "frame": 0,
                "sample_id": frame,
                "sequence": "drive",
                "condition": condition,
                "protocol": protocol,
                "head": "depth",
                "against": "truth",
                "alignment": "none",
                "slice": part,
                "metric": metric,
                "value": value,
                "pixels": pixels[0] if pixels else 10,
            }
            | choices
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
    printed = summary_table(summary, title="t")
    assert any("too few pixels" in note for note in printed.notes)
    assert printed.printed()[0][-2:] == ["2", "11"]
    night = summarise(table, by=("arm", "condition"), metrics=("abs_rel", "silog"))
    assert "silog" not in night.group(arm="full", condition="night").values
    assert "–" in summary_table(night, title="t").printed()[1]


def test_as_a_table():
    table = summary_table(summarise(TWO_ARMS, metrics=("rmse", "abs_rel")), title="Means")
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
    printed = summary_table(summarise(table, by=("arm", "condition"), metrics=("mae",)), title="t")
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
        ({"by": ("arm", "alignment")}, "group by 'alignment' with alignment=None"),
        ({"alignment": None}, "name the one alignment"),
        ({"alignment": "median"}, r"unknown alignment 'median' .known: none."),
        ({"head": "structure"}, "unknown head 'structure'"),
        ({"against": "teacher"}, "unknown against 'teacher'"),
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
    with pytest.raises(DataError, match="frame 'a' is there twice"):
        summarise(pa.concat_tables([one, one]), metrics=("mae",))


def test_a_group_that_does_not_exist():
    with pytest.raises(DataError, match="unknown group 'fall'; did you mean 'full'"):
        summarise(TWO_ARMS, metrics=("abs_rel",)).group(arm="fall")


def test_one_head_target_and_alignment_at_a_time_or_grouped_by():
    cell = ("full", 0, "a", "", "all", "mae")
    table = concatenate(
        [
            rows((*cell, 1.0)),
            rows((*cell, 2.0), alignment="median"),
            rows((*cell, 3.0), head="structure", alignment="affine_inverse"),
            rows((*cell, 4.0), head="structure", against="teacher", alignment="affine_inverse"),
        ]
    )

    def value(**choices):
        return summarise(table, metrics=("mae",), **choices).groups[0].values["mae"]

    assert value() == 1.0
    assert value(alignment="median") == 2.0
    assert value(head="structure", alignment="affine_inverse") == 3.0
    assert value(head="structure", against="teacher", alignment="affine_inverse") == 4.0
    everything = summarise(
        table,
        by=("arm", "head", "against", "alignment"),
        metrics=("mae",),
        head=None,
        against=None,
        alignment=None,
    )
    assert [(*list(g.key.values())[1:], g.values["mae"]) for g in everything.groups] == [
        ("depth", "truth", "none", 1.0),
        ("depth", "truth", "median", 2.0),
        ("structure", "truth", "affine_inverse", 3.0),
        ("structure", "teacher", "affine_inverse", 4.0),
    ]
    aligned = summarise(table, metrics=("mae",), head="structure", alignment="affine_inverse")
    assert summary_table(aligned, title="t").notes == (
        "Protocol toy-1; mean over frames, then over seeds; structure head; "
        "aligned per frame: scale+shift, 1/depth.",
    )


def test_an_arm_that_an_alignment_does_not_fit_is_not_missing_there():
    cell = ("full", 0, "a", "", "all", "mae", 1.0)
    relative = rows(("relative", *cell[1:]), alignment="affine_inverse")
    table = concatenate([rows(cell), rows(cell, alignment="affine_inverse"), relative])
    assert [g.key["arm"] for g in summarise(table, metrics=("mae",)).groups] == ["full"]
    both = summarise(table, metrics=("mae",), alignment="affine_inverse")
    assert [g.key["arm"] for g in both.groups] == ["full", "relative"]
    by = summarise(table, by=("arm", "alignment"), metrics=("mae",), alignment=None)
    assert len(by.groups) == 3


def test_slices_of_every_kind_stand_in_their_order():
    parts = [
        "density:0.5-inf",
        "edge:15-inf",
        "range:16-40",
        "contrast:0-0.01",
        "edge:0-2",
        "all",
        "range:2.5-6",
    ]
    table = rows(*(("full", 0, "a", "", part, "mae", 1.0) for part in parts))
    summary = summarise(table, by=("arm", "slice"), metrics=("mae",), slice=None)
    assert [g.key["slice"] for g in summary.groups] == [
        "all",
        "range:2.5-6",
        "range:16-40",
        "edge:0-2",
        "edge:15-inf",
        "contrast:0-0.01",
        "density:0.5-inf",
    ]


def test_the_teacher_answers_only_where_it_has_labels():
    table = rows(
        ("full", 0, "a", "", "all", "mae", 1.0, 10),
        ("full", 0, "b", "", "all", "mae", 3.0, 20),
        (TEACHER_ARM, 0, "b", "", "all", "mae", 5.0, 7),
    )
    summary = summarise(table, metrics=("mae",))
    teacher = summary.group(arm=TEACHER_ARM)
    assert (teacher.values["mae"], teacher.frames["mae"], teacher.pixels) == (5.0, 1, 7)
    assert summary.group(arm="full").pixels == 30
    with pytest.raises(DataError, match="not all the same"):
        summarise(
            concatenate([table, rows(("bare", 0, "b", "", "all", "mae", 5.0, 7))]), metrics=("mae",)
        )


def test_pixels_are_those_of_a_metric_of_pixels():
    # 400 pairs of pixels are no 400 pixels; and what a metric of the picture counts may differ by arm.
    ordinal = next(name for name in METRICS if name not in ERRORS)
    table = rows(
        ("full", 0, "a", "", "all", ordinal, 0.1, 400),
        ("full", 0, "a", "", "all", "mae", 1.0, 10),
        ("bare", 0, "a", "", "all", ordinal, 0.1, 300),
        ("bare", 0, "a", "", "all", "mae", 1.0, 10),
    )
    groups = summarise(table, metrics=(ordinal, "mae")).groups
    assert [group.pixels for group in groups] == [10, 10]


class TestPooled:
    SIZES = (1, 2, 50, 400, 7)

    def frames(self, seed=0):
        """Predictions and truths of five frames, each off by a factor of its own."""
        rng = np.random.default_rng(seed)
        for size in self.SIZES:
            truth = np.exp(rng.uniform(0, 4, size))
            yield truth * np.exp(rng.normal(rng.normal(0, 0.3), 0.2, size)), truth

    def rows_of(self, frames, *, arm="full", seed=0, metrics=tuple(ERRORS)):
        return rows(
            *(
                (
                    arm,
                    seed,
                    f"f{n}",
                    "",
                    "all",
                    name,
                    float(ERRORS[name].compute(PixelErrors(p, d))[0]),
                    p.size,
                )
                for n, (p, d) in enumerate(frames)
                for name in metrics
                if p.size >= ERRORS[name].least_pixels
            )
        )

    @pytest.mark.parametrize("metric", ERRORS)
    def test_equals_the_metric_of_all_pixels_thrown_together(self, metric):
        frames = list(self.frames())
        everything = PixelErrors(*(np.concatenate(part) for part in zip(*frames, strict=True)))
        table = self.rows_of(frames)
        pooled = summarise(table, metrics=(metric,), averaging="pooled").groups[0]
        assert pooled.values[metric] == pytest.approx(
            float(ERRORS[metric].compute(everything)[0]), rel=1e-12
        )
        assert pooled.pixels == sum(self.SIZES)
        assert set(pooled.values) == {metric}
        if metric != "log_bias":
            per_frame = summarise(table, metrics=(metric,)).groups[0]
            assert per_frame.values[metric] != pytest.approx(pooled.values[metric], rel=1e-3)

    def test_by_hand(self):
        table = rows(
            ("full", 0, "a", "", "all", "mae", 1.0, 1),
            ("full", 0, "b", "", "all", "mae", 3.0, 3),
            ("full", 0, "a", "", "all", "rmse", 1.0, 1),
            ("full", 0, "b", "", "all", "rmse", 3.0, 3),
            # Two frames without any spread of their own, off by +-10 %.
            ("full", 0, "a", "", "all", "silog", 0.0, 4),
            ("full", 0, "b", "", "all", "silog", 0.0, 4),
            ("full", 0, "a", "", "all", "log_bias", 0.1, 4),
            ("full", 0, "b", "", "all", "log_bias", -0.1, 4),
        )
        values = (
            summarise(table, metrics=("mae", "rmse", "silog"), averaging="pooled").groups[0].values
        )
        assert values == {
            "mae": 2.5,  # (1 + 9) / 4
            "rmse": pytest.approx(7**0.5),  # (1 + 27) / 4
            "silog": pytest.approx(10.0),
        }

    def test_seeds_still_weigh_the_same(self):
        frames = list(self.frames())
        table = concatenate([self.rows_of(frames), self.rows_of(self.frames(1), seed=1)])
        group = summarise(table, metrics=("silog",), averaging="pooled").groups[0]
        one, two = group.seed_values["silog"].values()
        assert one != two
        assert group.values["silog"] == pytest.approx((one + two) / 2)

    def test_silog_needs_the_log_bias_of_the_same_pixels(self):
        frames = list(self.frames())
        with pytest.raises(DataError, match="no row holds log_bias, which pooling SILog needs"):
            summarise(
                self.rows_of(frames, metrics=("silog",)), metrics=("silog",), averaging="pooled"
            )
        table = concatenate(
            [
                self.rows_of(frames, metrics=("silog",)),
                self.rows_of(frames[:-1], metrics=("log_bias",)),
            ]
        )
        with pytest.raises(DataError, match=r"silog cannot be pooled: .* not of the same pixels"):
            summarise(table, metrics=("silog",), averaging="pooled")

    def test_the_table_says_so(self):
        summary = summarise(self.rows_of(self.frames()), metrics=("rmse",), averaging="pooled")
        assert summary_table(summary, title="t").notes == (
            "Protocol toy-1; over all pixels pooled, then over seeds.",
        )
        assert summary.averaging == "pooled"


def test_the_protocols_words_stand_under_the_table():
    protocol = PROTOCOLS["ms2_metric"]
    table = with_protocol(
        rows(("full", 0, "a", "", "all", "mae", 1.0), protocol=protocol.protocol_id()), protocol
    )
    # Its alignment and averaging are the headline's; a summary has its own.
    assert summary_table(summarise(table, metrics=("mae",)), title="t").notes == (
        f"Protocol {protocol.protocol_id()}; mean over frames, then over seeds.",
        "ms2_metric: truth depth_filtered, 0.001 < d < 80 m; no crop; prediction resized in log depth; "
        "limited to that range; frame list not settled",
    )


def test_both_encodings_give_the_same_summary():
    assert summarise(plain_text(TWO_ARMS), metrics=("rmse",)) == summarise(
        TWO_ARMS, metrics=("rmse",)
    )


def test_a_hundred_thousand_rows_take_moments():
    frames, parts, metrics = 1000, 10, ("abs_rel", "rmse", "silog", "log_bias", "delta_1")
    shape = (2, frames, parts, len(metrics))
    arm, frame, part, metric = (axis.ravel() for axis in np.indices(shape))
    total = arm.size

    def words(names, index):
        return pa.DictionaryArray.from_arrays(index.astype(np.int32), list(names))

    def same(word):
        return words([word], np.zeros(total))

    slices = ["all", *(f"range:{n}-{n + 1}" for n in range(1, parts))]
    table = rows_from_columns(
        {
            "study": same("s"),
            "arm": words(("a", "b"), arm),
            "seed": np.zeros(total, int),
            "frame": frame,
            "sample_id": words([f"f{n}" for n in range(frames)], frame),
            "sequence": same("q"),
            "condition": same(""),
            "protocol": same("toy-1"),
            "head": same("depth"),
            "against": same("truth"),
            "alignment": same("none"),
            "slice": words(slices, part),
            "metric": words(metrics, metric),
            "value": frame.astype(float),
            "pixels": np.full(total, 5),
        }
    )
    began = time.process_time()
    summary = summarise(table, by=("arm", "slice"), slice=None, metrics=metrics)
    seconds = time.process_time() - began
    assert total == 100_000
    assert {group.values["rmse"] for group in summary.groups} == {(frames - 1) / 2}
    assert len(summary.groups) == 20
    assert seconds < 1.0  # 0.1 on an idle core
