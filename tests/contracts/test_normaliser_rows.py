"""Every row of NORMALISERS keeps the contracts of an input recipe."""

import pytest

from thermodepth.contracts import Contract
from thermodepth.contracts.normalisers import NORMALISER_CONTRACTS
from thermodepth.thermal import NORMALISERS
from thermodepth.thermal.normalisers import Normaliser


@pytest.mark.parametrize("name", sorted(NORMALISERS))
@pytest.mark.parametrize("contract", NORMALISER_CONTRACTS, ids=lambda contract: contract.name)
def test_a_recipe_keeps_the_contract(name: str, contract: Contract[Normaliser]) -> None:
    assert NORMALISERS[name].name == name
    contract.check(NORMALISERS[name])
