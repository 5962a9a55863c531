"""Kalibr's camera chain (`camchain.yaml`): cam0, cam1, ... each tied to the one before.

`X_cn = T_cn_cnm1 X_c(n-1)` in metres. A chain with an inertial unit may tie each camera to the unit only, as
`X_cn = T_cam_imu X_imu`, from which the links follow. Intrinsics [fu fv pu pv] count from the centre of the
first pixel.
Source: Kalibr's wiki, "yaml formats". Which camera is thermal is read from `label` or `rostopic`, or told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.calibration.content import Content
from thermodepth.calibration.keys import unread_keys
from thermodepth.calibration.numbers import intrinsics, numbers, pixels, rigid
from thermodepth.calibration.projection import angle_deg
from thermodepth.calibration.roles import assign_roles, notes_on
from thermodepth.calibration.types import Calibration, Camera, Distortion, inverse
from thermodepth.errors import DataError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Of one camera.
KEYS = (
    "camera_model",
    "intrinsics",
    "resolution",
    "distortion_model",
    "distortion_coeffs",
    "T_cn_cnm1",
    "T_cam_imu",
    "label",
    "rostopic",
)
HARMLESS_KEYS = ("cam_overlaps", "timeshift_cam_imu")
#: Two ways to one link may differ by the rounding of a file and the noise of two calibrations.
SAME_PLACE_M, SAME_TURN_DEG = 0.005, 0.5
#: distortion_model -> how many coefficients it has
DISTORTIONS = {"radtan": 4, "equidistant": 4, "fov": 1, "none": 0}


def recognises(content: Content) -> bool:
    """Has it a `cam0:` at the left margin?"""
    return (
        not content.is_json and re.search(rb"^cam0[ \t]*:", content.raw, re.MULTILINE) is not None
    )


def read(content: Content, roles: Mapping[str, str]) -> Calibration:
    """The cameras of the chain under their roles.

    Raises:
        DataError: naming the camera and what is missing or broken; when no camera, or several, may be
            the thermal one and `roles` does not say.
    """
    chain = content.tree
    names = [name for name in chain if re.fullmatch("cam[0-9]{1,2}", name)]
    if names != [f"cam{position}" for position in range(len(names))] or not names:
        raise DataError(
            f"{content.name}: cameras {', '.join(names)}; expected cam0, cam1, ... in order"
        )
    for name in names:
        if not isinstance(chain[name], dict):
            raise DataError(f"{content.name}: {name}: expected intrinsics, resolution and so on")
    labels = {
        n: " ".join(str(chain[n].get(k, ""))[:200] for k in ("label", "rostopic")) for n in names
    }
    labels = {n: text.strip() for n, text in labels.items()}
    our_names = assign_roles(labels, roles, content.name)
    cameras, from_first = {}, {}
    notes: list[str] = []
    doubts = list(unread_keys(chain, recognised=names))
    pose = np.eye(4)
    for position, name in enumerate(names):
        where = f"{content.name}: {name}"
        if position:
            pose = _link(chain, names[position - 1], name, content.name, notes, doubts) @ pose
        cameras[our_names[name]] = _camera(our_names[name], chain[name], where)
        from_first[our_names[name]] = pose
        doubts += unread_keys(chain[name], recognised=KEYS, harmless=HARMLESS_KEYS, where=name)
    return Calibration(
        cameras=cameras,
        from_reference=from_first,
        source=content.name,
        notes=(*notes_on(labels, roles), *notes),
        doubts=tuple(doubts),
    )


def _link(
    chain: Mapping[str, Any],
    before: str,
    name: str,
    source: str,
    notes: list[str],
    doubts: list[str],
) -> NDArray[np.float64]:
    """`[4 4]` metres from the camera before to this one: as given, or by way of the inertial unit.

    Adds to `notes` where it was derived, and to `doubts` where both are given and disagree.
    """
    where = f"{source}: {name}"
    direct = chain[name].get("T_cn_cnm1")
    from_unit = [chain[camera].get("T_cam_imu") for camera in (before, name)]
    if direct is None and any(matrix is None for matrix in from_unit):
        raise DataError(
            f"{where}: no 'T_cn_cnm1', nor 'T_cam_imu' of both {before} and {name}, from which it follows"
        )
    link = None if direct is None else rigid(direct, f"{where}: T_cn_cnm1")
    if any(matrix is None for matrix in from_unit):
        assert link is not None, "one of the two is there"
        return link
    first, second = (
        rigid(matrix, f"{source}: {camera}: T_cam_imu")
        for camera, matrix in zip((before, name), from_unit, strict=True)
    )
    derived = second @ inverse(first)
    if link is None:
        notes.append(f"{name} is tied to {before} by way of the inertial unit (T_cam_imu of both)")
        return derived
    apart = link @ inverse(derived)
    off_m = float(np.linalg.norm(link[:3, 3] - derived[:3, 3]))
    if off_m > SAME_PLACE_M or angle_deg(apart) > SAME_TURN_DEG:
        doubts.append(
            f"{name}: T_cn_cnm1, which is taken, and T_cam_imu of both cameras disagree by {off_m:.3f} m and "
            f"{angle_deg(apart):.1f} degrees"
        )
    return link


def _camera(name: str, facts: Mapping[str, Any], where: str) -> Camera:
    model = facts.get("camera_model", "pinhole")
    if model != "pinhole":
        raise DataError(f"{where}: camera_model {str(model)[:40]!r}; only pinhole cameras are read")
    four = numbers(_get(facts, "intrinsics", where), f"{where}: intrinsics")
    if len(four) != 4:
        raise DataError(f"{where}: intrinsics: {len(four)} numbers, expected fu, fv, pu, pv")
    fu, fv, pu, pv = four
    size = facts.get("resolution")
    if size is not None and (not isinstance(size, list) or len(size) != 2):
        raise DataError(f"{where}: resolution: expected [width, height]")
    width, height = (
        (pixels(side, f"{where}: resolution") for side in size) if size else (None, None)
    )
    matrix = [[fu, 0, pu], [0, fv, pv], [0, 0, 1]]
    return Camera(
        name=name,
        width=width,
        height=height,
        intrinsics=intrinsics(matrix, f"{where}: intrinsics", first_pixel=0.0),
        distortion=_distortion(facts, where),
    )


def _distortion(facts: Mapping[str, Any], where: str) -> Distortion | None:
    model = str(facts.get("distortion_model", "none"))[:40]
    if model not in DISTORTIONS:
        raise DataError(f"{where}: {unknown('distortion_model', repr(model)[1:-1], DISTORTIONS)}")
    coefficients = numbers(facts.get("distortion_coeffs", []), f"{where}: distortion_coeffs")
    if len(coefficients) != DISTORTIONS[model]:
        raise DataError(
            f"{where}: distortion_coeffs: {len(coefficients)} numbers, '{model}' has {DISTORTIONS[model]}"
        )
    # `equidistant` with zeros is still a fisheye; `radtan` and `fov` with zeros are a pinhole.
    bends = any(coefficients) or model == "equidistant"
    return Distortion(model=model, coefficients=tuple(coefficients)) if bends else None


def _get(facts: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in facts:
        raise DataError(f"{where}: no '{key}'")
    return facts[key]
