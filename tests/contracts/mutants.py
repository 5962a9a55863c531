"""Small whole files of every kind that the package reads, and how each is read: what mutations begin from.

Kept files are those that an earlier run of ours left and a later one trusts: a change in one is refused or
changes nothing. Foreign files carry no checksum of ours, so a changed pixel may pass; nothing else may.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from thermodepth.files import encode_png

Read = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Files that are there, the way they are read, and which of them are changed."""

    files: tuple[Path, ...]
    read: Read


Make = Callable[[Path], Subject]


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def counts(height: int = 24, width: int = 32) -> NDArray[np.uint16]:
    smooth = cv2.resize(rng().uniform(7000, 7900, (4, 5)).astype(np.float32), (width, height))
    noisy: NDArray[np.float64] = smooth + rng().normal(0, 3, (height, width))
    return noisy.astype(np.uint16)


def metres(height: int = 24, width: int = 32) -> NDArray[np.float32]:
    return np.geomspace(2, 40, height * width).reshape(height, width).astype(np.float32)


# --- kept -------------------------------------------------------------------------------------------


def model_folder(folder: Path) -> Subject:
    import torch

    from thermodepth.model import ModelRecipe, ModelSettings, load_model, save_model
    from thermodepth.model.network import build_network
    from thermodepth.thermal import NormaliserSettings
    from thermodepth.types import ThermalUnit

    settings = ModelSettings(weights="none", decoder_width=16, depth_range_m=(1.0, 80.0))
    torch.manual_seed(0)
    recipe = ModelRecipe(
        model=settings,
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 64),
        history={"run": "r", "steps": 3},
    )
    save_model(folder, build_network(settings, channels=1), recipe)

    def read() -> Any:
        model = load_model(folder)
        return model.recipe.tree(), dict(model.network.state_dict())

    return Subject((folder / "weights.safetensors", folder / "model.json"), read)


def checkpoint(folder: Path) -> Subject:
    import torch

    from thermodepth.model import ModelSettings
    from thermodepth.model.network import build_network
    from thermodepth.training.checkpoint import FILE, load_checkpoint, save_checkpoint
    from thermodepth.training.optimiser import WeightAverage, make_optimiser
    from thermodepth.training.settings import OptimiserSettings

    settings = ModelSettings(weights="none", decoder_width=16, depth_range_m=(1.0, 80.0))

    def parts() -> dict[str, Any]:
        torch.manual_seed(0)
        network = build_network(settings, channels=1)
        average = WeightAverage(network, 0.9)
        optimiser = make_optimiser(network, OptimiserSettings())
        return {"network": network, "average": average, "optimiser": optimiser}

    own = parts()
    for parameter in own["network"].parameters():
        parameter.grad = torch.full_like(parameter, 0.01)
    own["optimiser"].step()
    sums = {"total": torch.tensor(1.5), "total.count": torch.tensor(2.0)}
    save_checkpoint(folder, step=7, identity="mine", log_sums=sums, **own)

    def read() -> Any:
        new = parts()
        step, log = load_checkpoint(folder, identity="mine", steps=12, **new)
        moments = new["optimiser"].state_dict()["state"]
        return step, log, dict(new["network"].state_dict()), new["average"].state, moments

    return Subject((folder / FILE,), read)


def rows(folder: Path) -> Subject:
    from thermodepth.evaluation.protocols.named import named_protocol
    from thermodepth.evaluation.rows.rows import read_rows, rows_from_records, write_rows

    protocol = named_protocol("synthetic")
    draw = rng()
    table = rows_from_records(
        [
            {
                "study": "s",
                "arm": arm,
                "seed": seed,
                "frame": number,
                "sample_id": f"f{number}",
                "sequence": f"q{number // 3}",
                "condition": "day",
                "protocol": protocol.protocol_id(),
                "head": "depth",
                "against": "truth",
                "alignment": "none",
                "slice": "all",
                "metric": metric,
                "value": float(draw.uniform(0, 1)),
                "pixels": 100,
            }
            for arm in ("full", "bare")
            for seed in range(2)
            for number in range(6)
            for metric in ("abs_rel", "rmse")
        ],
        protocol=protocol,
    )
    path = folder / "rows.parquet"
    write_rows(table, path)

    def read() -> Any:
        found = read_rows(path)
        return found.to_pydict(), found.schema.metadata

    return Subject((path,), read)


def labels(folder: Path) -> Subject:
    from thermodepth.teacher import LabelStore
    from thermodepth.types import Geometry

    store = LabelStore(folder, "t-1", "d-1", Geometry.METRIC_DEPTH, teacher_description="drawn")
    ids = ("a/1", "b")
    for name in ids:
        store.write(name, metres())
    store._write_facts("b", {"rejected": "", "labelled": 0.75})

    def read() -> Any:
        again = LabelStore.existing(store.folder)
        maps = [again.read(name) for name in ids]
        return again.geometry, again.teacher_fingerprint, maps, again.facts("b"), again.missing(ids)

    files = sorted(p for p in store.folder.rglob("*") if p.is_file())
    return Subject(tuple(files), read)


def predictions(folder: Path) -> Subject:
    from thermodepth.evaluation.store import PredictionStore

    with PredictionStore(folder / "p", made_by={"model": "m"}, about={"split": "test"}) as store:
        store.write("f1", depth_m=metres(), structure=1 / metres())
        store.write("f/2", depth_m=metres(), structure=1 / metres())

    def read() -> Any:
        again = PredictionStore.open(folder / "p")
        kept = [again.read(name) for name in ("f1", "f/2")]
        return again.made_by, again.about, again.ids, [(k.depth_m, k.structure) for k in kept]

    return Subject(tuple(sorted((folder / "p").iterdir())), read)


def run_facts(folder: Path) -> Subject:
    """A run's folder as it is left: records, log, diagnostics."""
    from thermodepth.checksums import read_settings, write_record
    from thermodepth.study.gradients.records import read_gradients
    from thermodepth.study.results.training_logs import read_curve
    from thermodepth.training.diagnostics.files import (
        COSINE_COLUMNS,
        COSINES,
        FACTS,
        GRADIENT_COLUMNS,
        GRADIENTS,
        LineFile,
    )
    from thermodepth.training.log import RunLog
    from thermodepth.training.run_folder import finish_run, note_start, run_facts, run_is_done
    from thermodepth.training.settings import TrainingSettings

    write_record(folder / "run.json", {"identity": "i", "data": "synthetic", "labels": "t/g"})
    write_record(folder / "settings.json", TrainingSettings().tree())
    note_start(folder, first_weights="w", batches="b")
    log = RunLog(folder, first_step=0, tensorboard=False)
    gradients = LineFile(folder / GRADIENTS, GRADIENT_COLUMNS, first_step=0)
    cosines = LineFile(folder / COSINES, COSINE_COLUMNS, first_step=0)
    for step in range(1, 9):
        log.write(step, {"learning_rate": 0.01, "total": 1 / step, "gradient_norm": 2.0 + step})
        gradients.add([(step, "metric_silog", 0.5 / step, 0.25 / step, 1.5, 0.75)])
        cosines.add([(step, "shared", "metric_silog", "structure_ssi", 0.1 * step, 0.5)])
    write_record(folder / FACTS, {"overhead": 0.25, "stops": []})
    finish_run(folder)

    def read() -> Any:
        settings = read_settings(TrainingSettings, folder / "settings.json")
        curve = read_curve(folder / "log.csv", arm="full", seed=0)
        facts = run_facts(folder)
        return settings.tree(), facts, run_is_done(folder), curve.columns, read_gradients(folder)

    return Subject(tuple(sorted(p for p in folder.iterdir() if p.is_file())), read)


def growing_log(folder: Path) -> Subject:
    """Of a run that is not done: no checksum is over what still grows, so a digit may pass."""
    from thermodepth.training.log import RunLog

    log = RunLog(folder, first_step=0, tensorboard=False)
    for step in range(1, 9):
        log.write(step, {"total": 1 / step, "gradient_norm": 2.0 + step})

    def read() -> Any:
        again = RunLog(folder, first_step=5, tensorboard=False)
        again.write(6, {"total": 0.5, "gradient_norm": 1.0})

    return Subject((folder / "log.csv",), read)


def cell_facts_of(folder: Path) -> Subject:
    from thermodepth.checksums import write_record
    from thermodepth.study.cell_facts import cell_facts
    from thermodepth.study.failure import FAILED

    facts = {"labels": "l", "first_weights": "w", "batches": "b", "seconds": 2.5, "frames": 3}
    write_record(folder / "cell.json", {**facts, "skipped": ["x"], "fingerprint": "f"})
    write_record(folder / FAILED, {"kind": "failed", "message": "m", "step": None, "when": "w"})
    return Subject((folder / "cell.json",), lambda: cell_facts(folder))


def study_record(folder: Path) -> Subject:
    from thermodepth.checksums import write_record
    from thermodepth.study.folder import StudyFolder, _read_record
    from thermodepth.study.gradients.arms import arms_of
    from thermodepth.training.settings import TrainingSettings

    settings = TrainingSettings().tree()
    runtime = settings.pop("runtime")
    arms: list[dict[str, Any]] = [
        {"name": name, "title": name.title(), "edits": {}} for name in ("full", "bare")
    ]
    design = {"name": "s", "title": "S", "reference": "full", "arms": arms, "settings": settings}
    record = {"identity": "i", "data": "synthetic", "data_fingerprint": "d", "seeds": [0, 1]}
    path = StudyFolder(path=folder).record
    write_record(path, {**record, "study": design, "runtime": runtime, "labels": "t-d"})

    def read() -> Any:
        return _read_record(StudyFolder(path=folder)).tree(), arms_of(folder)

    return Subject((path,), read)


def pack(folder: Path) -> Subject:
    """Not ours alone, but each member of a zip has its checksum."""
    from thermodepth.synthetic import Pack
    from thermodepth.synthetic.storage.pack import write_pack

    path = folder / "pack.zip"
    write_pack(path, {"train": [_frame(1), _frame(2)]})

    def read() -> Any:
        with Pack.open(path) as opened:
            frames = [opened.read(row.frame_id) for row in opened.rows]
            return opened.rows, [(f.depth_m, f.apparent_temperature_k, f.rgb) for f in frames]

    return Subject((path,), read)


def _frame(seed: int) -> Any:
    from thermodepth.synthetic.rendering.frame import Frame

    return Frame(
        frame_id=f"street-day-{seed:07d}",
        kind="street",
        condition="day",
        seed=seed,
        rgb=np.full((24, 32, 3), 40 + seed, np.uint8),
        apparent_temperature_k=(counts() / 25).astype(np.float32),
        depth_m=metres(),
        intrinsics=np.array([[30, 0, 16], [0, 30, 12], [0, 0, 1]], np.float32),
    )


# --- foreign ----------------------------------------------------------------------------------------


def thermal_picture(content: bytes, suffix: str = ".png") -> Make:
    def make(folder: Path) -> Subject:
        from thermodepth.thermal import read_thermal

        path = folder / f"frame{suffix}"
        path.write_bytes(content)
        return Subject((path,), lambda: read_thermal(path))

    return make


def depth_map(content: bytes, suffix: str) -> Make:
    def make(folder: Path) -> Subject:
        from thermodepth.depth_files import read_truth_m

        path = folder / f"depth{suffix}"
        path.write_bytes(content)
        return Subject((path,), lambda: read_truth_m(path))

    return make


def encoded(array: NDArray[Any], kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind, **options)
    return stream.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def exr(folder: Path) -> Subject:
    import OpenEXR

    from thermodepth.depth_files import read_truth_m

    path = folder / "depth.exr"
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, {"Z": metres()}).write(str(path))
    return Subject((path,), lambda: read_truth_m(path))


def flir_jpeg(folder: Path) -> Subject:
    """Header, directory, camera and raw frame, as the camera puts them into segments of a JPEG."""
    from thermodepth.thermal import read_thermal

    camera = bytearray(900)
    struct.pack_into("<6f", camera, 32, 1.0, 1.0, 293.15, 293.15, 293.15, 1.0)
    struct.pack_into("<3f", camera, 88, 17837.5, 1450.0, 1.0)
    struct.pack_into("<if", camera, 776, -1143, 0.0125)
    raw = struct.pack("<HHH26x", 2, 32, 24) + encode_png((counts() + 8000).byteswap())
    records = [(32, bytes(camera)), (1, raw)]
    entries, blocks = b"", b""
    for kind, block in records:
        start = 64 + 32 * len(records) + len(blocks)
        entries += struct.pack(">HHIIII12x", kind, 1, 100, 1, start, len(block))
        blocks += block
    head = (b"FFF" + bytes(17) + struct.pack(">III", 100, 64, len(records) + 2)).ljust(64, b"\0")
    content = head + entries + blocks
    segment = b"\xff\xe1" + struct.pack(">H", len(content) + 10) + b"FLIR\0\1\0\0" + content
    picture = encoded(np.full((24, 32, 3), 90, np.uint8), "JPEG")
    path = folder / "camera.jpg"
    path.write_bytes(picture[:2] + segment + picture[2:])
    return Subject((path,), lambda: read_thermal(path))


def y16(folder: Path) -> Subject:
    from thermodepth.thermal import read_y16

    path = folder / "frame.raw"
    path.write_bytes(counts().tobytes())
    return Subject((path,), lambda: read_y16(path, 32, 24))


def calibration(content: bytes, suffix: str) -> Make:
    def make(folder: Path) -> Subject:
        from thermodepth.calibration import read_calibration

        path = folder / f"calib{suffix}"
        path.write_bytes(content)
        return Subject((path,), lambda: read_calibration(path))

    return make


def ms2_pickle() -> bytes:
    from thermodepth.synthetic.cameras.rig import ms2_rig
    from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of

    return npy_of(ms2_calibration(ms2_rig()))


def rig_json() -> bytes:
    from thermodepth.synthetic.cameras.rig import ms2_rig, rig_facts

    return json.dumps(rig_facts(ms2_rig())).encode()


KALIBR = b"""cam0:
  camera_model: pinhole
  distortion_coeffs: [0.0, 0.0, 0.0, 0.0]
  distortion_model: radtan
  intrinsics: [900.0, 899.0, 640.0, 360.0]
  resolution: [1280, 720]
  rostopic: /rgb/image_raw
cam1:
  T_cn_cnm1:
  - [1.0, 0.0, 0.0, -0.12]
  - [0.0, 1.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  distortion_coeffs: [-0.3, 0.1, 0.0005, -2.0e-4]
  distortion_model: radtan
  intrinsics: [400.0, 401.0, 319.5, 255.5]
  resolution: [640, 512]
  rostopic: /boson/image_raw
"""


def measurements(folder: Path) -> Subject:
    from thermodepth.statistics.reading import read_measurements

    path = folder / "measured.csv"
    path.write_text(_measured_lines())
    return Subject((path,), lambda: list(read_measurements(path)))


def measurements_parquet(folder: Path) -> Subject:
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    from thermodepth.statistics.reading import read_measurements

    path = folder / "measured.parquet"
    pq.write_table(pa_csv.read_csv(io.BytesIO(_measured_lines().encode())), path)
    return Subject((path,), lambda: list(read_measurements(path)))


def _measured_lines() -> str:
    lines = ["arm,seed,image,cluster,metric,value"]
    lines += [
        f"{arm},{seed},i{image},c{image // 2},rmse,{1 + 0.01 * image + seed}"
        for arm in ("full", "bare")
        for seed in range(2)
        for image in range(6)
    ]
    return "\n".join(lines) + "\n"


def published_table(folder: Path) -> Subject:
    from thermodepth.statistics.audit.published import read_published, shipped_table

    path = folder / "table.csv"
    path.write_bytes(shipped_table().read_bytes())
    return Subject((path,), lambda: read_published(path))


STUDY = b"""name = "equal"
title = "Two arms"
seeds = 2
design = "list"
reference = "full"

[settings]
steps = 20
"teacher.kind" = "truth"

[[arms]]
name = "full"
title = "Full"

[[arms]]
name = "bare"
title = "Bare"
edits = { "losses.structure_smooth.weight" = 0.0 }
"""


def study_file(folder: Path) -> Subject:
    from thermodepth.study.files import read_study

    path = folder / "equal.toml"
    path.write_bytes(STUDY)
    return Subject((path,), lambda: read_study(path))


def protocol_file(folder: Path) -> Subject:
    from thermodepth.evaluation.protocols.named import named_protocol

    path = folder / "mine.toml"
    path.write_text('base = "synthetic"\nname = "mine"\nmax_depth_m = 30.0\n')
    return Subject((path,), lambda: named_protocol(str(path)))


def mm5_folder(folder: Path) -> Subject:
    from thermodepth.data.mm5 import open_mm5

    files = []
    for number in (1, 2):
        for band, picture in (
            ("Thermal", counts()),
            ("Depth", (metres() * 1000).astype(np.uint16)),
        ):
            path = folder / band / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode_png(picture))
            files.append(path)
        path = folder / "RGB" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(np.full((24, 32, 3), 90, np.uint8), "JPEG"))
        files.append(path)
    about = folder / "frames.csv"
    about.write_text("ID,Sequence,Category\n1,s1,Fruit\n2,s1,Fruit\n")

    def read() -> Any:
        dataset = open_mm5(folder)
        return [
            frames.read(place)
            for frames in dataset.splits.values()
            for place in range(len(frames.sample_ids))
        ]

    return Subject((*files, about), read)


def described_folder(folder: Path) -> Subject:
    from thermodepth.data.folder import open_folder

    for band, array in (("thermal", counts()), ("depth", (metres() * 256).astype(np.uint16))):
        for walk in ("a", "b"):
            (folder / walk / band).mkdir(parents=True)
            (folder / walk / band / "0.png").write_bytes(encode_png(array))
    tree = {
        "name": "mine",
        "thermal": {"files": "{sequence}/thermal/{frame}.png", "unit": "counts"},
        "depth": {"files": "{sequence}/depth/{frame}.png", "metres": 1 / 256},
        "field_of_view_deg": 60.0,
        "near_m": 1.0,
        "far_m": 80.0,
        "splits": {"train": ["a"], "val": ["b"]},
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(tree))

    def read() -> Any:
        return [f.read(0) for f in open_folder(path).splits.values() if f.sample_ids]

    return Subject((path,), read)


def rendered_folder(folder: Path) -> Subject:
    from thermodepth.doctor import examine
    from thermodepth.synthetic.storage.pack import write_pack

    place = folder / "world"
    write_pack(place, {"train": [_frame(1), _frame(2)]})
    files = sorted(p for p in place.rglob("*") if p.is_file())
    return Subject(tuple(files), lambda: examine(str(place), threads=1).findings)


def onnx_teacher(folder: Path) -> Subject:
    import onnx
    from onnx import TensorProto, helper

    from thermodepth.teacher.onnx_depth import open_onnx
    from thermodepth.types import Geometry

    shape = [1, 3, 32, 32]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Relu", ["mean"], ["depth"]),
        ],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 32, 32])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = folder / "depth.onnx"
    path.write_bytes(made.SerializeToString())
    del onnx

    def read() -> Any:
        return open_onnx(str(path), geometry=Geometry.AFFINE_INVERSE)

    return Subject((path,), read)


KEPT: Mapping[str, Make] = {
    "model folder": model_folder,
    "checkpoint": checkpoint,
    "rows": rows,
    "labels": labels,
    "predictions": predictions,
    "run folder": run_facts,
    "cell": cell_facts_of,
    "study record": study_record,
    "pack": pack,
}

FOREIGN: Mapping[str, Make] = {
    "log that grows": growing_log,
    "16-bit PNG": thermal_picture(encode_png(counts())),
    "8-bit PNG": thermal_picture(encode_png((counts() >> 5).astype(np.uint8))),
    "16-bit TIFF": thermal_picture(encoded(counts(), "TIFF"), ".tiff"),
    "deflated TIFF": thermal_picture(
        encoded(counts(), "TIFF", compression="tiff_adobe_deflate"), ".tif"
    ),
    "kelvin TIFF": thermal_picture(encoded((counts() / 25).astype(np.float32), "TIFF"), ".tif"),
    "JPEG": thermal_picture(encoded((counts() >> 5).astype(np.uint8), "JPEG"), ".jpg"),
    "BMP": thermal_picture(encoded((counts() >> 5).astype(np.uint8), "BMP"), ".bmp"),
    "NPY": thermal_picture(npy(counts()), ".npy"),
    "FLIR JPEG": flir_jpeg,
    "Y16": y16,
    "depth PNG": depth_map(encode_png((metres() * 256).astype(np.uint16)), ".png"),
    "depth NPY": depth_map(npy(metres()), ".npy"),
    "depth TIFF": depth_map(encoded(metres(), "TIFF"), ".tif"),
    "depth EXR": exr,
    "Kalibr": calibration(KALIBR, ".yaml"),
    "MS2's pickle": calibration(ms2_pickle(), ".npy"),
    "rig": calibration(rig_json(), ".json"),
    "measurements": measurements,
    "parquet measurements": measurements_parquet,
    "published table": published_table,
    "study file": study_file,
    "protocol file": protocol_file,
    "MM5": mm5_folder,
    "described folder": described_folder,
    "rendered folder": rendered_folder,
    "ONNX": onnx_teacher,
}
