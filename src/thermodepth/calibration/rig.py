"""This project's own JSON: the facts of a rig, plainly.

    {"pixel_centre": 0.5, "axes": "right, down, ahead",
     "thermal": {"width": 640, "height": 256, "intrinsics": [[f 0 cx] [0 f cy] [0 0 1]],
                 "body_from_camera": [4 4] metres,
                 "distortion": {"model": "radtan", "coefficients": [...]}},
     "rgb": {...}}

`body_from_camera` moves points from the camera's axes to those of the body that carries all of them. Size and
distortion may be missing; any entry with intrinsics is a camera. `pixel_centre` 0 is OpenCV's convention.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from thermodepth.calibration.content import Content
from thermodepth.calibration.keys import unread_keys
from thermodepth.calibration.numbers import intrinsics, numbers, pixels, rigid
from thermodepth.calibration.types import RGB, THERMAL, Calibration, Camera, Distortion, inverse
from thermodepth.errors import DataError

AXES = "right, down, ahead"
KEYS = ("pixel_centre", "axes", THERMAL, RGB)
CAMERA_KEYS = ("width", "height", "intrinsics", "body_from_camera", "distortion")


def recognises(content: Content) -> bool:
    """JSON with a camera `thermal` or `rgb`, but not a rendered pack's header, whose thermal camera is
    described elsewhere."""
    return (
        content.is_json
        and "format_version" not in content.tree
        and any(_is_camera(content.tree.get(name)) for name in (THERMAL, RGB))
    )


def read(content: Content, roles: Mapping[str, str]) -> Calibration:
    """All cameras of the file under the names they have there.

    Raises:
        DataError: naming the camera and what is missing or broken.
    """
    del roles  # the keys name the cameras
    facts = content.tree
    centre = facts.get("pixel_centre", 0.5)
    if isinstance(centre, bool) or centre not in (0, 0.5):
        raise DataError(f"{content.name}: pixel_centre: expected 0.5, or 0 for OpenCV's pixels")
    if facts.get("axes", AXES) != AXES:
        raise DataError(f"{content.name}: axes: expected '{AXES}'")
    cameras, from_body = {}, {}
    doubts = list(unread_keys([n for n in facts if not _is_camera(facts[n])], recognised=KEYS))
    for name, about in facts.items():
        if not _is_camera(about):
            continue
        if not re.fullmatch(r"[\w.-]{1,40}", name):
            raise DataError(
                f"{content.name}: camera {name[:40]!r}: expected letters, digits and _ . -"
            )
        where = f"{content.name}: {name}"
        width, height = (
            pixels(about[side], f"{where}: {side}") if side in about else None
            for side in ("width", "height")
        )
        cameras[name] = Camera(
            name=name,
            width=width,
            height=height,
            intrinsics=intrinsics(
                about["intrinsics"], f"{where}: intrinsics", first_pixel=float(centre)
            ),
            distortion=_distortion(about.get("distortion"), where),
        )
        if "body_from_camera" in about:
            body_from_camera = rigid(about["body_from_camera"], f"{where}: body_from_camera")
            from_body[name] = inverse(body_from_camera)
        doubts += unread_keys(about, recognised=CAMERA_KEYS, where=name)
    return Calibration(
        cameras=cameras,
        from_reference=from_body,
        source=content.name,
        doubts=tuple(doubts),
    )


def _is_camera(about: Any) -> bool:
    return isinstance(about, dict) and "intrinsics" in about


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w.-]{1,40}", value):
        raise DataError(f"{where}: distortion: model: expected a word such as radtan")
    return value


def _distortion(about: Any, where: str) -> Distortion | None:
    if about is None:
        return None
    if not isinstance(about, dict) or not {"model", "coefficients"} <= set(about):
        raise DataError(f"{where}: distortion: expected model and coefficients")
    coefficients = numbers(about["coefficients"], f"{where}: distortion: coefficients")
    return Distortion(model=_word(about["model"], where), coefficients=tuple(coefficients))
