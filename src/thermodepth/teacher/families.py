"""What the depth models of transformers expect and give: one row a family.

Geometry and sign, checked in the models' code (transformers 5.23) and with their authors:

    family              gives                                       larger is
    depth_anything      relative: inverse depth; metric: metres     nearer; farther
    dpt                 MiDaS weights: inverse depth                nearer
    dpt on dinov2       trained on NYU or KITTI distances: ask      farther, probably
    glpn, zoedepth      metres                                      farther
    tipsv2_dpt          metres                                      farther
    depth_pro           canonical inverse depth, with a field of view it becomes metres

What else the library calls depth estimation is refused with the reason (`REFUSED`), or unknown here and must
be told its geometry.

The library's own image processors are not used: they scale "as little as possible", which shrinks a wide
thermal frame (640x256 to 518x210 for Depth Anything), and some need torchvision. Here the target is a
lower bound for both sides and the aspect stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thermodepth.errors import DataError, TeacherError
from thermodepth.files import read_json
from thermodepth.teacher.preparation import NORMALISATIONS, Preparation, Triple
from thermodepth.teacher.rgb import multiple_at_least
from thermodepth.types import Geometry

_IMAGENET, _HALF, _NONE = (NORMALISATIONS[name] for name in ("imagenet", "half", "none"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is known of a model before its weights are loaded."""

    preparation: Preparation
    geometry: Geometry | None  # None: only the person at the keyboard can know
    ask: str = ""  # why, when it is None
    one_by_one: bool = False  # the model mixes the images of a batch


def _depth_anything(config: Any) -> Family:
    relative = getattr(config, "depth_estimation_type", "relative") == "relative"
    mean, std = _IMAGENET
    patch = _first(getattr(config, "patch_size", None), 14)
    size = multiple_at_least(518, 518, patch)
    return Family(
        preparation=Preparation(
            fit="lower_bound", height=size, width=size, multiple=patch, mean=mean, std=std
        ),
        geometry=Geometry.AFFINE_INVERSE if relative else Geometry.METRIC_DEPTH,
    )


def _dpt(config: Any) -> Family:
    backbone = getattr(config, "backbone_config", None)
    mean, std = _HALF
    if backbone is None or getattr(config, "is_hybrid", False):
        # Its tokens are folded back into a square, so that other shapes fail or come out scrambled.
        side = _first(getattr(config, "image_size", None), 384)
        square = Preparation(
            fit="exact", height=side, width=side, multiple=side, mean=mean, std=std
        )
        return Family(preparation=square, geometry=Geometry.AFFINE_INVERSE)
    patch = _first(getattr(backbone, "patch_size", None), 16)
    multiple = patch if 32 % patch else 32
    wide = Preparation(
        fit="lower_bound", height=384, width=384, multiple=multiple, mean=mean, std=std
    )
    if getattr(backbone, "model_type", "").startswith("dinov2"):
        mean, std = _IMAGENET
        return Family(
            preparation=replace(wide, mean=mean, std=std),
            geometry=None,
            ask="DPT heads on DINOv2 were published for distances on NYU and KITTI, where larger is "
            "farther (geometry metric_depth), unlike all other DPT models",
        )
    return Family(preparation=wide, geometry=Geometry.AFFINE_INVERSE)


def _glpn(_config: Any) -> Family:
    mean, std = _NONE
    native = Preparation(
        fit="native", height=0, width=0, multiple=32, mean=mean, std=std, mode="bilinear"
    )
    return Family(preparation=native, geometry=Geometry.METRIC_DEPTH)


def _zoedepth(config: Any) -> Family:
    mean, std = _HALF
    padded = Preparation(
        fit="lower_bound",
        height=384,
        width=512,
        multiple=32,
        mean=mean,
        std=std,
        mode="bilinear",
        align_corners=True,
        antialias=False,
        reflect=True,
    )
    # With several heads the images of a batch vote together on indoor or outdoor.
    heads = len(getattr(config, "bin_configurations", None) or [None])
    return Family(preparation=padded, geometry=Geometry.METRIC_DEPTH, one_by_one=heads > 1)


def _depth_pro(config: Any) -> Family:
    mean, std = _HALF
    side = round(config.patch_size / min(config.scaled_images_ratios))
    square = Preparation(
        fit="exact",
        height=side,
        width=side,
        multiple=side,
        mean=mean,
        std=std,
        mode="bilinear",
        antialias=False,
    )
    metric = bool(getattr(config, "use_fov_model", False))
    return Family(
        preparation=square,
        geometry=Geometry.METRIC_DEPTH if metric else Geometry.SCALE_DEPTH,
    )


def _tipsv2_dpt(config: Any) -> Family:
    mean, std = _NONE
    patch = _first(getattr(config.backbone_config, "patch_size", None), 14)
    size = multiple_at_least(448, 448, patch)
    wide = Preparation(
        fit="lower_bound",
        height=size,
        width=size,
        multiple=patch,
        mean=mean,
        std=std,
        mode="bilinear",
    )
    return Family(preparation=wide, geometry=Geometry.METRIC_DEPTH)


FAMILIES: dict[str, Callable[[Any], Family]] = {
    "depth_anything": _depth_anything,
    "dpt": _dpt,
    "glpn": _glpn,
    "zoedepth": _zoedepth,
    "depth_pro": _depth_pro,
    "tipsv2_dpt": _tipsv2_dpt,
}

#: Model types that the library lists under depth estimation and that cannot teach, with the reason.
REFUSED: dict[str, str] = {
    "chmv2": "it gives the height of trees above the ground in pictures from above, not distance",
    "prompt_depth_anything": "it completes a depth map that is given with each image, which a teacher does "
    "not have; what it gives without one is neither trained nor documented. Take depth_anything",
}


def _other(config: Any) -> Family:
    mean, std = _HALF
    patch = _first(getattr(config, "patch_size", None), 32)
    multiple = patch if 32 % patch else 32
    size = multiple_at_least(384, 384, multiple)
    return Family(
        preparation=Preparation(
            fit="lower_bound", height=size, width=size, multiple=multiple, mean=mean, std=std
        ),
        geometry=None,
        ask=f"nothing is known here of the model type '{getattr(config, 'model_type', '?')}'",
    )


class ProcessorFile(BaseModel):
    """The part of a model's `preprocessor_config.json` that this package takes over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    do_normalize: bool | None = None
    do_rescale: bool | None = None
    image_mean: Triple | None = None
    image_std: Triple | None = None
    size: int | dict[str, int | None] | None = None
    rescale_factor: float = Field(default=1 / 255, gt=0)


def read_processor(folder: Path) -> ProcessorFile | None:
    """The processor file of a model folder, or None where there is none.

    Raises:
        TeacherError: naming the file and what is wrong in it.
    """
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return None
    try:
        processor = ProcessorFile.model_validate(read_json(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise TeacherError(f"{path}: {where}: {problem['msg']}") from None
    except DataError as error:
        raise TeacherError(str(error)) from None
    if processor.image_std is not None and min(processor.image_std) <= 0:
        raise TeacherError(f"{path}: image_std {processor.image_std}, expected numbers above 0")
    return processor


def family_of(config: Any, processor: ProcessorFile | None, input_size: int | None) -> Family:
    """The family of a model's config, with its processor file and the wanted size worked in.

    Args:
        config: the model's transformers config.
        processor: its `preprocessor_config.json`, which wins over the family's normalisation and size.
        input_size: pixels of the short side at the network's input; None for the model's own.

    Raises:
        TeacherError: for a size that this model cannot take.
    """
    family = FAMILIES.get(config.model_type, _other)(config)
    preparation = family.preparation
    if processor is not None:
        preparation = _with_processor(preparation, processor)
    if input_size is not None:
        preparation = _with_size(preparation, input_size, config)
    return replace(family, preparation=preparation)


def _with_processor(preparation: Preparation, processor: ProcessorFile) -> Preparation:
    mean = processor.image_mean or preparation.mean
    std = processor.image_std or preparation.std
    if processor.do_normalize is False:
        mean, std = _NONE
    # Ours is an image in [0, 1]; a factor f means 255 f times that, no rescaling 255 times: folded in.
    gain = 255.0 if processor.do_rescale is False else processor.rescale_factor * 255
    if abs(gain - 1) > 1e-3:
        mean = (mean[0] / gain, mean[1] / gain, mean[2] / gain)
        std = (std[0] / gain, std[1] / gain, std[2] / gain)
    preparation = replace(preparation, mean=mean, std=std)
    size = processor.size
    if preparation.fit != "lower_bound" or size is None:
        return preparation
    if isinstance(size, int):
        size = {"height": size, "width": size}
    either = size.get("shortest_edge")
    height, width = size.get("height") or either, size.get("width") or either
    if height is None or width is None or not (0 < height <= 4096 and 0 < width <= 4096):
        return preparation
    return replace(preparation, height=height, width=width)


def _with_size(preparation: Preparation, side: int, config: Any) -> Preparation:
    if config.model_type == "depth_pro" and side != preparation.height:
        raise TeacherError(
            f"input_size {side}: a depth_pro model takes {preparation.height}x{preparation.width} "
            "only, because it cuts the image into fixed patches; leave input_size out"
        )
    if preparation.fit == "exact":
        patch = _first(getattr(config, "patch_size", None), 32)
        rounded = multiple_at_least(side, side, patch)
        return replace(preparation, height=rounded, width=rounded, multiple=rounded)
    return replace(preparation, fit="lower_bound", height=side, width=side)


def _first(value: Any, default: int) -> int:
    """Configs give a side as a number, as a pair, or not at all."""
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return default if value is None else int(value)
