"""A file is compared before it stands there; what is too far off, or loses too much, is not written."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thermodepth.export.exporting as exporting
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.export.accuracy import accuracy_loss, evenly
from thermodepth.export.exporting import ExportOptions, export_model
from thermodepth.export.parity import TRIALS, Parity, check_parity, parity
from thermodepth.inference.predictor import Predictor
from thermodepth.runtime.loading import open_predictor
from thermodepth.types import Sample, ThermalUnit

HAS_OPENVINO = importlib.util.find_spec("openvino") is not None


def samples(count: int, *, truth: bool = True, size: tuple[int, int] = (64, 80)) -> list[Sample]:
    random = np.random.default_rng(0)
    rows, columns = size
    return [
        Sample(
            sample_id=f"f{number}",
            thermal=random.integers(7000, 9000, size).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.array([[70, 0, columns / 2], [0, 70, rows / 2], [0, 0, 1]], np.float32),
            depth_m=random.uniform(2, 20, size).astype(np.float32) if truth else None,
        )
        for number in range(count)
    ]


def test_a_graph_is_written_with_what_was_measured(make_model: Any, tmp_path: Path) -> None:
    model = make_model()
    path = tmp_path / "new" / "model.onnx"
    export = export_model(model, path, ExportOptions(), check=samples(2))
    assert export.paths == (path,)
    assert sorted(file.name for file in path.parent.iterdir()) == ["model.onnx"]
    runtimes = {"onnx", "openvino"} if HAS_OPENVINO else {"onnx"}
    assert {row.runtime for row in export.parity} == runtimes
    assert {row.frame for row in export.parity} == {"scene", "flat", "saturated", "noise"}
    assert len({row.size for row in export.parity}) >= 3
    assert all(row.depth < 1e-3 for row in export.parity)
    assert all(abs(loss.lost) < 1e-3 and loss.has_truth for loss in export.losses)
    assert export.operators["Conv"] > 20
    assert export.float_layers is None
    assert open_predictor(path, threads=1).facts == Predictor(model).facts


@pytest.mark.parametrize(
    ("options", "name", "match"),
    [
        ({"to": "onnx"}, "model.xml", r"ends in \.onnx for a graph of kind onnx"),
        ({"to": "torch"}, "model.pt2", "a torch program is of one size"),
        ({"to": "torch", "npu": True, "size": (64, 80)}, "model.pt2", "in float32"),
        ({"npu": True}, "model.onnx", "is of one size"),
    ],
)
def test_what_cannot_be_is_refused(
    options: dict[str, Any], name: str, match: str, make_model: Any, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=match):
        export_model(make_model(), tmp_path / name, ExportOptions(**options), check=[])
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_differs_is_not_written(
    make_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = exporting.onnx_model

    def wrong(*arguments: Any, **options: Any) -> Any:
        proto = right(*arguments, **options)
        for constant in proto.graph.initializer:
            if constant.name.startswith("network/heads/") and constant.dims[:1] == [1]:
                value = 1.01 * exporting_array(constant)
                constant.CopyFrom(exporting_tensor(value, constant.name))
        return proto

    monkeypatch.setattr(exporting, "onnx_model", wrong)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    with pytest.raises(WeightsError, match=r"runtime onnx: metres of the frame '\w+' of \d+x\d+"):
        export_model(make_model(), path, ExportOptions(), check=[])
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def exporting_array(constant: Any) -> np.ndarray:
    from onnx import numpy_helper

    return numpy_helper.to_array(constant)


def exporting_tensor(value: np.ndarray, name: str) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(value, np.float32), name)


def test_the_worst_frame_is_named() -> None:
    def row(
        depth: float,
        structure: float = 0.0,
        error: float | None = None,
        sky: float | None = None,
    ) -> Parity:
        return Parity(
            runtime="onnx",
            frame="noise",
            size=(97, 131),
            depth=depth,
            mean_depth=0.0,
            structure=structure,
            relative_error=error,
            sky=sky,
        )

    check_parity([row(1e-3), row(0.0, error=1e-3, sky=0.01)])
    with pytest.raises(
        WeightsError, match=r"metres .* 'noise' of 131x97 differ .* by up to 0.002,"
    ):
        check_parity([row(1e-3), row(2e-3)])
    with pytest.raises(WeightsError, match="structure of the frame 'noise'"):
        check_parity([row(0.0), row(0.0, 2e-3)])
    with pytest.raises(WeightsError, match="expected errors of the frame 'noise'"):
        check_parity([row(0.0), row(0.0, error=2e-3)])
    with pytest.raises(WeightsError, match=r"sky of the frame 'noise' .* on 2\.0% of the pixels"):
        check_parity([row(0.0), row(0.0, sky=0.02)])


def test_a_graph_that_tells_less_than_its_network_is_none(make_model: Any) -> None:
    network = Predictor(make_model(), device="cpu")
    without = Predictor(make_model(sky=False, relative_error=False), device="cpu")
    (row, *_) = parity(network, without, runtime="x", unit=ThermalUnit.COUNTS, sizes=[(64, 80)])
    assert row.relative_error == float("inf")
    assert row.sky == 1.0
    for each in (network, without):
        (row, *_) = parity(each, each, runtime="x", unit=ThermalUnit.COUNTS, sizes=[(64, 80)])
        assert row.relative_error == (0.0 if each is network else None)


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (12, 12), (9, 40)])
def test_trials_are_drawn_at_any_size(size: tuple[int, int]) -> None:
    for draw in TRIALS.values():
        assert draw(size, np.random.default_rng(0)).shape == size


def test_more_frames_at_once_than_memory_has_are_refused(make_model: Any, tmp_path: Path) -> None:
    for options in (ExportOptions(batch=10**6), ExportOptions(batch=10**6, size=(64, 80))):
        with pytest.raises(DataError, match=r"1000000 frames at once, .* expected at most"):
            export_model(make_model(), tmp_path / "model.onnx", options, check=[])
    assert list(tmp_path.iterdir()) == []


def test_integers_want_frames_to_calibrate_and_to_check(make_model: Any, tmp_path: Path) -> None:
    for calibration, check in (([], samples(1)), (samples(1), [])):
        with pytest.raises(DataError, match="expected some of both"):
            export_model(
                make_model(),
                tmp_path / "model.onnx",
                ExportOptions(),
                check=check,
                calibration=calibration,
            )


@pytest.fixture
def loses(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], list[int]]:
    """`loses([0.5, 0.01])`: what every graph in integers loses, in turn; the layers that were tried."""

    def set_losses(losses: list[float]) -> list[int]:
        tried: list[int] = []
        right = exporting.quantised

        def spied(*arguments: Any, float_layers: int) -> Any:
            tried.append(float_layers)
            return right(*arguments, float_layers=float_layers)

        def measured(network: Any, graph: Any, check: Any, *, runtime: str) -> Any:
            loss = accuracy_loss(network, graph, check[:1], runtime=runtime)
            number = min(len(tried), len(losses)) - 1
            return exporting.Loss(
                runtime=loss.runtime,
                frames=len(check),
                lost=losses[number],
                mean_difference=loss.mean_difference,
                has_truth=True,
            )

        monkeypatch.setattr(exporting, "quantised", spied)
        monkeypatch.setattr(exporting, "accuracy_loss", measured)
        return tried

    return set_losses


def test_integers_that_lose_too_much_keep_more_layers(
    make_model: Any, tmp_path: Path, loses: Callable[[list[float]], list[int]]
) -> None:
    tried = loses([0.021, 0.02])
    path = tmp_path / "model.onnx"
    calibration, check = samples(2), samples(3)
    export = export_model(make_model(), path, ExportOptions(), check=check, calibration=calibration)
    assert tried == [5, 11]
    assert export.float_layers == 11
    assert export.facts.numbers == "int8"
    graph = open_predictor(path, threads=1)
    assert graph.fingerprint.endswith("-64-counts-int8")


def test_integers_that_always_lose_too_much_are_refused(
    make_model: Any, tmp_path: Path, loses: Callable[[list[float]], list[int]]
) -> None:
    loses([0.5, 0.3])
    path = tmp_path / "model.onnx"
    with pytest.raises(WeightsError, match=r"int8 loses 30\.0% of AbsRel on 3 frames .* than 2%"):
        export_model(make_model(), path, ExportOptions(), check=samples(3), calibration=samples(2))
    assert list(tmp_path.iterdir()) == []


class Answers:
    """A predictor that says one depth."""

    def __init__(self, depth_m: float) -> None:
        self.depth_m = depth_m

    def maps_of(self, frames: list[Sample]) -> list[tuple[np.ndarray, ...]]:
        return [(np.full((2, 2), self.depth_m, np.float32),) for _ in frames]


def test_a_loss_by_hand() -> None:
    truth = np.array([[4.0, 4.0], [np.nan, 0.0]], np.float32)
    sample = samples(1, size=(2, 2))[0]
    with_truth = [type(sample)(**{**fields(sample), "depth_m": truth})]
    # The network says 5, off by a quarter; the graph 6, off by a half: it loses all of it once more.
    loss = accuracy_loss(Answers(5.0), Answers(6.0), with_truth, runtime="onnx")
    assert loss.lost == pytest.approx(1.0)
    assert loss.mean_difference == pytest.approx(0.2)
    without = [type(sample)(**{**fields(sample), "depth_m": None})]
    loss = accuracy_loss(Answers(5.0), Answers(5.1), without, runtime="onnx")
    assert loss.lost == pytest.approx(0.02)
    assert not loss.has_truth
    with pytest.raises(DataError, match="2 frames to measure an export on"):
        accuracy_loss(Answers(5.0), Answers(6.0), [*with_truth, *without], runtime="onnx")


def fields(sample: Sample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in sample.__dataclass_fields__}


def test_frames_are_taken_evenly(tiny_pack: Path) -> None:
    from thermodepth.data import open_dataset

    dataset = open_dataset(f"synthetic:{tiny_pack}")
    assert [s.sample_id[-2:] for s in evenly(dataset, "train", 3)] == ["00", "06", "11"]
    assert len(evenly(dataset, "train", 99)) == 12


def test_a_torch_program_gives_the_same(make_model: Any, tmp_path: Path) -> None:
    model = make_model(encoder="resnet-small")
    path = tmp_path / "model.pt2"
    options = ExportOptions(to="torch", size=(96, 121))
    export = export_model(model, path, options, check=samples(1, size=(96, 121)))
    assert max(row.depth for row in export.parity) < 1e-3
    assert max(row.relative_error or 0.0 for row in export.parity) < 1e-3
    with zipfile.ZipFile(path) as archive:
        (extra,) = (name for name in archive.namelist() if name.endswith("extra/thermodepth"))
        assert json.loads(archive.read(extra))["size"] == [96, 121]
    with pytest.raises(SettingsError, match="is a torch program"):
        open_predictor(path)


@pytest.mark.skipif(not HAS_OPENVINO, reason="needs the extra openvino")
def test_openvino_writes_two_files(make_model: Any, tmp_path: Path) -> None:
    model, path = make_model(), tmp_path / "model.xml"
    export = export_model(model, path, ExportOptions(to="openvino"), check=samples(1))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    assert export.paths == (path, tmp_path / "model.bin")
    assert {row.runtime for row in export.parity} == {"openvino"}
    assert open_predictor(path, threads=1).facts == Predictor(model).facts
    (tmp_path / "model.bin").unlink()
    with pytest.raises(WeightsError, match=r"model\.bin: cannot be read"):
        open_predictor(path)
