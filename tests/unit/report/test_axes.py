"""Where values stand in a chart, and what is written beside them."""

import math
import re
from xml.etree import ElementTree

import pytest

from thermodepth.report.axes import Axes, Scale, band, curve, svg

AXES = Axes(
    left=40.0,
    right=240.0,
    top=10.0,
    floor=120.0,
    strip=10.0,
    x=Scale(low=1.0, high=100.0, logarithmic=True),
    y=Scale(low=-1.0, high=3.0, logarithmic=False),
)


def test_the_ends_of_the_scales_are_those_of_the_field():
    assert AXES.point(1.0, -1.0) == (
        40.0,
        110.0,
    )  # the strip lies between the least value and the floor
    assert AXES.point(100.0, 3.0) == pytest.approx((240.0, 10.0))
    assert AXES.point(10.0, 1.0) == pytest.approx((140.0, 60.0))


def test_marks_stand_where_their_values_do():
    (left,) = AXES.y_marks([(1.0, "<1>")])
    assert 'd="M40 60.0H240"' in left
    assert 'x="35" y="63.5"' in left
    assert ">&lt;1&gt;<" in left
    assert AXES.x_marks([(10.0, "10")]) == [
        '<text x="140.0" y="133" text-anchor="middle">10</text>'
    ]


def test_paths_go_through_their_points():
    assert curve([(1.0, 2.0), (3.0, 4.06)]) == "M1.0 2.0L3.0 4.1"
    assert curve([(1.0, 2.0)]) == "M1.0 2.0h0.1"
    assert band([(0.0, 1.0), (2.0, 1.0)], [(0.0, 5.0), (2.0, 6.0)]) == (
        "M0.0 1.0L2.0 1.0L2.0 6.0L0.0 5.0Z"
    )


def test_a_drawing_is_xml_with_its_name():
    parts = [AXES.line(), AXES.x_title("x < y"), AXES.y_title("y"), *AXES.y_marks([(0.0, "0")])]
    root = ElementTree.fromstring(svg(250.0, 150.0, parts, name='a "b" & c', kind="small"))
    assert root.attrib["aria-label"] == 'a "b" & c'
    assert root.attrib["class"] == "small"
    assert root.attrib["viewBox"] == "0 0 250 150"
    numbers = [float(n) for n in re.findall(r"-?[0-9.]+", root[0].attrib["d"])]
    assert all(map(math.isfinite, numbers))
    assert "class" not in svg(1.0, 1.0, [], name="n")
