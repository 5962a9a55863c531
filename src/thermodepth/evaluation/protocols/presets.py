"""The protocols that have a name: what published numbers were made under, and those of our own worlds.

Plain settings of `Protocol`, each with the place it comes from. Bounds are strict in all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """One row of the table."""

    settings: dict[str, Any]  # of `Protocol`
    source: str


_CAR_BINS_M = [0.001, 6.0, 10.0, 20.0, 40.0, 80.0]
_KITTI_BINS_M = [0.001, 5.0, 10.0, 20.0, 40.0, 80.0]
_ROOM_BINS_M = [0.001, 1.0, 2.0, 4.0, 10.0]


def _ms2(name: str, *, truth: str, alignment: str, **others: str) -> dict[str, Any]:
    # Predictions in print have the truth's own 256x640, so resizing only matters to maps of another size.
    return {
        "name": name,
        "min_depth_m": 0.001,
        "max_depth_m": 80.0,
        "range_bin_edges_m": _CAR_BINS_M,
        "truth": truth,
        "alignment": alignment,
        **others,
    }


def _vivid(name: str, *, far_m: float, edges_m: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "min_depth_m": 0.001,
        "max_depth_m": far_m,
        "range_bin_edges_m": edges_m,
        "alignment": "median",
        "resize": "inverse",
    }


def _kitti(name: str, *, top: float, bottom: float, left: float, right: float) -> dict[str, Any]:
    crop = {"unit": "fraction", "top": top, "bottom": bottom, "left": left, "right": right}
    return {
        "name": name,
        "min_depth_m": 0.001,
        "max_depth_m": 80.0,
        "range_bin_edges_m": _KITTI_BINS_M,
        "crop": crop,
        "resize": "depth",
        "grid": "corners",
    }


PRESETS: tuple[Preset, ...] = (
    # A street or a room; edges a factor of about 2.5 apart.
    Preset(
        {
            "name": "synthetic",
            "min_depth_m": 0.3,
            "max_depth_m": 80.0,
            "range_bin_edges_m": [0.3, 1.0, 2.5, 6.0, 16.0, 40.0, 80.0],
        },
        "the LWIR world of this project",
    ),
    # A table-top rig. Nearly all truth lies about one metre away, so the bins are narrow there.
    Preset(
        {
            "name": "mm5",
            "min_depth_m": 0.2,
            "max_depth_m": 3.0,
            "range_bin_edges_m": [0.2, 0.6, 0.8, 1.0, 1.2, 3.0],
        },
        "chosen here for MM5; none is published",
    ),
    # A drone's rig.
    Preset(
        {
            "name": "firestereo",
            "min_depth_m": 0.5,
            "max_depth_m": 80.0,
            "range_bin_edges_m": [0.5, 2.5, 6.0, 16.0, 40.0, 80.0],
        },
        "chosen here for FIReStereo; none is published for one picture",
    ),
    Preset(
        _ms2("ms2_unfiltered", truth="depth", alignment="none"),
        "Shin, Park, Kweon, CVPR 2023, its table; reprinted in arXiv 2608.11564 and 2411.03638",
    ),
    Preset(
        # models/metrics/eval_metric.py: torch.median, interpolate(mode="nearest"), clamp after the fit.
        _ms2(
            "ms2_median",
            truth="depth_filtered",
            alignment="median",
            median="lower",
            resize="nearest",
            grid="origins",
        ),
        "SupDepth4Thermal (arXiv 2503.22060), its README and its default code",
    ),
    Preset(
        _ms2("ms2_metric", truth="depth_filtered", alignment="none"),
        "MonoTher-Depth (arXiv 2504.16127), its code; RGB-HS (arXiv 2608.11564)",
    ),
    # In depth, not in 1/depth: the MiDaS heads of these codes are trained and fitted there, after a
    # bilinear resize (models/trainers/mono_depth/Midas.py), and limited to the range after the fit.
    Preset(
        _ms2("ms2_affine", truth="depth_filtered", alignment="affine_depth", resize="depth"),
        "AnyThermal (arXiv 2602.06203)",
    ),
    Preset(
        _vivid("vivid_indoor", far_m=10.0, edges_m=_ROOM_BINS_M),
        "ThermalMonoDepth (RA-L 2022) and ThermalSfMLearner-MS (RA-L 2022), their code",
    ),
    Preset(
        _vivid("vivid_outdoor", far_m=80.0, edges_m=[0.001, 2.5, 6.0, 16.0, 40.0, 80.0]),
        "ThermalMonoDepth (RA-L 2022) and ThermalSfMLearner-MS (RA-L 2022), their code",
    ),
    Preset(
        {
            "name": "nyu_eigen",
            "min_depth_m": 0.001,
            "max_depth_m": 10.0,
            "range_bin_edges_m": _ROOM_BINS_M,
            "crop": {
                "unit": "pixels",
                "top": 45,
                "bottom": 471,
                "left": 41,
                "right": 601,
                "size": [480, 640],
            },
            "resize": "depth",
            "grid": "corners",
        },
        "Eigen et al. 2014 (arXiv 1406.2283), as BTS and ZoeDepth compute it",
    ),
    Preset(
        _kitti("kitti_eigen", top=0.3324324, bottom=0.91351351, left=0.0359477, right=0.96405229),
        "Eigen et al. 2014 (arXiv 1406.2283), as BTS and ZoeDepth compute it",
    ),
    Preset(
        _kitti("kitti_garg", top=0.40810811, bottom=0.99189189, left=0.03594771, right=0.96405229),
        "Garg et al. 2016 (arXiv 1603.04992), as BTS and ZoeDepth compute it",
    ),
)

#: Names from before the four protocols of MS2 were told apart.
ALIASES = {"ms2": "ms2_metric"}

SOURCES = {preset.settings["name"]: preset.source for preset in PRESETS}
