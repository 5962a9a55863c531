"""What OpenCV's `FileStorage` writes (YAML or JSON), and ROS camera files, which spell it alike.

One camera: `camera_matrix`, `distortion_coefficients`, `image_width`, `image_height`. Two: K1 D1 K2 D2 R T
(or M1 M2, cameraMatrix1 ...), where `X_2 = R X_1 + T` as `stereoCalibrate` has it, in the unit of the
chessboard's squares, which must be metres. Principal points count from the centre of the first pixel.
XML is not read: its parsers follow references out of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from thermodepth.calibration.content import Content
from thermodepth.calibration.keys import unread_keys
from thermodepth.calibration.numbers import intrinsics, matrix, moved, numbers, pixels
from thermodepth.calibration.roles import assign_roles, notes_on
from thermodepth.calibration.types import Calibration, Camera, Distortion
from thermodepth.errors import DataError, unknown

MATRIX_KEYS = ("K", "M", "camera_matrix", "cameraMatrix", "camera_matrix_", "cameraMatrix_")
DISTORTION_KEYS = (
    "D",
    "distortion_coefficients",
    "dist_coeffs",
    "dist_coeff",
    "dist_coefs",
    "dist_coef",
    "distCoeffs",
    "distCoeff",
    "distortion_coeffs",
    "distortion_coeff",
    "distortion",
    "dist",
)
MODEL_KEYS = ("distortion_model", "camera_model")
WORD_KEYS = ("camera_name", "name", "label")
#: How many coefficients OpenCV's models have, and ROS's names for them.
DISTORTION_OF_COUNT = {4: "radtan", 5: "radtan", 8: "rational", 12: "rational", 14: "rational"}
FISHEYE = ("equidistant", "fisheye")
MODELS = ("plumb_bob", "radtan", "rational_polynomial", "rational", "none", "pinhole", *FISHEYE)
SIZE_KEYS = ("image_size", "imageSize", "size", "image_width", "image_height")
#: What OpenCV's and ROS's calibrators write beside the cameras, and nothing here depends on.
HARMLESS_KEYS = (
    "rectification_matrix",
    "projection_matrix",
    "extrinsic_parameters",
    "fisheye_model",
)


def recognises(content: Content) -> bool:
    """OpenCV's first line, its tag, or a camera matrix by its usual name."""
    if content.raw.startswith(b"%YAML:1.0") or b"opencv-matrix" in content.raw:
        return True
    return any(key in content.raw for key in (b"camera_matrix", b"cameraMatrix"))


def read(content: Content, roles: Mapping[str, str]) -> Calibration:
    """One or two cameras under their roles; the file knows them as `camera`, or `1` and `2`.

    Raises:
        DataError: naming the key that is missing or broken; when nothing says which camera is thermal.
    """
    if content.raw.lstrip()[:1] == b"<":
        raise DataError(
            f"{content.name}: XML is not read; write it as YAML (name it .yaml in OpenCV)"
        )
    tree = content.tree
    endings = {"1": "1", "2": "2"} if _find(tree, MATRIX_KEYS, "1") else {"camera": ""}
    labels = {name: str(_first(tree, WORD_KEYS, end) or "")[:200] for name, end in endings.items()}
    our_names = assign_roles(labels, roles, content.name)
    cameras = {}
    for name, end in endings.items():
        cameras[our_names[name]] = _camera(tree, our_names[name], end, content.name)
    doubts = _doubts(tree, endings.values())
    if len(endings) == 1:
        return Calibration(
            cameras=cameras,
            from_reference={},
            source=content.name,
            notes=notes_on(labels, roles),
            doubts=doubts,
        )
    for key in ("R", "T"):
        if key not in tree:
            raise DataError(
                f"{content.name}: no '{key}'; a pair of cameras needs R and T as stereoCalibrate gives "
                "them. If they stand in a second file, put both into one"
            )
    second = moved(_plain(tree["R"]), _plain(tree["T"]), f"{content.name}: R, T")
    return Calibration(
        cameras=cameras,
        from_reference={our_names["1"]: np.eye(4), our_names["2"]: second},
        source=content.name,
        doubts=doubts,
    )


def _doubts(tree: Mapping[str, Any], endings: Iterable[str]) -> tuple[str, ...]:
    """Of keys that are not read; sizes and models without a number are those of both cameras."""
    base_keys = (*MATRIX_KEYS, *DISTORTION_KEYS, *MODEL_KEYS, *WORD_KEYS, *SIZE_KEYS)
    recognised = {key + end for key in base_keys for end in endings}
    recognised |= {*MODEL_KEYS, *SIZE_KEYS, "R", "T"}
    return unread_keys(tree, recognised=recognised, harmless=HARMLESS_KEYS)


def _camera(tree: Mapping[str, Any], name: str, end: str, source: str) -> Camera:
    key = _find(tree, MATRIX_KEYS, end)
    if key is None:
        raise DataError(f"{source}: no camera matrix; expected 'camera_matrix', or 'K1' and 'K2'")
    width, height = _size(tree, end, source)
    return Camera(
        name=name,
        width=width,
        height=height,
        intrinsics=intrinsics(_plain(tree[key]), f"{source}: {key}", first_pixel=0.0),
        distortion=_distortion(tree, end, source),
    )


def _size(tree: Mapping[str, Any], end: str, source: str) -> tuple[int, int] | tuple[None, None]:
    """A camera's own size, or the one of both."""
    for suffix in (end, ""):
        for key in (f"image_size{suffix}", f"imageSize{suffix}", f"size{suffix}"):
            if key in tree:
                width, height = matrix(tree[key], (2,), f"{source}: {key}").tolist()
                return pixels(width, f"{source}: {key}"), pixels(height, f"{source}: {key}")
        across, down = f"image_width{suffix}", f"image_height{suffix}"
        if across in tree and down in tree:
            return pixels(tree[across], f"{source}: {across}"), pixels(
                tree[down], f"{source}: {down}"
            )
    return None, None


def _distortion(tree: Mapping[str, Any], end: str, source: str) -> Distortion | None:
    model = _model(tree, end, source)
    key = _find(tree, DISTORTION_KEYS, end)
    if key is None:
        # A fisheye without coefficients still is none of a pinhole's pictures.
        return Distortion(model="equidistant", coefficients=()) if model in FISHEYE else None
    coefficients = numbers(_plain(tree[key]), f"{source}: {key}")
    if model in FISHEYE:
        return Distortion(model="equidistant", coefficients=tuple(coefficients))
    if not any(coefficients):
        return None
    if len(coefficients) not in DISTORTION_OF_COUNT:
        raise DataError(f"{source}: {key}: {len(coefficients)} numbers, expected 4, 5, 8, 12 or 14")
    return Distortion(
        model=DISTORTION_OF_COUNT[len(coefficients)], coefficients=tuple(coefficients)
    )


def _model(tree: Mapping[str, Any], end: str, source: str) -> str | None:
    """The word for what the lens does: `camera_model: fisheye` says it as `distortion_model` does."""
    model = None
    for key in MODEL_KEYS:
        model_name = _first(tree, (key,), end) if end else None
        model_name = _first(tree, (key,), "") if model_name is None else model_name
        if model_name is None:
            continue
        if str(model_name) not in MODELS:
            raise DataError(f"{source}: {unknown(key, repr(str(model_name)[:40])[1:-1], MODELS)}")
        model = str(model_name) if model not in FISHEYE else model
    return model


def _find(tree: Mapping[str, Any], keys: tuple[str, ...], end: str) -> str | None:
    return next((key + end for key in keys if key + end in tree), None)


def _first(tree: Mapping[str, Any], keys: tuple[str, ...], end: str) -> Any:
    key = _find(tree, keys, end)
    return None if key is None else tree[key]


def _plain(value: Any) -> Any:
    """The numbers of OpenCV's `{rows, cols, dt, data}`, or the value as it is."""
    return value["data"] if isinstance(value, dict) and "data" in value else value
