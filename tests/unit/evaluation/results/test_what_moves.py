"""Which number sees which mistake: docs/ledger.md shows what is computed, and what it claims is so."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[4] / "docs"
LOG = ("calibration", "between_sequences", "frame_to_frame", "range", "coarse", "fine")
METRIC = ("scale_m2", "shift_m2", "shape_m2")
FACTORS = {
    "scaled by 3": "calibration",
    "scale drifts in sequences": "frame_to_frame",
    "scale differs by sequence": "between_sequences",
}


@pytest.fixture(scope="module")
def script(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("what_moves")


@pytest.fixture(scope="module")
def numbers(script: ModuleType) -> dict[str, dict[str, float]]:
    return script.measured()


def moved(found: dict[str, float], script: ModuleType, names: tuple[str, ...]) -> set[str]:
    """Those of the numbers that are not where a perfect prediction has them."""
    optima = {
        k: n.optimum for columns in (script.SCALE, script.STRUCTURE) for k, n in columns.items()
    }
    return {n for n in names if abs(found[n] - optima.get(n, 0.0)) > script.STILL}


def shares(found: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    total = sum(found[name] for name in names)
    return {name: found[name] / total for name in names}


@pytest.fixture(scope="module")
def filled(load_tool, script, numbers):
    """The page as the script would leave it."""
    texts = script.tables(numbers)
    return lambda text: load_tool("places").filled(text, "what_moves", texts)


def test_the_page_shows_what_is_computed(script, numbers, filled):
    assert list(script.tables(numbers)) == ["log", "metric", "structure", "example"]
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    assert filled(text) == text


def test_the_page_would_be_mended(filled):
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    assert filled(text.replace("0.00667", "0.00668")) == text


def test_a_page_that_lost_a_place_is_not_filled(filled):
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"places of what_moves: \['example', 'log', 'structure'\]"
    ):
        filled(text.replace("<!-- what_moves:metric -->", ""))


def test_the_parts_of_every_mistake_add_up(numbers):
    for found in numbers.values():
        assert min(found[name] for name in (*LOG, *METRIC)) >= 0.0
        assert found["mean_square_log"] == pytest.approx(sum(found[n] for n in LOG), abs=1e-12)


def test_nothing_moves_when_nothing_is_wrong(script, numbers):
    assert not moved(numbers["perfect"], script, (*LOG, *METRIC, *script.SCALE, *script.STRUCTURE))


@pytest.mark.parametrize(("mistake", "part"), list(FACTORS.items()))
def test_a_factor_moves_its_own_part_alone(mistake, part, script, numbers):
    found = numbers[mistake]
    assert moved(found, script, LOG) == {part}
    assert moved(found, script, METRIC) == {"scale_m2"}
    assert not moved(found, script, tuple(script.STRUCTURE))
    assert not moved(found, script, ("silog", "range_slope"))
    assert found["abs_rel"] > 0.05


def test_flicker_sees_drift_and_not_places(script, numbers):
    steady = ("log_std", "flicker")
    assert not moved(numbers["scaled by 3"], script, steady)
    assert moved(numbers["scale drifts in sequences"], script, steady) == set(steady)
    assert moved(numbers["scale differs by sequence"], script, steady) == {"log_std"}


def test_an_offset_is_scale_and_shift_in_metres_and_calibration_and_range_in_logarithms(
    script, numbers
):
    found = numbers["shifted by 2 m"]
    assert moved(found, script, METRIC) == {"scale_m2", "shift_m2"}
    assert sum(found[name] for name in METRIC) == pytest.approx(4.0)
    share = shares(found, LOG)
    assert share["calibration"] + share["range"] > 0.98
    assert found["range_slope"] < -0.2


def test_a_compressed_range_is_range(script, numbers):
    found = numbers["range compressed"]
    assert found["range_slope"] == pytest.approx(-0.2, abs=1e-12)
    assert found["edge_sharpness"] == pytest.approx(0.8, abs=1e-12)
    assert found["total_variation_ratio"] == pytest.approx(0.8, abs=1e-12)
    assert moved(found, script, LOG) == {"range", "between_sequences", "frame_to_frame"}
    assert shares(found, LOG)["range"] > 0.98


def test_a_warp_is_coarse(numbers):
    assert shares(numbers["low-frequency warp"], LOG)["coarse"] > 0.9


@pytest.mark.parametrize("mistake", ["blurred", "noise at edges", "noise off edges"])
def test_blur_and_noise_are_fine(mistake, numbers):
    assert shares(numbers[mistake], LOG)["fine"] > 0.8
    assert shares(numbers[mistake], METRIC)["shape_m2"] > 0.95


def test_sharpness_tells_blur_from_noise_and_variation_tells_where_the_noise_is(script, numbers):
    blurred, at, off = (numbers[m] for m in ("blurred", "noise at edges", "noise off edges"))
    assert blurred["edge_sharpness"] < 0.3
    assert at["edge_sharpness"] == pytest.approx(1.0, abs=0.02)
    assert not moved(off, script, ("edge_sharpness",))
    assert off["off_edge_variation"] > 1.5
    # The variation ratio alone takes a blurred map for a good one.
    assert abs(blurred["total_variation_ratio"] - 1.0) < 0.1
    assert blurred["boundary_f1"] < at["boundary_f1"] < off["boundary_f1"] < 1.0


def test_shape_leaves_the_scale_alone_and_scale_the_shape(script, numbers):
    for mistake in ("low-frequency warp", "noise at edges", "noise off edges"):
        assert numbers[mistake]["flicker"] < 1e-3, mistake
        assert numbers[mistake]["calibration"] < 1e-5, mistake
    every = tuple(script.STRUCTURE)
    for mistake in ("low-frequency warp", "blurred", "noise at edges"):
        assert moved(numbers[mistake], script, every) == set(every), mistake


def test_no_column_stays_put_in_every_line(script, numbers):
    every = (*LOG, *METRIC, *script.SCALE, *script.STRUCTURE)
    assert set().union(*(moved(found, script, every) for found in numbers.values())) == set(every)
