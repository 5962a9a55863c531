"""Gradients of terms that are known exactly, steps and maps of conflict by hand."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from thermodepth.data.frames import Dataset
from thermodepth.data.loader import BatchStream
from thermodepth.errors import DataError
from thermodepth.losses import LossReport, evaluate
from thermodepth.model import DepthNetwork
from thermodepth.training.diagnostics.files import conflict_path
from thermodepth.training.diagnostics.gradients import (
    cosines,
    gradients_of,
    last_block_of,
    magnitude_similarities,
    norms,
    shared_of,
    shares,
    weighted_means,
)
from thermodepth.training.diagnostics.maps import (
    ConflictMaps,
    conflict_maps,
    first_frames,
    predicting,
    read_conflict_maps,
    save_conflict_maps,
)
from thermodepth.training.diagnostics.steps import AwaitedStep
from thermodepth.training.optimiser import make_optimiser
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Batch


def toy(*gradients: tuple[float, ...]) -> tuple[dict[str, Tensor], list[nn.Parameter]]:
    """Terms over two parameters, linear in them, so their gradients are these very vectors."""
    left, right = nn.Parameter(torch.tensor([0.3])), nn.Parameter(torch.tensor([[-2.0, 5.0]]))
    terms = {
        f"term{n}": left[0] * g[0] + (right * torch.tensor([g[1:]])).sum()
        for n, g in enumerate(gradients)
    }
    return terms, [left, right]


# --- known gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "cosine"),
    [
        ((1.0, 2.0, 2.0), (2.0, 4.0, 4.0), 1.0),  # parallel
        ((1.0, 2.0, 2.0), (-0.5, -1.0, -1.0), -1.0),  # opposite
        ((1.0, 2.0, 2.0), (2.0, -2.0, 1.0), 0.0),  # orthogonal: 2 - 4 + 2
        ((1.0, 0.0, 0.0), (1.0, 3**0.5, 0.0), 0.5),  # 60 degrees
    ],
)
def test_the_cosine_of_known_gradients(
    a: tuple[float, ...], b: tuple[float, ...], cosine: float
) -> None:
    terms, parameters = toy(a, b)
    result = cosines(gradients_of(terms, parameters).gram().sum(0))
    assert result == pytest.approx(np.array([[1, cosine], [cosine, 1]]), abs=1e-7)


def test_shares_and_magnitude_similarity_of_known_gradients() -> None:
    # Norms 3 and 4: shares 3/7 and 4/7, similarity 2 * 3 * 4 / (9 + 16).
    terms, parameters = toy((1.0, 2.0, 2.0), (0.0, 0.0, -4.0))
    norm = norms(gradients_of(terms, parameters).gram().sum(0))
    assert norm == pytest.approx([3, 4])
    assert shares(norm) == pytest.approx([3 / 7, 4 / 7])
    assert magnitude_similarities(norm)[0, 1] == pytest.approx(0.96)
    assert magnitude_similarities(norm)[0, 0] == pytest.approx(1)


def test_each_parameter_has_its_own_part() -> None:
    terms, parameters = toy((2.0, 1.0, 0.0), (3.0, 0.0, 1.0))
    first, second = gradients_of(terms, parameters).gram()
    assert first == pytest.approx(np.array([[4, 6], [6, 9]]))
    assert second == pytest.approx(np.array([[1, 0], [0, 1]]))


def test_a_parameter_that_a_term_never_reads_counts_as_zero() -> None:
    left, right = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    result = gradients_of({"a": 3 * left.sum(), "b": 2 * right.sum()}, [left, right]).gram().sum(0)
    assert result == pytest.approx(np.array([[9, 0], [0, 4]]))


def test_a_term_without_a_gradient_has_no_cosine_and_no_share() -> None:
    terms, parameters = toy((1.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    matrix = gradients_of(terms, parameters).gram().sum(0)
    assert np.isnan(cosines(matrix)[0, 1])
    assert cosines(matrix)[0, 0] == 1
    assert shares(norms(matrix)) == pytest.approx([1, 0])
    assert magnitude_similarities(norms(matrix))[0, 1] == 0
    assert np.isnan(magnitude_similarities(norms(matrix))[1, 1])
    assert np.isnan(shares(np.zeros(2))).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_spoils_no_other(bad: float) -> None:
    terms, parameters = toy((1.0, 0.0, 0.0), (bad, 0.0, 0.0), (1.0, 1.0, 0.0))
    matrix = gradients_of(terms, parameters).gram().sum(0)
    norm = norms(matrix)
    assert np.isfinite(norm).tolist() == [True, False, True]
    cosine = cosines(matrix)
    assert cosine[0, 2] == pytest.approx(0.5**0.5)
    assert np.isnan(cosine[1]).all()
    assert np.isnan(shares(norm)).all()


def test_a_loss_scale_is_taken_out_again() -> None:
    terms, parameters = toy((1.0, 2.0, 2.0), (2.0, -2.0, 1.0))
    assert np.array_equal(
        gradients_of(terms, parameters, scale=256.0).gram(), gradients_of(terms, parameters).gram()
    )


# --- the network's gradients ----------------------------------------------------------------------


@pytest.fixture
def batch(settings: TrainingSettings, dataset: Dataset) -> Batch:
    """Three varied frames with a label."""
    assert settings.data.size is not None
    stream = BatchStream(
        dataset.split("train"),
        settings.data.edit({"batch_size": 3}),
        size=settings.data.size,
        seed=0,
        label_of=lambda name: (
            np.random.default_rng(len(name)).uniform(size=(64, 64)).astype(np.float32)
        ),
    )
    return stream.batch(0)


def losses_of(network: DepthNetwork, batch: Batch, settings: TrainingSettings) -> LossReport:
    return evaluate(network(batch.image), batch, settings.losses, progress=0.9)


def test_the_gradients_are_those_of_a_backward_pass_of_each_term(
    network: DepthNetwork, batch: Batch, settings: TrainingSettings
) -> None:
    losses = losses_of(network, batch, settings)
    parameters = shared_of(network)
    result = gradients_of(weighted_means(losses), parameters).gram().sum(0)
    vectors = []
    for name in losses.terms:  # the long way: a pass of its own for every term
        twin = copy.deepcopy(network)
        alone = losses_of(twin, batch, settings)
        (alone.terms[name].mean() * alone.weights[name]).backward()
        flat = [
            torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
            for p in shared_of(twin)
        ]
        vectors.append(torch.cat(flat).double().numpy())
    expected = np.array(vectors) @ np.array(vectors).T
    assert len(vectors) == 7
    assert result == pytest.approx(expected, rel=1e-3, abs=1e-5 * np.abs(expected).max())


def test_the_terms_add_up_to_the_gradient_of_the_training(
    network: DepthNetwork, batch: Batch, settings: TrainingSettings
) -> None:
    losses = losses_of(network, batch, settings)
    result = gradients_of(weighted_means(losses), shared_of(network)).gram().sum()
    losses.total.backward()
    squares = [
        float(p.grad.double().square().sum()) for p in shared_of(network) if p.grad is not None
    ]
    assert result == pytest.approx(sum(squares), rel=1e-4)


def test_looking_leaves_no_trace_in_the_backward_pass(
    network: DepthNetwork, batch: Batch, settings: TrainingSettings
) -> None:
    twin = copy.deepcopy(network)
    losses_of(twin, batch, settings).total.backward()
    losses = losses_of(network, batch, settings)
    random = torch.get_rng_state()
    gradients_of(weighted_means(losses), shared_of(network)).gram()
    assert all(p.grad is None for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    losses.total.backward()
    for (name, ours), theirs in zip(network.named_parameters(), twin.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad), name
    for ours, theirs in zip(network.buffers(), twin.buffers(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_last_block_is_shared_and_most_of_it(network: DepthNetwork) -> None:
    shared = {id(p) for p in shared_of(network)}
    block = last_block_of(network)
    assert {id(p) for p in block} < shared
    heads = [*network.structure_head.parameters(), *network.metric_head.parameters()]
    assert not shared & {id(p) for p in heads}
    assert len(shared) + len(heads) == len(list(network.parameters()))
    whole = sum(p.numel() for p in network.decoder.finish.parameters())
    assert sum(p.numel() for p in block) > 0.6 * whole  # 0.9 at the default width


def test_what_is_not_trained_is_left_out(network: DepthNetwork) -> None:
    network.encoder.requires_grad_(False)
    assert len(shared_of(network)) == len(list(network.decoder.parameters()))


# --- the step taken -------------------------------------------------------------------------------


def step_cosines(
    terms: dict[str, Tensor], parameters: list[nn.Parameter], change: list[Tensor]
) -> dict[str, float]:
    """Of a step that adds `change` to the parameters."""
    gradients = gradients_of(terms, parameters)
    awaited = AwaitedStep(gradients, gradients.gram(), {"all": np.ones(len(parameters), np.bool_)})
    with torch.no_grad():
        for parameter, delta in zip(parameters, change, strict=True):
            parameter.add_(delta)
    return awaited.cosines()["all"]


def test_a_step_down_a_gradient_points_along_it() -> None:
    # Gradients (3, 0, 4) and (0, 5, 0), step -(3, 0, 4) / 100: the total (3, 5, 4) has 25 / (5 sqrt(50)).
    change = [torch.tensor([-0.03]), torch.tensor([[0.0, -0.04]])]
    result = step_cosines(*toy((3.0, 0.0, 4.0), (0.0, 5.0, 0.0)), change)
    assert result == pytest.approx({"term0": 1, "term1": 0, "total": 0.5**0.5}, abs=1e-5)
    against = step_cosines(*toy((-3.0, 0.0, 0.0)), change)
    assert against["term0"] == pytest.approx(-0.6, abs=1e-5)


@pytest.mark.parametrize(("times", "known"), [(5.0, False), (20.0, True)])
def test_a_step_as_small_as_rounding_has_no_direction(times: float, known: bool) -> None:
    # A weight of 1.5 in float32 rounds by eps / 2 at the most; 1.5 eps / sqrt(12) bounds the spread.
    weight = nn.Parameter(torch.full((1000,), 1.5))
    step = times * 1.5 * torch.finfo(torch.float32).eps / 12**0.5
    result = step_cosines({"a": weight.sum()}, [weight], [torch.full((1000,), -step)])
    assert np.isfinite(result["a"]) == known


def test_no_step_and_no_gradient_have_no_cosine() -> None:
    terms, parameters = toy((1.0, 2.0, 2.0), (0.0, 0.0, 0.0), (float("nan"), 0.0, 0.0))
    change = [torch.tensor([0.1]), torch.zeros(1, 2)]
    result = step_cosines(terms, parameters, change)
    assert result["term0"] == pytest.approx(-1 / 3, abs=1e-5)
    assert np.isnan([result["term1"], result["term2"], result["total"]]).all()
    terms, parameters = toy((1.0, 2.0, 2.0))
    still = step_cosines(terms, parameters, [torch.zeros(1), torch.zeros(1, 2)])
    assert np.isnan(still["term0"])


@pytest.mark.parametrize("clip", [1e9, 0.01])
def test_the_step_is_the_one_that_adamw_took(
    clip: float, network: DepthNetwork, batch: Batch, settings: TrainingSettings
) -> None:
    """Against the long way: weights copied before and after, and a backward pass of its own per term."""
    optimiser = make_optimiser(network, settings.optimiser)
    for _ in range(3):  # so that AdamW remembers something
        losses_of(network, batch, settings).total.backward()
        optimiser.step()
        optimiser.zero_grad()
    parameters = shared_of(network)
    before = torch.cat([p.detach().flatten().double() for p in parameters])
    gradients = {}
    for name in losses_of(copy.deepcopy(network), batch, settings).terms:
        twin = copy.deepcopy(network)
        alone = losses_of(twin, batch, settings)
        (alone.terms[name].mean() * alone.weights[name]).backward()
        gradients[name] = torch.cat(
            [
                torch.zeros(p.numel()) if p.grad is None else p.grad.flatten()
                for p in shared_of(twin)
            ]
        ).double()
    gradients["total"] = torch.stack(list(gradients.values())).sum(0)
    losses = losses_of(network, batch, settings)
    looked = gradients_of(weighted_means(losses), parameters)
    awaited = AwaitedStep(looked, looked.gram(), {"shared": np.ones(len(parameters), np.bool_)})
    losses.total.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()
    delta = torch.cat([p.detach().flatten().double() for p in parameters]) - before
    expected = {
        name: float(-(g @ delta) / g.norm() / delta.norm()) for name, g in gradients.items()
    }
    result = awaited.cosines()["shared"]
    assert list(result) == list(expected)
    assert result == pytest.approx(expected, abs=2e-3)
    assert 0 < abs(expected["total"]) < 0.99  # AdamW does not go straight down


# --- maps -----------------------------------------------------------------------------------------


def test_conflict_by_hand() -> None:
    # Five pixels: agree, cancel, half cancel (|3 - 1| of 4), one alone, none.
    a, b = [1.0, 1.0, 1.0, 0.0, 0.0], [0.5, -0.5, -1 / 6, 1.0, 0.0]
    maps = ConflictMaps(
        step=7,
        sample_ids=("x",),
        image=np.zeros((1, 1, 5), np.float32),
        terms=("one", "two", "two"),
        heads=("structure", "structure", "log_depth"),
        gradients=np.array([a, b, b], np.float32)[:, None, None],
        largest=np.array([2.0, 4.0, 1.0]),
    )
    assert maps.conflict("structure")[0, 0, :4] == pytest.approx([0, 1, 0.5, 0], abs=1e-6)
    assert np.isnan(maps.conflict("structure")[0, 0, 4])
    assert maps.conflict("log_depth")[0, 0, :4] == pytest.approx(0)  # one term has nobody to fight


def test_maps_are_the_gradient_of_the_total_term_by_term(
    network: DepthNetwork, batch: Batch, settings: TrainingSettings, tmp_path: Path
) -> None:
    modes = [m.training for m in network.modules()]
    state = {name: t.clone() for name, t in network.state_dict().items()}
    few = first_frames(batch, 2)
    maps = conflict_maps(network, few, settings.losses, step=3, progress=0.9)
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(t, state[name]) for name, t in network.state_dict().items())
    network.eval()
    prediction = network(few.image)
    total = evaluate(prediction, few, settings.losses, progress=0.9).total
    expected = torch.autograd.grad(total, [prediction.structure, prediction.log_depth])
    for head, gradient in zip(("structure", "log_depth"), expected, strict=True):
        of_head = [n for n, name in enumerate(maps.heads) if name == head]
        scaled = maps.gradients[of_head] * maps.largest[of_head][:, None, None, None]
        assert scaled.sum(0) == pytest.approx(gradient.numpy(), abs=1e-6, rel=1e-4)
    pairs = list(zip(maps.terms, maps.heads, strict=True))
    assert ("structure_ssi", "log_depth") not in pairs
    assert ("gradient_consistency", "log_depth") in pairs

    save_conflict_maps(conflict_path(tmp_path, 3), maps)
    again = read_conflict_maps(conflict_path(tmp_path, 3))
    assert (again.step, again.sample_ids, again.terms) == (3, few.sample_ids, maps.terms)
    assert again.gradients == pytest.approx(maps.gradients, abs=1e-3)
    assert np.array_equal(again.largest, maps.largest)
    first = conflict_path(tmp_path, 3).read_bytes()
    save_conflict_maps(conflict_path(tmp_path, 3), maps)
    assert conflict_path(tmp_path, 3).read_bytes() == first
    assert [p.name for p in conflict_path(tmp_path, 3).parent.iterdir()] == ["step-3.npz"]


def test_modules_go_back_to_modes_of_their_own_even_after_an_error() -> None:
    network = nn.Sequential(nn.BatchNorm1d(1), nn.BatchNorm1d(1))
    network[1].eval()

    def broken() -> None:
        with predicting(network):
            assert not network[0].training
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert [m.training for m in network] == [True, False]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"step,term\n"])
def test_maps_that_are_none_are_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "step-1.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"step-1\.npz: cannot be read as conflict maps"):
        read_conflict_maps(path)
