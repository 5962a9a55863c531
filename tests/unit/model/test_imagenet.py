"""Published weights of the plain torch encoders: taken in order, strictly, and seen through the same stem."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from thermodepth.errors import WeightsError
from thermodepth.model import imagenet
from thermodepth.model.encoders import PUBLISHED_FILE, build_encoder, pretrained_encoder
from thermodepth.model.inverted_residual import FixedNorm, unfolded
from thermodepth.model.network import INPUT_MEAN, INPUT_STD
from thermodepth.tensor_files import read_tensors, write_tensors

NAMES = sorted(imagenet.SCALING)


def published(name: str) -> dict[str, Tensor]:
    """Random weights under foreign names, in the network's order, a classifier after them."""
    generator = torch.Generator().manual_seed(3)
    state = {}
    for index, (key, tensor) in enumerate(
        build_encoder(name, channels=3).backbone.state_dict().items()
    ):
        values = torch.randn(tensor.shape, generator=generator)
        scale = max(tensor[0].numel(), 1) ** -0.5 if tensor.ndim > 1 else 0.3
        state[f"layer{index}"] = (
            1 + 0.1 * values.abs() if key.endswith(("norm.weight", "variance")) else scale * values
        )
        if key.endswith("variance"):
            state[f"layer{index}.num_batches_tracked"] = torch.tensor(7)
    return {**state, "classifier": torch.zeros(10, 320)}


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A converted folder, by the command."""
    source, target = tmp_path / "published.pt", tmp_path / "converted"
    torch.save(published(request.param), source)
    assert imagenet.main([request.param, str(source), str(target)]) == 0
    return request.param, target


def test_the_stem_takes_in_the_published_scaling(folder: tuple[str, Path]) -> None:
    name, path = folder
    stem = pretrained_encoder(name, str(path), channels=3).backbone.stem
    state = list(published(name).values())
    kernel, weight, bias, mean, variance = (state[i] for i in range(5))
    colours = torch.rand(1, 3, 9, 9)
    published_mean, published_std = (
        torch.tensor(values)[None, :, None, None] for values in imagenet.SCALING[name]
    )
    expected = F.conv2d((colours - published_mean) / published_std, kernel, stride=2)
    scale = weight / (variance + stem.norm.epsilon).sqrt()
    expected = (expected - mean[:, None, None]) * scale[:, None, None] + bias[:, None, None]
    inside = F.conv2d((colours - INPUT_MEAN) / INPUT_STD, stem.convolution.weight, stride=2)
    torch.testing.assert_close(stem.norm(inside), expected, rtol=1e-4, atol=1e-4)


def test_a_grey_picture_gives_what_three_equal_colours_give(folder: tuple[str, Path]) -> None:
    name, path = folder
    colour = pretrained_encoder(name, str(path), channels=3)
    grey = pretrained_encoder(name, str(path), channels=1)
    image = torch.rand(2, 1, 64, 96)
    with torch.inference_mode():
        expected = colour(image.expand(-1, 3, -1, -1))
        for ours, theirs in zip(grey(image), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        assert (grey(image.flip(-1))[-1] - expected[-1]).abs().max() > 1e-3


def test_folded_norms_give_what_they_give_by_themselves(folder: tuple[str, Path]) -> None:
    name, path = folder
    encoder = pretrained_encoder(name, str(path), channels=1)
    image = torch.rand(2, 1, 64, 96)
    folded = encoder(image)
    with unfolded(encoder):
        for ours, theirs in zip(folded, encoder(image), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert all(m.folded for m in encoder.modules() if isinstance(m, FixedNorm))


def test_training_moves_no_statistic(folder: tuple[str, Path]) -> None:
    name, path = folder
    encoder = pretrained_encoder(name, str(path), channels=1).train()
    norms = [m for m in encoder.modules() if isinstance(m, FixedNorm)]
    before = [(m.mean.clone(), m.variance.clone()) for m in norms]
    images = torch.rand(3, 1, 64, 64)
    together = encoder(images)[-1]
    alone = encoder(images[:1])[-1]
    torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)  # no batch in it
    together.sum().backward()
    for norm, (mean, variance) in zip(norms, before, strict=True):
        assert torch.equal(norm.mean, mean)
        assert torch.equal(norm.variance, variance)
        assert norm.weight.grad is not None
        assert norm.bias.grad is not None


@pytest.mark.parametrize("name", NAMES)
def test_other_shapes_and_too_few_tensors_are_refused(name: str) -> None:
    state = published(name)
    with pytest.raises(WeightsError, match=rf"layer5 is .* of {name} is"):
        imagenet.convert(name, {**state, "layer5": torch.zeros(2, 2)})
    with pytest.raises(WeightsError, match="3 tensors"):
        imagenet.convert(name, dict(list(state.items())[:3]))


def test_only_tensors_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"a": Harmful()}, tmp_path / "bad.pt")
    arguments = ["mobilenetv2", str(tmp_path / "bad.pt"), str(tmp_path / "out")]
    assert imagenet.main(arguments) == 2
    assert not (tmp_path / "ran").exists()
    assert "bad.pt" in capsys.readouterr().err
    assert imagenet.main(["mobilenet", *arguments[1:]]) == 2
    assert "did you mean 'mobilenetv2'" in capsys.readouterr().err
    assert imagenet.main([]) == 2


def test_a_folder_of_another_encoder_or_with_damage_is_refused(folder: tuple[str, Path]) -> None:
    name, path = folder
    (other,) = set(NAMES) - {name}
    with pytest.raises(WeightsError, match=f"holds '{name}', but model.encoder={other}"):
        pretrained_encoder(other, str(path), channels=1)
    with pytest.raises(WeightsError, match=f"no {PUBLISHED_FILE} there"):
        pretrained_encoder(name, str(path.parent), channels=1)
    file = path / PUBLISHED_FILE
    whole = file.read_bytes()
    mapped, facts = read_tensors(file, remedy="")
    state = {key: tensor.clone() for key, tensor in mapped.items()}  # the file is cut below
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="convert it again"):
        pretrained_encoder(name, str(path), channels=1)
    state.pop("stem.norm.bias")
    write_tensors(file, state, facts=facts)
    with pytest.raises(WeightsError, match="does not fit"):
        pretrained_encoder(name, str(path), channels=1)
