"""MS2's `calib.npy` and its plain twin `calib.json` (Shin et al., CVPR 2023).

Everything is tied to the left NIR camera, in millimetres: `X_thr = R_nir2thr X_nir + T_nir2thr`, so that
`rgb_from_thermal = rgb_from_nir inv(thermal_from_nir)`. Principal points count from the centre of the first
pixel. The file says no sizes: they are those of the pictures beside it, or, for MS2's own cameras, the
published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.calibration.content import Content
from thermodepth.calibration.keys import unread_keys
from thermodepth.calibration.numbers import intrinsics, moved
from thermodepth.calibration.pickled import read_pickled_dict
from thermodepth.calibration.types import Calibration, Camera
from thermodepth.errors import DataError
from thermodepth.files import pictures_in, read_raster

MILLIMETRE = 1e-3

#: name here -> MS2's name
BANDS = {"nir": "nir", "rgb": "rgb", "thermal": "thr"}

#: MS2's name -> focal length in pixels, width, height as published
PUBLISHED = {"thr": (387.787, 640, 256), "rgb": (764.514, 1224, 384), "nir": (638.906, 1280, 352)}


def recognises(content: Content) -> bool:
    """A NumPy file, or MS2's keys in JSON."""
    if content.raw.startswith(b"\x93NUMPY"):
        return True
    return content.is_json and "K_thrL" in content.tree


def read(content: Content, roles: Mapping[str, str]) -> Calibration:
    """The cameras `nir`, `rgb`, `thermal` (left ones) and, where given, `..._right`.

    Raises:
        DataError: naming the file and the key that is missing or broken.
    """
    del roles  # MS2 names its cameras
    if content.raw.startswith(b"\x93NUMPY"):
        facts: Mapping[str, Any] = read_pickled_dict(content.raw, content.name)
    else:
        facts = content.tree
    cameras, from_nir, assumed = {}, {}, []
    for name, band in BANDS.items():
        if name == "nir" and "K_nirL" not in facts:
            continue
        matrix = _get(facts, f"K_{band}L", content.name)
        k = intrinsics(matrix, f"{content.name}: K_{band}L", first_pixel=0.0)
        size, published = _size(content.path.parent, band, float(k[0, 0]))
        assumed += [name] if published else []
        cameras[name] = Camera(name=name, width=size[0], height=size[1], intrinsics=k)
        if name == "nir":
            from_nir[name] = np.eye(4)
        else:
            from_nir[name] = _moved(facts, f"nir2{band}", content.name)
        if f"K_{band}R" in facts:
            right, key = f"{name}_right", f"K_{band}R"
            k = intrinsics(facts[key], f"{content.name}: {key}", first_pixel=0.0)
            cameras[right] = Camera(name=right, width=size[0], height=size[1], intrinsics=k)
            from_nir[right] = _moved(facts, f"{band}R", content.name) @ from_nir[name]
    listed = ", ".join(assumed)
    note = f"it says no sizes; those that MS2 publishes are taken for {listed}"
    return Calibration(
        cameras=cameras,
        from_reference=from_nir,
        source=content.name,
        notes=(note,) if assumed else (),
        doubts=_doubts(facts),
    )


def _doubts(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """MS2 has matrices of more cameras and of its inertial unit, which are K_, R_ and T_ as well."""
    matrix_keys = [key for key in facts if str(key).startswith(("K_", "R_", "T_"))]
    return unread_keys(
        map(str, facts), recognised=[f"K_{band}L" for band in BANDS.values()], harmless=matrix_keys
    )


def _moved(facts: Mapping[str, Any], key: str, name: str) -> Any:
    turn, shift = _get(facts, f"R_{key}", name), _get(facts, f"T_{key}", name)
    return moved(turn, shift, f"{name}: R_{key}, T_{key}", unit_m=MILLIMETRE)


def _get(facts: Mapping[str, Any], key: str, name: str) -> Any:
    if key not in facts:
        raise DataError(
            f"{name}: no '{key}'; expected MS2's keys K_thrL, K_rgbL, R_nir2thr, T_nir2thr, "
            "R_nir2rgb and T_nir2rgb"
        )
    return facts[key]


def _size(
    folder: Path, band: str, focal_px: float
) -> tuple[tuple[int, int] | tuple[None, None], bool]:
    """Width and height, and whether they are the published ones rather than those of a picture."""
    pictures = folder / band / "img_left"
    if pictures.is_dir():
        for picture in pictures_in(pictures)[:1]:
            try:
                height, width = read_raster(picture).shape[:2]
            except DataError:
                break  # a broken picture says nothing of the cameras
            return (width, height), False
    published_px, width, height = PUBLISHED[band]
    if abs(focal_px / published_px - 1) < 1e-3:
        return (width, height), True
    return (None, None), False
