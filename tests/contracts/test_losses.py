"""What every row of `LOSSES` promises, whatever the term: the contracts of users' rows too."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from thermodepth.contracts import Contract
from thermodepth.contracts.losses import LOSS_CONTRACTS, faked, forms_of
from thermodepth.contracts.scene import scene32
from thermodepth.losses import LOSSES, LossesSettings, LossRow, evaluate
from thermodepth.types import Prediction

#: Every row in each of its forms, with every contract that applies to it.
PROMISES = [
    pytest.param(contract, form, id=f"{name}-{contract.name}")
    for row in LOSSES.values()
    for name, form in forms_of(row).items()
    for contract in LOSS_CONTRACTS
    if contract.applies(form)
]
# Dynamo itself makes an instance of every autograd.Function it traces.
from_dynamo = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


@from_dynamo
@pytest.mark.parametrize(("contract", "row"), PROMISES)
def test_a_row_keeps_the_contract(contract: Contract[LossRow], row: LossRow) -> None:
    contract.check(row)


@pytest.mark.parametrize("row", LOSSES.values(), ids=LOSSES)
def test_a_term_has_its_own_file_and_one_line(row: LossRow) -> None:
    module = importlib.import_module(f"thermodepth.losses.{row.name}")
    assert getattr(module, row.name) is row.term
    assert row.settings.__module__ == module.__name__
    assert module.__doc__ is not None
    assert "Source" in module.__doc__
    assert row.summary
    assert "\n" not in row.summary
    assert row.group == "always" or row.group in LossesSettings().groups.tree()


@from_dynamo
def test_evaluate_compiles_to_one_graph() -> None:
    torch._dynamo.reset()
    prediction, batch = scene32()
    settings = LossesSettings()

    def total(structure: Tensor, log_depth: Tensor) -> Tensor:
        inputs = Prediction(structure=structure, log_depth=log_depth)
        return evaluate(inputs, batch, settings, progress=0.5).total

    compiled = torch.compile(total, backend="eager", fullgraph=True)
    value = compiled(prediction.structure, prediction.log_depth)
    assert torch.equal(value, total(prediction.structure, prediction.log_depth))


def test_a_fake_tensor_catches_what_waits_for_the_device() -> None:
    _, batch = scene32()
    with FakeTensorMode() as fake:
        hollow = faked(batch, fake)
        with pytest.raises(Exception, match=r"aten\.(nonzero|_local_scalar_dense)"):
            hollow.depth_m[hollow.depth_valid].log()
        with pytest.raises(Exception, match=r"aten\.(nonzero|_local_scalar_dense)"):
            hollow.depth_m.sum().item()
