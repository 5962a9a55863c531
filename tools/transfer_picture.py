"""The picture of docs/teachers.md: depth from a real RGB pair, moved into the real thermal view.

    make transfer-picture DATA=FOLDER

FOLDER holds one frame of MS2 in its own layout: `sync_data/<sequence>/{rgb,thr}/img_{left,right}/<frame>.png`
and its `calib.npy`. Depth comes from the two RGB pictures by semi-global matching, so nothing but the
published calibration says where it lands in the thermal frame.
"""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thermodepth.calibration import RGB, THERMAL, find_calibration, read_calibration
from thermodepth.cli.transfer_sheet import transfer_sheet
from thermodepth.files import read_raster, write_bytes
from thermodepth.teacher.quality import picture_quality
from thermodepth.teacher.transfer import Transfer, TransferSettings, transfer_map
from thermodepth.types import Geometry, RgbView, Sample, ThermalUnit

TARGET = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "transfer-ms2.jpg"
BASELINE_M = 0.29918420530585865  # of MS2's RGB pair, from its calibration
DISPARITIES = 192
MIN_DISPARITY = 2.0  # 114 m: below it a pixel of error is half the distance
BLOCK = 7
WIDEST_GAP = 40
JPEG_QUALITY = 82


def main() -> None:
    """Write the picture, or say why not."""
    pictures = left_pictures(Path(sys.argv[1]).expanduser()) if len(sys.argv) > 1 else []
    if not pictures:
        print("skipped: give the folder of an MS2 frame (make transfer-picture DATA=FOLDER)")
        return
    sample, transfer = stereo_in_thermal_view(pictures[0])
    share = np.isfinite(transfer.label).mean()
    sheet = transfer_sheet(
        sample,
        transfer,
        title=f"MS2: stereo depth of the RGB pair, moved into the thermal view ({share:.0%} labelled)",
    )
    stream = io.BytesIO()
    sheet.resize((sheet.width * 4 // 5, sheet.height * 4 // 5), Image.Resampling.LANCZOS).save(
        stream, "JPEG", quality=JPEG_QUALITY, optimize=True
    )
    write_bytes(TARGET, stream.getvalue())
    print(
        f"{TARGET.name}: {TARGET.stat().st_size / 1e3:.0f} kB, {share:.1%} of the pixels labelled"
    )


def left_pictures(root: Path) -> list[Path]:
    """The left RGB picture of every frame."""
    return sorted(root.glob("sync_data/*/rgb/img_left/*.png"))


def stereo_in_thermal_view(left_picture: Path) -> tuple[Sample, Transfer]:
    """The frame of a left RGB picture, its stereo depth moved into the thermal view.

    The label of the transfer is 1 / metres along the thermal axis.
    """
    sequence, frame = left_picture.parents[2], left_picture.name
    left, right = (
        read_raster(sequence / "rgb" / f"img_{side}" / frame) for side in ("left", "right")
    )
    calibration = read_calibration(find_calibration(sequence))
    rgb, thermal = calibration.camera(RGB), calibration.camera(THERMAL)
    sample = Sample(
        sample_id=f"MS2 {frame.removesuffix('.png')}",
        thermal=read_raster(sequence / "thr" / "img_left" / frame),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=thermal.intrinsics.astype(np.float32),
        rgb=left,
        rgb_view=RgbView(
            intrinsics=rgb.intrinsics.astype(np.float32),
            rgb_from_thermal=calibration.relative(RGB, THERMAL),
        ),
    )
    depth_m = float(rgb.intrinsics[0, 0]) * BASELINE_M / disparity(left, right)
    transfer = transfer_map(
        depth_m, Geometry.METRIC_DEPTH, sample, TransferSettings(), picture=picture_quality(left)
    )
    return sample, transfer


def disparity(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float32]:
    """`[h w]` pixels by semi-global matching, disparity from both sides; NaN where they do not agree."""
    matcher = cv2.StereoSGBM_create(  # type: ignore[attr-defined]  # its stubs lack it
        minDisparity=0,
        numDisparities=DISPARITIES,
        blockSize=BLOCK,
        P1=8 * BLOCK**2,
        P2=48 * BLOCK**2,
        disp12MaxDiff=2,
        uniquenessRatio=3,
        speckleWindowSize=300,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_HH,
    )
    equalise = cv2.createCLAHE(4.0, (6, 12))  # half of the picture is nearly black
    # The strip that only the left camera sees would be lost without room to its left.
    pair = [
        cv2.copyMakeBorder(
            equalise.apply(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)),
            *(0, 0, DISPARITIES, 0),
            cv2.BORDER_REPLICATE,
        )
        for picture in (left, right)
    ]
    matched = matcher.compute(*pair)[:, DISPARITIES:].astype(np.float32) / 16
    matched = cv2.medianBlur(matched, 5)
    return narrow_gaps_filled(np.where(matched >= MIN_DISPARITY, matched, np.float32(np.nan)))


def narrow_gaps_filled(matched: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaps of a row up to `WIDEST_GAP` pixels take the farther of their ends.

    Most of them are what one camera sees beside an object and the other does not: background.
    """
    filled = matched.copy()
    for row in filled:
        present = np.flatnonzero(np.isfinite(row))
        for before, after in pairwise(present):
            if 1 < after - before <= WIDEST_GAP:
                row[before + 1 : after] = min(row[before], row[after])
    return filled


if __name__ == "__main__":
    main()
