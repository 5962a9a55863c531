"""Every family that looks at a map as a picture keeps the contracts of one."""

import pytest

from thermodepth.contracts import Contract
from thermodepth.contracts.map_metrics import MAP_METRIC_CONTRACTS
from thermodepth.metrics import MAP_FAMILIES, MapFamily


@pytest.mark.parametrize("family", MAP_FAMILIES.values(), ids=MAP_FAMILIES)
@pytest.mark.parametrize("contract", MAP_METRIC_CONTRACTS, ids=lambda contract: contract.name)
def test_a_family_keeps_the_contract(family: MapFamily, contract: Contract[MapFamily]) -> None:
    assert contract.applies(family)
    contract.check(family)
