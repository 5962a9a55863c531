"""One metric of a study as a block of arms by seeds by images, nothing missing in silence.

Two ways lead here: the rows that scoring writes (`result_rows`), and a plain table of anybody's numbers
(`plain_table`).

What an image is worth need not be the metric itself; a quantity `METRIC.FORM` is, with o the optimum,

    log_bias            the value
    log_bias.distance   |v - o|
    log_bias.square     (v - o)^2
    log_bias.spread     (v - mean of the cell)^2 n/(n - 1): its mean is the variance over images

the last being how unstable a number is from image to image, as a mean like any other.

A training that failed has no values. It is kept as a hole: a comparison takes the seeds that all its arms
have, and says which it left out. Images must be the same everywhere, unless it is asked for those that all
cells have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.statistics.two_way import Array, Clusters, clusters_of

Form = Literal["value", "distance", "square", "spread"]
Images = Literal["same", "common"]

MOST_VALUES = 200_000_000  # of a block: 1.6 GB
RUN_LEVEL = "(whole run)"  # the one image of runs of which a single number is known
LARGEST = 1e50  # magnitude of a value: degrees of freedom are made of fourth powers
ROOM = 64 * 2**20  # bytes of a block that are not worth a thought
MOST_HOLES = 50  # places of a larger block for each measurement
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


class Contrast(NamedTuple):
    """A weighted sum over arms."""

    difference: Array  # [s i]
    reference: Array | None  # [s i] of the reference, on the same seeds
    seeds: tuple[int, ...]
    left_out: tuple[str, ...]  # in words


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """Values of one metric; a cell (arm and seed) has every image or none."""

    metric: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    images: tuple[str, ...]
    clusters: tuple[str, ...]  # [i] which recording each image is of
    values: Array  # [a s i] NaN in cells without results
    pixels: Array | None = None  # [a s i] how many pixels each value is the mean of
    left_out: tuple[str, ...] = ()  # what is not in the block though it was asked for, in words

    @cached_property
    def groups(self) -> Clusters:
        """The clusters, counted."""
        return clusters_of(self.clusters)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """[a s] which cells have results."""
        return ~np.isnan(self.values[:, :, 0])

    @cached_property
    def _largest(self) -> Array:
        """[a] the largest magnitude of each arm: what rounding is measured by."""
        return np.asarray(np.fmax.reduce(np.abs(self.values), axis=(1, 2)))

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """(arm, seed) of every cell without results."""
        return tuple((self.arms[a], self.seeds[s]) for a, s in np.argwhere(~self.present).tolist())

    def place(self, arm: str) -> int:
        """Where an arm stands.

        Raises:
            DataError: for an arm that is not here.
        """
        if arm not in self.arms:
            raise DataError(f"{self.metric}: {unknown('arm', arm, self.arms)}")
        return self.arms.index(arm)

    def have_a_seed_in_common(self, arms: Sequence[str]) -> bool:
        """Whether some seed has results of all these arms, each of which may be missing altogether."""
        if any(arm not in self.arms for arm in arms):
            return False
        return bool(self.present[[self.place(arm) for arm in arms]].all(axis=0).any())

    def common_seeds(self, arms: Sequence[str]) -> NDArray[np.intp]:
        """The places of the seeds that all these arms have.

        Raises:
            DataError: for an arm that is not here, or when there is no such seed.
        """
        places = [self.place(arm) for arm in arms]
        common = np.flatnonzero(self.present[places].all(axis=0))
        if common.size == 0:
            has = "; ".join(
                f"{self.arms[a]} has "
                + (", ".join(str(self.seeds[s]) for s in np.flatnonzero(self.present[a])) or "none")
                for a in places
            )
            raise DataError(f"{self.metric}: the arms have no seed in common: {has}")
        return common

    def contrast(self, weights: Mapping[str, float], *, reference: str | None = None) -> Contrast:
        """The weighted sum over arms, on the seeds that they and the reference all have.

        Arms with equal values give exactly 0, whatever the weights: what only rounding leaves is nothing.

        Raises:
            DataError: for an arm that is not here, or arms without a common seed.
        """
        arms = [arm for arm, weight in weights.items() if weight != 0.0]
        assert abs(sum(weights.values())) < 1e-6, "weights of a contrast sum to 0"
        needed = list(dict.fromkeys([*arms, *([reference] if reference else [])]))
        common = self.common_seeds(needed)
        whole = common.size == len(self.seeds)
        total = np.zeros((common.size, len(self.images)))
        size = 0.0
        # Differences to one of the arms: equal arms then cancel before any weight can round them apart.
        base = self._of(arms[0], common, whole=whole)
        for arm in arms[1:]:
            total += weights[arm] * (self._of(arm, common, whole=whole) - base)
            size += abs(weights[arm]) * float(self._largest[self.place(arm)])
        total[np.abs(total) <= _ROUNDING * size] = 0.0
        rest = sorted(set(range(len(self.seeds))) - set(common.tolist()))
        return Contrast(
            difference=total,
            reference=self._of(reference, common, whole=whole) if reference else None,
            seeds=tuple(self.seeds[s] for s in common),
            left_out=tuple(
                f"seed {self.seeds[s]} left out: no results of "
                + ", ".join(arm for arm in needed if not self.present[self.place(arm), s])
                for s in rest
            ),
        )

    def form(self, form: Form, *, optimum: float = 0.0) -> Measurements:
        """The same images with another quantity made of their values.

        Raises:
            SettingsError: for a form that does not exist, or a spread over a single image.
        """
        if form not in get_args(Form):
            raise SettingsError(unknown("form of a metric", form, get_args(Form)))
        if form == "value":
            return self
        count = len(self.images)
        if form == "distance":
            values = np.abs(self.values - optimum)
        elif form == "square":
            values = np.square(self.values - optimum)
        else:
            if count < 2:
                raise SettingsError(f"{self.metric}.spread: one image has no spread")
            centred = self.values - self.values.mean(axis=-1, keepdims=True)
            values = np.square(centred) * count / (count - 1)
        return replace(self, metric=f"{self.metric}.{form}", values=values)

    def in_clusters(self, clusters: Sequence[str]) -> Measurements:
        """The same values, their images grouped otherwise (see `blocks_of`).

        Raises:
            DataError: for another number of names than images.
        """
        if len(clusters) != len(self.images):
            raise DataError(f"{len(clusters)} clusters for {len(self.images)} images")
        return replace(self, clusters=tuple(clusters))

    def _of(self, arm: str, seeds: NDArray[np.intp], *, whole: bool) -> Array:
        values: Array = self.values[self.place(arm)]
        return values if whole else values[seeds]


def split_form(quantity: str) -> tuple[str, str]:
    """(metric, form) of METRIC.FORM; the form is empty for a metric alone, whose name may hold a point."""
    metric, dot, form = quantity.rpartition(".")
    return (metric, form) if dot and form in get_args(Form) else (quantity, "")


# --- from columns --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codes:
    """A column as places in its own list of values, which may hold more than occur."""

    index: NDArray[np.int64]  # [n]
    names: Sequence[object]


def block(
    *,
    metric: str,
    arm: Codes,
    seed: Codes,
    image: Codes,
    cluster: Codes,
    value: Array,
    pixels: Array | None = None,
    arms: Sequence[str] | None = None,
    images: Images = "same",
    where: str = "",
) -> Measurements:
    """Sort n measurements into a block.

    Args:
        metric: their name.
        arm: of each measurement; so are seed (whole numbers), image (names), cluster, value and pixels.
        cluster: of the image; an empty name makes the image a cluster of its own.
        value: [n] finite, of a magnitude up to LARGEST.
        pixels: [n] or None.
        arms: which arms, in this order; None takes all. One without any value is a row of holes, and said.
        images: "same" refuses when a cell lacks an image that another has; "common" leaves such images out
            everywhere, and says so.
        where: put before what is wrong.

    Raises:
        DataError: for no value, one that is not finite, too large or there twice, an image of two clusters,
            images that some cell lacks, or more than fits in memory or than so few measurements can fill.
    """
    at = f"{where}: " if where else ""
    arm_index, arm_names = _chosen_arms(arm, arms)
    selected = np.flatnonzero(arm_index >= 0)
    if selected.size == 0:
        raise DataError(
            f"{at}no value of {metric}" + (f" for {', '.join(arm_names)}" if arm_names else "")
        )
    s_index, seeds = _compact(seed, selected)
    i_index, image_names = _compact(image, selected)
    layout = _Layout(
        metric=metric, at=at, arms=arm_names, seeds=tuple(seeds), images=tuple(image_names)
    )
    layout.check_size(selected.size)
    values = value[selected]
    flat = np.ravel_multi_index((arm_index[selected], s_index, i_index), layout.shape)
    counts = layout.counts(flat, values)
    clusters = _clusters(cluster, selected, i_index, image_names, at)
    dense = layout.filled(flat, values)
    weights = None if pixels is None else layout.filled(flat, pixels[selected])
    whole, left_out = layout.whole_images(counts > 0, images)
    return Measurements(
        metric=metric,
        arms=arm_names,
        seeds=tuple(int(str(each)) for each in seeds),
        images=tuple(str(n) for n, keep in zip(image_names, whole, strict=True) if keep),
        clusters=tuple(n for n, keep in zip(clusters, whole, strict=True) if keep),
        values=dense if whole.all() else dense[:, :, whole],
        pixels=weights if weights is None or whole.all() else weights[:, :, whole],
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the places of a block are, and how a message names them."""

    metric: str
    at: str  # begins every message
    arms: tuple[str, ...]
    seeds: tuple[object, ...]
    images: tuple[object, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.arms), len(self.seeds), len(self.images)

    def check_size(self, rows: int) -> None:
        """Refuse more than fits in memory, or than so few rows can fill."""
        arms, seeds, images = self.shape
        size = np.prod(self.shape, dtype=np.float64)
        if size > MOST_VALUES:
            raise DataError(
                f"{self.at}{self.metric}: {arms} arms x {seeds} seeds x {images} images are more than "
                f"{MOST_VALUES // 10**6} million values"
            )
        if 8 * size > ROOM and size > MOST_HOLES * rows:
            raise DataError(
                f"{self.at}{self.metric}: {rows} rows are nearly nothing of {arms} arms x {seeds} seeds x "
                f"{images} images; every arm and seed is measured on the same images"
            )

    def counts(self, flat: NDArray[np.intp], values: Array) -> NDArray[np.intp]:
        """[a s i] how many values each place has: one, or none; each of them finite and not too large."""
        strange = np.flatnonzero(~(np.abs(values) <= LARGEST))
        if strange.size:
            row = int(strange[0])
            raise DataError(
                f"{self.at}{self.metric} of {self._words(flat[row])} is {values[row]}: a measurement is a "
                f"finite number up to {LARGEST:g}"
            )
        counts = np.bincount(flat, minlength=int(np.prod(self.shape)))
        if counts.max() > 1:
            place = flat[np.flatnonzero(counts[flat] > 1)[0]]
            raise DataError(
                f"{self.at}{self.metric} of {self._words(place)} is there {counts[place]} times"
            )
        return counts.reshape(self.shape)

    def filled(self, flat: NDArray[np.intp], values: Array) -> Array:
        """[a s i] the values in their places, NaN elsewhere."""
        dense = np.full(self.shape, np.nan)
        dense.ravel()[flat] = values
        return dense

    def whole_images(
        self, measured: NDArray[np.bool_], images: Images
    ) -> tuple[NDArray[np.bool_], list[str]]:
        """([i] which images are in every cell that has results, what is left out in words)."""
        cells: NDArray[np.bool_] = np.any(measured, axis=2)  # [a s]
        whole: NDArray[np.bool_] = np.all(measured[cells], axis=0)
        left_out = [
            f"arm '{n}' has no results"
            for n, has in zip(self.arms, cells, strict=True)
            if not has.any()
        ]
        left_out += [
            f"arm '{self.arms[a]}' has no results under seed {self.seeds[s]}"
            for a, s in np.argwhere(~cells).tolist()
            if cells[a].any()
        ]
        if whole.all():
            return whole, left_out
        incomplete = [self.images[i] for i in np.flatnonzero(~whole)]
        if images == "same" or not whole.any():
            a, s, i = np.argwhere(~measured & cells[:, :, None])[0].tolist()
            raise DataError(
                f"{self.at}{self.metric}: arm '{self.arms[a]}', seed {self.seeds[s]} has no value for image "
                f"'{self.images[i]}', which others have ({len(incomplete)} of {len(whole)} images are not in "
                "every cell)"
            )
        left_out.append(
            f"{len(incomplete)} of {len(whole)} images left out everywhere: some cell has no {self.metric} "
            f"of them (first '{incomplete[0]}')"
        )
        return whole, left_out

    def _words(self, place: int) -> str:
        a, s, i = np.unravel_index(place, self.shape)
        return f"image '{self.images[i]}' (arm '{self.arms[a]}', seed {self.seeds[s]})"


def _chosen_arms(
    codes: Codes, arms: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """([n] the place of each measurement's arm, -1 of one not chosen; their names)."""
    names = tuple(str(name) for name in codes.names)
    used = {names[place] for place in np.unique(codes.index)}
    chosen = tuple(arms) if arms is not None else tuple(n for n in names if n in used)
    place = np.array([chosen.index(n) if n in chosen else -1 for n in names], dtype=np.int64)
    return (place[codes.index] if codes.index.size else codes.index), chosen


def _compact(codes: Codes, selected: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[object]]:
    """(places, names) of the values that occur, in the order of the names given."""
    used, index = np.unique(codes.index[selected], return_inverse=True)
    return index, [codes.names[place] for place in used.tolist()]


def _clusters(
    cluster: Codes,
    selected: NDArray[np.intp],
    image: NDArray[np.intp],
    images: Sequence[object],
    at: str,
) -> list[str]:
    """[i] the cluster of each image."""
    codes = cluster.index[selected]
    of_image = np.zeros(len(images), dtype=np.int64)
    of_image[image] = codes
    unlike = np.flatnonzero(of_image[image] != codes)
    if unlike.size:
        row = int(unlike[0])
        one, two = (cluster.names[int(each)] for each in (of_image[image[row]], codes[row]))
        raise DataError(
            f"{at}image '{images[int(image[row])]}' is of cluster '{one}' in one row and of '{two}' in "
            "another"
        )
    names = [str(cluster.names[code]) for code in of_image.tolist()]
    return [name or f"image {images[place]}" for place, name in enumerate(names)]
