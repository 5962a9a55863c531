"""From a model to a file that is checked: written, opened by its runtimes, compared, then put in place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.export.accuracy import Loss, accuracy_loss
from thermodepth.export.onnx_model import facts_in, graph_facts, onnx_model, set_facts
from thermodepth.export.operators import beyond_npus, operator_counts
from thermodepth.export.parity import SIZES, Parity, check_parity, parity
from thermodepth.export.program import ProgramSession, torch_program
from thermodepth.export.quantisation import quantised
from thermodepth.files import write_bytes, writing
from thermodepth.inference.predictor import Predictor
from thermodepth.runtime.facts import FACTS_KEY, FOCAL, FRAME, GraphFacts
from thermodepth.runtime.graph_file import ONNX_SUFFIX, OPENVINO_SUFFIX, PROGRAM_SUFFIX
from thermodepth.runtime.predictor import GraphPredictor
from thermodepth.runtime.sessions import SESSIONS, is_installed, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.model import LoadedModel
    from thermodepth.types import Sample, ThermalUnit

#: What a file of each kind is called.
SUFFIXES: Mapping[str, str] = {
    "onnx": ONNX_SUFFIX,
    "openvino": OPENVINO_SUFFIX,
    "torch": PROGRAM_SUFFIX,
}
#: Of its AbsRel, that a graph in 8-bit integers may lose.
MOST_LOST = 0.02
#: First convolutions of the encoder that stay in float32, fewest first: few channels of many pixels, where
#: rounding hurts most.
FLOAT_LAYERS = (5, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What kind of graph is written."""

    to: str = "onnx"  # a row of SUFFIXES
    unit: ThermalUnit | None = None  # of the frames; None: the training's
    short_side: int | None = None  # that the network sees; None: as trained
    size: tuple[int, int] | None = None  # (rows, columns) of the frames; None: any
    batch: int | None = None  # frames at once; None: any number
    npu: bool = False  # only NPU_OPERATORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file that was written, and what was measured of it."""

    paths: tuple[Path, ...]  # the graph first
    facts: GraphFacts
    parity: tuple[Parity, ...]
    losses: tuple[Loss, ...]
    operators: Mapping[str, int]  # how often each is called; of torch programs nothing
    float_layers: int | None  # of an encoder in int8


def export_model(
    model: LoadedModel,
    path: Path,
    options: ExportOptions,
    *,
    check: Sequence[Sample],
    calibration: Sequence[Sample] | None = None,
) -> Export:
    """Write a model as a graph.

    Args:
        model: a thermal one.
        path: of the file, with the suffix of its kind.
        options: what kind of graph.
        check: frames on which the loss of accuracy is measured.
        calibration: other frames, for 8-bit integers; None: float32.

    Raises:
        DataError: for integers without frames to check or to calibrate on, and for a size or number of
            frames beyond `inference.bounds`.
        DependencyError: without onnx, or the runtime of the kind.
        SettingsError: for what cannot be written.
        WeightsError: where the graph differs from the network, or loses more than it may; nothing is written.
    """
    if path.suffix.lower() != SUFFIXES[options.to]:
        raise SettingsError(
            f"{path}: expected a name that ends in {SUFFIXES[options.to]} for a graph of kind {options.to}"
        )
    if calibration is not None and not (check and calibration):
        raise DataError(
            f"int8: {len(calibration)} frames to calibrate on and {len(check)} to check, expected some of "
            "both"
        )
    if options.to == "torch":
        return _export_program(model, path, options, check, calibration)
    proto = onnx_model(
        model,
        unit=options.unit,
        short_side=options.short_side,
        size=options.size,
        batch=1 if options.npu and options.batch is None else options.batch,
        few_operators=options.npu,
        for_openvino=options.to == "openvino",
    )
    if options.npu and (foreign := beyond_npus(proto)):
        raise SettingsError(f"a graph for small processors: this model calls {', '.join(foreign)}")
    trial = _Trial(model, facts_in(proto), check)
    with writing(path), _folder_beside(path) as folder:
        target = folder / path.name
        layers = None
        if calibration is not None:
            proto, layers = _quantised(proto, trial, calibration, target)
        paths = _write(proto, target, options.to)
        graphs = _opened(target)
        rows = trial.parity(graphs)
        if calibration is None:
            check_parity(rows)
        losses = trial.losses(graphs)
        # The weights of an OpenVINO graph first: where the graph stands, it is whole.
        for file in reversed(paths):
            file.replace(path.parent / file.name)
    return Export(
        paths=tuple(path.parent / file.name for file in paths),
        facts=facts_in(proto),
        parity=tuple(rows),
        losses=tuple(losses),
        operators=operator_counts(proto),
        float_layers=layers,
    )


def _export_program(
    model: LoadedModel,
    path: Path,
    options: ExportOptions,
    check: Sequence[Sample],
    calibration: Sequence[Sample] | None,
) -> Export:
    """As `export_model`, of a torch program."""
    if options.npu or calibration is not None:
        raise SettingsError(
            "a torch program is written in float32 for processors that torch knows; integers and small "
            "processors take a graph of kind onnx or openvino"
        )
    facts = graph_facts(
        model,
        unit=options.unit,
        short_side=options.short_side,
        size=options.size,
        batch=options.batch,
    )
    program = torch_program(model, facts)
    with writing(path), _folder_beside(path) as folder:
        # Before it is compared: a predictor lays the weights that both hold out anew.
        target = folder / path.name
        torch.export.save(program, target, extra_files={FACTS_KEY: facts.model_dump_json()})
        trial = _Trial(model, facts, check)
        graphs = {"torch": GraphPredictor(ProgramSession(program, facts))}
        rows = trial.parity(graphs)
        check_parity(rows)
        losses = trial.losses(graphs)
        target.replace(path)
    return Export(
        paths=(path,),
        facts=facts,
        parity=tuple(rows),
        losses=tuple(losses),
        operators={},
        float_layers=None,
    )


class _Trial:
    """The network, and what graphs of it are compared on."""

    def __init__(self, model: LoadedModel, facts: GraphFacts, check: Sequence[Sample]) -> None:
        self.facts = facts
        self._network = Predictor(model, device="cpu", short_side=facts.short_side)
        self._check = check

    def parity(self, graphs: Mapping[str, GraphPredictor]) -> list[Parity]:
        """Rows of every runtime."""
        unit = self.facts.unit
        sizes = SIZES if self.facts.size is None else (self.facts.size,)
        return [
            row
            for runtime, graph in graphs.items()
            for row in parity(self._network, graph, runtime=runtime, unit=unit, sizes=sizes)
        ]

    def losses(self, graphs: Mapping[str, GraphPredictor]) -> list[Loss]:
        """Of every runtime; none without frames."""
        if not self._check:
            return []
        return [
            accuracy_loss(self._network, graph, self._check, runtime=runtime)
            for runtime, graph in graphs.items()
        ]


def _opened(path: Path) -> dict[str, GraphPredictor]:
    """A graph in every runtime that is installed and opens it.

    Raises:
        DependencyError: where none is.
    """
    rows = [row for row in SESSIONS.values() if path.suffix.lower() in row.suffixes]
    names = [row.name for row in rows if is_installed(row)] or [rows[0].name]
    return {name: GraphPredictor(open_session(path, runtime=name, threads=1)) for name in names}


def _quantised(
    proto: Any, trial: _Trial, calibration: Sequence[Sample], target: Path
) -> tuple[Any, int]:
    """The graph in 8-bit integers with the fewest float layers that loses no more than it may, and how many.

    Raises:
        WeightsError: where none does.
    """
    feeds = [_feeds(sample, trial.facts) for sample in calibration]
    file = target.with_name(f"int8{ONNX_SUFFIX}")
    losses: list[Loss] = []
    for layers in FLOAT_LAYERS:
        candidate = quantised(proto, feeds, float_layers=layers)
        set_facts(candidate, trial.facts.edit({"numbers": "int8"}))
        write_onnx(candidate, file)
        losses = trial.losses(_opened(file))
        if max(loss.lost for loss in losses) <= MOST_LOST:
            return candidate, layers
    worst = max(losses, key=lambda loss: loss.lost)
    raise WeightsError(
        f"int8 loses {worst.lost:.1%} of AbsRel on {worst.frames} frames ({worst.runtime}), more than "
        f"{MOST_LOST:.0%}; nothing is written. Calibrate on frames like those that it is for, or leave int8 "
        "out"
    )


def _feeds(sample: Sample, facts: GraphFacts) -> dict[str, NDArray[np.float32]]:
    """Inputs of the graph for one frame, as often as it wants one at once."""
    count = facts.batch or 1
    frame = np.asarray(sample.thermal, np.float32)[None, None]
    feeds = {FRAME: np.repeat(frame, count, axis=0)}
    if facts.model.view_deg is not None:
        feeds[FOCAL] = np.full(count, np.nan_to_num(sample.focal_px), np.float32)
    return feeds


def write_graph(
    model: LoadedModel, folder: Path, kind: str, *, short_side: int | None = None
) -> Path:
    """A graph for any size as `export_model` writes it, without comparing it; into a folder that is there."""
    proto = onnx_model(model, short_side=short_side, for_openvino=kind == "openvino")
    return _write(proto, folder / f"model{SUFFIXES[kind]}", kind)[0]


def write_onnx(proto: Any, path: Path) -> None:
    """An `onnx.ModelProto` as a file, whole or not at all."""
    write_bytes(path, proto.SerializeToString())


def _write(proto: Any, path: Path, kind: str) -> tuple[Path, ...]:
    """The files of a graph, that which is opened first."""
    if kind == "onnx":
        write_onnx(proto, path)
        return (path,)
    import openvino

    model = openvino.Core().read_model(proto.SerializeToString(), b"")
    model.set_rt_info(facts_in(proto).model_dump_json(), [FACTS_KEY])
    openvino.save_model(model, path, compress_to_fp16=False)
    return path, path.with_suffix(".bin")


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder on the same disk, for what is not yet whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as name:
        yield Path(name)
