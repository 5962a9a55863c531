"""Tables in terminals of any width: nothing is lost, nothing breaks inside."""

import io
import itertools
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from thermodepth.report.table import Column, Table
from thermodepth.report.terminal import blocks_of, fold

MAPS = (
    "thermal-small",
    "constant depth",
    "no_smooth_no_consistency",
    "thermal-small, structure against teacher",
    "teacher",
)


def lines_of(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(table.rich())
    return console.file.getvalue().splitlines()


def metric_lines(*, names=("gradient error 1 px ↓", "δ<1.25 ↑"), count=5):
    """A metric a line, a map a column, every number another."""
    numbers = itertools.count(1)
    return Table(
        title="Structure",
        columns=(
            Column(label="Metric", align="left"),
            *(Column(label=MAPS[n % len(MAPS)], digits=4) for n in range(count)),
        ),
        rows=tuple((name, *(next(numbers) + 0.1234 for _ in range(count))) for name in names),
        notes=("Protocol toy.",),
    )


@pytest.mark.parametrize("width", [44, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("count", [1, 3, 5, 10])
def test_no_number_and_no_word_breaks_and_no_line_is_too_long(width, count):
    table = metric_lines(count=count)
    lines = lines_of(table, width)
    assert max(cell_len(line) for line in lines) <= width
    words = " ".join(lines).split()
    for row in table.printed():
        for number in row[1:]:
            assert words.count(number) == 1
    text = "\n".join(lines)
    for column in table.columns:
        assert all(word in text for word in re.findall("[a-z]+", column.label))


def test_a_table_that_fits_is_one_block_as_wide_as_it_needs():
    lines = lines_of(metric_lines(count=2), 80)
    assert lines == [
        "Structure",
        "",
        "Metric                  thermal-small   constant depth",
        "──────────────────────────────────────────────────────",
        "gradient error 1 px ↓          1.1234           2.1234",
        "δ<1.25 ↑                       3.1234           4.1234",
        "",
        "Protocol toy.",
        "",
    ]


def test_headings_fold_before_a_table_is_split():
    lines = lines_of(metric_lines(count=2), 45)
    assert [line.rstrip() for line in lines[2:7]] == [
        "                        thermal-   constant",
        "Metric                     small      depth",
        "───────────────────────────────────────────",
        "gradient error 1 px ↓     1.1234     2.1234",
        "δ<1.25 ↑                  3.1234     4.1234",
    ]


def test_what_does_not_fit_goes_into_blocks_that_repeat_the_labels():
    table = metric_lines(names=[f"gradient error {n} px ↓" for n in range(9)], count=5)
    lines = lines_of(table, 60)
    heads = [n for n, line in enumerate(lines) if line.startswith("Metric")]
    assert len(heads) == 2
    assert sum(line.startswith("gradient error 3 px ↓ ") for line in lines) == 2
    assert sum("Structure" in line for line in lines) == 1
    assert sum("Protocol toy." in line for line in lines) == 1
    first, second = (lines[head + 2 : head + 11] for head in heads)
    assert first[0].split()[5:] == ["1.1234", "2.1234"]
    assert second[0].split()[5:] == ["3.1234", "4.1234", "5.1234"]


def test_one_long_label_folds_and_does_not_split_the_table():
    names = [*(f"metric {n}" for n in range(9)), "the long name of one metric of ten"]
    table = metric_lines(names=names, count=4)
    lines = lines_of(table, 66)
    assert sum("Metric" in line for line in lines) == 1
    assert any(line.startswith("the long name") and "37.1234" in line for line in lines)


def test_a_table_of_words_folds_at_words():
    words = "share of pairs on whose order the two maps disagree"
    table = Table(
        title="t",
        columns=(Column(label="metric", align="left"), Column(label="definition", align="left")),
        rows=(("ordinal_error", words), ("b", "c")),
    )
    lines = lines_of(table, 40)
    assert max(len(line) for line in lines) <= 40
    assert " ".join(" ".join(lines[3:]).split()).replace("ordinal_error ", "").startswith("─")
    assert set(words.split()) <= set(" ".join(lines).split())


def test_every_column_comes_once_and_the_labels_in_every_block():
    headings = ["map", "a-long-heading", *(f"x{n}" for n in range(10))]
    cells = [["name", "net", *(["0.12345678"] * 10)]]
    blocks = blocks_of(headings, cells, folds=[True, True, *([False] * 10)], width=50)
    assert len(blocks) > 1
    assert all(list(block)[:2] == [0, 1] for block in blocks)
    assert [c for block in blocks for c in list(block)[2:]] == list(range(2, 12))
    assert max(len(block) for block in blocks) - min(len(block) for block in blocks) <= 1


def test_only_what_is_wider_than_the_terminal_breaks_and_loses_nothing():
    table = Table(
        title="t",
        columns=(Column(label="map", align="left"), Column(label="x")),
        rows=(("n" * 30, 12345678901234567890123),),
    )
    text = "".join(lines_of(table, 20))
    assert text.count("n") == 30
    assert "".join(c for c in text if c.isdigit()) == "12345678901234567890123"
    assert "…" not in text


def test_numbers_without_labels_are_split_as_well():
    table = Table(
        title="t",
        columns=tuple(Column(label=f"c{n}", digits=4) for n in range(12)),
        rows=(tuple(n + 0.1234 for n in range(12)),),
    )
    lines = lines_of(table, 60)
    words = " ".join(lines).split()
    assert max(len(line) for line in lines) <= 60
    assert [w for w in words if ".1234" in w] == [f"{n}.1234" for n in range(12)]


def test_a_table_without_rows_and_one_in_bold():
    assert lines_of(Table(title="t", columns=(Column(label="x"),), rows=()), 80)[2] == "x"
    bold = Table(
        title="t",
        columns=(Column(label="map", align="left"), Column(label="x", digits=1)),
        rows=(("a map of a long name", 1.0),),
        bold=frozenset({(0, 0)}),
    )
    console = Console(width=14, file=io.StringIO(), record=True)
    console.print(bold.rich())
    text = console.export_text(styles=True)
    assert "\x1b[1mname" in text
    assert "\x1b[1m1.0" not in text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("RMSE (m) ↓", 10, ["RMSE (m) ↓"]),
        ("RMSE (m) ↓", 9, ["RMSE", "(m) ↓"]),
        ("log bias → 0", 8, ["log", "bias → 0"]),
        ("Δ AbsRel (%)", 9, ["Δ AbsRel", "(%)"]),
        ("AbsRel, mean-depth map ↓", 12, ["AbsRel,", "mean-depth", "map ↓"]),
        ("AbsRel, mean-depth map ↓", 9, ["AbsRel,", "mean-", "depth", "map ↓"]),
        ("no_smooth", 5, ["no_", "smoot", "h"]),
        ("2.5-6 and 1/depth", 7, ["2.5-6", "and", "1/depth"]),
        ("", 5, [""]),
    ],
)
def test_where_a_text_breaks(text, width, lines):
    assert fold(text, width) == lines
