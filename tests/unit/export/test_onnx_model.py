"""A graph gives what the network gives: any encoder and head, any size and batch, any recipe and unit."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.errors import SettingsError, WeightsError
from thermodepth.export.exporting import write_onnx
from thermodepth.export.onnx_model import onnx_model
from thermodepth.export.operators import NPU_OPERATORS, beyond_npus, operator_counts
from thermodepth.export.parity import MOST_DIFFERENCE, TRIALS, in_unit, parity
from thermodepth.inference.predictor import Predictor
from thermodepth.model import ENCODERS, LoadedModel
from thermodepth.runtime.graph_file import OPERATORS
from thermodepth.runtime.predictor import GraphPredictor
from thermodepth.runtime.sessions import open_session
from thermodepth.thermal import NORMALISERS, NormaliserSettings, PlanckConstants
from thermodepth.types import ThermalUnit

SIZES = ((128, 160), (67, 131), (48, 60))  # shrunk, odd, enlarged
PLANCK = PlanckConstants(r1=380747.0, b=1428.0, o=88.539)  # of a FLIR A65


def graph_of(model: LoadedModel, folder: Path, **options: Any) -> GraphPredictor:
    proto = onnx_model(model, **options)
    assert set(operator_counts(proto)) <= OPERATORS
    path = folder / "model.onnx"
    write_onnx(proto, path)
    return GraphPredictor(open_session(path, runtime="onnx", threads=1))


def worst(model: LoadedModel, graph: GraphPredictor, unit: ThermalUnit, **options: Any) -> float:
    network = Predictor(model, device="cpu", short_side=graph.graph.short_side)
    rows = parity(network, graph, runtime="onnx", unit=unit, **options)
    assert {row.frame for row in rows} == set(TRIALS)
    for row in rows:
        assert row.structure < 1e-3
        assert row.sky is None or row.sky < 1e-3
        assert row.relative_error is None or row.relative_error < 1e-3
    return max(row.depth for row in rows)


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder": "mobilenetv2", "decoder": "lean"},
        {"encoder": "efficientnet-lite0", "upsampling": "subpixel"},
        {"encoder": "resnet-small", "upsampling": "bilinear"},
        {"encoder": "resnet-small", "sky": False, "relative_error": False, "focal_px": None},
    ],
    ids=["mobilenetv2", "efficientnet-lite0", "resnet-small", "two heads"],
)
def test_every_architecture_at_sizes_that_the_graph_was_not_made_for(
    settings: dict[str, Any], make_model: Any, tmp_path: Path
) -> None:
    model = make_model(**settings)
    graph = graph_of(model, tmp_path)
    assert worst(model, graph, ThermalUnit.COUNTS, sizes=SIZES) < MOST_DIFFERENCE


def units_of(name: str) -> list[ThermalUnit]:
    return {
        "fixed_range": [ThermalUnit.COUNTS],
        "raw_14bit": [ThermalUnit.COUNTS],
        "temperature": [ThermalUnit.COUNTS, ThermalUnit.KELVIN],
    }.get(name, list(ThermalUnit))


WRITTEN = ("percentile", "min_max", "fixed_range", "raw_14bit", "temperature")


@pytest.mark.parametrize(
    ("name", "unit"), [(name, unit) for name in WRITTEN for unit in units_of(name)]
)
def test_every_recipe_that_can_be_written(
    name: str, unit: ThermalUnit, make_model: Any, tmp_path: Path
) -> None:
    settings = NormaliserSettings(name=name, low_percentile=3.5, planck=PLANCK)
    model = make_model(settings)
    graph = graph_of(model, tmp_path, unit=unit)
    assert worst(model, graph, unit, sizes=SIZES) < MOST_DIFFERENCE


@pytest.mark.parametrize("name", sorted(set(NORMALISERS) - set(WRITTEN)))
def test_the_other_recipes_are_refused_by_name(name: str, make_model: Any) -> None:
    with pytest.raises(SettingsError, match=rf"normaliser '{name}' cannot be written.*percentile"):
        onnx_model(make_model(NormaliserSettings(name=name)))


@pytest.mark.parametrize(
    ("size", "unit"),
    [
        *(((rows, columns), ThermalUnit.COUNTS) for rows, columns in (*SIZES, (64, 80))),
        ((128, 160), ThermalUnit.DISPLAY),
    ],
)
def test_a_graph_for_small_processors_gives_the_same(
    size: tuple[int, int], unit: ThermalUnit, make_model: Any, tmp_path: Path
) -> None:
    model = make_model(encoder="mobilenetv2", decoder="lean")
    graph = graph_of(model, tmp_path, size=size, batch=1, few_operators=True, unit=unit)
    assert worst(model, graph, unit, sizes=(size,)) < MOST_DIFFERENCE


def test_a_graph_for_small_processors_keeps_to_few_operators(make_model: Any) -> None:
    model = make_model(encoder="mobilenetv2", decoder="lean")
    free = onnx_model(model)
    assert {"TopK", "Range", "Shape"} <= set(beyond_npus(free))
    fixed = onnx_model(model, size=(128, 160), batch=1, few_operators=True)
    assert beyond_npus(fixed) == []
    assert set(operator_counts(fixed)) <= NPU_OPERATORS
    assert not {"TopK", "Gather", "Shape", "Where", "If"} & NPU_OPERATORS
    with pytest.raises(SettingsError, match="is of one size"):
        onnx_model(model, few_operators=True)


def test_a_size_that_is_known_leaves_no_arithmetic_about_sizes(make_model: Any) -> None:
    fixed = operator_counts(onnx_model(make_model(), size=(128, 160), batch=1))
    assert not {"Shape", "Range", "Cast", "Equal", "Where"} & set(fixed)
    as_it_comes = operator_counts(onnx_model(make_model(), size=(64, 80), batch=1))
    assert "MatMul" not in as_it_comes  # nothing is resized


def test_several_frames_at_once_each_with_its_lens(make_model: Any, tmp_path: Path) -> None:
    model = make_model()
    random = np.random.default_rng(0)
    frames = [
        in_unit(draw((96, 120), random), ThermalUnit.COUNTS) for draw in list(TRIALS.values())[:3]
    ]
    network = Predictor(model, device="cpu")
    focals = [90.0, 130.0, 250.0]
    expected = network.predict(frames, unit=ThermalUnit.COUNTS, lens=focals)
    for batch in (None, 1, 2):  # 2: the last one is run with a copy of itself
        graph = graph_of(model, tmp_path, batch=batch)
        results = graph.predict(frames, unit=ThermalUnit.COUNTS, lens=focals)
        for one, other in zip(results, expected, strict=True):
            np.testing.assert_allclose(one.depth_m, other.depth_m, rtol=1e-4)
    halved = network.predict(frames, unit=ThermalUnit.COUNTS, lens=[f / 2 for f in focals])
    np.testing.assert_allclose(halved[0].depth_m, expected[0].depth_m / 2, rtol=1e-5)


def test_without_a_focal_length_the_graph_takes_the_trainings(
    make_model: Any, tmp_path: Path
) -> None:
    model = make_model()
    graph = graph_of(model, tmp_path)
    frame = in_unit(TRIALS["scene"]((96, 120), np.random.default_rng(0)), ThermalUnit.COUNTS)
    with pytest.warns(UserWarning, match="taken is the training's, 60 degrees"):
        expected = Predictor(model, device="cpu").predict([frame], unit=ThermalUnit.COUNTS)[0]
    feeds = {"thermal": frame[None, None].astype(np.float32), "focal_px": np.zeros(1, np.float32)}
    depth_m = graph._session.run(feeds)["depth_m"][0]
    np.testing.assert_allclose(depth_m, expected.depth_m, rtol=1e-4)


def test_a_short_side_of_ones_own(make_model: Any, tmp_path: Path) -> None:
    model = make_model()
    graph = graph_of(model, tmp_path, short_side=96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is far above the training's
        assert worst(model, graph, ThermalUnit.COUNTS, sizes=((128, 160),)) < MOST_DIFFERENCE


def test_the_graph_says_what_it_is(make_model: Any, tmp_path: Path) -> None:
    model = make_model()
    graph = graph_of(model, tmp_path, size=(100, 120), batch=3, unit=ThermalUnit.DISPLAY)
    facts = graph.graph
    assert (facts.size, facts.batch, facts.unit) == ((100, 120), 3, ThermalUnit.DISPLAY)
    assert facts.model.weights_fingerprint == model.fingerprint
    assert facts.model.view_deg == 60.0
    assert facts.numbers == "float32"


def test_weights_outside_the_exponent_are_still_a_mean(make_model: Any, tmp_path: Path) -> None:
    """Logits of a hundred would be no numbers as they stand; those of a graph for small processors may be."""
    model = make_model(encoder="resnet-small")
    for head in (model.network.metric_head, model.network.structure_head):
        head.weights.bias.add_(100.0)
    frame: NDArray[Any] = np.full((64, 80), 8000, np.uint16)
    graph = graph_of(model, tmp_path, size=(64, 80), batch=1, few_operators=True)
    expected = Predictor(model, device="cpu").predict([frame], unit=ThermalUnit.COUNTS, lens=[80.0])
    (result,) = graph.predict([frame], unit=ThermalUnit.COUNTS, lens=[80.0])
    np.testing.assert_allclose(result.depth_m, expected[0].depth_m, rtol=1e-4)


def test_what_cannot_be_written_is_refused(make_model: Any) -> None:
    with pytest.raises(SettingsError, match="convnextv2-atto: is built by transformers"):
        onnx_model(make_model(encoder="convnextv2-atto"))
    with pytest.raises(SettingsError, match=r"fixed range .* cannot read a frame in kelvin"):
        onnx_model(make_model(NormaliserSettings(name="fixed_range")), unit=ThermalUnit.KELVIN)
    with pytest.raises(SettingsError, match="needs a processor that can sort"):
        onnx_model(make_model(unit=ThermalUnit.KELVIN), few_operators=True, size=(64, 80), batch=1)
    with pytest.raises(SettingsError, match=r"8-bit frames .* a short side of at most 48"):
        onnx_model(
            make_model(), unit=ThermalUnit.DISPLAY, few_operators=True, size=(48, 60), batch=1
        )
    model = make_model()
    reads_rgb = replace(model, recipe=model.recipe.edit({"modality": "rgb"}))
    with pytest.raises(WeightsError, match="reads RGB"):
        onnx_model(reads_rgb)


def test_every_encoder_of_plain_torch_has_a_test_or_is_alike() -> None:
    plain = {name for name, row in ENCODERS.items() if row.config is None and row.build is None}
    assert plain == {"mobilenetv2", "efficientnet-lite0", "resnet-small", "resnet18"}
