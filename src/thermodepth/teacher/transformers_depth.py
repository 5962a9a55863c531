"""Any depth model of the transformers library as a teacher, by hub id or from a local folder.

A hub id is first resolved to a local folder, so both ways run the same code. Only safetensors are read and
no code from a model repository is ever run. The library's image processors are not used (see `families`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from thermodepth.errors import DataError, TeacherError
from thermodepth.files import read_json
from thermodepth.teacher.families import REFUSED, Family, family_of, read_processor
from thermodepth.teacher.interface import fingerprint_of, weights_sha256
from thermodepth.teacher.preparation import LEAST_DEPTH_M
from thermodepth.teacher.rgb import label_rgb, open_device
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What is fetched of a model repository: never pickled weights, never code.
HUB_FILES = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
)
#: Depth Pro's own bounds for inverse depth, from its post-processing.
DEPTH_PRO_INVERSE = (1e-4, 1e4)
#: Config entries that never change a map but do change between versions of the library.
_NOT_IDENTITY = ("_name_or_path", "transformers_version", "torch_dtype", "dtype", "architectures")


class TransformersTeacher:
    """A pre-trained depth model, prepared and read out so that the frame's aspect and scale survive."""

    def __init__(
        self,
        model: torch.nn.Module,
        family: Family,
        geometry: Geometry,
        *,
        name: str,
        identity: dict[str, Any],
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Use `open_transformers`; this only keeps what it found."""
        self._model = model
        self._family = family
        self._geometry = geometry
        self._name = name
        self._identity = identity
        self._batch_size = 1 if family.one_by_one else batch_size
        self._device = device

    @property
    def geometry(self) -> Geometry:
        """What the values of the maps mean."""
        return self._geometry

    @property
    def description(self) -> str:
        """Model, family and working size."""
        plan = self._family.preparation
        size = "native size" if plan.fit == "native" else f"{plan.fit} {plan.height}x{plan.width}"
        return f"{self._name} ({self._identity['model_type']}, {size}, {self._geometry})"

    def fingerprint(self) -> str:
        """Of the weights, the model's config, the preprocessing and the geometry."""
        parts = {
            **self._identity,
            "geometry": self._geometry,
            "preparation": self._family.preparation.identity(),
        }
        return fingerprint_of("transformers", parts)

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` per sample in `geometry`; metric depth in metres, at least 1 mm.

        Raises:
            TeacherError: for a sample without a usable RGB image, or a map that is not finite.
        """
        return label_rgb(samples, self._predict, batch_size=self._batch_size, device=self._device)

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) at the network's input for an image of this size."""
        plan = self._family.preparation
        rows, columns = plan.padding(height, width)
        return plan.network_size(height + 2 * rows, width + 2 * columns)

    def _predict(self, image: torch.Tensor) -> torch.Tensor:
        """`[b 3 h w]` in [0, 1] -> `[b h w]`."""
        plan = self._family.preparation
        output = self._model(pixel_values=plan.prepare(image))
        depth = output.predicted_depth.float()  # [b h' w']
        is_depth_pro = self._identity["model_type"] == "depth_pro"
        if is_depth_pro:
            depth = depth * _canonical_factor(output)
        depth = plan.restore(depth, int(image.shape[-2]), int(image.shape[-1]))
        if is_depth_pro:
            depth = 1 / depth.clamp(*DEPTH_PRO_INVERSE)
        if self._geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
            depth = depth.clamp(min=LEAST_DEPTH_M)
        return depth


def _canonical_factor(output: Any) -> Any:
    """Depth Pro gives canonical inverse depth C; 1/depth = C width / focal_px, focal from the field of view.

    width / focal_px = 2 tan(fov / 2), whatever the width. Without its field-of-view model the factor is
    unknown, and the result is depth up to scale.
    """
    degrees = getattr(output, "field_of_view", None)
    if degrees is None:
        return 1.0
    return 2 * torch.tan(0.5 * torch.deg2rad(degrees.float())).reshape(-1, 1, 1)


def open_transformers(
    model: str,
    *,
    revision: str = "",
    input_size: int | None = None,
    geometry: Geometry | None = None,
    batch_size: int = 4,
    device: str = "auto",
) -> TransformersTeacher:
    """Open a depth model by hub id or local folder.

    Args:
        model: `depth-anything/Depth-Anything-V2-Small-hf`, or a folder that `save_pretrained` wrote.
        revision: branch, tag or commit of a hub id; empty for the newest.
        input_size: pixels of the short side at the network's input; None for the model's own.
        geometry: what the map means, where the family does not tell; given, it wins.

    Raises:
        TeacherError: naming the model and the way out.
    """
    torch_device = open_device(device)
    folder = model_folder(model, revision)
    config_tree = _read_config(folder)
    weights = weights_sha256(folder)
    with _quiet_library():
        config = _load_config(folder, model)
        # What can be refused from the config alone is refused before gigabytes are loaded.
        family = family_of(config, read_processor(folder), input_size)
        meaning = geometry or family.geometry
        if meaning is None:
            geometries = ", ".join(Geometry)
            raise TeacherError(
                f"{model}: what its values mean must be said, as geometry=... ({geometries}): {family.ask}"
            )
        network, missing = _load_network(folder, config, model)
    identity = {
        "model_type": config.model_type,
        "config": hashlib.sha256(json.dumps(config_tree, sort_keys=True).encode()).hexdigest(),
        "weights": weights,
    }
    teacher = TransformersTeacher(
        network.to(torch_device).eval(),
        family,
        meaning,
        name=model,
        identity=identity,
        batch_size=batch_size,
        device=torch_device,
    )
    if missing:
        _refuse_random_weights(teacher, network, missing, model)
    return teacher


def model_folder(model: str, revision: str = "") -> Path:
    """The local folder of a model: itself, or the hub's cached snapshot, fetched when needed.

    Raises:
        TeacherError: for a folder that does not exist, or an id that the hub does not give.
    """
    local = Path(model).expanduser()
    if local.is_dir():
        return local
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", model):
        raise TeacherError(
            f"teacher model '{model}': no such folder, and not a hub id (owner/name)"
        )
    from huggingface_hub import snapshot_download

    try:
        snapshot = snapshot_download(
            model, revision=revision or None, allow_patterns=list(HUB_FILES)
        )
    except Exception as error:  # the hub client has no common root for what can go wrong
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TeacherError(
            f"teacher model '{model}': neither a folder here nor given by the model hub ({reason}). "
            "Without a network, copy the model's config.json, preprocessor_config.json and "
            "model.safetensors into a folder and pass its path instead of the id"
        ) from None
    return Path(snapshot)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.exists():
        raise TeacherError(f"{path}: missing; a model folder holds config.json")
    try:
        tree = read_json(path)
    except DataError as error:
        raise TeacherError(str(error)) from None
    if not isinstance(tree.get("model_type"), str):
        raise TeacherError(f"{path}: has no model_type; not a transformers model")
    return {key: value for key, value in tree.items() if key not in _NOT_IDENTITY}


def _load_config(folder: Path, model: str) -> Any:
    from transformers import MODEL_FOR_DEPTH_ESTIMATION_MAPPING, AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        supported = type(config) in MODEL_FOR_DEPTH_ESTIMATION_MAPPING
    except Exception as error:  # a third party's loader over foreign files: anything may come
        raise _cannot_load(model, error) from error
    if not supported:
        raise TeacherError(
            f"{model}: is a {config.model_type}, which gives no depth maps in this version of transformers"
        )
    if config.model_type in REFUSED:
        raise TeacherError(f"{model}: is a {config.model_type}: {REFUSED[config.model_type]}")
    return config


def _load_network(folder: Path, config: Any, model: str) -> tuple[torch.nn.Module, list[str]]:
    """The network, and the names of weights that the files do not hold."""
    from transformers import AutoModelForDepthEstimation

    try:
        network, report = AutoModelForDepthEstimation.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    except Exception as error:
        raise _cannot_load(model, error) from error
    return network, sorted(report["missing_keys"])


def _cannot_load(model: str, error: Exception) -> TeacherError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return TeacherError(f"{model}: cannot be loaded as a depth model: {reason}")


def _refuse_random_weights(
    teacher: TransformersTeacher, network: torch.nn.Module, missing: list[str], model: str
) -> None:
    """Weights that the files lack were drawn at random. Harmless if unused (DPT's first fusion block is),
    ruinous if not: they are set to NaN, and a map that stays finite does not depend on them."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    lacking = [tensors[name] for name in missing if name in tensors]
    with torch.no_grad():
        for tensor in lacking:
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
    probe = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        depends = not bool(torch.isfinite(teacher._predict(probe.to(teacher._device))).all())
    if depends:
        listed = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        raise TeacherError(
            f"{model}: its files lack {len(missing)} weights that the depth map needs ({listed}); "
            "they belong to another architecture, or to an encoder without its depth head"
        )
    with torch.no_grad():
        for tensor in lacking:
            if tensor.is_floating_point():
                tensor.zero_()


@contextmanager
def _quiet_library() -> Iterator[None]:
    """No progress bar and no loading report: what matters in it is raised as our own error."""
    from transformers.utils import logging as library_logging

    verbosity = library_logging.get_verbosity()
    had_bar = library_logging.is_progress_bar_enabled()
    library_logging.set_verbosity_error()
    if had_bar:
        library_logging.disable_progress_bar()
    try:
        yield
    finally:
        library_logging.set_verbosity(verbosity)
        if had_bar:
            library_logging.enable_progress_bar()
