"""How often a study of equal arms finds something: a table of docs/statistics.md.

    python tools/equal_arms.py

Four arms are compared with a fifth in two metrics, Holm over the eight comparisons. No arm differs, so every
finding is false; at 5 % one study in twenty may have any. Seeds, scenes and both disturb each arm for
itself; the two metrics of an arm share most of it (correlation .8). What varies is how much of the noise of a
mean is that of seeds, which few seeds tell badly.

    alone      every comparison takes its degrees of freedom from its own variances
    together   bounded by what all comparisons of a metric say of the seeds' share (as studies do)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from places import fill
from thermodepth.statistics.cluster_noise import scene_df
from thermodepth.statistics.two_way import pooled_share, shared_df, variances

#: Seeds, and frames of each recording.
SIZES = {
    "S=2, G=10": (2, (1,) * 10),
    "S=3, G=10": (3, (1,) * 10),
    "S=3, G=30": (3, (1,) * 30),
    "S=5, G=10": (5, (1,) * 10),
    "S=5, G=30": (5, (1,) * 30),
    "S=10, G=30": (10, (1,) * 30),
    "S=5, 200 to 5": (5, (200, 133, 88, 59, 39, 26, 17, 12, 8, 5)),
    "S=5, 400 to 3": (5, (400, 150, 60, 20, 8, 3)),
    "S=5, one of 78 %": (5, (390, 28, 27, 28, 27)),
}
#: Of V_S in V_S + V_G; a twentieth of both is of seed x recording.
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
#: In the last line one arm has collapsed: this much more noise, nearly all of it over recordings.
COLLAPSED, ITS_SHARE = 5.0, 0.05
ARMS, METRICS, ALIKE = 4, 2, 0.8
REPETITIONS, CHUNK = 8000, 400
RANDOM_SEED = 20260102

Array = NDArray[np.float64]


def differences(
    seeds: int,
    weights: Array,
    share: float,
    count: int,
    random: np.random.Generator,
    *,
    collapsed: bool,
) -> Array:
    """[r metric arm s g] of so many studies, each arm against the fifth; a collapsed one comes last.

    The recordings' part has one variance whatever their weights [g], such that its share in that of the mean
    is as asked for.
    """
    groups = float(1.0 / np.square(weights).sum())

    def noise(shape: tuple[int, int]) -> Array:
        common = random.normal(size=(count, 1, ARMS + 1, *shape))
        own = random.normal(size=(count, METRICS, ARMS + 1, *shape))
        drawn: Array = np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own
        return drawn

    shares, sizes = np.full((ARMS + 1, 1, 1), share), np.ones((ARMS + 1, 1, 1))
    if collapsed:
        shares[-1], sizes[-1] = ITS_SHARE, COLLAPSED
    values = sizes * (
        np.sqrt(0.95 * shares * seeds) * noise((seeds, 1))
        + np.sqrt(0.95 * (1 - shares) * groups) * noise((1, weights.size))
        + np.sqrt(0.05 * seeds * groups) * noise((seeds, weights.size))
    )
    return np.asarray(values[:, :, 1:] - values[:, :, :1])


def findings(
    seeds: int, lengths: Sequence[int], share: float, *, number: int, collapsed: bool = False
) -> tuple[float, float]:
    """Shares of studies that find anything about equal arms: (alone, together)."""
    random = np.random.default_rng([RANDOM_SEED, number])
    # Holm finds something exactly when its smallest p is this small.
    level = 0.05 / (ARMS * METRICS)
    equal = slice(0, ARMS - collapsed)
    weights = np.asarray(lengths, dtype=np.float64) / sum(lengths)
    scenes = scene_df(weights)
    found = np.zeros(2)
    for _ in range(REPETITIONS // CHUNK):
        drawn = differences(seeds, weights, share, CHUNK, random, collapsed=collapsed)
        made = variances(drawn, weights)
        of_seeds = pooled_share(made.seed, made.scene)
        together = shared_df(of_seeds[..., None], made.df, seeds=seeds, scenes=scenes)
        for place, df in enumerate((made.df, together)):
            p = 2.0 * stdtr(df, -np.abs(made.value) / made.standard_error)
            found[place] += np.count_nonzero(p[..., equal].min(axis=(1, 2)) <= level)
    alone, shared = found / REPETITIONS
    return float(alone), float(shared)


def table() -> str:
    """Shares by sizes, as Markdown, with what it was made by."""
    lines = [
        "| seeds' share of the noise | " + " | ".join(SIZES) + " |",
        "|---" * (len(SIZES) + 1) + "|",
    ]
    rows = [(f"{share:g}", share, False) for share in SHARES]
    rows.append((f"{SHARES[-1]:g}, one arm collapsed", SHARES[-1], True))
    for row, (label, share, collapsed) in enumerate(rows):
        cells = []
        for column, (seeds, lengths) in enumerate(SIZES.values()):
            number = len(SIZES) * row + column
            pair = findings(seeds, lengths, share, number=number, collapsed=collapsed)
            alone, together = (format(value, ".3f").removeprefix("0") for value in pair)
            cells.append(f"{alone} → **{together}**")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    error = format(np.sqrt(0.95 * 0.05 / REPETITIONS), ".4f").removeprefix("0")
    lines += [
        "",
        f"{REPETITIONS} simulated studies a cell (standard error of .05: {error}), {ARMS} arms against a "
        f"fifth in {METRICS} metrics, random seed {RANDOM_SEED}. Collapsed: {COLLAPSED:g} times the noise, "
        f"{1 - ITS_SHARE:g} of it over recordings; counted are findings about the other three. 200 to "
        "5 and 400 to 3 frames, and one recording of 78 %: as in the table of coverage.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    fill("statistics.md", "equal-arms", {"table": table()})
