"""The file of chosen weights: written, read back, and refused where it is not what a search wrote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from thermodepth.errors import SettingsError
from thermodepth.study.tuned import (
    TunedLevel,
    TunedTerm,
    TunedWeights,
    read_tuned,
    settings_apart,
    with_tuned,
    write_tuned,
)
from thermodepth.training.settings import TrainingSettings


def term(weight: float = 0.3, **changes: Any) -> TunedTerm:
    levels = (
        TunedLevel(weight=0.0, change_percent=1.25, low=-0.5, high=3.0),
        TunedLevel(weight=0.1, change_percent=0.0, best=True),
        TunedLevel(weight=0.3, change_percent=-0.75, low=-1.5, high=0.0, best=True),
        TunedLevel(weight=1.0, added=True),  # without results
        TunedLevel(weight=0.1, form={"space": "log"}, change_percent=2.0),
    )
    values: dict[str, Any] = {
        "name": "gradient_consistency",
        "recipe_weight": 0.1,
        "weight": weight,
        "finding": 'lowest at "0.3"; off is worse.',
        "levels": levels,
    }
    return TunedTerm(**values | changes)


def weights(*terms: TunedTerm, **changes: Any) -> TunedWeights:
    terms = terms or (term(),)
    values: dict[str, Any] = {
        "study": "0123456789abcdef",
        "name": "tune-thermal",
        "data": "synthetic",
        "data_note": "rendered – 40 frames",
        "data_fingerprint": "fedcba9876543210",
        "split": "val",
        "frames": 40,
        "recordings": 12,
        "seeds": (0, 1, 2),
        "steps": 200,
        "metrics": ("abs_rel", "rmse"),
        "edits": {path: value for each in terms for path, value in each.edits.items()},
        "searched_with": {"steps": 200, "data.size": [64, 64]},
        "terms": terms,
    }
    return TunedWeights(**values | changes)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    tuned = weights(term(), term(0.1, name="guided_smooth"))
    write_tuned(tmp_path / "tuned.toml", tuned)
    assert read_tuned(tmp_path / "tuned.toml") == tuned
    assert tuned.edits == {"losses.gradient_consistency.weight": 0.3}


def test_a_form_is_an_edit_too() -> None:
    log = term(0.1, form={"space": "log"})
    assert log.edits == {"losses.gradient_consistency.space": "log"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"losses.gradient_consistency.weight" = 0.3', "", "the search chose 0.3"),
        (
            '"losses.gradient_consistency.weight" = 0.3',
            '"losses.gradient_consistency.weight" = 0.5',
            "gradient_consistency.weight = 0.5, and the search chose 0.3",
        ),
        ("weight = 0.3\n", "weight = 0.4\n", "the weight 0.4 is none of its levels"),
        ('split = "val"', 'split = "test"', "none to test with"),
        ("format = 1", "format = 2", "format"),
        ("seeds =", "seed =", "did you mean 'seeds'"),
        ("[edits]", "[edits", "cannot be read as TOML"),
        ("format = 1", "", "holds no chosen weights"),
    ],
)
def test_another_content_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "tuned.toml"
    write_tuned(path, weights())
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=message) as error:
        read_tuned(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(str(tmp_path / "none.toml"))):
        read_tuned(tmp_path / "none.toml")


def test_the_weights_are_those_of_the_search_whatever_the_recipe_has() -> None:
    settings = with_tuned(TrainingSettings(), weights(), {}, "study s")
    assert settings.losses.gradient_consistency.weight == 0.3
    same = with_tuned(
        TrainingSettings(), weights(), {"losses.gradient_consistency.weight": 0.3}, "study s"
    )
    assert same == settings


def test_another_weight_beside_the_chosen_one_is_refused() -> None:
    edits = {"losses.gradient_consistency.weight": 0.2}
    with pytest.raises(
        SettingsError, match=r"study s: .*weight = 0\.2, and .*tune-thermal have 0\.3"
    ):
        with_tuned(TrainingSettings().edit(edits), weights(), edits, "study s")


def test_a_term_that_is_not_known_is_said() -> None:
    foreign = weights(term(name="my_term"))
    with pytest.raises(
        SettingsError, match=r"weights of tune-thermal: no setting 'losses\.my_term'"
    ):
        with_tuned(TrainingSettings(), foreign, {}, "study s")


def test_what_a_study_does_otherwise_than_the_search() -> None:
    settings = TrainingSettings().edit(
        {"steps": 600, "data.size": [64, 64], "losses.gradient_consistency.weight": 0.3, "seed": 4}
    )
    assert settings_apart(weights(), settings) == {"steps": (200, 600)}
