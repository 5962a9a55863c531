"""Everything that resumes, in one safetensors file that is replaced in one rename.

Random streams derive from (seed, step), so weights, their average, the optimiser's moments and the
step are all there is. Scalars stand in the file's header, all under one checksum; nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thermodepth.errors import WeightsError
from thermodepth.tensor_files import read_tensors, write_tensors
from thermodepth.training.optimiser import WeightAverage

FILE = "checkpoint.safetensors"
FORMAT = 1
_REMEDY = "delete it to start this run again"
_MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # of a parameter


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
    tensors: dict[str, Tensor] = {}
    tensors.update({f"model/{k}": v for k, v in network.state_dict().items()})
    tensors.update({f"average/{k}": v for k, v in average.state.items()})
    for index, moments in optimiser.state_dict()["state"].items():
        tensors.update({f"optimiser/{index}/{k}": v for k, v in moments.items()})
    tensors.update({f"log/{k}": v for k, v in log_sums.items()})
    facts = {"format": FORMAT, "step": step, "identity": identity}
    write_tensors(folder / FILE, tensors, facts=facts)


def load_checkpoint(
    folder: Path,
    *,
    identity: str,
    steps: int,
    network: nn.Module,
    average: WeightAverage,
    optimiser: torch.optim.Optimizer,
) -> tuple[int, dict[str, Tensor]]:
    """Restore in place.

    Args:
        folder: the run's.
        identity: of the run.
        steps: of the run; a checkpoint cannot be beyond them.
        network, average, optimiser: take over what is stored.

    Returns:
        The next step, and the sums that the next log line continues; (0, {}) without a checkpoint.

    Raises:
        WeightsError: for a damaged file, one that another run wrote, or one whose step or tensors are not
            of this run.
    """
    path = folder / FILE
    if not path.is_file():
        return 0, {}
    tensors, facts = read_tensors(path, remedy=_REMEDY)
    version, owner, step = (facts.get(name) for name in ("format", "identity", "step"))
    if not isinstance(owner, str) or not isinstance(step, int) or isinstance(step, bool):
        raise WeightsError(f"{path}: damaged checkpoint (no identity or step); {_REMEDY}")
    if version != FORMAT or owner != identity:
        raise WeightsError(
            f"{path}: belongs to run {owner} (format {version}), but these settings and data are {identity}. "
            "Use another --out, or delete the folder to start again"
        )
    if not 1 <= step <= steps:
        raise WeightsError(f"{path}: is at step {step} of a run of {steps} steps; {_REMEDY}")
    try:
        network.load_state_dict(_under(tensors, "model/"))
        averaged = _under(tensors, "average/")
        if averaged.keys() != average.state.keys():
            raise ValueError("its average is of other tensors")
        average.load(averaged)
        _restore(optimiser, _under(tensors, "optimiser/"))
        sums = _sums(_under(tensors, "log/"))
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(
            f"{path}: does not fit the run's network and optimiser ({reason}); {_REMEDY}"
        ) from None
    return step, sums


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, stored: Mapping[str, Tensor]) -> None:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Any]] = {}
    for key, value in stored.items():
        index, name = key.split("/", 1)
        if not index.isdecimal() or name not in _MOMENTS:
            raise ValueError(f"unknown tensor {key}")
        parameter = parameters[int(index)]
        if name == "step":
            value = value.reshape(())
        else:
            if value.shape != parameter.shape:
                raise ValueError(f"{key} is {list(value.shape)}, not {list(parameter.shape)}")
            # The fused kernel walks weights and moments in memory order, so moments must be laid
            # out as the weights are (channels last), and safetensors gives them back row by row.
            value = torch.empty_like(parameter).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    for number, own in moments.items():
        if own.keys() != _MOMENTS:
            raise ValueError(f"parameter {number} lacks {', '.join(sorted(_MOMENTS - own.keys()))}")
    state = optimiser.state_dict()
    optimiser.load_state_dict({"state": moments, "param_groups": state["param_groups"]})


def _sums(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sums of the log, each with the count of its steps."""
    bare = {name.removesuffix(".count") for name in stored}
    if stored.keys() != {*bare, *(f"{name}.count" for name in bare)}:
        raise ValueError(f"sums of the log that do not go together: {', '.join(sorted(stored))}")
    return {name: value.reshape(()) for name, value in stored.items()}
