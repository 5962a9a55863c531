"""A teacher's labels beside guessers: one pixel set, one fit, and words that say who wins."""

import numpy as np
import pytest

from thermodepth.cli.label_agreement import agreements
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.baselines import fit_baselines
from thermodepth.teacher import agreement
from thermodepth.types import Sample, ThermalUnit

SIZE = (24, 32)


class Split:
    """Frames in memory."""

    def __init__(self, samples):
        self.samples = samples
        self.sample_ids = [sample.sample_id for sample in samples]
        self.noise_is_drawn = False

    def read(self, index, *, draw=0, with_rgb=True):
        del draw, with_rgb
        return self.samples[index]


class Labels:
    """A label store that was never on disk."""

    def __init__(self, maps):
        self.maps = maps

    def label(self, sample_id):
        return self.maps[sample_id]


def table_top(number, *, holes=0.1):
    """The same slanted table every time, with something else standing on it."""
    random = np.random.default_rng(number)
    depth = np.linspace(1.2, 0.6, SIZE[0])[:, None] * np.ones(SIZE[1])
    top, left = random.integers(4, 16), random.integers(2, 22)
    depth[top : top + 6, left : left + 8] *= 0.8
    thermal = 300 + 5 * depth + random.normal(0, 0.05, SIZE)
    depth[random.random(SIZE) < holes] = np.nan
    return Sample(
        sample_id=f"f{number}",
        thermal=thermal.astype(np.float32),
        thermal_unit=ThermalUnit.KELVIN,
        intrinsics=np.eye(3, dtype=np.float32),
        depth_m=depth.astype(np.float32),
    )


@pytest.fixture
def guessers():
    return fit_baselines([table_top(n) for n in range(10)], protocol=named_protocol("mm5"))


def means(found):
    return {
        name: {
            key: np.mean([getattr(one, key) for one in each])
            for key in ("abs_rel", "correlation", "partial")
        }
        for name, each in found.items()
    }


def test_a_teacher_of_the_layout_alone_is_no_better_than_a_ramp(guessers):
    """What is praised with a correlation of .9 and has seen nothing."""
    frames = [table_top(n) for n in range(100, 104)]
    ramp = np.linspace(0.0, 1.0, SIZE[0])[:, None] * np.ones(SIZE[1])
    labels = Labels({f.sample_id: ramp.astype(np.float32) for f in frames})
    found = means(agreements(labels, Split(frames), guessers))
    assert found["teacher"]["correlation"] > 0.75
    assert found["row ramp"]["correlation"] == pytest.approx(
        found["teacher"]["correlation"], rel=1e-3
    )
    assert found["teacher"]["partial"] == found["row ramp"]["partial"] == 0.0
    assert found["constant depth"]["correlation"] == 0.0


def test_a_teacher_that_sees_is_told_from_it(guessers):
    frames = [table_top(n) for n in range(100, 104)]
    labels = Labels({f.sample_id: (2.0 / np.nan_to_num(f.depth_m, nan=1.0)) for f in frames})
    found = means(agreements(labels, Split(frames), guessers))
    assert found["teacher"] == {
        "abs_rel": pytest.approx(0.0, abs=1e-6),
        "correlation": pytest.approx(1.0),
        "partial": pytest.approx(1.0),
    }
    assert all(each["abs_rel"] > 0.005 for name, each in found.items() if name != "teacher")


def test_guesses_are_asked_on_the_pixels_that_have_a_label(guessers):
    frame = table_top(100)
    label = (1.0 / np.nan_to_num(frame.depth_m, nan=1.0)).astype(np.float32)
    label[:, :20] = np.nan
    (one,) = agreements(Labels({"f100": label}), Split([frame]), guessers)["row ramp"]
    inverse = 1.0 / guessers["row ramp"].predict(frame)
    inverse[:, :20] = np.nan
    assert one.abs_rel == agreement(inverse, frame.depth_m).abs_rel
    nothing = np.full(SIZE, np.nan, np.float32)
    assert agreements(Labels({"f100": nothing}), Split([frame]), guessers) == {}
