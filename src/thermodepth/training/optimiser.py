"""AdamW groups, the learning-rate schedule, and the running average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from thermodepth.model import DepthNetwork
from thermodepth.training.settings import OptimiserSettings


def make_optimiser(network: DepthNetwork, settings: OptimiserSettings) -> torch.optim.AdamW:
    """AdamW over four groups: encoder or rest, decayed matrices or free vectors."""
    groups = []
    for in_encoder in (True, False):
        for decayed in (True, False):
            parameters = [
                p
                for name, p in network.named_parameters()
                if name.startswith("encoder.") == in_encoder and (p.ndim > 1) == decayed
            ]
            groups.append(
                {
                    "params": parameters,
                    "lr_factor": settings.encoder_factor if in_encoder else 1.0,
                    "weight_decay": settings.weight_decay if decayed else 0.0,
                }
            )
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)


def set_learning_rate(
    optimiser: torch.optim.Optimizer, settings: OptimiserSettings, *, step: int, steps: int
) -> float:
    """Warm up linearly, then half a cosine down to zero, which the step after the last would have.

    Returns:
        The base rate of this step.
    """
    warm_up = max(round(settings.warm_up * steps), 1)
    if step < warm_up:
        share = (step + 1) / warm_up
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
    rate = settings.learning_rate * share
    for group in optimiser.param_groups:
        group["lr"] = rate * group["lr_factor"]
    return rate


class WeightAverage:
    """Exponential moving average of the weights; statistics of norms are copied, not averaged.

    The decay starts low and rises, so that a short run is not dominated by its random start.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, Tensor] = {
            name: t.detach().clone() for name, t in network.state_dict().items()
        }
        self._averaged = [name for name, _ in network.named_parameters()]

    @torch.no_grad()
    def update(self, network: nn.Module, *, step: int) -> None:
        """Take in the weights after optimiser step number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        state = network.state_dict()
        averaged = set(self._averaged)
        torch._foreach_lerp_(
            [self.state[name] for name in self._averaged],
            [state[name].detach() for name in self._averaged],
            1 - decay,
        )
        for name, value in state.items():
            if name not in averaged:
                self.state[name].copy_(value)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a stored average."""
        for name, value in state.items():
            self.state[name].copy_(value)
