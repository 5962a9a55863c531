"""The consistency term where truth ends: arms, what is asked of them, and what is found by distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from thermodepth.config import difference
from thermodepth.errors import SettingsError
from thermodepth.recipes import named_study, named_training
from thermodepth.recipes.paper_limited import paper_limited
from thermodepth.report.study.answers import answers, effects_tables
from thermodepth.report.study.level_charts import level_svg
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects
from thermodepth.study.design import Arm, Study
from thermodepth.study.factors_record import ArmFactorsRecord
from thermodepth.study.results.findings import study_contrasts
from thermodepth.study.results.level_ranges import place_effects, rows_of_place

Rows = Callable[..., pa.Table]
RANGES = ("range:0.3-6", "range:6-16", "range:16-40")


@pytest.fixture
def study() -> Study:
    return paper_limited(named_training("thermal"), seeds=2, reaches_m=(6.0, 16.0))


def values_of(study: Study) -> dict[str, Any]:
    """Without the term an arm's error is larger by a tenth for each level of reach."""
    error = {"reach-6": 0.4, "reach-16": 0.3, "full": 0.2}
    values = {}
    for number, arm in enumerate(study.arms):
        on = arm.name.removesuffix("-no-consistency").replace("no-consistency", "full")
        factor = 1.0 if on == arm.name else {"reach-6": 1.25, "reach-16": 1.1, "full": 1.0}[on]
        values[arm.name] = {
            seed: {
                f"f{i}": error[on] * factor + 1e-4 * (number * i % 5) + 1e-3 * seed
                for i in range(8)
            }
            for seed in study.seeds
        }
    return values


class TestRecipes:
    def test_the_arms_of_a_level_differ_in_the_term_alone(self) -> None:
        for name, cells in (("paper-limited", 40), ("paper-scarce", 40)):
            study = named_study(name, named_training("thermal"), seeds=5)
            assert len(study.cells()) == cells
            assert study.arms[0].name == study.reference == "full"
            assert study.arms[0].edits == {}
            (effects,) = study.simple_effects
            for pair in effects.pairs:
                on, off = (study.settings.edit(study.arm(arm).edits) for arm in pair.arms)
                assert difference(on, off) == {"losses.groups.consistency": (True, False)}
            assert study.arm_factors.design.factors == ()
            assert study.arm_factors.doses == ()

    def test_reaches_and_scarcities(self) -> None:
        limited = named_study("paper-limited", named_training("thermal"), seeds=1)
        assert [pair.level for pair in limited.simple_effects[0].pairs] == [6.0, 16.0, 40.0, 80.0]
        assert [claim.question.kind for claim in limited.claims] == [
            *("simple effect", "simple effect"),
            "trend",
        ]
        scarce = named_study("paper-scarce", named_training("thermal"), seeds=1)
        assert scarce.simple_effects[0].trend is None
        assert scarce.arm("in-light").edits == {"data.truth.conditions": ["day", "overcast", "lit"]}

    def test_the_title_says_which_reading_of_the_loss_is_studied(self) -> None:
        settings = named_training("thermal").edit({"losses.gradient_consistency.space": "log"})
        title = named_study("paper-limited", settings, seeds=1).title
        assert "gradient_consistency of weight 0.1" in title
        assert "form normalised, space log" in title
        other = named_training("thermal").edit({"losses.gradient_consistency.form": "value"})
        title = named_study("paper-limited", other, seeds=1).title
        assert "form value, detach none" in title


class TestRecord:
    def test_what_is_asked_is_read_back(self, study: Study) -> None:
        record = ArmFactorsRecord.of_arms(study.arm_factors, "")
        again = ArmFactorsRecord.parse(record.tree())
        assert again.arm_factors().simple_effects == study.simple_effects

    def test_records_without_levels_are_as_they_were(self) -> None:
        plain = named_study("paper", named_training("thermal"), seeds=1)
        tree = ArmFactorsRecord.of_arms(plain.arm_factors, "alike").tree()
        assert set(tree) == {"design", "doses", "pairing"}


class TestChecks:
    def build(self, *pairs: tuple[str, str], **edits: dict[str, Any]) -> Study:
        off = {"losses.groups.consistency": False}
        arms: dict[str, dict[str, Any]] = {
            "full": {},
            "no": off,
            "near": {"data.truth.max_m": 6.0},
            "near-no": {"data.truth.max_m": 6.0, **off},
            **edits,
        }
        effects = SimpleEffects(
            factor="consistency",
            across="reach",
            pairs=tuple(LevelPair(title=on, on=on, off=other) for on, other in pairs),
        )
        return Study(
            name="s",
            title="S",
            settings=named_training("thermal"),
            arms=tuple(Arm(name=n, title=n, edits=e) for n, e in arms.items()),
            reference="full",
            seeds=(0,),
            simple_effects=(effects,),
        )

    def test_a_switch_parts_all_pairs_alike(self) -> None:
        self.build(("full", "no"), ("near", "near-no"))
        with pytest.raises(
            SettingsError, match=r"'near-no' and 'near' differ in losses\.groups\.cons"
        ):
            self.build(("full", "no"), ("near-no", "near"))
        with pytest.raises(
            SettingsError, match=r"'far' and 'near-no' differ in data\.truth\.max_m"
        ):
            self.build(("full", "no"), ("far", "near-no"), far={"data.truth.max_m": 9.0})
        with pytest.raises(SettingsError, match="simple effects of consistency: no arm 'far'"):
            self.build(("full", "no"), ("far", "near"))


class TestPlaces:
    def test_values_of_several_ranges_become_one_by_their_pixels(self, make_rows: Rows) -> None:
        rows = make_rows({"full": {0: {"f0": 0.2}}}, ranges=RANGES[:2])
        values = rows.to_pylist()
        by_slice = {
            (row["slice"], row["metric"]): row
            for row in values
            if row["metric"] in ("abs_rel", "rmse")
        }
        pixels = {RANGES[0]: 30, RANGES[1]: 10}
        numbers = {("abs_rel", RANGES[0]): 0.1, ("abs_rel", RANGES[1]): 0.5}
        numbers |= {("rmse", RANGES[0]): 1.0, ("rmse", RANGES[1]): 3.0}
        records = []
        for (part, metric), row in by_slice.items():
            if part in pixels:
                records.append({**row, "pixels": pixels[part], "value": numbers[metric, part]})
        table = pa.Table.from_pylist(records, schema=rows.schema)
        place = rows_of_place(table, RANGES[:2], ("abs_rel", "rmse")).to_pylist()
        merged = {row["metric"]: (row["value"], row["pixels"]) for row in place}
        assert merged["abs_rel"] == (pytest.approx((30 * 0.1 + 10 * 0.5) / 40), 40)
        assert merged["rmse"] == (pytest.approx(((30 * 1 + 10 * 9) / 40) ** 0.5), 40)

    def test_within_and_beyond_each_reach(self, study: Study, make_rows: Rows) -> None:
        rows = make_rows(values_of(study), ranges=RANGES)
        contrasts = study_contrasts(rows, study)
        effects = place_effects(rows, study, contrasts)
        places: dict[str, list[str]] = {}
        for effect in effects:
            places.setdefault(effect.pair.title, []).append(effect.place)
        ranges = ["0.3–6 m", "6–16 m", "16–40 m"]
        assert places == {
            "truth to 6 m": ["all pixels", "within 6 m", "beyond 6 m", *ranges],
            "truth to 16 m": ["all pixels", "within 16 m", "beyond 16 m", *ranges],
            "all truth": ["all pixels", *ranges],
        }
        beyond = next(e for e in effects if e.place == "beyond 6 m")
        assert (beyond.pixels, beyond.images) == (2 * 50 * 8, 8)
        assert beyond.changes["rmse"].percent == pytest.approx(-20.0, abs=0.3)
        # Over all pixels it is the very comparison that has a verdict.
        whole = next(e for e in effects if e.place == "all pixels")
        name = study.simple_effects[0].question(whole.pair).name
        assert whole.changes["rmse"] is contrasts.comparison_of(name, "rmse").comparison

    def test_they_are_printed(self, study: Study, make_rows: Rows) -> None:
        rows = make_rows(values_of(study), ranges=RANGES)
        contrasts = study_contrasts(rows, study)
        places = place_effects(rows, study, contrasts)
        tables = effects_tables(contrasts, {}, places)
        table = tables["simple_effects"]
        assert [row[1] for row in table.rows] == [
            *("all pixels", "within 6 m", "beyond 6 m"),
            *("all pixels", "within 16 m", "beyond 16 m"),
            "all pixels",
        ]
        by_range = tables["simple_effects_by_range"]
        assert [row[1] for row in by_range.rows] == 3 * ["0.3–6 m", "6–16 m", "16–40 m"]
        section = answers(contrasts, tables, {})[0]
        html = "".join(section.parts)
        assert section.heading == "At each level"
        assert html.count("<figure>") == 2  # AbsRel and RMSE
        assert "truth to 16 m" in html
        drawn = level_svg(contrasts.levels[0])
        assert drawn.count("<circle") == 3
        assert drawn.count('class="span"') == 3

    def test_other_studies_have_none(self, make_rows: Rows) -> None:
        plain = named_study("paper", named_training("thermal"), seeds=2)
        values = {
            arm.name: {s: {f"f{i}": 0.2 + 0.01 * n for i in range(3)} for s in range(2)}
            for n, arm in enumerate(plain.arms)
        }
        rows = make_rows(values, ranges=RANGES)
        contrasts = study_contrasts(rows, plain)
        assert place_effects(rows, plain, contrasts) == ()
        assert "simple_effects" not in effects_tables(contrasts, {})
        assert answers(contrasts, effects_tables(contrasts, {}), {})[0].parts == []
