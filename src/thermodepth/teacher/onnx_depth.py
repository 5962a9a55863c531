"""Any depth model in an ONNX file as a teacher.

The file says layout and size of its input. Where sides are free, the short side goes to `input_size` and
the aspect stays; where they are fixed, the image is put into them as a letterbox and cut out of the map
again. What an ONNX file does not say is how images are normalised and what the map means: these are
settings. A file that carries `geometry` in its metadata spares one of them, and one whose first nodes do
the preprocessing tells the other (`onnx_input`). The graph runs in a process of its own (`onnx_run`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from thermodepth.errors import DataError, DependencyError, TeacherError
from thermodepth.files import read_bytes
from thermodepth.onnx_file import OnnxFileError, has_external_data
from thermodepth.teacher.interface import fingerprint_of
from thermodepth.teacher.onnx_input import expected_normalisation
from thermodepth.teacher.onnx_run import BoundedGraph, bounds_for
from thermodepth.teacher.preparation import LEAST_DEPTH_M, NORMALISATIONS, Preparation
from thermodepth.teacher.rgb import label_rgb, multiple_at_least
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A protocol buffer cannot be larger.
MAX_FILE_BYTES = 2**31 - 1
#: The largest fixed input side that is taken for a network and not for damage.
MAX_SIDE = 4096
#: What Depth Anything wants, which most ONNX files of depth models are.
DEFAULT_SIZE, DEFAULT_MULTIPLE = 518, 14
#: Under this name in its metadata a file may say what its map means.
GEOMETRY_KEY = "geometry"
#: Which output is the map, where there are several.
DEPTH_OUTPUTS = ("predicted_depth", "depth", "disparity", "inverse_depth")

_NUMBERS: dict[str, type[np.floating[Any] | np.uint8]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}

Normalise = Literal["imagenet", "half", "none", "byte"]
#: In words, for messages.
_IN_WORDS: dict[str, str] = {"byte": "0 to 255", "none": "0 to 1", "half": "-1 to 1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The one image that goes into a model and the one map that comes out."""

    input: str
    output: str
    number: type[np.floating[Any] | np.uint8]
    channels_last: bool
    size: tuple[int, int] | None  # (rows, columns), None = free
    one_by_one: bool  # the batch is fixed at 1


class OnnxTeacher:
    """A depth model run by ONNX Runtime."""

    def __init__(
        self,
        graph: BoundedGraph,
        ports: Ports,
        preparation: Preparation,
        geometry: Geometry,
        *,
        name: str,
        sha256: str,
        batch_size: int,
    ) -> None:
        """Use `open_onnx`; this only keeps what it found."""
        self._graph = graph
        self._ports = ports
        self._preparation = preparation
        self._geometry = geometry
        self._name = name
        self._sha256 = sha256
        self._batch_size = 1 if ports.one_by_one else batch_size

    @property
    def geometry(self) -> Geometry:
        """What the values of the maps mean."""
        return self._geometry

    @property
    def description(self) -> str:
        """File, fit and working size."""
        plan = self._preparation
        return f"{self._name} ({plan.fit} {plan.height}x{plan.width}, {self._geometry})"

    def fingerprint(self) -> str:
        """Of the file's content, the output read, the preparation and the geometry."""
        parts = {
            "file": self._sha256,
            "output": self._ports.output,
            "preparation": self._preparation.identity(),
            "geometry": self._geometry,
        }
        return fingerprint_of("onnx", parts)

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` per sample in `geometry`; depth at least 1 mm.

        Raises:
            TeacherError: for a sample without a usable RGB image, a model that fails on it, or a map that
                is not finite.
        """
        cpu = torch.device("cpu")
        return label_rgb(samples, self._predict, batch_size=self._batch_size, device=cpu)

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) at the network's input for an image of this size."""
        return self._preparation.network_size(height, width)

    def _predict(self, image: torch.Tensor) -> torch.Tensor:
        """`[b 3 h w]` in [0, 1] -> `[b h w]`."""
        plan, ports = self._preparation, self._ports
        prepared = plan.prepare(image)
        if ports.channels_last:
            prepared = prepared.permute(0, 2, 3, 1)
        fed = prepared.numpy()
        if ports.number is np.uint8:
            fed = fed.round().clip(0, 255)
        fed = np.ascontiguousarray(fed, dtype=ports.number)
        output = self._graph.run(fed, input_name=ports.input, output_name=ports.output)
        rows, columns = fed.shape[1:3] if ports.channels_last else fed.shape[2:4]
        maps = _as_maps(output, (len(image), int(rows), int(columns)), self._name)
        values = torch.from_numpy(maps)
        values = plan.restore(values, int(image.shape[-2]), int(image.shape[-1]))
        if self._geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
            values = values.clamp(min=LEAST_DEPTH_M)
        return values


def open_onnx(
    model: str,
    *,
    geometry: Geometry | None = None,
    input_size: int | None = None,
    normalise: Normalise | None = None,
    multiple: int | None = None,
    batch_size: int = 4,
    device: str = "auto",
    memory_gb: float | None = None,
    seconds_per_image: float = 120.0,
) -> OnnxTeacher:
    """Open a depth model from one `.onnx` file.

    Args:
        model: path of the file; its weights lie within it.
        geometry: what the map means; given, it wins over the file's metadata.
        input_size: pixels of the short side, for a model whose sides are free; None for 518.
        normalise: a row of NORMALISATIONS; None for what the graph's first nodes tell, with a warning, or
            for `imagenet` where they tell nothing.
        multiple: what free sides must be multiples of; None for 14.
        batch_size: images a call, for a model whose batch is free.
        device: `cpu`, `cuda`, or `auto`, which is CUDA where the runtime has it.
        memory_gb: what the graph may take; None for 8 and three times the file, at most three quarters of
            the machine's.
        seconds_per_image: how long it may take for each image of a call.

    Raises:
        DependencyError: without onnxruntime.
        TeacherError: naming the file and the way out.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise DependencyError(
            "a teacher from an ONNX file needs onnxruntime: pip install 'thermodepth[onnx]'"
        )
    kind, index = _device(device)
    path = Path(model).expanduser()
    content = _read_whole(path)
    graph = BoundedGraph(
        content,
        name=str(path),
        bounds=bounds_for(len(content), memory_gb=memory_gb, seconds_per_image=seconds_per_image),
        device=kind,
        index=index,
        threads=torch.get_num_threads(),  # `thermodepth.threads` decides for the process
        metadata_key=GEOMETRY_KEY,
    )
    ports = _ports_of(graph, path)
    meaning = geometry or _geometry_in(graph, path)
    return OnnxTeacher(
        graph,
        ports,
        _preparation(
            ports, path, input_size, _normalisation(content, ports, path, normalise), multiple
        ),
        meaning,
        name=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        batch_size=batch_size,
    )


def _device(device: str) -> tuple[str, int]:
    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and not index.isdecimal()):
        raise TeacherError(f"teacher device '{device}': an ONNX file runs on auto, cpu or cuda")
    return kind, int(index or 0)


def _normalisation(
    content: bytes, ports: Ports, path: Path, requested: Normalise | None
) -> Normalise:
    """What the settings say; without them what the graph tells, or the field's habit.

    Raises:
        TeacherError: for whole numbers that are to be normalised.
    """
    if ports.number is np.uint8:
        if requested not in (None, "byte"):
            raise TeacherError(
                f"{path}: its input is tensor(uint8), which takes teacher.normalise=byte only, "
                f"not {requested}"
            )
        return "byte"
    visible: Normalise | None = None
    with suppress(OnnxFileError):  # the runtime takes it, so it is only that nothing is visible
        visible = expected_normalisation(content, ports.input)
    if visible is None or visible == requested:
        return requested or visible or "imagenet"
    statement = f"{path}: its first nodes normalise pictures of {_IN_WORDS[visible]} themselves"
    if requested is None:
        warnings.warn(
            f"{statement}, so it is fed these; teacher.normalise={visible} says so too, without this warning",
            stacklevel=4,
        )
        return visible
    warnings.warn(
        f"{statement}, and teacher.normalise={requested} gives it others: it may see next to nothing, and a "
        f"map of next to nothing still looks like a scene. teacher.normalise={visible} is what it wants",
        stacklevel=4,
    )
    return requested


def _read_whole(path: Path) -> bytes:
    try:
        content = read_bytes(path, limit=MAX_FILE_BYTES)  # no ONNX file is larger than 2 GB
    except DataError as error:
        raise TeacherError(f"{error}; expected one .onnx file") from None
    try:
        outside = has_external_data(content)
    except OnnxFileError as error:
        raise TeacherError(f"{path}: {error}") from None
    if outside:
        raise TeacherError(
            f"{path}: keeps weights in other files, which are not opened; save it as one file: "
            "onnx.save_model(onnx.load(FILE), 'whole.onnx', save_as_external_data=False)"
        )
    return content


def _ports_of(graph: BoundedGraph, path: Path) -> Ports:
    inputs = graph.inputs
    if len(inputs) != 1:
        names = ", ".join(port.name for port in inputs)
        raise TeacherError(f"{path}: has {len(inputs)} inputs ({names}), expected one image")
    (image,) = inputs
    shape = image.shape
    number = _NUMBERS.get(image.type)
    if number is None:
        raise TeacherError(f"{path}: its input is {image.type}, expected {' or '.join(_NUMBERS)}")
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise TeacherError(
            f"{path}: its input is {shape}, expected [b 3 h w] or [b h w 3] with the 3 fixed"
        )
    channels_last = shape[1] != 3
    batch = shape[0]
    if isinstance(batch, int) and batch != 1:
        raise TeacherError(f"{path}: takes exactly {batch} images at a time, expected 1 or any")
    sides = shape[1:3] if channels_last else shape[2:4]
    fixed = [side for side in sides if isinstance(side, int)]
    if len(fixed) == 1:
        raise TeacherError(
            f"{path}: its input is {shape}, one side fixed and one free; export it with both"
        )
    if any(not 0 < side <= MAX_SIDE for side in fixed):
        raise TeacherError(f"{path}: its input is {shape}, expected sides of 1 to {MAX_SIDE}")
    return Ports(
        input=image.name,
        output=_output_name(graph.outputs, path),
        number=number,
        channels_last=channels_last,
        size=(fixed[0], fixed[1]) if fixed else None,
        one_by_one=batch == 1,
    )


def _output_name(names: list[str], path: Path) -> str:
    if len(names) == 1:
        return names[0]
    for candidate in DEPTH_OUTPUTS:
        if candidate in names:
            return candidate
    raise TeacherError(
        f"{path}: has {len(names)} outputs ({', '.join(names)}), none called {' or '.join(DEPTH_OUTPUTS)}; "
        "export it with the map alone"
    )


def _geometry_in(graph: BoundedGraph, path: Path) -> Geometry:
    value = graph.metadata
    if value is None:
        raise TeacherError(
            f"{path}: what its values mean must be said, as geometry=... ({', '.join(Geometry)}); the "
            f"file's metadata has no '{GEOMETRY_KEY}'"
        )
    if value not in list(Geometry):
        raise TeacherError(
            f"{path}: its metadata says {GEOMETRY_KEY}={value!r}, which is none of {', '.join(Geometry)}; "
            "say which as geometry=..."
        )
    return Geometry(value)


def _preparation(
    ports: Ports, path: Path, input_size: int | None, normalise: Normalise, multiple: int | None
) -> Preparation:
    mean, std = NORMALISATIONS[normalise]
    if ports.size is not None:
        rows, columns = ports.size
        requests = {"input_size": input_size, "multiple": multiple}
        for name, value in requests.items():
            if value is not None and (name == "multiple" or value != min(ports.size)):
                raise TeacherError(
                    f"{path}: takes {columns}x{rows} only, so {name} {value} cannot be; leave it out"
                )
        return Preparation(
            fit="letterbox", height=rows, width=columns, multiple=1, mean=mean, std=std
        )
    step = multiple or DEFAULT_MULTIPLE
    side = multiple_at_least(0, input_size or DEFAULT_SIZE, step)
    return Preparation(
        fit="lower_bound", height=side, width=side, multiple=step, mean=mean, std=std
    )


def _as_maps(output: Any, fed: tuple[int, int, int], name: str) -> NDArray[np.float32]:
    """`[b h' w']`, `[b 1 h' w']` or `[b h' w' 1]` over images `[b h w]` -> `[b h' w']`."""
    count, rows, columns = fed
    values = np.asarray(output)
    if values.ndim == 4 and 1 in (values.shape[1], values.shape[3]):
        values = values[:, 0] if values.shape[1] == 1 else values[..., 0]
    fits = values.ndim == 3 and len(values) == count and values.dtype.kind == "f"
    # The same share of rows as of columns, to within the rounding of a stride.
    if fits and abs(values.shape[1] / rows - values.shape[2] / columns) <= 1 / rows + 1 / columns:
        return np.ascontiguousarray(values, dtype=np.float32)
    raise TeacherError(
        f"{name}: gives {np.asarray(output).dtype} {list(np.shape(output))} for {count} images of "
        f"{rows}x{columns}, expected a map each, [b h w] or [b 1 h w]"
    )
