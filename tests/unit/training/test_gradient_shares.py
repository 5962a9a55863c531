"""What each term pulls at once a network is trained: shares of the gradient by distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from thermodepth.data.frames import Dataset
from thermodepth.data.loader import BatchStream
from thermodepth.errors import SettingsError
from thermodepth.losses import LossesSettings
from thermodepth.model import DepthNetwork
from thermodepth.training.diagnostics import shares as module
from thermodepth.training.diagnostics.maps import ConflictMaps
from thermodepth.training.diagnostics.shares import (
    GradientShares,
    MapShares,
    band_of,
    gradient_shares,
)
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Batch, Prediction

EDGES = (1.0, 4.0, 16.0)


def test_a_pixel_s_band_is_that_of_its_truth() -> None:
    depth = np.array([[0.5, 1.0, 3.99, 4.0, 15.0, 16.0, 5.0]], np.float32)
    valid = np.array([[True, True, True, True, True, True, False]])
    assert band_of(depth, valid, EDGES).tolist() == [[-1, 0, 0, 1, 1, -1, 2]]


class FixedMaps(torch.nn.Module):
    """A network that predicts what it was made with."""

    def __init__(self, prediction: Prediction) -> None:
        super().__init__()
        self.prediction = prediction

    def forward(self, image: torch.Tensor, focal_px: torch.Tensor) -> Prediction:
        del image, focal_px
        return self.prediction


def batch_of(depth: list[float]) -> Batch:
    """One image of one row; 0 is a pixel without truth."""
    depth_m = torch.tensor([[depth]])
    return Batch(
        image=torch.zeros(1, 1, 1, len(depth)),
        depth_m=depth_m,
        depth_valid=depth_m > 0,
        label=torch.zeros_like(depth_m),
        label_valid=torch.zeros_like(depth_m, dtype=torch.bool),
        intrinsics=torch.eye(3)[None],
        sample_ids=("a",),
    )


def test_the_pull_of_two_terms_of_known_gradients() -> None:
    """|d/d ln D| of `log` is 1/n at each of n pixels, and of `relative` with its weight 3 D/D* / n.

    Both at once are two terms only by an extension; so one is looked at beside itself in another form: the
    relative error in its share of D / D*, and SiLog with lam 1, whose pull is (g - mean g) / (n sqrt(var g)).
    """
    depth = [2.0, 2.0, 8.0, 0.0]
    factors = torch.tensor([1.5, 0.5, 2.0, 1.0])
    log_depth = (torch.tensor(depth).clamp(min=1.0) * factors).log()[None, None]
    prediction = Prediction(structure=torch.zeros(1, 1, 4), log_depth=log_depth)
    losses = LossesSettings().edit(
        {
            "groups.smooth": False,
            "groups.consistency": False,
            "structure_ssi.weight": 0.0,
            "structure_gradient.weight": 0.0,
            "metric_relative.weight": 3.0,
            "metric_silog.lam": 1.0,
        }
    )
    look = gradient_shares(
        FixedMaps(prediction), batch_of(depth), losses, edges_m=EDGES, progress=1.0
    )
    ratio, g = factors[:3].double(), factors[:3].double().log()
    relative = 3.0 * ratio / 3
    silog = ((g - g.mean()) / (3 * ((g - g.mean()).square().mean() + 1e-6).sqrt())).abs()
    share = (relative / (relative + silog)).numpy()
    assert look.edges_m == EDGES
    assert look.frames == 1
    assert set(look.maps) == {"log_depth"}
    own = look.maps["log_depth"]
    assert own.pixels == (2, 1, 0)  # no term pulls where there is no truth
    expected = [share[:2].mean(), share[2], 0.0]
    assert own.terms["metric_relative"] == pytest.approx(expected, abs=1e-4)
    assert own.terms["metric_silog"] == pytest.approx([1 - expected[0], 1 - share[2], 0], abs=1e-4)


def test_what_pulls_at_no_map_has_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = ConflictMaps(
        step=0,
        sample_ids=("a",),
        image=np.zeros((1, 1, 4), np.float32),
        terms=(),
        heads=(),
        gradients=np.zeros((0, 1, 1, 4), np.float32),
        largest=np.zeros(0),
    )
    monkeypatch.setattr(module, "conflict_maps", lambda *_, **__: empty)
    look = gradient_shares(
        torch.nn.Identity(), batch_of([2.0] * 4), LossesSettings(), edges_m=EDGES, progress=1.0
    )
    assert look.maps == {}


def test_shares_of_a_trained_network_sum_to_one_and_leave_it_alone(
    settings: TrainingSettings, dataset: Dataset, network: DepthNetwork
) -> None:
    assert settings.data.size is not None
    label = np.random.default_rng(0).uniform(size=(64, 64)).astype(np.float32)
    stream = BatchStream(
        dataset.split("train"),
        settings.data.edit({"batch_size": 4}),
        size=settings.data.size,
        seed=0,
        label_of=lambda _: label,
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    look, again = (
        gradient_shares(network, stream.batch(0), settings.losses, edges_m=EDGES, progress=1.0)
        for _ in range(2)
    )
    assert look == again
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert set(look.maps) == {"log_depth", "structure"}
    for shares in look.maps.values():
        sums = np.sum(list(shares.terms.values()), axis=0)
        assert sums[np.array(shares.pixels) > 0] == pytest.approx(1.0, abs=1e-4)
    # Two terms reach pixels without truth: the couplings, which need none.
    metric = {t: s[-1] for t, s in look.maps["log_depth"].terms.items()}
    assert {t for t, share in metric.items() if share > 0} == {
        "guided_smooth",
        "gradient_consistency",
    }
    assert GradientShares.parse(look.tree()) == look


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges_m": [4.0, 1.0]}, "rising distances"),
        ({"maps": {"sky": {"pixels": [1], "terms": {}}}}, "sky: 1 bands of 2"),
        ({"maps": {"structure": {"pixels": [1], "terms": {}}}}, "structure: 1 bands of 2"),
        ({"maps": {"structure": {"pixels": [1, -1], "terms": {}}}}, "expected counts"),
        ({"maps": {"structure": {"pixels": [1, 1], "terms": {"a": [2.0, 0]}}}}, "2 shares of 0 to"),
        ({"frames": 0}, "frames"),
    ],
)
def test_a_record_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    tree = {
        "frames": 1,
        "edges_m": [1.0, 4.0],
        "maps": {"structure": MapShares(pixels=(1, 0), terms={"a": (1.0, 0.0)}).tree()},
    }
    GradientShares.parse(tree)
    with pytest.raises(SettingsError, match=message):
        GradientShares.parse(tree | change)
