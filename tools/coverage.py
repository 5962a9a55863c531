"""How often intervals cover the truth: tables of docs/statistics.md, simulated. `python tools/coverage.py`.

Two arms that do not differ are compared again and again. Their paired difference on frame i of recording g
under seed s is a seed's part, a recording's, one of that seed in that recording and one of the frame, with
the standard deviations below (AbsRel x 1000, as studies of this kind have them). Each method then gives its
95 % interval; what is counted is how often 0 lies inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from places import fill
from thermodepth.statistics.two_way import variances

REPETITIONS, CHUNK = 4000, 250
DRAWS = 999  # of a bootstrap
RANDOM_SEED = 20260101
SEED_SD, RECORDING_SD, BOTH_SD, FRAME_SD = 1.2, 2.5, 1.0, 12.0
FRAMES = 500  # in all, where recordings are of one length

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A kind of study."""

    label: str
    seeds: int
    recordings: int
    lengths: tuple[int, ...] | None = None  # frames of each recording; None: all of one length
    heavy: bool = False  # recordings differ as t with 3 degrees of freedom does
    growing: bool = False  # the variance of a recording grows with its length

    def frames(self) -> NDArray[np.int64]:
        """[g] of each recording; the same for every repetition."""
        if self.lengths is not None:
            return np.asarray(self.lengths)
        return np.full(self.recordings, FRAMES // self.recordings)


def _unequal(label: str, lengths: Sequence[int], *, growing: bool = False) -> Setting:
    return Setting(
        label=label, seeds=5, recordings=len(lengths), lengths=tuple(lengths), growing=growing
    )


#: 20 recordings of 10 to 120 frames.
MIXED = tuple(np.random.default_rng(RANDOM_SEED).integers(10, 121, 20).tolist())
#: Each a third shorter than the one before.
FALLING = (200, 133, 88, 59, 39, 26, 17, 12, 8, 5)

SETTINGS = (
    Setting(label="S=3, G=10", seeds=3, recordings=10),
    Setting(label="S=5, G=10", seeds=5, recordings=10),
    Setting(label="S=5, G=30", seeds=5, recordings=30),
    Setting(label="S=10, G=30", seeds=10, recordings=30),
    _unequal("10 to 120 frames, G=20", MIXED),
    Setting(label="S=5, G=20, heavy tails", seeds=5, recordings=20, heavy=True),
    _unequal("200 to 5, G=10", FALLING),
    _unequal("400 to 3, G=6", (400, 150, 60, 20, 8, 3)),
    _unequal("one holds 78 %, G=5", (390, 28, 27, 28, 27)),
    _unequal("10 to 120, noise grows", MIXED, growing=True),
    _unequal("200 to 5, noise grows", FALLING, growing=True),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Studies:
    """Many simulated studies."""

    differences: Array  # [r s i]
    cells: Array  # [r s g] means over recordings
    weights: Array  # [g]
    random: np.random.Generator


def studies(setting: Setting, count: int, random: np.random.Generator) -> Studies:
    """So many studies without a true difference."""
    frames = setting.frames()
    groups, seeds = setting.recordings, setting.seeds
    recording = random.normal(size=(count, 1, groups))
    if setting.heavy:
        recording = random.standard_t(3, (count, 1, groups)) / np.sqrt(3.0)
    growth = np.sqrt(frames / frames.mean()) if setting.growing else np.ones(groups)
    shared = (
        SEED_SD * random.normal(size=(count, seeds, 1))
        + RECORDING_SD * growth * recording
        + BOTH_SD * growth * random.normal(size=(count, seeds, groups))
    )
    noise = FRAME_SD * random.normal(size=(count, seeds, int(frames.sum())))
    differences = np.repeat(shared, frames, axis=2) + noise
    starts = np.concatenate([[0], np.cumsum(frames)[:-1]])
    return Studies(
        differences=differences,
        cells=np.add.reduceat(differences, starts, axis=2) / frames,
        weights=frames / frames.sum(),
        random=random,
    )


# --- methods: [r] whether 0 is inside --------------------------------------------------------------


def _t_covers(values: Array) -> NDArray[np.bool_]:
    """By the t interval of the mean of [r n] values."""
    count = values.shape[1]
    error = values.std(axis=1, ddof=1) / np.sqrt(count)
    return np.asarray(np.abs(values.mean(axis=1)) <= stdtrit(count - 1, 0.975) * error)


def _percentiles_cover(drawn: Array) -> NDArray[np.bool_]:
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    return np.asarray((low <= 0.0) & (high >= 0.0))


def _times(simulated: Studies, count: int) -> Array:
    """[draws count] how often each was drawn."""
    return simulated.random.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(
        np.float64
    )


def one_seed_images(simulated: Studies) -> NDArray[np.bool_]:
    """One run, images taken as independent."""
    return _t_covers(simulated.differences[:, 0])


def mean_images(simulated: Studies) -> NDArray[np.bool_]:
    """Mean over seeds, images taken as independent."""
    return _t_covers(simulated.differences.mean(axis=1))


def bootstrap_seeds(simulated: Studies) -> NDArray[np.bool_]:
    """Percentile bootstrap of seeds."""
    by_seed = simulated.differences.mean(axis=2)
    times = _times(simulated, by_seed.shape[1]) / by_seed.shape[1]
    return _percentiles_cover(np.einsum("bs,rs->rb", times, by_seed))


def t_seeds(simulated: Studies) -> NDArray[np.bool_]:
    """t over seeds, the test set taken as all there is."""
    return _t_covers(simulated.differences.mean(axis=2))


def t_recordings(simulated: Studies) -> NDArray[np.bool_]:
    """t over recordings, seeds averaged: a seed taken as all there is."""
    return _t_covers(simulated.cells.mean(axis=1))


def pigeonhole(simulated: Studies) -> NDArray[np.bool_]:
    """Bootstrap of seeds and recordings, percentiles."""
    seeds, groups = simulated.cells.shape[1:]
    by_seeds = np.einsum("bs,rsg->rbg", _times(simulated, seeds) / seeds, simulated.cells)
    of_groups = _times(simulated, groups) * simulated.weights
    of_groups /= of_groups.sum(axis=1, keepdims=True)
    return _percentiles_cover((by_seeds * of_groups).sum(axis=2))


def crossed(simulated: Studies) -> NDArray[np.bool_]:
    """Ours."""
    estimate = variances(simulated.cells, simulated.weights)
    within = stdtrit(estimate.df, 0.975) * estimate.standard_error
    return np.asarray(np.abs(estimate.value) <= within)


METHODS: dict[str, Callable[[Studies], NDArray[np.bool_]]] = {
    "one run, images independent (most papers)": one_seed_images,
    "mean over seeds, images independent": mean_images,
    "bootstrap over seeds": bootstrap_seeds,
    "t over seeds, test set fixed": t_seeds,
    "t over recordings, seeds averaged": t_recordings,
    "bootstrap over seeds and recordings (pixel-pooled numbers)": pigeonhole,
    "**seeds crossed with recordings (here)**": crossed,
}


# --- the page ----------------------------------------------------------------------------------------


def coverage(setting: Setting, *, number: int) -> dict[str, float]:
    """The share of studies whose interval covers 0, by method."""
    random = np.random.default_rng([RANDOM_SEED, number])
    inside = dict.fromkeys(METHODS, 0)
    for _ in range(REPETITIONS // CHUNK):
        simulated = studies(setting, CHUNK, random)
        for name, covers in METHODS.items():
            inside[name] += int(np.count_nonzero(covers(simulated)))
    return {name: count / REPETITIONS for name, count in inside.items()}


def _grid(settings: Sequence[Setting], shares: Mapping[str, dict[str, float]]) -> list[str]:
    """Methods by settings, as Markdown."""
    lines = [
        "| interval | " + " | ".join(s.label for s in settings) + " |",
        "|---" * (len(settings) + 1) + "|",
    ]
    for name in METHODS:
        cells = [format(shares[s.label][name], ".2f").removeprefix("0") for s in settings]
        lines.append(
            f"| {name} | " + " | ".join(f"**{c}**" if "**" in name else c for c in cells) + " |"
        )
    return lines


def table() -> str:
    """Recordings of one length, then unequal ones, with what the tables were made by."""
    shares = {s.label: coverage(s, number=number) for number, s in enumerate(SETTINGS)}
    error = format(np.sqrt(0.95 * 0.05 / REPETITIONS), ".4f").removeprefix("0")
    lines = [
        *_grid([s for s in SETTINGS if s.lengths is None], shares),
        "",
        "And where recordings are unequally long, with 5 seeds:",
        "",
        *_grid([s for s in SETTINGS if s.lengths is not None], shares),
        "",
        f"{REPETITIONS} simulated studies a column (standard error of .95: {error}), {DRAWS} draws a "
        f"bootstrap, random seed {RANDOM_SEED}. Standard deviations, AbsRel × 1000: seed {SEED_SD:g}, "
        f"recording {RECORDING_SD:g}, seed in recording {BOTH_SD:g}, frame {FRAME_SD:g}; {FRAMES} frames "
        "where recordings are equal. Heavy tails: recordings follow t with 3 degrees of freedom. 200 to 5: "
        "each recording is a third shorter than the one before; 400 to 3: 400, 150, 60, 20, 8 and 3 frames. "
        "Noise grows: the variance of a recording goes with its length.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    fill("statistics.md", "coverage", {"table": table()})
