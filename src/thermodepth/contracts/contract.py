"""A promise that every row of a table keeps, and what is said of a row that does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Subject = TypeVar("Subject")


class BrokenContractError(AssertionError):
    """A contract that a row does not keep; the message says in which way."""


def require(holds: object, message: str) -> None:
    """
    Raises:
        BrokenContractError: with the message, unless it holds.
    """
    if not holds:
        raise BrokenContractError(message)


@dataclass(frozen=True, slots=True)
class Contract(Generic[Subject]):
    """One promise."""

    check: Callable[[Subject], None]  # raises BrokenContractError, or whatever the row raises
    applies: Callable[[Subject], bool] = lambda _: True

    @property
    def name(self) -> str:
        """As reports call it: `one_value_per_image`."""
        return self.check.__name__

    @property
    def promise(self) -> str:
        """Its sentence."""
        return " ".join((self.check.__doc__ or "").split("\n\n")[0].split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one contract on one row."""

    kind: str  # of the row, such as "loss term"
    row: str
    contract: str
    promise: str
    failure: str = ""  # in which way it is broken; empty where it is kept

    @property
    def holds(self) -> bool:
        """Whether the row keeps it."""
        return not self.failure


def broken_by(contract: Contract[Any], subject: Any) -> str:
    """In which way the subject breaks the contract; empty where it keeps it.

    An error that the row itself raises is a broken contract: it was given what it must be able to read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contract.check(subject)
    except BrokenContractError as error:
        return str(error) or "it does not hold"
    except Exception as error:  # whatever a user's code raises
        lines = str(error).strip().splitlines() or [""]
        return f"{type(error).__name__}: {lines[0][:200]}"
    return ""
