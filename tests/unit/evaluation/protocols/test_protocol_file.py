"""A protocol in a TOML file: every key, a base to start from, and errors that name file and key."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import PROTOCOLS

PAGE = Path(__file__).parents[4] / "docs" / "protocols.md"


@pytest.fixture
def read(tmp_path):
    """`read(text)`: the protocol of a file `van.toml` with this text."""

    def write(text, name="van.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return named_protocol(str(tmp_path / name))

    return write


def test_a_range_alone_is_a_protocol_named_after_its_file(read):
    found = read("min_depth_m = 1\nmax_depth_m = 100.0\n")
    assert found.name == "van"
    # 100^(k/5) = 2.512, 6.310, 15.85, 39.81
    assert found.range_bin_edges_m == (1.0, 2.5, 6.3, 16.0, 40.0, 100.0)
    assert found.alignment == "none"


def test_a_base_and_what_changes(read):
    found = read('base = "ms2_median"\nname = "mine"\nleast_pixels = 100\n')
    assert found == PROTOCOLS["ms2_median"].edit({"name": "mine", "least_pixels": 100})
    alias = read('base = "ms2"\n')
    assert alias == PROTOCOLS["ms2_metric"].edit({"name": "van"})
    assert read('base = "range:1-5"\n').range_bin_edges_m[-1] == 5.0


def test_a_changed_range_has_ranges_of_its_own(read):
    found = read('base = "ms2_metric"\nmin_depth_m = 1.0\nmax_depth_m = 100.0\n')
    assert found.range_bin_edges_m == (1.0, 2.5, 6.3, 16.0, 40.0, 100.0)
    said = read('base = "ms2_metric"\nmax_depth_m = 60.0\nrange_bin_edges_m = [0.001, 9, 60]\n')
    assert said.range_bin_edges_m == (0.001, 9.0, 60.0)


def test_a_crop_is_a_table_and_none_takes_it_away(read):
    crop = '[crop]\nunit = "fraction"\ntop = 0.5\nbottom = 1\nleft = 0\nright = 1\n'
    found = read('base = "ms2_metric"\n' + crop)
    assert found.scored(np.full((4, 1), 2.0))[:, 0].tolist() == [False, False, True, True]
    assert read('base = "kitti_garg"\ncrop = "none"\n').crop is None
    replaced = read('base = "nyu_eigen"\n' + crop).crop
    assert (replaced.unit, replaced.size) == ("fraction", None)


def test_a_mask_lies_beside_its_file(read, tmp_path):
    Image.fromarray(np.array([[255], [0]], np.uint8)).save(tmp_path / "bonnet.png")
    found = read('base = "ms2_metric"\nmask = "bonnet.png"\n')
    assert found.scored(np.full((2, 1), 2.0))[:, 0].tolist() == [True, False]
    assert found.protocol_id() != read('base = "ms2_metric"\n').protocol_id()
    assert read('base = "ms2_metric"\nmask = "none"\n').mask is None
    with pytest.raises(DataError, match=r"no-such\.png: cannot be read"):
        read('base = "ms2_metric"\nmask = "no-such.png"\n')
    with pytest.raises(SettingsError, match=r"van\.toml: mask = 3: expected the name of a picture"):
        read('base = "ms2_metric"\nmask = 3\n')


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/etc/hostname", "../bonnet.png", "masks/../../bonnet.png", ".."]
)
def test_a_mask_stays_in_the_folder_of_its_file(read, tmp_path, name):
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.full((2, 1), 255, np.uint8)).save(tmp_path / "masks" / "bonnet.png")
    Image.fromarray(np.full((2, 1), 255, np.uint8)).save(tmp_path.parent / "bonnet.png")
    assert read('base = "ms2_metric"\nmask = "masks/bonnet.png"\n').mask is not None
    with pytest.raises(
        SettingsError, match=r"van\.toml: mask = '.*': leaves the folder of this file"
    ):
        read(f'base = "ms2_metric"\nmask = "{name}"\n')


def test_masks_that_no_file_can_be(read, tmp_path):
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name, message in (
        ("zero.png", "is a pipe or device, expected a file"),
        ("loop.png", "cannot be read"),
        ("a\\u0000b", "cannot be read .*null"),
        ("x" * 300, "cannot be read"),
        (".", "is a folder, expected a file"),
    ):
        with pytest.raises(DataError, match=message):
            read(f'base = "ms2_metric"\nmask = "{name}"\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "ms2_metrik"', r"base: unknown protocol 'ms2_metrik'; did you mean 'ms2_metric'"),
        ("base = 7", "base: unknown protocol '7'"),
        (
            'base = "synthetic"\nalignement = "median"',
            "no setting 'alignement'; did you mean 'alignment'",
        ),
        ('base = "synthetic"\nalignment = "medium"', "alignment = 'medium': .*'median'"),
        ('base = "synthetic"\n[crop]\nunit = "fraction"', "crop.top: field required"),
        ("max_depth_m = 5.0", "min_depth_m: field required"),
        ("min_depth_m = 1.0\nmax_depth_m = nan", "max_depth_m"),
        ("min_depth_m = 1.0\nmax_depth_m = 1979-05-27", "plain JSON values"),
        ("min_depth_m = ", "cannot be read as TOML"),
        ('base = "ms2_metric"\nname = "ms2_median"', "name 'ms2_median' is a preset's"),
        ('base = "ms2_metric"\nname = "ms2"\nleast_pixels = 5', "name 'ms2' is a preset's"),
        ("# " + "x" * 100_000, "larger than 100 kB"),
        ("a = " + "[" * 50_000, "cannot be read as TOML"),
        ("a = " + "[" * 100 + "]" * 100, "no setting 'a'"),
        ("min_depth_m = 1.0\nmax_depth_m = " + "9" * 400, "max_depth_m"),
    ],
)
def test_what_cannot_be_is_named_with_its_file(read, text, message):
    with pytest.raises(SettingsError, match=r"van\.toml: .*" + message):
        read(text)


def test_files_that_are_none(read, tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read \(No such file"):
        named_protocol(str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="is a folder"):
        named_protocol(str(tmp_path))
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match=r"zero\.toml: is a pipe or device"):
        named_protocol(str(tmp_path / "zero.toml"))
    with pytest.raises(SettingsError, match=r"cannot be read .*null"):
        named_protocol(str(tmp_path / "a\0b.toml"))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(SettingsError, match=r"latin\.toml: cannot be read as TOML"):
        named_protocol(str(tmp_path / "latin.toml"))
    with pytest.raises(SettingsError, match=r"My Van\.toml: name = 'My Van'"):
        read('base = "ms2_metric"', name="My Van.toml")


def test_a_preset_may_be_written_down(read):
    assert read('base = "mm5"\nname = "mm5"\n') == PROTOCOLS["mm5"]


def test_the_example_of_the_page_is_one(read, tmp_path):
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert len(blocks) == 1
    Image.fromarray(np.full((256, 640), 255, np.uint8)).save(tmp_path / "bonnet.png")
    found = read(blocks[0])
    assert (found.name, found.max_depth_m, found.alignment) == ("our_van", 60.0, "median")
    assert found.counted((256, 640)).any()
