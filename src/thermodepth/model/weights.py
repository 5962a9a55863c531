"""Models on disk: a folder with `model.json` (architecture, input recipe, history) and safetensors.

Both files carry a checksum, so a network that a disk or a copy has changed is not run.

The recipe that turned raw frames into input travels with the weights, so a model cannot be fed in
another way than it was trained. Class paths and pickles are never stored: our own names are.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field, JsonValue, model_validator
from torch import Tensor

from thermodepth.checksums import read_record, read_settings, write_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.model.encoders import fold_kernel, pretrained_encoder
from thermodepth.model.network import DepthNetwork, ModelSettings, build_network
from thermodepth.tensor_files import content_digest, read_tensors, write_tensors
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

RECIPE_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
BUILT_IN = ("rgb-small", "thermal-small")  # folders that ship inside the package
_REMEDY = "copy the model again, or train it again"


class ModelRecipe(Settings):
    """Everything about a model but its numbers."""

    format: Literal[1] = 1
    model: ModelSettings
    modality: Literal["thermal", "rgb"]
    normaliser: NormaliserSettings
    trained_unit: ThermalUnit  # unit of the raw frames it was trained on
    working_size: tuple[int, int]  # (rows, columns) it was trained at
    history: dict[str, JsonValue] = Field(default_factory=dict)  # how it came about, for people

    @model_validator(mode="after")
    def _depth_range_is_known(self) -> Self:
        if self.model.depth_range_m is None:
            raise ValueError("model.depth_range_m is missing, without which its depth has no unit")
        return self

    @property
    def channels(self) -> int:
        """Input channels."""
        return 3 if self.modality == "rgb" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model folder in memory, in evaluation mode."""

    network: DepthNetwork
    recipe: ModelRecipe
    fingerprint: str  # of weights and recipe


def save_model(
    folder: Path, network: DepthNetwork, recipe: ModelRecipe, *, half: bool = False
) -> None:
    """Write a model folder; `half` stores float16, for models that ship."""
    state = {
        name: t.half() if half and t.is_floating_point() else t
        for name, t in network.state_dict().items()
    }
    write_tensors(folder / WEIGHTS_FILE, state)
    write_record(folder / RECIPE_FILE, recipe.tree())


def load_model(folder: Path) -> LoadedModel:
    """Read a model folder.

    Raises:
        WeightsError: naming the folder or file, when it is missing, foreign or damaged.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise WeightsError(
            f"{folder}: not a model folder (no {RECIPE_FILE}). Give the `model` folder of a run, or one "
            f"of the built-in names: {', '.join(BUILT_IN)}"
        )
    try:
        recipe = read_settings(ModelRecipe, folder / RECIPE_FILE, remedy=_REMEDY)
        network = build_network(recipe.model, channels=recipe.channels)
    except SettingsError as error:
        raise WeightsError(f"{folder}: {error}") from None
    state, _ = read_tensors(folder / WEIGHTS_FILE, remedy=_REMEDY)
    try:
        network.load_state_dict({k: _as_stored(v) for k, v in state.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(
            f"{folder / WEIGHTS_FILE}: does not fit {RECIPE_FILE} ({reason})"
        ) from None
    network.requires_grad_(False).eval()
    return LoadedModel(network=network, recipe=recipe, fingerprint=_fingerprint(folder))


def resolve_model(name_or_folder: str) -> Path:
    """The folder of a built-in model, of a run, or of a model.

    Raises:
        WeightsError: when there is none.
    """
    if name_or_folder in BUILT_IN:
        return Path(str(files("thermodepth") / "assets" / name_or_folder))
    folder = Path(name_or_folder).expanduser()
    if (folder / "model" / RECIPE_FILE).is_file():  # a run folder
        return folder / "model"
    if not folder.exists():
        raise WeightsError(
            f"{name_or_folder}: no such model folder (built in: {', '.join(BUILT_IN)})"
        )
    return folder


def initialise(settings: ModelSettings, *, channels: int, seed: int) -> DepthNetwork:
    """A network with its first weights: fresh ones from the seed, then pre-trained ones where asked.

    Raises:
        WeightsError: when the pre-trained weights cannot be had or do not fit.
    """
    torch.manual_seed(seed)
    network = build_network(settings, channels=channels)
    if settings.weights == "rgb-small":
        _take_encoder(network, resolve_model("rgb-small"), settings, channels)
    elif settings.weights != "none":
        network.encoder = pretrained_encoder(settings.encoder, settings.weights, channels=channels)
    return network


def _take_encoder(
    network: DepthNetwork, folder: Path, settings: ModelSettings, channels: int
) -> None:
    donor = load_model(folder)
    if donor.recipe.model.encoder != settings.encoder:
        raise WeightsError(
            f"model.weights=rgb-small: that encoder is a '{donor.recipe.model.encoder}', but "
            f"model.encoder={settings.encoder}. Set model.weights=none, or a hub id that fits"
        )
    state = donor.network.encoder.state_dict()
    if channels == 1:
        own = network.encoder.state_dict()
        state = {
            k: fold_kernel(v) if v.ndim == 4 and v.shape[1] == 3 and own[k].shape[1] == 1 else v
            for k, v in state.items()
        }
    network.encoder.load_state_dict(state)


def fingerprint_of(network: torch.nn.Module) -> str:
    """Sixteen digits of all weights and statistics."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _as_stored(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor


def _fingerprint(folder: Path) -> str:
    try:
        digest = content_digest(folder / WEIGHTS_FILE)
        tree = read_record(folder / RECIPE_FILE)
    except DataError as error:
        raise WeightsError(f"{error}; {_REMEDY}") from None
    tree.pop("history", None)
    digest.update(json.dumps(tree, sort_keys=True).encode())
    text: str = digest.hexdigest()
    return text[:16]
