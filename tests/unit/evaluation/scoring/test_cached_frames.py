"""The guessers that remember: against brute force, what they are asked about left out, in bounded memory."""

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.scoring.baselines import fit_baselines
from thermodepth.evaluation.scoring.cached_frames import Memory, NearestFrame, RidgeOnThumbnails
from thermodepth.evaluation.scoring.training_frames import TrainingFrame

SIZE = (48, 64)


def frame(make_sample, number, *, size=SIZE):
    """A frame whose picture and truth both follow two numbers of its own."""
    random = np.random.default_rng(number)
    a, b = random.uniform(-1, 1, 2)
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    depth = np.exp(1.2 + 0.5 * a * x + 0.4 * b * y)
    picture = 300 + 10 * (a * np.sin(3 * x) + b * np.cos(4 * y)) + 0.01 * random.normal(size=size)
    sample = make_sample(depth, sample_id=f"f{number}")
    return replace(sample, thermal=picture.astype(np.float32))


def fitted(make_sample, protocol, count=20):
    frames = [frame(make_sample, number) for number in range(count)]
    return frames, fit_baselines(frames, protocol=protocol)


def blocks(values, k=2):
    """Means of k x k blocks."""
    h, w = values.shape
    return values.reshape(h // k, k, w // k, k).mean(axis=(1, 3))


def thumbnail(sample):
    return blocks(sample.thermal.astype(np.float64)).ravel()


def test_the_nearest_is_the_nearest(make_sample, protocol):
    frames, baselines = fitted(make_sample, protocol)
    for number in (100, 101, 102):
        asked = frame(make_sample, number)
        distances = [np.linalg.norm(thumbnail(f) - thumbnail(asked)) for f in frames]
        expected = frames[int(np.argmin(distances))].depth_m
        predicted = baselines[NearestFrame.arm].predict(asked)
        np.testing.assert_allclose(predicted, expected, rtol=1e-5)


def test_the_ridge_is_that_of_numpy(make_sample, protocol):
    frames, baselines = fitted(make_sample, protocol)

    def standard(sample):
        t = thumbnail(sample)
        return (t - t.mean()) / t.std()

    x = np.stack([standard(f) for f in frames])
    y = np.stack([np.log(f.depth_m.astype(np.float64)).ravel() for f in frames])
    centred = x - x.mean(axis=0)
    kernel = centred @ centred.T
    penalty = 0.1 * np.trace(kernel) / len(frames)
    # In its primal form, with 768 unknowns an output.
    primal = np.linalg.solve(
        centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - y.mean(axis=0))
    )
    for number in (100, 101):
        asked = frame(make_sample, number)
        expected = y.mean(axis=0) + (standard(asked) - x.mean(axis=0)) @ primal
        expected = np.exp(expected.clip(y.min(), y.max())).reshape(SIZE)
        predicted = baselines[RidgeOnThumbnails.arm].predict(asked)
        np.testing.assert_allclose(predicted, expected, rtol=1e-5)
        error = np.abs(np.log(predicted / asked.depth_m)).mean()
        constant = np.abs(np.log(baselines["mean-depth map"].predict(asked) / asked.depth_m)).mean()
        assert error < constant  # it has learnt something


def test_a_remembered_frame_is_left_out_of_its_own_answer(make_sample, protocol):
    frames, baselines = fitted(make_sample, protocol)
    without = fit_baselines(frames[1:], protocol=protocol)
    asked = frames[0]
    near = baselines[NearestFrame.arm].predict(asked)
    np.testing.assert_array_equal(near, without[NearestFrame.arm].predict(asked))
    assert np.abs(near - asked.depth_m).max() > 0.01
    # Of the ridge the mean and the penalty still know the frame, so close, and far from remembering.
    ridge = baselines[RidgeOnThumbnails.arm].predict(asked)
    np.testing.assert_allclose(ridge, without[RidgeOnThumbnails.arm].predict(asked), rtol=0.05)


def test_leaving_one_out_is_what_brute_force_gives(make_sample, protocol):
    """sum over j != i of -G_ij / G_ii y_j is the fit to the others, asked about i."""
    frames, baselines = fitted(make_sample, protocol, count=8)
    ridge = baselines[RidgeOnThumbnails.arm]
    whole = ridge.factor @ ridge.factor.T
    kernel = ridge.inputs @ ridge.inputs.T
    others = np.arange(8) != 3
    expected = np.linalg.solve(whole[np.ix_(others, others)], kernel[others, 3])
    weights = ridge._weights(frames[3])
    np.testing.assert_allclose(weights[others], expected, rtol=1e-8)
    assert weights[3] == 0.0


def test_holes_take_the_mean_and_sizes_may_differ(make_sample, protocol):
    frames = [frame(make_sample, number) for number in range(5)]
    hole = frames[2].depth_m.copy()
    hole[:, :32] = np.nan
    frames[2] = replace(frames[2], depth_m=hole)
    baselines = fit_baselines(frames, protocol=protocol)
    asked = replace(frames[2], sample_id="again")
    predicted = baselines[NearestFrame.arm].predict(asked)
    np.testing.assert_allclose(predicted[:, 32:], hole[:, 32:], rtol=1e-5)
    others = np.log(np.stack([f.depth_m for n, f in enumerate(frames) if n != 2])).mean(axis=0)
    np.testing.assert_allclose(predicted[:, :32], np.exp(others)[:, :32], rtol=1e-5)
    for size in ((24, 32), (96, 128), (50, 31)):
        other = frame(make_sample, 9, size=size)
        for baseline in baselines.values():
            assert baseline.predict(other).shape == size
            assert np.isfinite(baseline.predict(other)).all()


def test_one_frame_alone_says_the_mean_of_itself(make_sample, protocol):
    alone = frame(make_sample, 1)
    baselines = fit_baselines([alone], protocol=protocol)
    for arm in (NearestFrame.arm, RidgeOnThumbnails.arm):
        np.testing.assert_allclose(baselines[arm].predict(alone), alone.depth_m, rtol=1e-5)


def test_without_thermal_pictures_nothing_is_remembered(make_sample, protocol):
    frames = [replace(frame(make_sample, n), has_thermal=False) for n in range(3)]
    assert tuple(fit_baselines(frames, protocol=protocol)) == (
        "constant depth",
        "mean-depth map",
        "row ramp",
    )
    for kind in (NearestFrame, RidgeOnThumbnails):
        with pytest.raises(DataError, match="no training frame has a thermal picture"):
            kind.fit(frames, protocol=protocol)


@pytest.mark.parametrize(
    ("count", "kept"), [(3, [0, 1, 2]), (4, [0, 1, 2, 3]), (5, [0, 2, 4]), (30, [0, 8, 16, 24])]
)
def test_memory_is_bounded_and_evenly_spread(make_sample, count, kept):
    memory = Memory(limit=4)
    scored = np.ones(SIZE, bool)
    for number in range(count):
        sample = frame(make_sample, number)
        memory.add(TrainingFrame(sample, sample.depth_m, scored))
        assert len(memory.frames) <= 4
    assert list(memory.cached().sample_ids) == [f"f{number}" for number in kept]


def test_large_truth_is_kept_small(make_sample, protocol):
    large = frame(make_sample, 0, size=(480, 640))
    memory = Memory()
    memory.add(TrainingFrame(large, large.depth_m, protocol.scored(large.depth_m)))
    truths = memory.cached().truths
    assert truths.shape == (1, 96, 128)
    expected = np.log(blocks(large.depth_m.astype(np.float64), 5))
    np.testing.assert_allclose(truths[0], expected, rtol=1e-5)
