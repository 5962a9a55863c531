"""The lowest level of a weight, what cannot be told from it, and where its grid ends."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.statistics.comparison import ONE_RUN
from thermodepth.statistics.level_choice import (
    GridLevel,
    TermChoice,
    TermGrid,
    choose_levels,
    next_level,
)
from thermodepth.statistics.measurements import Measurements

LEVELS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)


def arm_of(level: float) -> str:
    return "full" if level == 1.0 else f"x{level:g}"


def measured(means: Mapping[str, float], *, seeds: int = 4, noise: float = 0.002) -> Measurements:
    """24 images of 12 recordings that all arms find equally hard, and a little noise of each cell."""
    random = np.random.default_rng(5)
    hard = random.normal(0, 0.2, 24)
    hard -= hard.mean()
    own = random.normal(0, noise, (len(means), seeds, 24))
    values = np.array(list(means.values()))[:, None, None] + hard + own
    return Measurements(
        metric="criterion",
        arms=tuple(means),
        seeds=tuple(range(seeds)),
        images=tuple(f"i{n}" for n in range(24)),
        clusters=tuple(f"drive{n // 2}" for n in range(24)),
        values=values,
    )


def grid(levels: tuple[float, ...] = LEVELS) -> TermGrid:
    return TermGrid(
        term="smooth",
        levels=tuple(
            GridLevel(arm=arm_of(level), level=level, weight=0.1 * level) for level in levels
        ),
    )


def chosen(
    values: tuple[float, ...], *, levels: tuple[float, ...] = LEVELS, seeds: int = 4
) -> TermChoice:
    means = {arm_of(level): value for level, value in zip(levels, values, strict=True)}
    block = measured(means, seeds=seeds)
    (choice,) = choose_levels(block, [grid(levels)], reference="full", smallest_effect=0.01)
    return choice


def test_the_lowest_mean_is_chosen_with_what_cannot_be_told_from_it() -> None:
    choice = chosen((1.2, 1.1, 0.9, 1.0, 0.9001, 1.3))
    assert choice.chosen.grid.level in (0.3, 3.0)
    assert [r.grid.level for r in choice.results if r.in_best] == [0.3, 3.0]
    assert choice.chosen.p_from_best is None
    assert all(
        r.p_from_best is not None and (r.p_from_best > 0.05) == r.in_best
        for r in choice.results
        if r is not choice.chosen
    )
    assert choice.end == "inside"
    assert "off is worse" in choice.sentence
    assert "worse: off, 0.01, 0.1, 1" in choice.sentence
    assert choice.chosen.change is not None
    assert choice.chosen.change.percent == pytest.approx(-10.0, abs=0.3)


def test_of_single_runs_nothing_is_told() -> None:
    choice = chosen((1.2, 1.1, 0.9, 1.0, 1.1, 1.3), seeds=1)
    assert choice.chosen.grid.level == 0.3
    assert all(result.in_best for result in choice.results)
    assert choice.notes == (ONE_RUN,)
    assert f"no level can be told from it ({ONE_RUN})" in choice.sentence
    assert "off cannot be told from it" in choice.sentence


def test_the_recipe_itself_may_be_the_lowest() -> None:
    choice = chosen((1.2, 1.1, 1.1, 1.0, 1.1, 1.3))
    assert choice.chosen.is_reference
    assert choice.chosen.change is None
    assert choice.sentence.startswith("smooth: lowest at weight 0.1, the recipe's own; worse: off")


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ((1.2, 1.1, 1.05, 1.0, 0.95, 0.9), "upper"),
        ((0.9, 0.95, 1.0, 1.0, 1.1, 1.2), "off"),
        ((1.0, 0.9, 0.95, 1.0, 1.1, 1.2), "inside"),  # off lies below, and is no better
    ],
)
def test_where_the_lowest_lies(values: tuple[float, ...], end: str) -> None:
    assert chosen(values).end == end


def test_without_off_the_lower_end_is_an_end() -> None:
    choice = chosen((0.9, 0.95, 1.0), levels=(0.3, 0.5, 1.0))
    assert choice.end == "lower"
    assert "less of it may be better still" in choice.sentence


def test_what_is_said_of_a_term_that_is_best_off() -> None:
    assert (
        "off is better than the recipe's weight" in chosen((0.9, 1.0, 1.0, 1.0, 1.1, 1.2)).sentence
    )
    flat = chosen((0.9999, 1.0, 1.0, 1.0, 1.1, 1.2))
    assert flat.reference.in_best
    assert "off is not worse" in flat.sentence


def test_a_level_that_lacks_a_seed_is_no_candidate_and_still_the_end_of_the_grid() -> None:
    means = {arm_of(level): 1.2 - 0.02 * place for place, level in enumerate(LEVELS)}
    block = measured(means)
    block.values[block.place("x10"), 2] = np.nan  # a training that diverged
    (choice,) = choose_levels(block, [grid()], reference="full", smallest_effect=0.01)
    assert [r.grid.level for r in choice.lost] == [10.0]
    assert choice.chosen.grid.level == 3.0
    assert choice.end == "inside"
    assert "without results in some seed: 1" in choice.sentence


def test_a_reference_that_lacks_a_seed_is_refused() -> None:
    block = measured({arm_of(level): 1.0 for level in LEVELS})
    block.values[block.place("full"), 0] = np.nan
    with pytest.raises(DataError, match="lacks results of some seed"):
        choose_levels(block, [grid()], reference="full", smallest_effect=0.01)


def test_each_form_has_an_end_of_its_own_and_off_belongs_to_all() -> None:
    forms = TermGrid(
        term="smooth",
        levels=(
            *grid((0.0, 1.0, 3.0)).levels,
            GridLevel(arm="log-x1", level=1.0, weight=0.1, form="form=log"),
            GridLevel(arm="log-x3", level=3.0, weight=0.3, form="form=log"),
        ),
    )
    means = {"x0": 1.1, "full": 1.0, "x3": 1.2, "log-x1": 0.95, "log-x3": 0.9}
    (choice,) = choose_levels(measured(means), [forms], reference="full", smallest_effect=0.01)
    assert choice.ends == {"": "inside", "form=log": "upper"}
    assert choice.end == "upper"
    assert choice.sentence.startswith("smooth: lowest at weight 0.3 with form=log, ")
    means |= {"log-x1": 1.15, "log-x3": 1.3}  # of this form less would be better, and off is
    (choice,) = choose_levels(measured(means), [forms], reference="full", smallest_effect=0.01)
    assert choice.ends == {"": "inside", "form=log": "off"}


@pytest.mark.parametrize(
    ("levels", "end", "level"),
    [
        (LEVELS, "upper", 30.0),
        ((*LEVELS, 30.0), "upper", 100.0),
        ((0.1, 0.3, 1.0), "lower", 0.03),
        ((0.03, 0.1, 0.3, 1.0), "lower", 0.01),
        ((1.0, 2.0, 4.0), "upper", 8.0),
        ((1.0, 3.0), "upper", 9.0),
        ((0.0, 1.0), "upper", None),  # one level above 0 has no ratio
        (LEVELS, "inside", None),
        (LEVELS, "off", None),
    ],
)
def test_grids_go_on_as_they_began(
    levels: tuple[float, ...], end: str, level: float | None
) -> None:
    assert next_level(levels, end) == level  # type: ignore[arg-type]  # each is an End
