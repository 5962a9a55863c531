"""The grids of a search, the study that they make, and how they go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from thermodepth.errors import SettingsError
from thermodepth.study.design import Study
from thermodepth.study.failure import DIVERGED, Failure
from thermodepth.study.results.training_logs import Curve
from thermodepth.study.run import StudyState
from thermodepth.study.tuning import rounds
from thermodepth.study.tuning.findings import shares_of_levels
from thermodepth.study.tuning.rounds import run_search
from thermodepth.study.tuning.search import WeightSearch, weight_grids
from thermodepth.training.settings import TrainingSettings

MakeRows = Callable[[Mapping[str, Mapping[int, Mapping[str, float]]]], pa.Table]


def search(*terms: str, settings: TrainingSettings | None = None, **how: Any) -> WeightSearch:
    run = settings or TrainingSettings()
    grid = {name: how.pop(name) for name in ("levels", "forms") if name in how}
    return WeightSearch(
        name="tune-thermal",
        settings=run,
        grids=weight_grids(run, terms, **grid),
        seeds=how.pop("seeds", (0, 1)),
        **how,
    )


# --- grids ---------------------------------------------------------------------------------------


def test_every_term_has_the_same_levels_and_the_recipe_is_trained_once() -> None:
    study = search("gradient_consistency", "metric_silog").study()
    names = [arm.name for arm in study.arms]
    assert names == [
        "full",
        "no-gradient-consistency",
        "gradient-consistency-x0p1",
        "gradient-consistency-x0p3",
        "gradient-consistency-x3",
        "gradient-consistency-x10",
        "no-metric-silog",
        "metric-silog-x0p1",
        "metric-silog-x0p3",
        "metric-silog-x3",
        "metric-silog-x10",
    ]
    edits = {arm.name: dict(arm.edits) for arm in study.arms}
    assert edits["full"] == {}
    assert edits["gradient-consistency-x3"] == {"losses.gradient_consistency.weight": 0.3}
    assert edits["no-metric-silog"] == {"losses.metric_silog.weight": 0.0}
    assert len(study.cells()) == 11 * 2
    assert (study.scored_split, study.reference) == ("val", "full")
    assert study.describe()["scored_split"] == "val"
    assert {dose.factor: dict(dose.arms)["full"] for dose in study.arm_factors.doses} == {
        "gradient-consistency": 1.0,
        "metric-silog": 1.0,
    }


def test_without_terms_those_that_studies_switch_are_searched() -> None:
    assert search().terms == (
        "structure_smooth",
        "metric_silog",
        "guided_smooth",
        "gradient_consistency",
    )


def test_every_form_has_the_same_weights_and_off_is_trained_once() -> None:
    tuning = search("metric_relative", forms=True, levels=(0.0, 1.0, 3.0))
    study = tuning.study()
    assert [arm.name for arm in study.arms] == [
        "full",
        "no-metric-relative",
        "metric-relative-x3",
        *(
            f"metric-relative-{form}-x{level}"
            for form in ("log", "max", "symmetric")
            for level in (1, 3)
        ),
    ]
    assert dict(study.arm("metric-relative-log-x1").edits) == {"losses.metric_relative.form": "log"}
    (grid,) = tuning.term_grids()
    assert [(level.weight, level.form) for level in grid.levels] == [
        (0.0, ""),
        (1.0, ""),
        (3.0, ""),
        *((w, f"form={form}") for form in ("log", "max", "symmetric") for w in (1.0, 3.0)),
    ]


def test_the_recipes_own_form_is_not_searched_twice() -> None:
    settings = TrainingSettings().edit({"losses.metric_relative.form": "log"})
    grids = weight_grids(settings, ["metric_relative"], forms=True)
    assert [grid.form_words for grid in grids] == [
        "",
        "form=relative",
        "form=max",
        "form=symmetric",
    ]


def test_a_term_without_weight_is_searched_around_one_that_is_said() -> None:
    tuning = search("metric_gradient=0.2", levels=(0.0, 1.0, 3.0))
    study = tuning.study()
    assert {arm.name: dict(arm.edits) for arm in study.arms} == {
        "full": {},
        "metric-gradient-x1": {"losses.metric_gradient.weight": 0.2},
        "metric-gradient-x3": {"losses.metric_gradient.weight": 0.6},
    }
    (grid,) = tuning.term_grids()
    assert (grid.levels[0].arm, grid.levels[0].weight) == ("full", 0.0)
    assert study.doses == ()  # nothing of the recipe is multiplied


@pytest.mark.parametrize(
    ("terms", "how", "message"),
    [
        (["metric_silo"], {}, "did you mean 'metric_silog'"),
        (["metric_silog", "metric_silog"], {}, "named twice"),
        (["metric_gradient"], {}, "say metric_gradient=WEIGHT"),
        (["metric_gradient=-1"], {}, "expected a weight above 0"),
        (["metric_gradient=x"], {}, "expected a weight above 0"),
        (["metric_silog=3"], {}, "the recipe gives it 1"),
        (["metric_gradient=1"], {"levels": (1.0, 3.0)}, "0 must be among its levels"),
        (["metric_silog"], {"levels": (0.0, 3.0)}, "with 1, the recipe's own"),
        (["metric_silog"], {"levels": (1.0,)}, "expected 2 to 20"),
        (["metric_silog"], {"levels": (1.0, 1.0)}, "distinct"),
        (["metric_silog"], {"levels": (1.0, -1.0)}, "numbers from 0"),
        (["metric_silog"], {"levels": (1.0, float("inf"))}, "numbers from 0"),
        (["metric_silog"], {"split": "test"}, "none to test with"),
        (["metric_silog"], {"split": "train"}, "the recipe trains on it"),
        (["metric_silog"], {"metrics": ("delta_1",)}, "better when lower"),
    ],
)
def test_what_makes_no_search(terms: list[str], how: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        search(*terms, **how)


def test_a_term_of_a_group_that_is_off_is_refused() -> None:
    settings = TrainingSettings().edit({"losses.groups.silog": False})
    with pytest.raises(SettingsError, match=r"losses\.groups\.silog = false"):
        weight_grids(settings, ["metric_silog"])


# --- rounds --------------------------------------------------------------------------------------


class Scorer:
    """Stands for the engine: every cell of a study has rows, with a mean that its weight decides."""

    def __init__(
        self, make_rows: MakeRows, mean_of: Callable[[float], float], diverged: str = ""
    ) -> None:
        self.make_rows, self.mean_of, self.diverged = make_rows, mean_of, diverged
        self.arms: list[list[str]] = []

    def run(self, study: Study) -> StudyState:
        self.arms.append([arm.name for arm in study.arms])
        done = tuple(cell for cell in study.cells() if cell.arm.name != self.diverged)
        failed = tuple(
            (cell, Failure(kind=DIVERGED, step=1, message="", when=""))
            for cell in study.cells()
            if cell.arm.name == self.diverged
        )
        return StudyState(folder=SimpleNamespace(), done=done, failed=failed, open=())  # type: ignore[arg-type]

    def rows(self, study: Study, *_: object) -> pa.Table:
        values: dict[str, dict[int, dict[str, float]]] = {}
        for cell in study.cells():
            if cell.arm.name == self.diverged:
                continue
            losses = study.settings.edit(cell.arm.edits).losses
            mean = self.mean_of(losses.gradient_consistency.weight)
            values.setdefault(cell.arm.name, {})[cell.seed] = {
                # Arms differ by a little more in some seeds and frames, as they do.
                f"f{n}": mean * (1 + 0.1 * n) + 1e-4 * mean * ((3 * n + cell.seed) % 4)
                for n in range(6)
            }
        return self.make_rows(values)


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch, make_rows: MakeRows) -> Callable[..., Scorer]:
    def make(mean_of: Callable[[float], float], diverged: str = "") -> Scorer:
        scorer = Scorer(make_rows, mean_of, diverged)
        monkeypatch.setattr(rounds, "collect_rows", scorer.rows)
        monkeypatch.setattr(rounds, "read_curves", lambda _: ())
        return scorer

    return make


def test_a_grid_goes_on_until_its_lowest_lies_inside(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(
        lambda weight: 1.0 + 0.1 * abs(weight - 3.0)
    )  # lowest at 3, x30 of the recipe's .1
    lines: list[str] = []
    end = run_search(search("gradient_consistency"), engine.run, lines.append)
    assert [len(arms) for arms in engine.arms] == [6, 7, 8]
    assert engine.arms[1][-1] == "gradient-consistency-x30"
    assert [line.partition(" (")[0].partition("goes on to ")[2] for line in lines] == ["3", "10"]
    assert engine.arms[2][-1] == "gradient-consistency-x100"
    assert end.choices is not None
    (choice,) = end.choices.terms
    assert (choice.chosen.grid.weight, choice.end) == (3.0, "inside")
    assert [r.grid.level for r in choice.results if r.grid.added] == [30.0, 100.0]


def test_a_grid_ends_where_it_may_not_go_on(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(lambda weight: 2.0 - 0.01 * weight)  # more is always better
    end = run_search(search("gradient_consistency", most_added=1), engine.run, print)
    assert [len(arms) for arms in engine.arms] == [6, 7]
    assert end.choices is not None
    (choice,) = end.choices.terms
    assert choice.end == "upper"
    assert "more of it may be better still" in choice.sentence


def test_off_is_no_end_that_goes_on(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(lambda weight: 1.0 + 0.1 * weight)
    end = run_search(search("gradient_consistency"), engine.run, print)
    assert [len(arms) for arms in engine.arms] == [6]
    assert end.choices is not None
    (choice,) = end.choices.terms
    assert choice.end == "off"
    assert choice.chosen.grid.arm == "no-gradient-consistency"


def test_a_level_that_diverged_is_a_result_and_one_that_failed_is_not(
    scorer: Callable[..., Scorer],
) -> None:
    engine = scorer(lambda weight: 1.0 + 0.1 * abs(weight - 0.1), "gradient-consistency-x10")
    end = run_search(search("gradient_consistency"), engine.run, print)
    assert end.choices is not None
    (choice,) = end.choices.terms
    assert choice.chosen.is_reference
    assert [r.grid.level for r in choice.lost] == [10.0]

    def fails(study: Study) -> StudyState:
        state = engine.run(study)
        failure = Failure(kind="failed", step=None, message="", when="")
        return StudyState(
            folder=state.folder, done=state.done, failed=((study.cells()[1], failure),), open=()
        )

    assert run_search(search("gradient_consistency"), fails, print).choices is None


def test_a_reference_that_diverged_leaves_nothing_to_choose(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(lambda weight: 1.0 + weight, "full")
    assert run_search(search("gradient_consistency"), engine.run, print).choices is None


def test_cells_that_were_only_printed_choose_nothing() -> None:
    end = run_search(search("gradient_consistency"), lambda _: None, print)
    assert (end.state, end.choices) == (None, None)


def test_levels_that_were_tried_before_are_tried_again(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(lambda weight: 1.0 + 0.1 * abs(weight - 0.1))  # nothing asks for more
    arms = ["full", "gradient-consistency-x30", "gradient-consistency-x300", "another"]
    end = run_search(search("gradient_consistency").continued(arms), engine.run, print)
    assert [len(arms) for arms in engine.arms] == [7]
    assert end.choices is not None
    (choice,) = end.choices.terms
    assert [r.grid.level for r in choice.results if r.grid.added] == [30.0]  # 100 was not


def test_the_share_of_the_loss_is_that_of_the_end(scorer: Callable[..., Scorer]) -> None:
    engine = scorer(lambda weight: 1.0 + weight)
    end = run_search(search("gradient_consistency"), engine.run, print)
    assert end.choices is not None

    study = search("gradient_consistency").study()
    last = study.settings.steps

    def log(arm: str, seed: int, *, weight: float, term: float) -> Curve:
        early = ((0.2 * last, 9.0), (0.6 * last, 9.0))
        late = (0.8 * last, 1.0 * last)
        others = (1.0 - weight * term, 3.0 - weight * term)  # the whole has a mean of 2
        return Curve(
            arm=arm,
            seed=seed,
            columns={
                "metric_silog": (*early, *zip(late, others, strict=True)),
                "gradient_consistency": (*early, *((step, term) for step in late)),
            },
        )

    curves = [
        log("full", 0, weight=0.1, term=2.0),
        log("full", 1, weight=0.1, term=4.0),
        log("gradient-consistency-x3", 0, weight=0.3, term=1.0),
    ]
    shares = shares_of_levels(curves, study, end.choices.terms)
    assert shares == pytest.approx(
        {
            ("gradient_consistency", "full"): 0.1 * 3.0 / 2.0,
            ("gradient_consistency", "gradient-consistency-x3"): 0.3 * 1.0 / 2.0,
        }
    )
