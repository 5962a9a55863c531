"""Teachers from ONNX files: ports, preparation, the way back, and what is refused."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from thermodepth.errors import DependencyError, SettingsError, TeacherError
from thermodepth.onnx_file import OnnxFileError, has_external_data
from thermodepth.teacher import TeacherSettings
from thermodepth.teacher.onnx_depth import OnnxTeacher, open_onnx
from thermodepth.teacher.transformers_depth import open_transformers
from thermodepth.types import Geometry, Sample

Shape = Sequence[int | str]
FREE: Shape = ("b", 3, "h", "w")


def build(
    path: Path,
    shape: Shape = FREE,
    *,
    axis: int = 1,
    keep: bool = True,
    pool: int = 1,
    number: int = TensorProto.FLOAT,
    more_outputs: Sequence[str] = (),
    output: str = "depth",
    initializers: Sequence[Any] = (),
    metadata: dict[str, str] | None = None,
) -> Path:
    """A model whose map is the mean of its three channels: it gives its own input back."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[axis], keepdims=int(keep)),
        helper.make_node(
            "AveragePool", ["mean"], [output], kernel_shape=[pool] * 2, strides=[pool] * 2
        )
        if pool > 1
        else helper.make_node("Identity", ["mean"], [output]),
        *(helper.make_node("Identity", ["mean"], [name]) for name in more_outputs),
    ]
    graph = helper.make_graph(
        nodes,
        "echo",
        [helper.make_tensor_value_info("image", number, shape)],
        [helper.make_tensor_value_info(name, number, None) for name in (*more_outputs, output)],
        list(initializers),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


def open_cpu(path: Path, **settings: Any) -> OnnxTeacher:
    options = {
        "device": "cpu",
        "geometry": Geometry.AFFINE_INVERSE,
        "normalise": "none",
        **settings,
    }
    return open_onnx(str(path), **options)


def grey(sample: Sample) -> Any:
    assert sample.rgb is not None
    return sample.rgb.mean(axis=2) / 255


@pytest.mark.parametrize(
    ("shape", "how"),
    [
        (FREE, {}),
        (FREE, {"keep": False}),
        (FREE, {"pool": 2}),
        (FREE, {"number": TensorProto.FLOAT16}),
        (("b", "h", "w", 3), {"axis": 3}),
        ((1, 3, "h", "w"), {}),
        ((1, 3, 96, 96), {}),
        ((1, 3, 96, 160), {"pool": 2}),
        (("b", 64, 128, 3), {"axis": 3, "keep": False}),
    ],
)
def test_what_goes_in_comes_back_in_place(
    shape: Shape, how: dict[str, Any], tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    """Smooth pictures of several shapes, through every kind of port, to within the blur of resizing."""
    size = {"input_size": 64} if isinstance(shape[2], str) else {}  # fixed sides take no other
    teacher = open_cpu(build(tmp_path / "echo.onnx", shape, **how), **size)
    sizes = [(48, 64), (48, 120), (64, 40), (48, 120), (48, 120)]
    samples = [sample_of(str(i), size, seed=i) for i, size in enumerate(sizes)]
    for sample, values in zip(samples, teacher.label(samples), strict=True):
        assert values.shape == sample.size
        assert values.dtype == np.float32
        off = np.abs(values - grey(sample))
        assert off.max() < 0.06, "shifted, squeezed, or border of the letterbox within"
        assert off.mean() < 0.006
        (alone,) = teacher.label([sample])
        np.testing.assert_allclose(alone, values, atol=1e-5)


def test_free_sides_keep_the_aspect_of_a_wide_frame(tmp_path: Path) -> None:
    path = build(tmp_path / "echo.onnx")
    assert open_cpu(path).network_size(256, 640) == (518, 1288)
    assert open_cpu(path, input_size=256, multiple=32).network_size(256, 640) == (256, 640)
    assert open_cpu(path, input_size=100, multiple=32).network_size(256, 640) == (128, 320)


def test_a_letterbox_holds_the_whole_frame_and_only_it(tmp_path: Path) -> None:
    plan = open_cpu(build(tmp_path / "echo.onnx", (1, 3, 96, 160)))._preparation
    assert plan.network_size(256, 640) == (96, 160)
    assert plan.window(256, 640) == (16, 0, 64, 160)
    assert plan.window(640, 256) == (0, 61, 96, 38)
    frame = torch.rand(1, 3, 64, 160)
    boxed = plan.prepare(frame)
    torch.testing.assert_close(boxed[..., 16:80, :], frame)
    torch.testing.assert_close(boxed[..., 0, :], frame[..., 0, :])
    torch.testing.assert_close(boxed[..., 95, :], frame[..., 63, :])
    torch.testing.assert_close(plan.restore(boxed[:, 0], 64, 160), frame[:, 0])


def test_normalisation_is_the_one_of_the_settings(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    path = build(tmp_path / "echo.onnx")
    sample = sample_of(rgb=np.full((48, 64, 3), 51, np.uint8))  # 0.2
    imagenet = np.mean((0.2 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225]))
    for name, expected in {"none": 0.2, "half": -0.6, "imagenet": imagenet, None: imagenet}.items():
        (values,) = open_cpu(path, normalise=name, input_size=56).label([sample])
        np.testing.assert_allclose(values, expected, rtol=1e-5)
    with pytest.raises(SettingsError, match="normalise"):
        TeacherSettings.parse({"kind": "onnx", "model": "x", "normalise": "clip"})
    with pytest.raises(SettingsError, match=r"needs model: an \.onnx file"):
        TeacherSettings.parse({"kind": "onnx"})


def test_geometry_from_metadata_or_from_the_person(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    silent = build(tmp_path / "silent.onnx")
    with pytest.raises(TeacherError, match=r"silent\.onnx: what its values mean must be said"):
        open_cpu(silent, geometry=None)
    telling = build(tmp_path / "telling.onnx", metadata={"geometry": "metric_depth"})
    teacher = open_cpu(telling, geometry=None)
    assert teacher.geometry is Geometry.METRIC_DEPTH
    (values,) = teacher.label([sample_of(rgb=np.zeros((48, 64, 3), np.uint8))])
    assert values.min() == pytest.approx(1e-3), "a store keeps the logarithm of depth"
    assert open_cpu(telling, geometry=Geometry.SCALE_DEPTH).geometry is Geometry.SCALE_DEPTH
    odd = build(tmp_path / "odd.onnx", metadata={"geometry": "metres"})
    with pytest.raises(TeacherError, match=r"geometry='metres', which is none of metric_depth"):
        open_cpu(odd, geometry=None)
    assert open_cpu(odd).geometry is Geometry.AFFINE_INVERSE


def test_the_map_among_several_outputs(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    path = build(tmp_path / "a.onnx", more_outputs=["sky", "focal"], output="predicted_depth")
    sample = sample_of()
    (values,) = open_cpu(path, input_size=56).label([sample])
    assert np.abs(values - grey(sample)).max() < 0.06
    with pytest.raises(TeacherError, match=r"has 2 outputs \(sky, map\), none called predicted"):
        open_cpu(build(tmp_path / "b.onnx", more_outputs=["sky"], output="map"))


def test_ports_that_no_image_fits(tmp_path: Path) -> None:
    cases: list[tuple[Shape, dict[str, Any], str]] = [
        (("b", 1, "h", "w"), {}, r"expected \[b 3 h w\] or \[b h w 3\]"),
        (("b", "c", "h", "w"), {}, r"expected \[b 3 h w\]"),
        ((3, "h", "w"), {}, r"expected \[b 3 h w\]"),
        ((4, 3, 64, 64), {}, "exactly 4 images at a time"),
        (("b", 3, 64, "w"), {}, "one side fixed and one free"),
        ((1, 3, 64, 5000), {}, "sides of 1 to 4096"),
        (FREE, {"number": TensorProto.DOUBLE}, r"its input is tensor\(double\)"),
    ]
    for i, (shape, how, message) in enumerate(cases):
        with pytest.raises(TeacherError, match=message):
            open_cpu(build(tmp_path / f"{i}.onnx", shape, **how))
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "prompt"], ["depth"])],
        "two",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, FREE) for n in ("image", "prompt")],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, FREE)],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "two.onnx")
    with pytest.raises(TeacherError, match=r"has 2 inputs \(image, prompt\)"):
        open_cpu(tmp_path / "two.onnx")
    fixed = build(tmp_path / "fixed.onnx", (1, 3, 64, 96))
    for name, value in {"input_size": 128, "multiple": 32}.items():
        with pytest.raises(TeacherError, match=f"takes 96x64 only, so {name} {value} cannot"):
            open_cpu(fixed, **{name: value})
    assert open_cpu(fixed, input_size=64).network_size(10, 10) == (64, 96)


def test_maps_that_are_none_and_models_that_fail(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    flat = open_cpu(build(tmp_path / "flat.onnx", axis=2, keep=False), input_size=56)
    with pytest.raises(TeacherError, match=r"gives float32 \[1, 3, 70\] for 1 images of 56x70"):
        flat.label([sample_of(size=(48, 60))])
    colours = open_cpu(build(tmp_path / "colours.onnx", axis=0), input_size=56, batch_size=1)
    with pytest.raises(TeacherError, match=r"gives float32 \[1, 3, 56, 70\]"):
        colours.label([sample_of(size=(48, 60))])
    kernel = numpy_helper.from_array(np.zeros((1, 3, 10, 10), np.float32), "rigid")
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "rigid"], ["depth"])],
        "rigid",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, FREE)],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)],
        [kernel],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "r.onnx")
    with pytest.raises(TeacherError, match=r"fails on an input of \[1, 3, 56, 70\].*multiple"):
        open_cpu(tmp_path / "r.onnx", input_size=56).label([sample_of(size=(48, 60))])
    with pytest.raises(TeacherError, match="frame dark has no RGB image"):
        flat.label([sample_of("dark", rgb=None)])


def external(tensor: Any) -> Any:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


@pytest.mark.parametrize("where", ["initializer", "constant", "branch"])
def test_weights_in_other_files_are_refused(where: str, tmp_path: Path) -> None:
    outside = external(numpy_helper.from_array(np.ones(4, np.float32), "w"))
    constant = helper.make_node("Constant", [], ["w"], value=outside)
    extra: list[Any] = []
    if where == "constant":
        extra = [constant]
    elif where == "branch":
        result = [helper.make_tensor_value_info("w", TensorProto.FLOAT, [4])]
        branch = helper.make_graph([constant], "branch", [], result)
        yes = helper.make_node(
            "Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True), "y")
        )
        extra = [
            yes,
            helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch),
        ]
    path = build(tmp_path / "a.onnx", initializers=[outside] if where == "initializer" else [])
    model = onnx.load(path, load_external_data=False)
    model.graph.node.extend(extra)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TeacherError, match=r"a\.onnx: keeps weights in other files"):
        open_cpu(path)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    whole = build(
        tmp_path / "whole.onnx",
        initializers=[numpy_helper.from_array(np.arange(500, dtype=np.float32), "unused")],
    ).read_bytes()
    assert not has_external_data(whole)
    path = tmp_path / "a.onnx"
    generator = np.random.default_rng(0)
    junk = [b"", b"hello world, this is text", generator.bytes(4000), whole[:-7], b"\x3a\x00" * 9]
    for content in junk:
        path.write_bytes(content)
        with pytest.raises(TeacherError, match=r"a\.onnx: "):
            open_cpu(path)
    for _ in range(300):  # any damage ends in an answer, never in a crash or an endless walk
        broken = bytearray(whole)
        for at in generator.integers(0, len(whole), 3):
            broken[at] = generator.integers(0, 256)
        with contextlib.suppress(OnnxFileError):
            has_external_data(bytes(broken))
    nested = b""
    for _ in range(40):  # a graph in an attribute of a node of a graph ...
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # attribute.g, node.attribute, graph.node
            nested = tag + _varint(len(nested)) + nested
    with pytest.raises(OnnxFileError, match="too deep"):
        has_external_data(b"\x3a" + _varint(len(nested)) + nested)
    with pytest.raises(TeacherError, match="cannot be read"):
        open_cpu(tmp_path / "absent.onnx")
    with pytest.raises(TeacherError, match="is a folder"):
        open_cpu(tmp_path)


def test_a_file_of_nothing_but_messages_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = b"\x0a\x00" * 100_000  # graph.node, empty
    content = b"\x3a" + _varint(len(nodes)) + nodes
    tracemalloc.start()
    try:
        assert not has_external_data(content)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    monkeypatch.setattr("thermodepth.onnx_file.MAX_MESSAGES", 99_999)
    with pytest.raises(OnnxFileError, match="more than 99999 nodes"):
        has_external_data(content)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def test_device_threads_and_a_missing_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(tmp_path / "echo.onnx")
    assert open_cpu(path, device="auto")._graph.threads == torch.get_num_threads()
    for device in ("mps", "cuda:x"):
        with pytest.raises(TeacherError, match=f"device '{device}': an ONNX file runs on"):
            open_cpu(path, device=device)
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(TeacherError, match="this onnxruntime has no CUDA"):
            open_cpu(path, device="cuda")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DependencyError, match=r"pip install 'thermodepth\[onnx\]'"):
        open_cpu(path)


def test_fingerprint_follows_the_file_and_what_decides_its_maps(tmp_path: Path) -> None:
    path = build(tmp_path / "echo.onnx")
    first = open_cpu(path).fingerprint()
    assert first.startswith("onnx-")
    shutil.copy(path, tmp_path / "moved.onnx")
    assert open_cpu(tmp_path / "moved.onnx", batch_size=9).fingerprint() == first
    for change in (
        {"geometry": Geometry.METRIC_DEPTH},
        {"normalise": "half"},
        {"input_size": 56},
        {"multiple": 32},
    ):
        assert open_cpu(path, **change).fingerprint() != first
    build(path, metadata={"note": "another file"})
    assert open_cpu(path).fingerprint() != first


def test_an_exported_model_teaches_what_the_model_does(
    tmp_path: Path, saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    """The same weights through transformers and through ONNX Runtime."""
    from transformers import AutoModelForDepthEstimation

    folder = saved_model("depth_anything")
    network = AutoModelForDepthEstimation.from_pretrained(folder).eval()

    class Map(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            depth: torch.Tensor = self.network(pixel_values=image).predicted_depth
            return depth

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old exporter, which needs no further package, says so
        torch.onnx.export(
            Map(),
            (torch.rand(1, 3, 70, 98),),
            tmp_path / "model.onnx",
            input_names=["image"],
            output_names=["depth"],
            dynamic_axes={"image": {0: "b"}, "depth": {0: "b"}},
            dynamo=False,
        )
    samples = [sample_of(str(i), (70, 98), seed=i) for i in range(3)]
    ours = open_cpu(tmp_path / "model.onnx", normalise="imagenet", batch_size=2).label(samples)
    reference = open_transformers(str(folder), input_size=70, device="cpu").label(samples)
    for one, other in zip(ours, reference, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4 * np.abs(other).max())
