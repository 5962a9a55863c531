"""The runtimes that an exported graph may run on: one row of SESSIONS each, imported where it is used."""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from thermodepth.errors import DependencyError, SettingsError, WeightsError, unknown
from thermodepth.runtime.facts import FACTS_KEY, GraphFacts
from thermodepth.runtime.graph_file import (
    ONNX_SUFFIX,
    OPENVINO_SUFFIX,
    read_onnx,
    read_openvino,
    weights_beside,
)
from thermodepth.threads import available_cores, thread_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Sizes for which OpenVINO keeps a compiled graph.
MOST_COMPILED = 4


class Session(Protocol):
    """A graph that is ready to run."""

    facts: GraphFacts
    device_text: str  # what it runs on and by what, such as `onnx, cpu`

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """The outputs by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A runtime."""

    name: str
    package: str
    suffixes: tuple[str, ...]  # of files that it opens
    open: Callable[[Path, str, int], Session]  # (file, device, threads)


class _OnnxSession:
    """Through ONNX Runtime."""

    def __init__(self, path: Path, device: str, threads: int) -> None:
        import onnxruntime

        file = read_onnx(path)
        assert file.content is not None
        has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        if device == "cuda" and not has_cuda:
            raise SettingsError(
                "device cuda: this onnxruntime has no CUDA; pip install onnxruntime-gpu, or use cpu"
            )
        uses_cuda = has_cuda and device != "cpu"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores from everything beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what matters is raised
        providers = ["CUDAExecutionProvider"] * uses_cuda + ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(file.content, options, providers=providers)
        except (
            Exception
        ) as error:  # a third party's: whatever it raises of a file that it cannot read
            raise WeightsError(
                f"{path}: onnxruntime cannot open it ({_in_one_line(error)})"
            ) from None
        self._names = [port.name for port in self._session.get_outputs()]
        self.facts = file.facts
        self.device_text = f"onnx, {'cuda' if uses_cuda else 'cpu'}"

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        return dict(zip(self._names, self._session.run(None, dict(feeds)), strict=True))


class _OpenVinoSession:
    """Through OpenVINO, which reads its own files and ONNX ones.

    A graph for any size is compiled anew for each that comes: what knows its sizes is faster by a third.
    """

    def __init__(self, path: Path, device: str, threads: int) -> None:
        import openvino

        if device == "cuda":
            raise SettingsError("device cuda: openvino has none; use cpu or auto")
        self._core = openvino.Core()
        try:
            if path.suffix.lower() == ONNX_SUFFIX:
                file = read_onnx(path)
                self._model = self._core.read_model(file.content, b"")
            else:
                self._model = self._core.read_model(path, weights_beside(path))
                calls = {node.get_type_name() for node in self._model.get_ops()}
                file = read_openvino(path, calls, _openvino_facts(self._model))
        except RuntimeError as error:
            raise WeightsError(f"{path}: openvino cannot open it ({_in_one_line(error)})") from None
        self._path, self._threads = path, threads
        self._requests: OrderedDict[tuple[tuple[str, tuple[int, ...]], ...], Any] = OrderedDict()
        self.facts = file.facts
        self.device_text = "openvino, cpu"

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        request = self._request_for({name: values.shape for name, values in feeds.items()})
        request.infer(dict(feeds))
        # Copies: the request's own tensors are written again by the next run.
        return {
            next(iter(port.get_names())): request.get_output_tensor(index).data.copy()
            for index, port in enumerate(request.model_outputs)
        }

    def _request_for(self, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        key = tuple(sorted(shapes.items()))
        if key in self._requests:
            self._requests.move_to_end(key)
            return self._requests[key]
        model = self._model.clone()
        try:
            model.reshape({name: list(shape) for name, shape in shapes.items()})
            # Precision as in the file: halves would change metres unasked.
            compiled = self._core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": self._threads,
                    "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_PRECISION_HINT": "f32",
                },
            )
        except RuntimeError as error:
            raise WeightsError(
                f"{self._path}: openvino cannot compile it ({_in_one_line(error)})"
            ) from None
        self._requests[key] = compiled.create_infer_request()
        if len(self._requests) > MOST_COMPILED:
            self._requests.popitem(last=False)
        return self._requests[key]


def _openvino_facts(model: Any) -> str | None:
    return str(model.get_rt_info([FACTS_KEY]).value) if model.has_rt_info([FACTS_KEY]) else None


SESSIONS: Mapping[str, SessionRow] = {
    row.name: row
    for row in (
        SessionRow(name="onnx", package="onnxruntime", suffixes=(ONNX_SUFFIX,), open=_OnnxSession),
        SessionRow(
            name="openvino",
            package="openvino",
            suffixes=(OPENVINO_SUFFIX, ONNX_SUFFIX),
            open=_OpenVinoSession,
        ),
    )
}


def open_session(
    path: Path, *, runtime: str | None = None, device: str = "auto", threads: int | None = None
) -> Session:
    """A graph, ready to run.

    Args:
        path: of a file that `export` wrote.
        runtime: a row of SESSIONS; None: the first that is installed and opens such a file.
        device: auto, cpu or cuda.
        threads: None takes what the environment says, else the cores.

    Raises:
        DependencyError: where the runtime is not installed.
        SettingsError: for a runtime or device that is not there.
        WeightsError: for a file that is missing, broken or not ours.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"device '{device}': expected auto, cpu or cuda")
    row = _row_for(path, runtime)
    count = thread_count(threads, otherwise=available_cores())
    return row.open(path, device, count)


def is_installed(row: SessionRow) -> bool:
    """Whether its package is."""
    return importlib.util.find_spec(row.package) is not None


def _row_for(path: Path, runtime: str | None) -> SessionRow:
    suffix = path.suffix.lower()
    rows = [row for row in SESSIONS.values() if suffix in row.suffixes]
    if runtime is not None:
        if runtime not in SESSIONS:
            raise SettingsError(unknown("runtime", runtime, SESSIONS))
        if SESSIONS[runtime] not in rows:
            raise SettingsError(
                f"{path}: runtime {runtime} does not open {suffix} files; "
                f"{' and '.join(row.name for row in rows)} does"
            )
        rows = [SESSIONS[runtime]]
    for row in rows:
        if is_installed(row):
            return row
    packages = " or ".join(row.package for row in rows)
    raise DependencyError(f"{path}: running it needs {packages}: pip install {rows[0].package}")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
