"""Frames against another network's map of the same view: by hand, and what blind guesses are worth."""

import numpy as np
import pytest

from thermodepth.evaluation.scoring.references import FrameReference, means_of_others


def scene(seed: int, size: tuple[int, int] = (24, 32)) -> np.ndarray:
    """[h w] metres of a ground with boxes on it."""
    random = np.random.default_rng(seed)
    depth = np.linspace(20.0, 2.0, size[0])[:, None] * np.ones(size[1])
    for _ in range(5):
        y, x = random.integers(0, size[0] - 8), random.integers(0, size[1] - 8)
        depth[y : y + 8, x : x + 8] = random.uniform(1.5, 6.0)
    return depth + 0.01 * random.random(size)


def test_the_reference_in_another_scale_has_everything():
    reference = 1 / scene(0)
    scores = FrameReference(reference, prior=1 / scene(1)).scores(
        3 * reference - 1, depth_m=5 / reference
    )
    assert scores == pytest.approx(
        {
            f"{head}_{of}": 1.0
            for head in ("structure", "depth")
            for of in ("rank", "partial", "beyond")
        }
    )


def test_a_ramp_shares_nothing_beyond_the_layout():
    ramp = np.arange(48.0)[:, None] * np.ones(64)
    scores = FrameReference(1 / scene(0)).scores(ramp, depth_m=1 / (1 + ramp))
    assert scores["structure_partial"] == scores["depth_partial"] == 0.0
    assert scores["structure_rank"] == pytest.approx(scores["depth_rank"])
    assert scores["structure_rank"] > 0.4
    assert "structure_beyond" not in scores


def test_the_prior_itself_shares_nothing_beyond_it():
    reference, prior = 1 / scene(0), 1 / scene(1)
    scores = FrameReference(reference, prior=prior).scores(prior**3)
    assert scores["structure_beyond"] == 0.0
    assert scores["structure_partial"] != 0.0
    assert set(scores) == {"structure_rank", "structure_partial", "structure_beyond"}


def test_sky_is_infinitely_far_whatever_its_depth():
    depth = scene(0)
    sky = np.zeros(depth.shape, np.bool_)
    sky[:6] = True
    reference = np.where(sky, 0.0, 1 / depth)
    cloud = np.where(sky, 1.0, depth)  # nearer than anything
    compared = FrameReference(reference)
    assert compared.scores(reference, depth_m=cloud, sky=sky)["depth_rank"] == pytest.approx(1.0)
    assert compared.scores(reference, depth_m=cloud)["depth_rank"] < 0.5


def test_what_cannot_be_measured_is_absent():
    assert FrameReference(np.ones((24, 32)), prior=scene(1)).scores(scene(0)) == {}


def test_the_mean_of_the_others_by_hand():
    """Ranks 1..4 of 4 pixels as shares: of three references, the mean of the two others."""
    up, down = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[9.0, 7.0], [5.0, 0.0]])
    first, second, _ = means_of_others([up, down, 10 * up])
    assert first == pytest.approx(np.full((2, 2), 2.5 / 4))  # down and up
    assert second == pytest.approx(up / 4)
    assert means_of_others([up]) == [None]


def test_references_of_several_sizes_get_a_mean_of_their_own_size():
    means = means_of_others([scene(0), scene(1, (12, 16)), scene(2)])
    assert [None if each is None else each.shape for each in means] == [
        (24, 32),
        (12, 16),
        (24, 32),
    ]
