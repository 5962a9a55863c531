"""The learning rate by hand, the groups, and the average of the weights against its formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from thermodepth.model import DepthNetwork
from thermodepth.training.optimiser import WeightAverage, make_optimiser, set_learning_rate
from thermodepth.training.settings import OptimiserSettings


def test_the_rate_warms_up_and_falls_as_half_a_cosine() -> None:
    weight = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([{"params": [weight], "lr_factor": 0.25}], lr=1.0)
    settings = OptimiserSettings(learning_rate=0.8, warm_up=0.2)
    rates = []
    for step in range(10):
        rates.append(set_learning_rate(optimiser, settings, step=step, steps=10))
        assert optimiser.param_groups[0]["lr"] == 0.25 * rates[-1]
    # Two steps of warm-up, then 0.8 (1 + cos(pi k / 8)) / 2 for k = 0 .. 7.
    expected = [0.4, 0.8, 0.8, 0.769552, 0.682843, 0.553073, 0.4, 0.246927, 0.117157, 0.030448]
    assert rates == pytest.approx(expected, abs=1e-6)


def test_no_warm_up_starts_at_the_full_rate_and_one_step_is_a_whole_run() -> None:
    optimiser = torch.optim.AdamW([{"params": [nn.Parameter(torch.zeros(1))], "lr_factor": 1.0}])
    settings = OptimiserSettings(learning_rate=0.8, warm_up=0.0)
    assert set_learning_rate(optimiser, settings, step=0, steps=10) == 0.8
    assert set_learning_rate(optimiser, settings, step=0, steps=1) == 0.8
    nearly_all = OptimiserSettings(learning_rate=0.8, warm_up=0.99)
    assert set_learning_rate(optimiser, nearly_all, step=9, steps=10) == 0.8


def test_matrices_decay_vectors_do_not_and_the_encoder_has_its_own_rate(
    network: DepthNetwork,
) -> None:
    settings = OptimiserSettings(learning_rate=0.5, encoder_factor=0.1, weight_decay=0.03)
    optimiser = make_optimiser(network, settings)
    place = {id(p): g for g in optimiser.param_groups for p in g["params"]}
    assert sum(len(g["params"]) for g in optimiser.param_groups) == len(place)
    assert place.keys() == {id(p) for p in network.parameters()}
    decayed = {True: 0, False: 0}
    for name, parameter in network.named_parameters():
        group = place[id(parameter)]
        assert group["lr_factor"] == (0.1 if name.startswith("encoder.") else 1.0), name
        is_matrix = name.endswith(".weight") and "norm" not in name
        is_matrix &= not name.endswith("detail.1.weight")  # the norm inside a sequence
        assert group["weight_decay"] == (0.03 if is_matrix else 0.0), name
        decayed[is_matrix] += 1
    assert min(decayed.values()) > 20


class Tiny(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([value]))
        self.register_buffer("mean", torch.tensor([10 * value]))
        self.register_buffer("count", torch.tensor(int(value)))


def test_the_average_follows_its_formula_and_copies_statistics() -> None:
    network = Tiny(1.0)
    average = WeightAverage(network, 0.25)
    expected = 1.0
    for step, value in enumerate((2.0, 4.0, 8.0, 16.0)):
        with torch.no_grad():
            network.weight.fill_(value)
            network.mean.fill_(10 * value)
            network.count.fill_(int(value))
        average.update(network, step=step)
        decay = (0.1, 2 / 11, 0.25, 0.25)[step]  # min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert float(average.state["weight"]) == pytest.approx(expected, rel=1e-6)
    assert float(average.state["mean"]) == 160.0
    assert int(average.state["count"]) == 16
    assert network.weight.item() == 16.0  # the network itself is left alone


def test_a_decay_of_zero_is_the_last_weights_to_the_bit(network: DepthNetwork) -> None:
    average = WeightAverage(network, 0.0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.1).add_(0.013)
    average.update(network, step=700)
    for name, tensor in network.state_dict().items():
        assert torch.equal(average.state[name], tensor), name


def test_the_average_does_not_share_memory_with_the_network() -> None:
    network = Tiny(1.0)
    average = WeightAverage(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(5.0)
    assert float(average.state["weight"]) == 1.0
    average.load({"weight": torch.tensor([3.0])})
    assert network.weight.item() == 5.0
    assert float(average.state["weight"]) == 3.0
