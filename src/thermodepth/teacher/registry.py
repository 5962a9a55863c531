"""TEACHERS: one row a kind of teacher, and the settings that choose one.

A new kind is a file that opens it and a row here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from thermodepth.config import Settings
from thermodepth.errors import TeacherError, unknown
from thermodepth.extensions.registry import Registry
from thermodepth.teacher.interface import Teacher
from thermodepth.teacher.transfer import TransferSettings
from thermodepth.types import Geometry

if TYPE_CHECKING:
    from thermodepth.teacher.rgb_small import NetworkLoader

#: Where the weights of built-in teachers travel in the package.
ASSETS = Path(__file__).resolve().parent.parent / "assets"


class TeacherRuntime(Settings):
    """Where and how fast labels are made; never what they are."""

    not_identity: ClassVar[bool] = True

    batch_size: int = Field(default=4, ge=1, le=1024)
    device: str = "auto"
    #: `onnx`: what the graph may take; None for 8 GB and three times the file, at most three quarters of the
    #: machine's memory.
    memory_gb: float | None = Field(default=None, ge=0.1, le=4096)
    #: `onnx`: how long the graph may take for each image of a call.
    seconds_per_image: float = Field(default=120.0, gt=0, le=86_400)


class TeacherSettings(Settings):
    """Which teacher makes the labels, and at which working size."""

    later: ClassVar[frozenset[str]] = frozenset({"field_of_view_deg"})

    #: A name of TEACHERS.
    kind: str = "rgb-small"
    #: For `transformers` a hub id or a local folder; for `onnx` a file; for `maps` a folder; for `rgb-small`
    #: another weights folder, or empty.
    model: str = ""
    #: Branch, tag or commit of a hub id; empty for the newest.
    revision: str = ""
    #: Pixels of the short side at the network's input; None for the teacher's own.
    input_size: int | None = Field(default=None, ge=32, le=4096)
    #: What the values of the map mean, for models whose family does not tell; `maps` always needs it.
    geometry: Geometry | None = None
    #: `onnx`: (x - mean) / deviation of which images, or `byte` for 0 to 255; None for what the graph's first
    #: nodes tell, else imagenet.
    normalise: Literal["imagenet", "half", "none", "byte"] | None = None
    #: `onnx`, where sides are free: they become multiples of this; None for 14.
    multiple: int | None = Field(default=None, ge=1, le=256)
    #: `maps`: stored values times this are what `geometry` says, such as 0.001 for millimetres; None for 1.
    map_scale: float | None = Field(default=None, gt=0)
    #: `maps`: what besides NaN means no value; None for nothing.
    map_none: Literal["nan", "zero"] | None = None
    #: Teachers that give metres and are told no lens: the field of view across of the one that they hold for;
    #: they are then brought to each picture's own. None: metres are taken as they are.
    field_of_view_deg: float | None = Field(default=None, gt=1, lt=170)
    #: Where RGB has a view of its own: how maps are moved into the thermal one, and what is trusted.
    transfer: TransferSettings = TransferSettings()
    runtime: TeacherRuntime = TeacherRuntime()

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind not in TEACHERS:
            raise ValueError(unknown("teacher", kind, TEACHERS))
        return kind

    @model_validator(mode="after")
    def _model_named(self) -> Self:
        needed = {
            "transformers": "a hub id or a local folder",
            "onnx": "an .onnx file",
            "maps": "a folder of ready maps",
        }
        if self.kind in needed and not self.model:
            raise ValueError(f"a teacher of kind {self.kind} needs model: {needed[self.kind]}")
        if self.kind == "maps" and self.geometry is None:
            raise ValueError(
                f"ready maps do not say what they mean: geometry must ({', '.join(Geometry)})"
            )
        return self


#: Settings that some kinds read and others do not.
_KIND_SPECIFIC = (
    "model",
    "revision",
    "input_size",
    "geometry",
    "normalise",
    "multiple",
    "map_scale",
    "map_none",
)

OpenTeacher = Callable[[TeacherSettings, "NetworkLoader | None"], Teacher]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherRow:
    """How a kind of teacher is named, and how it is opened."""

    name: str
    summary: str
    open: OpenTeacher
    # settings that have an effect, besides `kind`, `transfer` and `runtime`
    reads: frozenset[str] = frozenset()
    reads_rgb: bool = True  # its maps lie on the RGB camera's grid
    looks: bool = False  # its maps are made of the picture: two pictures must give two maps


def _open_built_in(settings: TeacherSettings, network_loader: NetworkLoader | None) -> Teacher:
    from thermodepth.teacher.rgb_small import open_rgb_small

    if network_loader is None:
        raise TeacherError(
            f"the teacher '{settings.kind}' needs its network: call open_teacher(..., network_loader=...)"
        )
    has_own_folder = settings.model and settings.kind == "rgb-small"
    return open_rgb_small(
        Path(settings.model).expanduser() if has_own_folder else ASSETS / settings.kind,
        network_loader,
        name=settings.kind,
        working_size=settings.input_size,
        batch_size=settings.runtime.batch_size,
        device=settings.runtime.device,
    )


def _open_transformers(settings: TeacherSettings, _loader: NetworkLoader | None) -> Teacher:
    from thermodepth.teacher.transformers_depth import open_transformers

    return open_transformers(
        settings.model,
        revision=settings.revision,
        input_size=settings.input_size,
        geometry=settings.geometry,
        batch_size=settings.runtime.batch_size,
        device=settings.runtime.device,
    )


def _open_onnx(settings: TeacherSettings, _loader: NetworkLoader | None) -> Teacher:
    from thermodepth.teacher.onnx_depth import open_onnx

    return open_onnx(
        settings.model,
        geometry=settings.geometry,
        input_size=settings.input_size,
        normalise=settings.normalise,
        multiple=settings.multiple,
        batch_size=settings.runtime.batch_size,
        device=settings.runtime.device,
        memory_gb=settings.runtime.memory_gb,
        seconds_per_image=settings.runtime.seconds_per_image,
    )


def _open_maps(settings: TeacherSettings, _loader: NetworkLoader | None) -> Teacher:
    from thermodepth.teacher.maps_folder import open_maps

    return open_maps(
        settings.model,
        settings.geometry,
        scale=settings.map_scale,
        none=settings.map_none,
    )


def _open_truth(_settings: TeacherSettings, _loader: NetworkLoader | None) -> Teacher:
    from thermodepth.teacher.truth import TruthTeacher

    return TruthTeacher()


TEACHERS: Registry[TeacherRow] = Registry(
    "teacher",
    TeacherRow,
    (
        TeacherRow(
            name="rgb-small",
            summary="the built-in RGB network, trained on rendered scenes; no download",
            open=_open_built_in,
            reads=frozenset({"model", "input_size"}),
            looks=True,
        ),
        TeacherRow(
            name="rgb-any",
            summary="a larger one that started from photographs, trained on scenes by many cameras",
            open=_open_built_in,
            reads=frozenset({"input_size"}),
            looks=True,
        ),
        TeacherRow(
            name="transformers",
            summary="a depth model of the transformers library, by hub id or local folder",
            open=_open_transformers,
            reads=frozenset({"model", "revision", "input_size", "geometry"}),
            looks=True,
        ),
        TeacherRow(
            name="onnx",
            summary="a depth model in an ONNX file, run by ONNX Runtime",
            open=_open_onnx,
            reads=frozenset({"model", "input_size", "geometry", "normalise", "multiple"}),
            looks=True,
        ),
        TeacherRow(
            name="maps",
            summary="ready maps in a folder, one file a frame, made by any program",
            open=_open_maps,
            reads=frozenset({"model", "geometry", "map_scale", "map_none"}),
        ),
        TeacherRow(
            name="truth",
            summary="the ground-truth depth itself: the ceiling of what a teacher can teach",
            open=_open_truth,
            reads_rgb=False,
        ),
    ),
)


def open_teacher(
    settings: TeacherSettings, *, network_loader: NetworkLoader | None = None
) -> Teacher:
    """Open the teacher that the settings name.

    Args:
        settings: which one, and how.
        network_loader: gives the built-in teacher's network for its weights folder.

    Raises:
        TeacherError: when it cannot be opened; the message says how it can.
    """
    row = TEACHERS[settings.kind]
    for name in _KIND_SPECIFIC:
        if getattr(settings, name) not in ("", None) and name not in row.reads:
            warnings.warn(f"teacher '{row.name}': {name} has no effect on it", stacklevel=2)
    return row.open(settings, network_loader)
