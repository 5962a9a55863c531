"""The calibration file of MS2 (Shin et al., CVPR 2023) for a rig of ours.

MS2 ties its cameras to the left NIR camera and gives millimetres: X_thr = R_nir2thr X_nir + T_nir2thr, so
that THR2RGB = NIR2RGB inv(NIR2THR). Its principal points count from the centre of the first pixel.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.cameras.rig import MS2_FROM_NIR, Rig, RigCamera

Matrix = NDArray[np.float64]

# Of MS2's own rig; it decides nothing about the two cameras that are rendered.
_MS2_NIR = np.array(
    [
        [638.9060668945312, 0, 632.7006225585938],
        [0, 638.9060668945312, 163.07611083984375],
        [0, 0, 1],
    ]
)


def ms2_calibration(rig: Rig) -> dict[str, Matrix]:
    """`{key of calib.npy: matrix}`: K [3 3] pixels, R [3 3], T [3 1] millimetres.

    There is no NIR camera and no right camera. The NIR camera stands where MS2 has it on MS2's own rig, on
    others at the RGB camera; a right camera is the left one, so that its baseline is 0.
    """
    own = rig.name == "ms2"
    nir_to_rgb = MS2_FROM_NIR["rgb"] if own else np.eye(4)
    nir_to_thermal = np.linalg.inv(rig.rgb_from_thermal) @ nir_to_rgb
    matrices = {
        "nir": _MS2_NIR if own else _from_first_centre(rig.rgb),
        "rgb": _from_first_centre(rig.rgb),
        "thr": _from_first_centre(rig.thermal),
    }
    calibration: dict[str, Matrix] = {}
    for band, matrix in matrices.items():
        for side in "LR":
            calibration[f"K_{band}{side}"] = matrix
            calibration[f"R_{band}{side}"] = np.eye(3)
            calibration[f"T_{band}{side}"] = np.zeros((3, 1))
    for name, moved in (("rgb", nir_to_rgb), ("thr", nir_to_thermal)):
        calibration[f"R_nir2{name}"] = moved[:3, :3]
        calibration[f"T_nir2{name}"] = 1000 * moved[:3, 3:]
    return calibration


def npy_of(calibration: dict[str, Matrix]) -> bytes:
    """`calib.npy` as MS2 has it: a dictionary that numpy pickles. Nothing here ever loads one."""
    stream = io.BytesIO()
    np.save(stream, np.array(calibration, dtype=object), allow_pickle=True)
    return stream.getvalue()


def _from_first_centre(camera: RigCamera) -> Matrix:
    """Ours counts from the corner of the first pixel."""
    moved = camera.intrinsics.copy()
    moved[:2, 2] -= 0.5
    return moved
