"""What every row of our tables promises, as checks that run on a row: ours in the tests, a user's before use.

contract.py      a promise, its verdict, and how a row is held against all of them
scene.py         the small scene that loss terms are tried on
losses.py        of loss terms
metrics.py       of metrics over pixels
map_metrics.py   of metrics that look at a map as a picture
teachers.py      of kinds of teachers
encoders.py      of encoders
datasets.py      of data sets
normalisers.py   of input recipes
registry.py      which promises are whose
"""

from thermodepth.contracts.contract import (
    BrokenContractError,
    Contract,
    Verdict,
    broken_by,
    require,
)
from thermodepth.contracts.registry import CONTRACTS, Examples, check_row, verdicts_of

__all__ = [
    "CONTRACTS",
    "BrokenContractError",
    "Contract",
    "Examples",
    "Verdict",
    "broken_by",
    "check_row",
    "require",
    "verdicts_of",
]
