"""Models on disk: a folder with `model.json` (architecture, input recipe, history) and safetensors.

Both files carry a checksum, so a network that a disk or a copy has changed is not run.

The recipe that turned raw frames into input travels with the weights, so a model cannot be fed in
another way than it was trained. Class paths and pickles are never stored: our own names are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, JsonValue, model_validator
from torch import Tensor

from thermodepth.checksums import read_record, write_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.extensions import (
    ExtensionRecord,
    check_loaded,
    extension_records,
    loaded_records,
)
from thermodepth.files import writing
from thermodepth.model.encoders import ENCODERS, fold_kernel, pretrained_encoder
from thermodepth.model.error_calibration import ErrorCalibration
from thermodepth.model.hub import fetched_folder, is_hub_name
from thermodepth.model.network import DepthNetwork, ModelSettings, build_network
from thermodepth.shipped import BUILT_IN
from thermodepth.tensor_files import content_digest, read_tensors, write_tensors
from thermodepth.thermal import NORMALISERS, NormaliserSettings
from thermodepth.types import ThermalUnit

LONGEST_WORKING_SIDE = 4096  # of what a network was trained at
RECIPE_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
_REMEDY = "copy the model again, or train it again"


class TrainingLens(Settings):
    """The lens that a model was trained with, or the middle one of several."""

    focal_px: float = Field(gt=0)  # of frames at the working size, before any zoom
    field_of_view_deg: float = Field(gt=0, lt=180)  # along the long side of the frames


class ModelRecipe(Settings):
    """Everything about a model but its numbers."""

    unless_empty: ClassVar[frozenset[str]] = frozenset({"extensions"})

    format: Literal[1] = 1
    model: ModelSettings
    modality: Literal["thermal", "rgb"]
    normaliser: NormaliserSettings
    trained_unit: ThermalUnit  # unit of the raw frames it was trained on
    working_size: tuple[int, int]  # (rows, columns) it was trained at
    #: Short sides of the smallest and largest batches of training; None where all had `working_size`.
    short_sides: tuple[int, int] | None = None
    lens: TrainingLens | None = None  # of a model that is told the lens; taken where none is known
    #: Of a model with the head `relative_error`; without, what the head says is not handed out.
    error_calibration: ErrorCalibration | None = None
    #: Whose encoder or input recipe it has; others that it was trained with it can do without.
    extensions: tuple[ExtensionRecord, ...] = ()
    history: dict[str, JsonValue] = Field(default_factory=dict)  # how it came about, for people

    @model_validator(mode="after")
    def _depth_range_is_known(self) -> Self:
        if self.model.depth_range_m is None:
            raise ValueError("model.depth_range_m is missing, without which its depth has no unit")
        return self

    @model_validator(mode="after")
    def _lens_is_known(self) -> Self:
        if (self.model.focal_px is None) != (self.lens is None):
            raise ValueError("model.focal_px and lens come together: one of them is missing")
        return self

    @model_validator(mode="after")
    def _calibrated_head_is_there(self) -> Self:
        if self.error_calibration is not None and not self.model.relative_error:
            raise ValueError("error_calibration without the head model.relative_error")
        return self

    @model_validator(mode="after")
    def _working_size_is_a_size(self) -> Self:
        if not all(1 <= side <= LONGEST_WORKING_SIDE for side in self.working_size):
            raise ValueError(
                f"working_size {list(self.working_size)}: expected rows and columns of 1 to "
                f"{LONGEST_WORKING_SIDE} pixels"
            )
        return self

    @model_validator(mode="after")
    def _short_sides_are_a_range(self) -> Self:
        least, most = self.short_sides or (1, 1)
        if not 1 <= least <= most <= LONGEST_WORKING_SIDE:
            raise ValueError(
                f"short_sides {[least, most]}: expected two rising sizes of 1 to {LONGEST_WORKING_SIDE} "
                "pixels"
            )
        return self

    @property
    def trained_short_sides(self) -> tuple[int, int]:
        """Least and most pixels of the short side of what it was trained on."""
        own = min(self.working_size)
        return (own, own) if self.short_sides is None else self.short_sides

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
    write_recipe(folder, recipe)


def write_recipe(folder: Path, recipe: ModelRecipe) -> None:
    """Write `model.json` alone."""
    tree = recipe.tree()
    for name in ("lens", "short_sides", "error_calibration"):  # as every version wrote it
        if tree[name] is None:
            del tree[name]
    for name in recipe.model.later:
        if tree["model"][name] == ModelSettings.model_fields[name].default:
            del tree["model"][name]
    write_record(folder / RECIPE_FILE, tree)


def copy_model(source: Path, target: Path) -> None:
    """A copy of a model folder as a new one, whole or not at all.

    Raises:
        SettingsError: where something stands there already.
        WeightsError: for a source that is missing, foreign or damaged.
        OutputError: where it cannot be written.
    """
    write_variant(source, target, read_recipe(source))


def write_variant(source: Path, target: Path, recipe: ModelRecipe) -> None:
    """The weights of a model folder under another recipe, as a new folder, whole or not at all.

    Raises:
        SettingsError: where something stands there already.
        WeightsError: for weights that are missing or damaged.
        OutputError: where it cannot be written.
    """
    if target.exists():
        raise SettingsError(f"{target}: is there already; give the name of a new folder")
    state, facts = read_tensors(source / WEIGHTS_FILE, remedy=_REMEDY)  # half stays half
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with writing(target):
            write_tensors(unfinished / WEIGHTS_FILE, state, facts=facts)
            write_recipe(unfinished, recipe)
            unfinished.chmod(0o755)
            unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def load_model(folder: Path) -> LoadedModel:
    """Read a model folder.

    Raises:
        WeightsError: naming the folder or file, when it is missing, foreign or damaged.
    """
    recipe = read_recipe(folder)
    try:
        network = build_network(recipe.model, channels=recipe.channels)
    except SettingsError as error:
        raise WeightsError(f"{folder}: {error}") from None
    state, _ = read_tensors(folder / WEIGHTS_FILE, remedy=_REMEDY)
    _check_finite(state, folder / WEIGHTS_FILE)
    try:
        network.load_state_dict(state)  # half precision is widened on the way
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(
            f"{folder / WEIGHTS_FILE}: does not fit {RECIPE_FILE} ({reason})"
        ) from None
    network.requires_grad_(False).eval()
    return LoadedModel(network=network, recipe=recipe, fingerprint=_fingerprint(folder))


def read_recipe(folder: Path) -> ModelRecipe:
    """Everything about a model on disk but its numbers.

    Raises:
        WeightsError: naming the folder or file, when it is missing, foreign or damaged.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise WeightsError(
            f"{folder}: not a model folder (no {RECIPE_FILE}). Give the `model` folder of a run, or one "
            f"of the built-in names: {', '.join(BUILT_IN)}"
        )
    path = folder / RECIPE_FILE
    try:
        tree = read_record(path, remedy=_REMEDY)
        check_loaded(extension_records(tree.get("extensions", []), str(path)), "this model")
        return ModelRecipe.parse(tree, where=str(path))
    except (DataError, SettingsError) as error:
        raise WeightsError(f"{folder}: {error}") from None


def needed_extensions(
    model: ModelSettings, recipe: NormaliserSettings
) -> tuple[ExtensionRecord, ...]:
    """The extensions without which a model cannot be built or fed."""
    origins = {ENCODERS.origins.get(model.encoder), NORMALISERS.origins.get(recipe.name)}
    return tuple(record for record in loaded_records() if record.sha256 in origins)


def resolve_model(name_or_folder: str) -> Path:
    """The folder of a built-in model, of a run, of a model, or of one that the model hub has as `org/name`.

    Raises:
        WeightsError: when there is none.
    """
    if name_or_folder in BUILT_IN:
        return Path(str(files("thermodepth") / "assets" / name_or_folder))
    folder = Path(name_or_folder).expanduser()
    if (folder / "model" / RECIPE_FILE).is_file():  # a run folder
        return folder / "model"
    if not folder.exists():
        if is_hub_name(name_or_folder):
            return fetched_folder(name_or_folder, names=(RECIPE_FILE, WEIGHTS_FILE))
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
    folder = _donor_folder(settings.weights)
    if folder is not None:
        donor = load_model(folder)
        check_start(settings, channels=channels)
        if donor.recipe.channels == channels:
            _take_network(network, donor)
        else:
            _take_encoder(network, donor, channels)
    elif settings.weights != "none":
        network.encoder = pretrained_encoder(
            settings.encoder, settings.weights, channels=channels, config=settings.encoder_config
        )
    return network


#: What a network must share with the one whose weights it starts from.
_SAME_ENCODER = ("encoder", "encoder_config")
_SAME_NETWORK = (*_SAME_ENCODER, "decoder", "decoder_width", "upsampling", "focal_px")
#: Heads that a network may have beside those of its start, by the setting that has them; they begin fresh.
OPTIONAL_HEADS = {"sky": "sky_head.", "relative_error": "error_head."}


def check_start(settings: ModelSettings, *, channels: int) -> ModelRecipe | None:
    """Look at the model that `settings.weights` names, before anything costs time.

    A model that reads what this one reads gives all its weights; one that reads something else gives its
    encoder.

    Returns:
        Its recipe when all its weights are taken, else None.

    Raises:
        WeightsError: when it does not fit, with the settings that would.
    """
    folder = _donor_folder(settings.weights)
    if folder is None:
        return None
    recipe = read_recipe(folder)
    whole = recipe.channels == channels
    wrong = [
        name
        for name in (_SAME_NETWORK if whole else _SAME_ENCODER)
        if getattr(settings, name) != getattr(recipe.model, name)
    ]
    if whole and settings.depth_range_m not in (None, recipe.model.depth_range_m):
        wrong.append("depth_range_m")
    if wrong:
        own, theirs = (
            ", ".join(f"{name}={json.dumps(tree[name])}" for name in wrong)
            for tree in (settings.tree(), recipe.model.tree())
        )
        edits = " ".join(
            f"--set model.{name}={json.dumps(recipe.model.tree()[name], separators=(',', ':'))}"
            for name in wrong
        )
        raise WeightsError(
            f"model.weights={settings.weights}: that model has {theirs}, but this run has {own}. Give "
            f"{edits}, or model.weights=none"
        )
    return recipe if whole else None


def _donor_folder(weights: str) -> Path | None:
    """The folder of a model of ours; None for whatever else `model.weights` may name."""
    if weights in BUILT_IN:
        return resolve_model(weights)
    if weights == "none":
        return None
    folder = Path(weights).expanduser()
    inner = folder / "model" if (folder / "model" / RECIPE_FILE).is_file() else folder
    return inner if (inner / RECIPE_FILE).is_file() else None


def _take_network(network: DepthNetwork, donor: LoadedModel) -> None:
    state = donor.network.state_dict()
    own = network.state_dict()
    network.load_state_dict({key: state.get(key, value) for key, value in own.items()})
    fresh = [key for key in own if key not in state]
    assert all(key.startswith(tuple(OPTIONAL_HEADS.values())) for key in fresh), fresh


def _take_encoder(network: DepthNetwork, donor: LoadedModel, channels: int) -> None:
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


def _check_finite(state: dict[str, Tensor], path: Path) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{path}: '{name}' holds values that are no finite numbers; copy or train it again"
            )


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
