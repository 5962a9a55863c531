"""One interval for a difference between configurations: seeds crossed with scenes.

Every arm is trained with every seed and scored on every image, so a difference D[s, i] has two sources of
noise that do not average out together: which seeds were drawn and which scenes were driven through. Images
of one recording belong together (a cluster). With C[s, g] the mean of D over the images of cluster g, of
which w_g = n_g / N of all images come:

    r_s = sum_g w_g C_sg      c_g = mean_s C_sg      D^ = mean_s r_s
    V_S = sum_s (r_s - D^)^2 / (S (S - 1))
    V_G = sum_g a_g (c_g - D^)^2
    V_I = 1/(S (S - 1)) sum_g a_g sum_s (C_sg - r_s - c_g + D^)^2
    SE^2 = max(V_S + V_G - V_I, V_S, V_G)

with a_g and the degrees of freedom f of scenes as in `cluster_noise`: V_G is never too small on average, and
V_S + V_G - V_I is neither, what V_I takes off too much being in V_G. For equal clusters this is the two-way
analysis of variance with random effects, and f is G - 1. The degrees of freedom of the sum are those of
Satterthwaite (1946). What the interval covers in simulated studies stands in docs/statistics.md.

These degrees of freedom rest on how the noise happens to be shared between seeds and scenes in one question,
which few seeds tell badly: where V_S comes out small by chance, the error is too small and its degrees of
freedom are too many. Questions that are asked together of one metric therefore share what they know,

    W = sum V_S / sum (V_S + V_G) over them      df <= 1 / [W^2/(S - 1) + (1 - W)^2/f]

where W is the largest of three: over all of them, without the noisiest, and over the less noisy half. An arm
that has collapsed is much noisier than the others, often over scenes, and must not speak for them.

Three scopes are kept apart: "seeds" says what would happen on this very test set with other seeds, "scenes"
what these very weights would do elsewhere, "both" what a reader wants to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.cluster_noise import scene_df, square_weights

Scope = Literal["both", "seeds", "scenes"]
SCOPES: tuple[Scope, ...] = ("both", "seeds", "scenes")

Array = NDArray[np.float64]


# --- clusters ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clusters:
    """Which images belong together."""

    names: tuple[str, ...]  # [g] sorted
    index: NDArray[np.intp]  # [i] the cluster of each image
    sizes: NDArray[np.intp]  # [g]

    @property
    def weights(self) -> Array:
        """[g] the share of images that each cluster has."""
        return np.asarray(self.sizes / self.sizes.sum(), dtype=np.float64)

    @property
    def effective(self) -> float:
        """How many equal clusters would tell as much: 1 / sum w_g^2."""
        return float(1.0 / np.square(self.weights).sum())

    def means(self, values: Array) -> Array:
        """[... g] the mean over each cluster's images of `values` [... i]."""
        order = np.argsort(self.index, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        return np.asarray(np.add.reduceat(values[..., order], starts, axis=-1) / self.sizes)


def clusters_of(names: Sequence[str]) -> Clusters:
    """Clusters from the name of each image's."""
    unique, index, sizes = np.unique(
        np.asarray(names, dtype=np.str_), return_inverse=True, return_counts=True
    )
    return Clusters(names=tuple(unique.tolist()), index=index, sizes=sizes)


def blocks_of(
    frames: Sequence[int], length: int, *, sequences: Sequence[str] | None = None
) -> tuple[str, ...]:
    """[i] the block of so many consecutive frame numbers that each image falls into.

    For one long recording, where every frame is nearly the one before it and frames of different blocks
    are nearly strangers: ten seconds of frames are a usual choice. Blocks start at the first frame of each
    sequence; the last one may be shorter, and weighs less.

    Args:
        frames: [i] the number of each frame in its recording.
        length: frames of a block.
        sequences: [i] the recording of each; None is one.

    Raises:
        SettingsError: for a length below 1.
    """
    if length < 1:
        raise SettingsError(f"blocks of {length} frames, expected 1 or more")
    names = [""] * len(frames) if sequences is None else sequences
    first: dict[str, int] = {}
    for name, frame in zip(names, frames, strict=True):
        first[name] = min(frame, first.get(name, frame))
    return tuple(
        f"{name}#{(frame - first[name]) // length}"
        for name, frame in zip(names, frames, strict=True)
    )


# --- the sums ------------------------------------------------------------------------------------


class Variances(NamedTuple):
    """The formulas of this module for one or many tables of cluster means; NaN where one cannot be told."""

    value: Array  # [...]
    by_seed: Array  # [... s]
    seed: Array  # [...] V_S
    scene: Array  # [...] V_G
    both: Array  # [...] V_I
    standard_error: Array  # [...] of scope "both"
    df: Array  # [...] of scope "both"


def variances(cells: Array, weights: Array) -> Variances:
    """Variances of the mean difference from cluster means.

    Args:
        cells: [... s g] mean difference of each seed and cluster.
        weights: [g] share of images of each cluster.
    """
    seeds, count = cells.shape[-2:]
    by_seed = (cells * weights).sum(axis=-1)
    by_cluster = cells.mean(axis=-2)
    value = by_seed.mean(axis=-1)
    nothing = np.full_like(value, np.nan)
    v_s = v_g = v_i = error = df = nothing
    if seeds > 1:
        v_s = np.square(by_seed - value[..., None]).sum(axis=-1) / (seeds * (seeds - 1))
    if count > 1:
        squares = square_weights(weights)
        v_g = (squares * np.square(by_cluster - value[..., None])).sum(axis=-1)
    if seeds > 1 and count > 1:
        rest = cells - by_seed[..., None] - by_cluster[..., None, :] + value[..., None, None]
        v_i = (squares * np.square(rest)).sum(axis=(-2, -1)) / (seeds * (seeds - 1))
        squared = np.maximum(np.maximum(v_s + v_g - v_i, v_s), v_g)
        error = np.sqrt(squared)
        df = satterthwaite(squared, v_s, v_g, v_i, seeds=seeds, scenes=scene_df(weights))
    return Variances(value, by_seed, v_s, v_g, v_i, error, df)


def satterthwaite(
    squared: Array, v_s: Array, v_g: Array, v_i: Array, *, seeds: int, scenes: float
) -> Array:
    """Degrees of freedom of an error made of three variances, never below those of the smaller factor.

    Args:
        squared: [...] the error's square.
        v_s: [...]
        v_g: [...]
        v_i: [...]
        seeds: two or more.
        scenes: degrees of freedom of V_G (`scene_freedom`).
    """
    least = min(seeds - 1.0, scenes)
    noise = v_s**2 / (seeds - 1) + v_g**2 / scenes + v_i**2 / ((seeds - 1) * scenes)
    ratio = np.divide(squared**2, noise, out=np.full_like(noise, least), where=noise > 0.0)
    return np.maximum(least, ratio)


def pooled_share(v_s: Array, v_g: Array) -> Array:
    """W of this module: [...] from the variances [... questions] of what is asked together."""
    order = np.argsort(v_s + v_g, axis=-1, kind="stable")  # the noisiest last
    count = v_s.shape[-1]
    shares = []
    for quietest in {count, max(count - 1, 1), max(count - count // 2, 1)}:
        seeds, scenes = (
            np.take_along_axis(v, order[..., :quietest], axis=-1).sum(axis=-1) for v in (v_s, v_g)
        )
        total = seeds + scenes
        shares.append(np.divide(seeds, total, out=np.zeros_like(total), where=total > 0.0))
    return np.asarray(np.max(shares, axis=0))


def shared_df(share: Array, df: Array, *, seeds: int, scenes: float) -> Array:
    """Degrees of freedom bounded by those of a known share of V_S in V_S + V_G (W of this module)."""
    return np.minimum(df, 1.0 / (share**2 / (seeds - 1) + (1.0 - share) ** 2 / scenes))


# --- the estimate --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The standard error of an estimate in one scope."""

    standard_error: float
    df: float  # degrees of freedom of its t distribution


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A difference with its noise in every scope that the data can tell of."""

    value: float
    by_seed: Array  # [s] the difference under each seed
    spreads: dict[Scope, Spread]  # "seeds" is missing with one seed, "scenes" with one cluster
    variance_seed: float  # V_S, V_G, V_I: NaN where they cannot be told
    variance_scene: float
    variance_both: float
    seeds: int
    clusters: int
    effective_clusters: float
    images: int
    seed_share: float | None = None  # W, where questions asked together said it

    @property
    def scope(self) -> Scope | None:
        """The widest scope that there is; None with one seed on one recording."""
        return next((scope for scope in SCOPES if scope in self.spreads), None)

    def interval(self, *, level: float = 0.95, scope: Scope | None = None) -> tuple[float, float]:
        """(low, high) that covers the truth in `level` of all studies; None is the widest scope.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        spread = self.spread(scope)
        half = t_quantile(0.5 + level / 2.0, spread.df) * spread.standard_error
        return self.value - half, self.value + half

    def p_value(self, *, against: float = 0.0, scope: Scope | None = None) -> float:
        """Of "the difference is `against`", two-sided.

        1 when it is exactly that; 0 when it is not and there is no noise at all.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        spread = self.spread(scope)
        distance = abs(self.value - against)
        if distance == 0.0:
            return 1.0
        if spread.standard_error == 0.0:
            return 0.0
        return 2.0 * t_tail(distance / spread.standard_error, spread.df)

    def p_equivalence(self, margin: float, *, scope: Scope | None = None) -> float:
        """Of "the difference is `margin` or more, either way": two one-sided tests (Schuirmann 1987).

        At most .05 exactly when the 90 % interval lies within the margin.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        spread = self.spread(scope)
        room = margin - abs(self.value)
        if spread.standard_error == 0.0:
            return 0.0 if room >= 0.0 else 1.0
        return t_tail(room / spread.standard_error, spread.df)

    def sharing(self, share: float) -> Estimate:
        """The same with the degrees of freedom of scope "both" bounded by a share of V_S in the noise."""
        if "both" not in self.spreads:
            return self
        own = self.spreads["both"]
        df = shared_df(
            np.float64(share),  # type: ignore[arg-type]  # a number is an array of none
            np.float64(own.df),  # type: ignore[arg-type]
            seeds=self.seeds,
            scenes=self.spreads["scenes"].df,
        )
        bounded = replace(own, df=float(df))
        return replace(self, spreads={**self.spreads, "both": bounded}, seed_share=share)

    def spread(self, scope: Scope | None = None) -> Spread:
        """Error and degrees of freedom in one scope; None is the widest.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        chosen = scope or self.scope
        if chosen is None or chosen not in self.spreads:
            raise DataError(
                f"no interval in scope '{chosen or 'both'}': {self.seeds} "
                f"seed{'s' * (self.seeds != 1)} and {self.clusters} cluster{'s' * (self.clusters != 1)}; "
                "two of what it is over are the least"
            )
        return self.spreads[chosen]


def estimate(difference: Array, clusters: Clusters | Sequence[str]) -> Estimate:
    """The mean difference and its noise.

    Args:
        difference: [s i] of each seed and image; every seed has every image.
        clusters: [i] which recording each image is of.

    Raises:
        DataError: for other shapes, no image, or a value that is not finite.
    """
    d = np.asarray(difference, dtype=np.float64)
    groups = clusters if isinstance(clusters, Clusters) else clusters_of(clusters)
    if d.ndim != 2 or d.size == 0 or d.shape[1] != groups.index.size:
        raise DataError(
            f"differences {d.shape} with {groups.index.size} clusters: expected [seeds images] and one "
            "cluster an image"
        )
    if not np.isfinite(d).all():
        raise DataError(f"{int((~np.isfinite(d)).sum())} of {d.size} differences are not finite")
    parts = variances(groups.means(d), groups.weights)
    seeds, count = d.shape[0], groups.sizes.size
    spreads: dict[Scope, Spread] = {}
    if seeds > 1 and count > 1:
        spreads["both"] = Spread(standard_error=float(parts.standard_error), df=float(parts.df))
    if seeds > 1:
        spreads["seeds"] = Spread(standard_error=float(parts.seed) ** 0.5, df=seeds - 1.0)
    if count > 1:
        df = scene_df(groups.weights)
        spreads["scenes"] = Spread(standard_error=float(parts.scene) ** 0.5, df=df)
    return Estimate(
        value=float(parts.value),
        by_seed=parts.by_seed,
        spreads=spreads,
        variance_seed=float(parts.seed),
        variance_scene=float(parts.scene),
        variance_both=float(parts.both),
        seeds=seeds,
        clusters=count,
        effective_clusters=groups.effective,
        images=d.shape[1],
    )


def with_pooled_df(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Questions asked together of one metric, each bounded by what all say of the seeds' share (W above).

    Questions without scope "both" are left as they are, and so is one that is asked alone. Where questions
    have unequally many seeds, each counts with the variance that it would have with as many as the others.
    """
    both = [each for each in estimates if "both" in each.spreads]
    if len(both) < 2:
        return tuple(estimates)
    most = max(each.seeds for each in both)
    v_s = np.array([each.variance_seed * each.seeds / most for each in both])
    v_g = np.array([each.variance_scene for each in both])
    share = float(pooled_share(v_s, v_g))
    bounded = []
    for each in estimates:
        of_seeds = share * most / each.seeds
        bounded.append(each.sharing(of_seeds / (of_seeds + 1.0 - share)))
    return tuple(bounded)


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """(low, high) of the mean of two or more runs: the paired t interval, where they are differences."""
    runs = np.asarray(values, dtype=np.float64)[:, None]
    return estimate(runs, [""]).interval(level=level, scope="seeds")


def t_quantile(level: float, df: float) -> float:
    """Quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, level))


def t_tail(t: float, df: float) -> float:
    """The probability of more than `t` under Student's t distribution."""
    from scipy.special import stdtr

    return float(stdtr(df, -t))
