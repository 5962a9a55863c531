"""Models on disk: what comes back, what is refused, and taking the built-in teacher's encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import WeightsError
from thermodepth.model import (
    DepthNetwork,
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    check_start,
    fingerprint_of,
    initialise,
    load_model,
    resolve_model,
    save_model,
)
from thermodepth.model.__main__ import main as ship
from thermodepth.model.weights import RECIPE_FILE, WEIGHTS_FILE

NetworkOf = Callable[..., DepthNetwork]
RecipeOf = Callable[..., ModelRecipe]


@pytest.fixture
def folder(tmp_path: Path, network_of: NetworkOf, recipe_of: RecipeOf) -> Path:
    """A saved model."""
    save_model(tmp_path / "model", network_of(seed=1), recipe_of())
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was(
    folder: Path, network_of: NetworkOf, recipe_of: RecipeOf
) -> None:
    loaded = load_model(folder)
    assert loaded.recipe == recipe_of()
    assert not loaded.network.training
    assert not any(p.requires_grad for p in loaded.network.parameters())
    expected = network_of(seed=1).state_dict()
    actual = loaded.network.state_dict()
    assert list(actual) == list(expected)
    for name, tensor in expected.items():
        assert actual[name].dtype == tensor.dtype, name
        assert torch.equal(actual[name], tensor), name
    assert sorted(p.name for p in folder.iterdir()) == [RECIPE_FILE, WEIGHTS_FILE]


def test_nothing_that_runs_is_stored(folder: Path) -> None:
    """Our own names, no class paths; safetensors, no pickle."""
    text = (folder / RECIPE_FILE).read_text()
    assert json.loads(text)["model"]["encoder"] == "resnet-small"
    assert "transformers" not in text
    assert "thermodepth." not in text
    assert (folder / WEIGHTS_FILE).read_bytes()[8:9] == b"{"


def test_half_storage_is_half_as_large_and_nearly_the_same(
    tmp_path: Path, folder: Path, network_of: NetworkOf, recipe_of: RecipeOf
) -> None:
    save_model(tmp_path / "half", network_of(seed=1), recipe_of(), half=True)
    sizes = [(f / WEIGHTS_FILE).stat().st_size for f in (tmp_path / "half", folder)]
    assert sizes[0] < 0.55 * sizes[1]
    half, full = load_model(tmp_path / "half").network, load_model(folder).network
    assert {t.dtype for t in half.state_dict().values()} == {torch.float32, torch.int64}
    for name, tensor in full.state_dict().items():
        # 11 bits of mantissa; below 6e-5 float16 has fewer.
        torch.testing.assert_close(half.state_dict()[name], tensor, rtol=2**-11, atol=6e-8)
    image = torch.rand(1, 1, 64, 80)
    torch.testing.assert_close(half(image).log_depth, full(image).log_depth, rtol=0, atol=5e-3)


def test_the_fingerprint_is_of_weights_and_recipe_but_not_of_the_history(
    tmp_path: Path, folder: Path, network_of: NetworkOf, recipe_of: RecipeOf
) -> None:
    def fingerprint(network: DepthNetwork, recipe: ModelRecipe) -> str:
        save_model(tmp_path / "other", network, recipe)
        return load_model(tmp_path / "other").fingerprint

    first = load_model(folder).fingerprint
    assert len(first) == 16
    network = network_of(seed=1)
    assert fingerprint(network, recipe_of()) == first
    assert fingerprint(network, recipe_of(history={"run": "another"})) == first
    assert fingerprint(network, recipe_of(working_size=(64, 96))) != first
    with torch.no_grad():
        network.metric_head.value.bias.add_(1e-3)
    assert fingerprint(network, recipe_of()) != first


def test_a_network_in_memory_is_known_by_its_numbers(network_of: NetworkOf) -> None:
    network = network_of(seed=1)
    first = fingerprint_of(network)
    assert first == fingerprint_of(network_of(seed=1))
    # However its tensors lie in memory, and down to the statistics of its norms.
    assert first == fingerprint_of(network.to(memory_format=torch.channels_last))
    assert first != fingerprint_of(network_of(seed=2))
    network.decoder.finish.norm.running_mean.add_(1)
    assert first != fingerprint_of(network)


def test_saving_replaces_whole_files(folder: Path, network_of: NetworkOf) -> None:
    recipe = load_model(folder).recipe
    save_model(folder, network_of(seed=5), recipe)
    bias = load_model(folder).network.state_dict()["metric_head.hidden.bias"]
    assert torch.equal(bias, network_of(seed=5).state_dict()["metric_head.hidden.bias"])
    assert len(list(folder.iterdir())) == 2


# --- refusals ------------------------------------------------------------------------------------


def test_a_missing_or_foreign_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"not a model folder \(no model\.json\).*thermal-small"):
        load_model(tmp_path)
    with pytest.raises(WeightsError, match=r"nowhere: no such model folder.*rgb-small"):
        resolve_model(str(tmp_path / "nowhere"))
    (tmp_path / "a-file").write_text("")
    with pytest.raises(WeightsError, match="a-file: not a model folder"):
        load_model(resolve_model(str(tmp_path / "a-file")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[1, 2]", "expected an object"),
        ("3", "expected an object"),
        ('{"architectures": ["ResNetBackbone"]}', "no setting 'architectures'"),
    ],
)
def test_a_foreign_model_json(content: str, message: str, folder: Path) -> None:
    (folder / RECIPE_FILE).write_text(content)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(folder)
    assert str(folder / RECIPE_FILE) in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("flavour", 1, "no setting 'flavour'"),
        ("model.decoder_widht", 16, "'model.decoder_widht'; did you mean 'decoder_width'"),
        ("format", 2, "format = 2"),
        ("modality", "radar", "modality = 'radar'"),
        ("model.encoder", "resnet-smol", "unknown encoder 'resnet-smol'; did you mean"),
        ("model.depth_range_m", None, "depth_range_m is missing"),
        ("model.depth_range_m", [9.0, 3.0], "expected 0 < near < far"),
    ],
)
def test_a_changed_model_json(path: str, value: object, message: str, folder: Path) -> None:
    tree = read_record(folder / RECIPE_FILE)  # and written without a checksum, as it once was
    *parents, leaf = path.split(".")
    node = tree
    for parent in parents:
        node = node[parent]
    node[leaf] = value
    (folder / RECIPE_FILE).write_text(json.dumps(tree))
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("edit", [{"decoder_width": 18}, {"encoder": "resnet18"}])
def test_weights_that_do_not_fit_the_recipe(
    edit: dict[str, object], folder: Path, network_of: NetworkOf, recipe_of: RecipeOf
) -> None:
    recipe = recipe_of()
    save_model(folder, network_of(), recipe.edit({f"model.{k}": v for k, v in edit.items()}))
    with pytest.raises(WeightsError, match=r"weights\.safetensors: does not fit model\.json"):
        load_model(folder)


@pytest.mark.parametrize("keep", [0, 4, 500, -1])
def test_damaged_weights_are_named(keep: int, folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"weights\.safetensors: .*; copy the model again"):
        load_model(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(WeightsError, match=r"weights\.safetensors: cannot be read"):
        load_model(folder)
    (folder / WEIGHTS_FILE).mkdir()
    with pytest.raises(WeightsError, match=r"weights\.safetensors: is a folder"):
        load_model(folder)


# --- names ---------------------------------------------------------------------------------------


def test_a_run_folder_stands_for_its_model(folder: Path, tmp_path: Path) -> None:
    assert resolve_model(str(tmp_path)) == folder
    assert resolve_model(str(folder)) == folder
    (tmp_path / "link").symlink_to(folder)
    assert load_model(resolve_model(str(tmp_path / "link"))).recipe.modality == "thermal"


@pytest.mark.parametrize("name", ["rgb-small", "thermal-small"])
def test_built_in_names_lead_into_the_package(name: str) -> None:
    assert resolve_model(name).parts[-3:] == ("thermodepth", "assets", name)


# --- the built-in teacher's encoder ---------------------------------------------------------------


@pytest.fixture
def donor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network_of: NetworkOf, recipe_of: RecipeOf
) -> DepthNetwork:
    """An RGB model in the place of the built-in one."""
    network = network_of(seed=9, channels=3)
    save_model(tmp_path / "rgb-small", network, recipe_of(modality="rgb"))
    places = {"rgb-small": tmp_path / "rgb-small"}
    monkeypatch.setattr("thermodepth.model.weights.resolve_model", places.__getitem__)
    return network


def test_the_teacher_s_encoder_is_taken_and_folded(
    donor: DepthNetwork, settings_of: Callable[..., ModelSettings]
) -> None:
    student = initialise(settings_of(weights="rgb-small"), channels=1, seed=0)
    fresh = initialise(settings_of(), channels=1, seed=0)
    folded = 0
    for name, tensor in donor.encoder.state_dict().items():
        own = student.encoder.state_dict()[name]
        if own.shape != tensor.shape:
            folded += 1
            tensor = tensor.sum(1, keepdim=True)
        assert torch.equal(own, tensor), name
    assert folded == 1  # the stem, and nothing else
    # Decoder and heads start from the seed, as they do from scratch: arms stay paired.
    for name, tensor in fresh.state_dict().items():
        if not name.startswith("encoder."):
            assert torch.equal(student.state_dict()[name], tensor), name

    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        expected = donor.eval().encoder(image.expand(-1, 3, -1, -1))
        for actual, feature in zip(student.eval().encoder(image), expected, strict=True):
            torch.testing.assert_close(actual, feature, rtol=1e-4, atol=1e-5)


def test_the_student_learns_even_though_the_teacher_is_frozen(
    donor: DepthNetwork, settings_of: Callable[..., ModelSettings]
) -> None:
    del donor
    student = initialise(settings_of(weights="rgb-small"), channels=1, seed=0)
    assert student.training
    assert all(p.requires_grad for p in student.parameters())


def test_another_encoder_cannot_take_it(
    donor: DepthNetwork, settings_of: Callable[..., ModelSettings]
) -> None:
    del donor
    words = r'that model has encoder="resnet-small", but this run has encoder="resnet18"'
    with pytest.raises(WeightsError, match=words):
        initialise(settings_of(weights="rgb-small", encoder="resnet18"), channels=1, seed=0)


# --- a warm start --------------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path: Path, network_of: NetworkOf, recipe_of: RecipeOf) -> Path:
    """A run's folder with a thermal model."""
    save_model(tmp_path / "run" / "model", network_of(seed=5), recipe_of())
    return tmp_path / "run"


@pytest.mark.parametrize("inner", ["", "model"])
def test_a_run_or_a_model_gives_all_its_weights_to_one_that_reads_the_same(
    trained: Path, inner: str, settings_of: Callable[..., ModelSettings]
) -> None:
    settings = settings_of(weights=str(trained / inner))
    network = initialise(settings, channels=1, seed=0)
    assert fingerprint_of(network) == fingerprint_of(load_model(trained / "model").network)
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    recipe = check_start(settings, channels=1)
    assert recipe is not None
    assert recipe.model.depth_range_m == (2.0, 50.0)


def test_heads_that_the_start_has_not_begin_fresh(
    trained: Path, settings_of: Callable[..., ModelSettings], network_of: NetworkOf
) -> None:
    settings = settings_of(weights=str(trained), sky=True, relative_error=True)
    network = initialise(settings, channels=1, seed=7)
    fresh = network_of(seed=7, sky=True, relative_error=True).state_dict()
    start = load_model(trained / "model").network.state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(value, start[key] if key in start else fresh[key]), key
    assert any(key.startswith("sky_head.") for key in fresh)


def test_a_start_of_other_channels_gives_its_encoder(
    trained: Path, settings_of: Callable[..., ModelSettings]
) -> None:
    settings = settings_of(weights=str(trained), decoder="lean")
    assert check_start(settings_of(weights="rgb-small", decoder="lean"), channels=1) is None
    with pytest.raises(WeightsError, match=r'--set model\.decoder="separable"'):
        check_start(settings, channels=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder": "resnet18"}, r'--set model\.encoder="resnet-small"'),
        ({"decoder_width": 24}, r"--set model\.decoder_width=16"),
        ({"focal_px": 150.0}, r"has focal_px=null, but this run has focal_px=150\.0"),
        ({"depth_range_m": (0.3, 80.0)}, r"--set model\.depth_range_m=\[2\.0,50\.0\]"),
    ],
)
def test_a_start_that_does_not_fit_names_the_settings_that_would(
    trained: Path, changes: dict[str, Any], words: str, settings_of: Callable[..., ModelSettings]
) -> None:
    with pytest.raises(WeightsError, match=words):
        initialise(settings_of(weights=str(trained), **changes), channels=1, seed=0)


# --- the lens ------------------------------------------------------------------------------------


def test_a_model_keeps_its_lens(
    tmp_path: Path, network_of: NetworkOf, settings_of: Any, recipe_of: RecipeOf
) -> None:
    lens = TrainingLens(focal_px=110.85, field_of_view_deg=60.0)
    recipe = recipe_of(model=settings_of(focal_px=150.0), lens=lens)
    save_model(tmp_path / "m", network_of(focal_px=150.0), recipe)
    tree = json.loads((tmp_path / "m" / "model.json").read_text())
    assert tree["model"]["focal_px"] == 150.0
    assert tree["lens"] == {"focal_px": 110.85, "field_of_view_deg": 60.0}
    model = load_model(tmp_path / "m")
    assert model.recipe == recipe
    image, focal_px = torch.rand(1, 1, 32, 40), torch.tensor([88.0])
    expected = network_of(focal_px=150.0).eval()(image, focal_px).log_depth
    assert torch.equal(model.network(image, focal_px).log_depth, expected)


def test_the_file_of_a_model_that_knows_no_lens_is_the_one_that_every_version_reads(
    folder: Path,
) -> None:
    tree = json.loads((folder / "model.json").read_text())
    assert "lens" not in tree
    assert "focal_px" not in tree["model"]
    assert load_model(folder).recipe.lens is None


@pytest.mark.parametrize("part", ["lens", "focal_px"])
def test_half_a_lens_is_refused(
    part: str, tmp_path: Path, network_of: NetworkOf, settings_of: Any, recipe_of: RecipeOf
) -> None:
    lens = TrainingLens(focal_px=110.85, field_of_view_deg=60.0)
    recipe = recipe_of(model=settings_of(focal_px=150.0), lens=lens)
    save_model(tmp_path / "m", network_of(focal_px=150.0), recipe)
    path = tmp_path / "m" / "model.json"
    tree = read_record(path)
    del (tree if part == "lens" else tree["model"])[part]
    write_record(path, tree)
    with pytest.raises(WeightsError, match=r"focal_px and lens come together"):
        load_model(tmp_path / "m")


# --- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("half", [False, True])
def test_weights_that_are_no_numbers(
    tmp_path: Path, network_of: NetworkOf, recipe_of: RecipeOf, value: float, half: bool
) -> None:
    network = network_of(seed=1)
    with torch.no_grad():
        network.metric_head.value.bias.fill_(value)
    save_model(tmp_path / "bad", network, recipe_of(), half=half)
    with pytest.raises(
        WeightsError, match=r"'metric_head\.value\.bias' holds values that are no finite"
    ):
        load_model(tmp_path / "bad")


@pytest.mark.parametrize("size", [[0, 80], [-64, 80], [64, 4097], [10**12, 10**12]])
def test_a_working_size_that_cannot_be(folder: Path, size: list[int]) -> None:
    tree = read_record(folder / RECIPE_FILE)
    write_record(folder / RECIPE_FILE, {**tree, "working_size": size})
    with pytest.raises(
        WeightsError, match=r"working_size .*expected rows and columns of 1 to 4096 pixels"
    ):
        load_model(folder)


def test_the_sizes_of_a_training_travel_with_the_model_and_only_where_there_were_several(
    folder: Path,
) -> None:
    tree = read_record(folder / RECIPE_FILE)
    assert "short_sides" not in tree  # as every version wrote it
    one = load_model(folder).recipe
    assert one.trained_short_sides == (min(one.working_size),) * 2
    write_record(folder / RECIPE_FILE, {**tree, "short_sides": [96, 192]})
    assert load_model(folder).recipe.trained_short_sides == (96, 192)
    for wrong in ([192, 96], [0, 96], [96, 5000]):
        write_record(folder / RECIPE_FILE, {**tree, "short_sides": wrong})
        with pytest.raises(WeightsError, match=r"short_sides .*expected two rising sizes"):
            load_model(folder)


def test_a_model_ships_at_another_size_of_its_training(
    tmp_path: Path, network_of: NetworkOf, settings_of: Any, recipe_of: RecipeOf
) -> None:
    lens = TrainingLens(focal_px=110.0, field_of_view_deg=60.0)
    recipe = recipe_of(model=settings_of(focal_px=150.0), lens=lens, short_sides=(32, 192))
    save_model(tmp_path / "run", network_of(focal_px=150.0), recipe)
    rows, columns = recipe.working_size
    assert ship([str(tmp_path / "run"), str(tmp_path / "out"), str(2 * min(rows, columns))]) == 0
    shipped = load_model(tmp_path / "out").recipe
    assert shipped.working_size == (2 * rows, 2 * columns)
    assert shipped.lens is not None
    assert shipped.lens.focal_px == 220.0
    assert shipped.lens.field_of_view_deg == 60.0  # a lens is a lens at any size


@pytest.mark.parametrize("side", ["31", "193", "large", "-64"])
def test_a_size_outside_the_training_does_not_ship(
    side: str,
    tmp_path: Path,
    network_of: NetworkOf,
    recipe_of: RecipeOf,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_model(tmp_path / "run", network_of(), recipe_of(short_sides=(32, 192)))
    assert ship([str(tmp_path / "run"), str(tmp_path / "out"), side]) == 2
    assert f"SHORT_SIDE {side}: expected 32 to 192" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
