"""The exception tree, and the words that help a person on."""

from __future__ import annotations

import inspect
import pickle

import pytest

from thermodepth import errors

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]


def test_the_docstring_draws_every_exception_and_no_other() -> None:
    drawn = {
        word for word in errors.__doc__.replace("`", " ").split() if word.endswith("Error")
    } - {"ValueError"}
    assert drawn == {kind.__name__ for kind in ALL}


@pytest.mark.parametrize("kind", ALL)
def test_what_a_person_can_mend_is_a_user_error_and_a_value_error(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.ThermodepthError)
    mendable = kind not in (errors.ThermodepthError, errors.DivergedError)
    assert issubclass(kind, errors.UserError) is mendable
    assert issubclass(kind, ValueError) is mendable


@pytest.mark.parametrize("kind", ALL)
def test_they_travel_between_processes(kind: type[Exception]) -> None:
    copy = pickle.loads(pickle.dumps(kind("frame.png: broken")))
    assert type(copy) is kind
    assert str(copy) == "frame.png: broken"


def test_nearest() -> None:
    assert errors.nearest("wieght", ["weight", "scales"]) == "; did you mean 'weight'?"
    assert errors.nearest("zzz", ["weight", "scales"]) == ""
    assert errors.nearest("x", []) == ""


def test_unknown_lists_the_given_the_nearest_and_all() -> None:
    allowed = iter(["synthetic", "mm5"])
    assert errors.unknown("data set", "mm6", allowed) == (
        "unknown data set 'mm6'; did you mean 'mm5'? (known: mm5, synthetic)"
    )
