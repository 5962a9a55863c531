"""Everything that resumes, in one safetensors file that is replaced in one rename.

Random streams derive from (seed, step), so weights, their average, the optimiser's moments and the
step are all there is. Scalars stand as JSON in the file's metadata; nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thermodepth.errors import WeightsError
from thermodepth.files import json_object, replacing
from thermodepth.training.optimiser import WeightAverage

FILE = "checkpoint.safetensors"
FORMAT = 1


def save_checkpoint(
    folder: Path,
    *,
    step: int,
    identity: str,
    network: nn.Module,
    average: WeightAverage,
    optimiser: torch.optim.Optimizer,
    log_sums: Mapping[str, Tensor],
) -> None:
    """Replace the run's checkpoint by the state before step number `step`."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    tensors.update({f"model/{k}": v for k, v in network.state_dict().items()})
    tensors.update({f"average/{k}": v for k, v in average.state.items()})
    for index, moments in optimiser.state_dict()["state"].items():
        tensors.update({f"optimiser/{index}/{k}": v for k, v in moments.items()})
    tensors.update({f"log/{k}": v for k, v in log_sums.items()})
    meta = {"format": FORMAT, "step": step, "identity": identity}
    with replacing(folder / FILE) as temporary:
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
            temporary,
            metadata={"thermodepth": json.dumps(meta)},
        )


def load_checkpoint(
    folder: Path,
    *,
    identity: str,
    network: nn.Module,
    average: WeightAverage,
    optimiser: torch.optim.Optimizer,
) -> tuple[int, dict[str, Tensor]]:
    """Restore in place.

    Returns:
        The next step, and the sums that the next log line continues; (0, {}) without a checkpoint.

    Raises:
        WeightsError: for a damaged file, or one that another run wrote.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return 0, {}
    try:
        with safe_open(path, framework="pt") as stored:
            meta = json_object(stored.metadata()["thermodepth"], str(path))
            step, owner, version = int(meta["step"]), meta["identity"], meta["format"]
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: damaged checkpoint ({error}); delete it to start this run again"
        ) from None
    if version != FORMAT or owner != identity:
        raise WeightsError(
            f"{path}: belongs to run {owner} (format {version}), but these settings and data are {identity}. "
            "Use another --out, or delete the folder to start again"
        )
    network.load_state_dict(_under(tensors, "model/"))
    average.load(_under(tensors, "average/"))
    _restore(optimiser, _under(tensors, "optimiser/"))
    return step, _under(tensors, "log/")


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, stored: Mapping[str, Tensor]) -> None:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Any]] = {}
    for key, value in stored.items():
        index, name = key.split("/", 1)
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # The fused kernel walks weights and moments in memory order, so moments must be laid
            # out as the weights are (channels last), and safetensors gives them back row by row.
            value = torch.empty_like(parameter).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    state = optimiser.state_dict()
    optimiser.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
