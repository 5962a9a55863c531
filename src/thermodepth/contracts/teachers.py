"""What every kind of teacher promises."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.contracts.contract import Contract, require
from thermodepth.errors import TeacherError
from thermodepth.teacher import (
    Teacher,
    TeacherSettings,
    open_store,
    open_teacher,
    to_affine_inverse,
)
from thermodepth.teacher.registry import TeacherRow
from thermodepth.types import Geometry, Sample, ThermalUnit

if TYPE_CHECKING:
    from thermodepth.teacher.rgb_small import NetworkLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherCase:
    """A kind, and settings under which it opens."""

    row: TeacherRow
    settings: TeacherSettings
    network_loader: NetworkLoader | None = None  # of built-in networks

    def teacher(self, **edits: Any) -> Teacher:
        """The teacher, with these edits of its settings."""
        dotted = {path.replace("__", "."): value for path, value in edits.items()}
        return open_teacher(self.settings.edit(dotted), network_loader=self.network_loader)


def sample_of(
    sample_id: str, seed: int, size: tuple[int, int] = (48, 80), **changes: Any
) -> Sample:
    """A frame of noise with a depth of 1 to 60 m and a row without."""
    generator = np.random.default_rng(seed)
    depth_m = generator.uniform(1, 60, size).astype(np.float32)
    depth_m[0] = np.nan
    fields: dict[str, Any] = {
        "sample_id": sample_id,
        "thermal": np.zeros(size, np.uint16),
        "thermal_unit": ThermalUnit.COUNTS,
        "intrinsics": np.eye(3, dtype=np.float32),
        "rgb": generator.integers(0, 256, (*size, 3), dtype=np.uint8),
        "depth_m": depth_m,
    }
    return Sample(**{**fields, **changes})


def describes_itself(case: TeacherCase) -> None:
    """It says its geometry, what it is in a line, and a fingerprint that begins with its kind."""
    require(
        10 < len(case.row.summary) < 110,
        f"summary = {case.row.summary!r}, expected 11 to 109 letters",
    )
    teacher = case.teacher()
    require(isinstance(teacher, Teacher), f"{type(teacher).__name__} lacks a part of `Teacher`")
    require(isinstance(teacher.geometry, Geometry), f"geometry = {teacher.geometry!r}")
    require(teacher.description, "its description is empty")
    mark = teacher.fingerprint()
    require(
        mark.startswith(f"{case.row.name}-"), f"fingerprint {mark!r}, expected {case.row.name}-..."
    )


def maps_have_the_frames_size(case: TeacherCase) -> None:
    """Each map is float32 of its frame's size and has a label in it; no frames give no maps."""
    teacher = case.teacher()
    samples = [sample_of("a", 0), sample_of("b", 1, (64, 48)), sample_of("c", 2)]
    maps = teacher.label(samples)
    require(len(maps) == len(samples), f"{len(maps)} maps for {len(samples)} frames")
    for sample, values in zip(samples, maps, strict=True):
        require(
            values.shape == sample.size, f"{list(values.shape)} for a frame of {list(sample.size)}"
        )
        require(values.dtype == np.float32, f"{values.dtype}, expected float32")
        label = to_affine_inverse(values, teacher.geometry)
        require(np.isfinite(label).any(), "a map without a single label")
        require(not np.isinf(label).any(), "a label that is infinite")
    require(teacher.label([]) == [], "maps for no frames")


def batching_and_order_change_nothing(case: TeacherCase) -> None:
    """A frame has the same map alone, among others and in any order."""
    teacher = case.teacher()
    samples = [sample_of(str(i), i, (48, 80) if i % 2 else (64, 64)) for i in range(5)]
    together = teacher.label(samples)
    backwards = teacher.label(samples[::-1])[::-1]
    for sample, values, other in zip(samples, together, backwards, strict=True):
        for again, how in ((teacher.label([sample])[0], "alone"), (other, "in another order")):
            same = np.allclose(again, values, rtol=1e-4, atol=1e-4, equal_nan=True)
            require(same, f"frame {sample.sample_id} has another map {how}")


def frames_are_left_alone(case: TeacherCase) -> None:
    """The frame is not written to, and writing into the map does not reach it."""
    sample = sample_of("a", 0)
    assert sample.rgb is not None
    assert sample.depth_m is not None
    rgb, depth_m = sample.rgb.copy(), sample.depth_m.copy()
    (values,) = case.teacher().label([sample])
    values[:] = 0
    same = np.array_equal(sample.rgb, rgb)
    same &= np.array_equal(sample.depth_m, depth_m, equal_nan=True)
    require(same, "RGB or depth of the frame are other values afterwards")


def frames_without_what_it_reads_are_named(case: TeacherCase) -> None:
    """A frame that lacks the RGB it reads is a TeacherError with the frame's name."""
    try:
        case.teacher().label([sample_of("seven", 0, rgb=None, depth_m=None)])
    except TeacherError as error:
        require("seven" in str(error), f"does not name the frame: {error}")
        return
    require(
        False, "labels a frame without RGB or depth; a kind that reads no RGB says reads_rgb=False"
    )


def fingerprint_ignores_how_it_is_run(case: TeacherCase) -> None:
    """The size of its batches is no part of its fingerprint."""
    one, other = case.teacher(), case.teacher(runtime__batch_size=7)
    require(one.fingerprint() == other.fingerprint(), "another fingerprint with another batch size")


def labels_go_through_a_store(case: TeacherCase) -> None:
    """What a store gives back is the map, within the store's rounding."""
    teacher = case.teacher()
    samples = [sample_of(f"drive/{i}", i) for i in range(3)]
    with tempfile.TemporaryDirectory() as name:
        store = open_store(Path(name), teacher, "data-1")
        require(store.fill(teacher, samples, batch_size=2) == 3, "not every label was stored")
        for sample, values in zip(samples, teacher.label(samples), strict=True):
            direct = to_affine_inverse(values, teacher.geometry)
            spread = np.nanmax(direct) - np.nanmin(direct)
            off = np.nanmax(np.abs(store.label(sample.sample_id) - direct))
            require(
                off <= 1e-4 * spread, f"{sample.sample_id}: off by {off} of a spread of {spread}"
            )


TEACHER_CONTRACTS: tuple[Contract[TeacherCase], ...] = (
    Contract(describes_itself),
    Contract(maps_have_the_frames_size),
    Contract(batching_and_order_change_nothing),
    Contract(frames_are_left_alone),
    Contract(frames_without_what_it_reads_are_named, lambda case: case.row.reads_rgb),
    Contract(fingerprint_ignores_how_it_is_run),
    Contract(labels_go_through_a_store),
)
