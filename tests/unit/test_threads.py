"""The thread policy: who decides, what is set, and what is refused."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from thermodepth.errors import SettingsError
from thermodepth.threads import OVERRIDE, available_cores, set_thread_policy

COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@pytest.fixture(autouse=True)
def thread_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clean environment, restored afterwards, and a torch that only takes notes."""
    for name in (*COUNTS, "OMP_WAIT_POLICY", "KMP_BLOCKTIME", OVERRIDE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    thread_calls: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(set_num_threads=thread_calls.append))
    return thread_calls


def test_one_thread_and_passive_waiting_unless_told_otherwise(thread_calls: list[int]) -> None:
    assert set_thread_policy() == 1
    assert [os.environ[name] for name in COUNTS] == ["1"] * 4
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["KMP_BLOCKTIME"] == "0"
    assert thread_calls == [1]


def test_the_environment_the_argument_and_the_override_in_this_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert set_thread_policy() == 3
    assert set_thread_policy(2) == 2
    monkeypatch.setenv(OVERRIDE, "5")
    assert set_thread_policy(2) == 5
    assert [os.environ[name] for name in COUNTS] == ["5"] * 4


def test_what_a_command_would_take_gives_way_to_what_a_person_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set_thread_policy(otherwise=7) == 7
    for value, threads in (("3", 3), ("0", 7), ("4,2", 7)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert set_thread_policy(otherwise=7) == threads
    monkeypatch.setenv(OVERRIDE, "2")
    assert set_thread_policy(otherwise=7) == 2


def test_a_wait_policy_that_a_person_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    set_thread_policy()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_torch_is_not_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert set_thread_policy(2) == 2
    assert "torch" not in sys.modules


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", "²"])
def test_an_override_that_is_no_count_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(OVERRIDE, value)
    with pytest.raises(SettingsError, match=f"{OVERRIDE}={value}: expected a whole number"):
        set_thread_policy()


@pytest.mark.parametrize("value", ["4,2", "0", "²", ""])
def test_an_inherited_count_that_is_not_plain_means_one(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert set_thread_policy() == 1


def test_a_count_below_one_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        set_thread_policy(0)


def test_cores_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert available_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1
