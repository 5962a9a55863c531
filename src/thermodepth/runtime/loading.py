"""`thermodepth.load`: a predictor of whatever a model is named by, through the runtime that fits.

A folder or a built-in name is run by torch, the file of an exported graph by ONNX Runtime or OpenVINO; for
those torch is neither imported nor needed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DependencyError, SettingsError, unknown
from thermodepth.inference.lens import Lens
from thermodepth.runtime.graph_file import PROGRAM_SUFFIX, is_graph
from thermodepth.runtime.sessions import SESSIONS, open_session
from thermodepth.scale_calibration import calibration_of
from thermodepth.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from thermodepth.inference.frame_predictor import FramePredictor

RUNTIMES = (*SESSIONS, "torch")


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    runtime: str | None = None,
    device: str = "auto",
    short_side: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    intrinsics: Any = None,
    calibration: Path | str | None = None,
    metres: Path | str | None = None,
    uncalibrated: bool = False,
) -> FramePredictor:
    """A predictor from a built-in name, a run folder, a model folder, or a graph that `export` wrote.

    Args:
        model: its name, folder or file (`.onnx`, `.xml`).
        runtime: torch, onnx or openvino; None: what fits the model and is installed.
        device: auto, cpu or cuda.
        short_side: pixels of the shorter side that the network sees; None: as trained.
        focal_px: of the camera, in pixels of its frames; or
        fov_deg: what its columns see, degrees; or
        intrinsics: `[3 3]`, or fx, fy, cx, cy, in pixels of its frames; or
        calibration: a file of any format that is read here.
        metres: a scale calibration, as `thermodepth calibrate` writes it; None: what the model's folder
            keeps, where it keeps one. A graph keeps none.
        uncalibrated: leave out what the folder keeps.

    Raises:
        DependencyError: where the runtime is not installed.
        WeightsError: when there is no such model, or it reads RGB.
        SettingsError: for a lens that cannot be, a runtime that does not run this model, or the scale
            calibration of another model.
        DataError: for a calibration that cannot be read.
    """
    return open_predictor(
        model,
        runtime=runtime,
        device=device,
        short_side=short_side,
        lens=Lens.from_options(
            focal_px=focal_px, fov_deg=fov_deg, intrinsics=intrinsics, calibration=calibration
        ),
        metres=metres,
        uncalibrated=uncalibrated,
    )


def open_predictor(
    model: str | Path,
    *,
    runtime: str | None = None,
    device: str = "auto",
    short_side: int | None = None,
    lens: Lens | None = None,
    metres: Path | str | None = None,
    uncalibrated: bool = False,
    threads: int | None = None,
) -> FramePredictor:
    """As `load`, with a lens that is known already.

    Args:
        model: its name, folder or file.
        runtime: torch, onnx or openvino; None: what fits.
        device: auto, cpu or cuda.
        short_side: pixels that the network sees; None: as trained.
        lens: of the camera.
        metres: as `load` has it.
        uncalibrated: as `load` has it.
        threads: of a graph; torch has those of the process.

    Raises:
        DependencyError, SettingsError, WeightsError, DataError: as `load`.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise SettingsError(unknown("runtime", runtime, RUNTIMES))
    if not is_graph(model):
        _check_runs_networks(model, runtime)
        from thermodepth.inference.predictor import open_network

        return open_network(
            model,
            device=device,
            short_side=short_side,
            lens=lens,
            metres=metres,
            uncalibrated=uncalibrated,
        )
    if runtime == "torch":
        raise SettingsError(
            f"{model}: is a graph, which torch does not run; runtimes that do: {', '.join(SESSIONS)}"
        )
    from thermodepth.runtime.predictor import GraphPredictor

    path = Path(model).expanduser()
    session = open_session(path, runtime=runtime, device=device, threads=threads)
    return GraphPredictor(
        session,
        short_side=short_side,
        lens=lens,
        name=path.name,
        scale_calibration=calibration_of(None, metres=metres, uncalibrated=uncalibrated),
    )


def _check_runs_networks(model: str | Path, runtime: str | None) -> None:
    """
    Raises:
        DependencyError: without torch.
        SettingsError: for another runtime.
    """
    if Path(model).suffix.lower() == PROGRAM_SUFFIX:
        raise SettingsError(
            f"{model}: is a torch program, for torch.export.load and C++; here the model that it is of is "
            "run, or a graph of kind onnx or openvino"
        )
    if runtime not in (None, "torch"):
        raise SettingsError(
            f"{model}: is run by torch; for runtime {runtime} write a graph first: thermodepth export "
            f"{model} --to {runtime}"
        )
    if importlib.util.find_spec("torch") is None:
        raise DependencyError(
            f"{model}: is run by torch, which is not installed: pip install torch, or give the file of a "
            "graph that `thermodepth export` wrote"
        )
