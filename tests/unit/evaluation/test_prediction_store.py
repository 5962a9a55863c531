"""The prediction store: exact, resumable, and closed to foreign models and hostile names."""

import io
import json
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError
from thermodepth.evaluation import store as store_module
from thermodepth.evaluation.store import PredictionStore

MADE_BY = {"model": "aaa", "data": "bbb"}


def maps(seed=0, size=(3, 4)):
    random = np.random.default_rng(seed)
    return {
        "depth_m": random.uniform(1, 9, size).astype(np.float32),
        "structure": random.normal(size=size).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "store"


def test_what_was_written_comes_back_exactly(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    for number, size in enumerate([(3, 4), (1, 1), (5, 2)]):
        store.write(f"f{number}", **maps(number, size))
    again = PredictionStore.open(folder)
    assert again.made_by == MADE_BY
    assert again.ids == ("f0", "f1", "f2")
    assert len(again) == 3
    for number, size in enumerate([(3, 4), (1, 1), (5, 2)]):
        frame = again.read(f"f{number}")
        for name, expected in maps(number, size).items():
            stored = getattr(frame, name)
            assert stored.dtype == np.float32
            np.testing.assert_array_equal(stored, expected)


def test_doubles_are_kept_as_float32_and_a_frame_can_be_replaced(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("f", **maps())
    store.write("f", depth_m=np.full((2, 2), 1 / 3), structure=np.zeros((2, 2)))
    assert store.read("f").depth_m.dtype == np.float32
    assert store.read("f").depth_m[0, 0] == np.float32(1 / 3)
    assert store.ids == ("f",)


def test_the_record_lists_the_frames_when_the_block_ends(folder):
    with PredictionStore(folder, made_by=MADE_BY) as store:
        store.write("b/1", **maps(size=(3, 4)))
        store.write("a", **maps(size=(2, 5)))
    assert read_record(folder / "store.json") == {
        "format": 2,
        "made_by": MADE_BY,
        "about": {},
        "precision": "float32",
        "frames": {"a": [2, 5], "b/1": [3, 4]},
    }


def test_the_size_that_maps_were_made_at_stays_known(folder):
    with PredictionStore(folder, made_by=MADE_BY, about={"split": "test"}) as store:
        assert store.made_at((480, 640)) is None
        store.note_made_at((480, 640), (96, 128))
        store.note_made_at((256, 640), (96, 240))
    for about in (None, {"split": "val"}):  # scored again, with more to say or less
        with PredictionStore(folder, made_by=MADE_BY, about=about) as again:
            assert again.made_at((480, 640)) == (96, 128)
            assert again.made_at((256, 640)) == (96, 240)
            assert again.made_at((96, 128)) is None
    record = read_record(folder / "store.json")
    assert record["about"] == {"split": "val", "made_at": "256x640=96x240;480x640=96x128"}
    for damaged in ("480x640", "480x640=axb", "9999999x1=1x1", ""):
        record["about"]["made_at"] = damaged
        write_record(folder / "store.json", record)
        assert PredictionStore.open(folder).made_at((480, 640)) is None


def test_a_stopped_run_goes_on_where_it_stopped(folder):
    ids = [f"s/{i}" for i in range(4)]
    first = PredictionStore(folder, made_by=MADE_BY)
    assert first.missing(ids) == ids
    first.write(ids[2], **maps())
    first.write(ids[0], **maps())
    # Stopped here: store.json was written at the start only and lists nothing.
    assert json.loads((folder / "store.json").read_text())["frames"] == {}
    (folder / f".{'s%2F1'}.npz.123.part").write_bytes(b"half a frame")
    with PredictionStore(folder, made_by=MADE_BY) as again:
        assert again.missing(reversed(ids)) == [ids[3], ids[1]]
        assert ids[0] in again
        assert ids[1] not in again
    frames = json.loads((folder / "store.json").read_text())["frames"]
    assert frames == {ids[0]: [3, 4], ids[2]: [3, 4]}


def test_a_deleted_frame_is_missing_again(folder):
    with PredictionStore(folder, made_by=MADE_BY) as store:
        store.write("f", **maps())
    (folder / "f.npz").unlink()
    assert PredictionStore(folder, made_by=MADE_BY).missing(["f"]) == ["f"]


def test_a_failed_write_leaves_the_old_frame_and_nothing_else(folder, monkeypatch):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("f", **maps(0))

    def stop(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stop)
    with pytest.raises(KeyboardInterrupt):
        store.write("f", **maps(1))
    with pytest.raises(KeyboardInterrupt):
        store.write("g", **maps(1))
    np.testing.assert_array_equal(store.read("f").depth_m, maps(0)["depth_m"])
    assert "g" not in store
    assert sorted(p.name for p in folder.iterdir()) == ["f.npz", "store.json"]


def test_the_same_frame_gives_the_same_bytes(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("a", **maps())
    store.write("b", **maps())
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("made_by", "message"),
    [
        ({"model": "ccc", "data": "bbb"}, r"something else \(model: 'aaa' there, 'ccc' now\)"),
        ({"model": "aaa"}, r"\(data: 'bbb' there, None now\)"),
        ({"model": "aaa", "data": "bbb", "size": "9"}, r"\(size: None there, '9' now\)"),
    ],
)
def test_the_store_of_another_model_or_data_set_is_refused(folder, made_by, message):
    PredictionStore(folder, made_by=MADE_BY).write("f", **maps())
    with pytest.raises(DataError, match=message):
        PredictionStore(folder, made_by=made_by)
    assert PredictionStore(folder, made_by=MADE_BY).ids == ("f",)


def test_a_store_must_say_who_made_it(folder):
    with pytest.raises(DataError, match="made_by is empty"):
        PredictionStore(folder, made_by={})
    assert not folder.exists()


def test_a_folder_of_something_else_is_left_alone(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(
        DataError, match=r"not a prediction store .no store.json., and not an empty"
    ):
        PredictionStore(folder, made_by=MADE_BY)
    assert [p.name for p in folder.iterdir()] == ["thesis.tex"]
    with pytest.raises(DataError, match="not an empty folder"):
        PredictionStore(folder / "thesis.tex", made_by=MADE_BY)


def test_an_empty_folder_or_one_stopped_in_its_first_moment_becomes_a_store(folder):
    folder.mkdir(parents=True)
    (folder / ".store.json.77.part").write_text("{")
    assert len(PredictionStore(folder, made_by=MADE_BY)) == 0
    assert len(PredictionStore.open(folder)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read as JSON"),
        ("[" * 200_000, "cannot be read as JSON .nested deeper"),
        (
            '{"made_by": {"model": "a"}, "format": 2, "about": ' + '{"a":' * 300 + "1" + "}" * 301,
            "nested",
        ),
        ('{"format": 2, "made_by": {"model": 1}}', "does not say who made"),
        ('{"format": 2, "made_by": {"model": "a"}, "about": {"data": 5}}', "damaged; .*'data': 5"),
        (
            '{"format": 2, "made_by": {"model": "a"}, "precision": ["float32"]}',
            "damaged; precision",
        ),
        ('{"format": 1}', "does not say who made"),
        ('{"format": 9, "made_by": {}}', "format 9; this version of thermodepth reads 1, 2, 3"),
    ],
)
def test_a_broken_record(folder, text, message):
    folder.mkdir(parents=True)
    (folder / "store.json").write_text(text)
    for use in (
        lambda: PredictionStore.open(folder),
        lambda: PredictionStore(folder, made_by=MADE_BY),
    ):
        with pytest.raises(DataError, match=message):
            use()


def test_open_needs_a_store(folder):
    with pytest.raises(DataError, match="not a prediction store"):
        PredictionStore.open(folder)
    assert not folder.exists()


HOSTILE = [
    "../outside",
    "../../etc/passwd",
    "/absolute",
    "a/../../b",
    "..",
    ".",
    ".hidden",
    "C:\\windows",
    "nul\0byte",
    "line\nbreak",
    "50%",
    "a%2Fb",
    "store.json",
    "x.npz",
    "Straße 7",
]


@pytest.mark.parametrize("sample_id", HOSTILE)
def test_no_id_leaves_the_folder_and_all_come_back(folder, sample_id):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write(sample_id, **maps(1))
    everything = {p for p in folder.parent.parent.rglob("*") if p.is_file()}
    assert len(everything) == 2
    assert all(p.parent == folder and p.suffix in (".npz", ".json") for p in everything)
    assert not any(p.name.startswith(".") for p in everything)
    again = PredictionStore.open(folder)
    assert again.ids == (sample_id,)
    np.testing.assert_array_equal(again.read(sample_id).depth_m, maps(1)["depth_m"])


def test_all_these_ids_are_told_apart(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    for number, sample_id in enumerate(HOSTILE):
        store.write(sample_id, **maps(number))
    again = PredictionStore.open(folder)
    for number, sample_id in enumerate(HOSTILE):
        np.testing.assert_array_equal(again.read(sample_id).depth_m, maps(number)["depth_m"])


@pytest.mark.parametrize(
    ("sample_id", "message"),
    [("", "takes 0 bytes"), ("x" * 201, "takes 201 bytes"), ("\ud800", "not valid text")],
)
def test_ids_that_cannot_be_file_names(folder, sample_id, message):
    store = PredictionStore(folder, made_by=MADE_BY)
    with pytest.raises(DataError, match=message):
        store.write(sample_id, **maps())
    with pytest.raises(DataError, match=message):
        store.read(sample_id)
    assert [p.name for p in folder.iterdir()] == ["store.json"]


@pytest.mark.parametrize("name", ["a b.npz", "%2e.npz", "%FF.npz", ".npz"])
def test_a_foreign_frame_file_is_named(folder, name):
    PredictionStore(folder, made_by=MADE_BY)
    (folder / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"not a file of this store|cannot be a file name"):
        PredictionStore.open(folder)


@pytest.mark.parametrize(
    ("depth", "structure"),
    [
        (np.ones((2, 3)), np.ones((3, 2))),
        (np.ones(6), np.ones(6)),
        (np.ones((1, 2, 3)), np.ones((1, 2, 3))),
        (np.ones((0, 3)), np.ones((0, 3))),
    ],
)
def test_maps_of_other_shapes_are_refused(folder, depth, structure):
    store = PredictionStore(folder, made_by=MADE_BY)
    with pytest.raises(DataError, match=r"frame 'f': depth_m and structure must be \[h w\]"):
        store.write("f", depth_m=depth, structure=structure)
    assert "f" not in store


def test_a_frame_that_is_not_there_names_the_nearest(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("seq1/0001", **maps())
    with pytest.raises(
        DataError, match=r"no prediction for frame 'seq1/001'; did you mean 'seq1/0001'\?.*1 frames"
    ):
        store.read("seq1/001")


def test_broken_frame_files_are_named(folder, tmp_path):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("f", **maps(size=(40, 40)))
    path = folder / "f.npz"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    np.save(tmp_path / "plain.npy", np.ones(3))
    for broken in (
        b"",
        b"junk",
        whole[: len(whole) // 2],
        bytes(flipped),
        (tmp_path / "plain.npy").read_bytes(),
        pickle.dumps({"depth_m": 1}),
    ):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"f.npz: cannot be read as a prediction"):
            store.read("f")


def test_pickled_objects_are_never_loaded(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    objects = np.array([[{"code": "runs"}]], dtype=object)
    np.savez(folder / "f.npz", depth_m=objects, structure=objects)
    with pytest.raises(DataError, match=r"depth_m\.npy: object, expected float32"):
        store.read("f")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"depth_m": np.ones((2, 2), np.float32)},
            "expected depth_m and structure, found 'depth_m.npy'",
        ),
        ({}, "found nothing"),
        (maps() | {"extra": np.ones((3, 4), np.float32)}, "expected depth_m and structure"),
        (
            maps() | {"structure": np.ones((4, 3), np.float32)},
            r"of one size, .* structure \(4, 3\)",
        ),
        ({n: m[0] for n, m in maps().items()}, r"depth_m\.npy: shape \(4,\), expected \[h w\]"),
        ({n: m[:0] for n, m in maps().items()}, r"shape \(0, 4\), expected \[h w\] with pixels"),
        ({n: m[:, :0] for n, m in maps().items()}, r"shape \(3, 0\), expected \[h w\] with pixels"),
        ({n: m.astype(np.float64) for n, m in maps().items()}, "float64, expected float32"),
        ({n: m.astype(">f4") for n, m in maps().items()}, ">f4, expected float32"),
    ],
)
def test_frame_files_with_other_content(folder, content, message):
    store = PredictionStore(folder, made_by=MADE_BY)
    np.savez(folder / "f.npz", **content)
    with pytest.raises(DataError, match=message):
        store.read("f")


def npy(shape, *, content=None, descr="<f4"):
    """An array file by hand, whose header may say anything."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    content = b"\0" * 48 if content is None else content
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def archive(*members, packing=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, packing)
    return bytearray(stream.getvalue())


def pair(first, **options):
    return archive(("depth_m.npy", first), ("structure.npy", npy((3, 4))), **options)


def with_bytes(content, place, value):
    """`value` at this place of the first member, in its own header and in the directory."""
    local, directory = content.find(b"PK\3\4"), content.find(b"PK\1\2")
    content[local + place] = content[directory + place + 2] = value
    return content


class TestHostileFrames:
    @pytest.fixture
    def read(self, folder):
        """`read(content)`: the frame of a file of these bytes."""
        store = PredictionStore(folder, made_by=MADE_BY)

        def read(content):
            (folder / "f.npz").write_bytes(content)
            return store.read("f")

        return read

    def test_an_archive_made_by_hand_is_read(self, read):
        assert read(pair(npy((3, 4)))).depth_m.shape == (3, 4)
        assert read(pair(npy((3, 4)), packing=zipfile.ZIP_DEFLATED)).depth_m.max() == 0.0

    @pytest.mark.parametrize(
        "shape", [(10**6, 10**6), (2**40, 2**40), (8001, 8000), (1, 64_000_001)]
    )
    def test_a_header_that_promises_too_much_takes_no_memory(self, read, shape):
        self._refused_without_memory(
            read, pair(npy(shape)), r"depth_m\.npy: .* pixels, at most 64000000"
        )

    def test_a_bomb_is_not_unpacked(self, read):
        """64 MB of zeros in 64 kB, as a member that the header does not cover, and as one too many."""
        zeros = bytes(64_000_000)
        within = pair(npy((3, 4), content=zeros), packing=zipfile.ZIP_DEFLATED)
        assert len(within) < 100_000
        self._refused_without_memory(
            read, within, r"depth_m\.npy has 64000\d+ bytes, and its header says 1"
        )
        beside = archive(
            *((f"{name}.npy", npy((3, 4))) for name in ("depth_m", "structure")),
            ("extra.npy", npy((4000, 4000), content=zeros)),
            packing=zipfile.ZIP_DEFLATED,
        )
        self._refused_without_memory(read, beside, r"found .*'extra\.npy'")

    @pytest.mark.parametrize("large", [False, True])
    def test_a_long_directory_is_not_read(self, read, large):
        """Also where it hides behind the second kind of end, which is for large archives."""
        many = archive(*((f"{number}.npy", b"") for number in range(20_000)))
        if large:
            count, length, start = struct.unpack("<HLL", many[-12:-2])
            at = len(many) - 22
            end = struct.pack(
                "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start
            )
            found = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
            many = many[:-22] + end + found + struct.pack("<4s4H2LH", b"PK\5\6", *[0] * 7)
            with zipfile.ZipFile(io.BytesIO(many)) as file:
                assert len(file.namelist()) == 20_000
        message = "not an archive of maps"
        self._refused_without_memory(read, many, message, room=3 * len(many))

    def _refused_without_memory(self, read, content, message, room=2_000_000):
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match=rf"f\.npz: .*{message}"):
                read(content)
            assert tracemalloc.get_traced_memory()[1] < room
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        "content",
        [
            with_bytes(pair(npy((3, 4))), 6, 1),  # encrypted
            with_bytes(pair(npy((3, 4))), 6, 64),  # strongly encrypted
            with_bytes(pair(npy((3, 4))), 6, 32),  # patched data
            with_bytes(pair(npy((3, 4))), 8, 99),  # an unknown packing
            with_bytes(pair(npy((3, 4))), 4, 255),  # of a version to come
            pair(npy((3, 4)), packing=zipfile.ZIP_BZIP2),
            pair(npy((3, 4)), packing=zipfile.ZIP_LZMA),
            pair(b"\x93NUMPY\x01\x00" + struct.pack("<H", 30) + b"{'descr': " + b"(" * 18 + b"  "),
            pair(b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000),
            pair(npy("34")),
            pair(npy((3, 4), descr="nonsense")),
            pair(npy((3, 4), content=b"\0" * 47)),
            pair(b""),
        ],
    )
    def test_what_no_reader_copes_with_is_named(self, read, content):
        with pytest.raises(DataError, match=r"f\.npz: cannot be read as a prediction \("):
            read(content)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (pair(npy((-4, -3))), r"shape \(-4, -3\), expected"),
            (pair(npy((3, 4), descr="|S4")), r"\|S4, expected float32"),
            (pair(npy((3, 4), descr="|V2000000000")), r"expected float32"),
            (archive(("depth_m", b"x"), ("structure", b"y")), "found 'depth_m', 'structure'"),
            (pair(npy((3, 4)).replace(b"\x01\x00", b"\x02\x00", 1)), r"array format \(2, 0\)"),
        ],
    )
    def test_what_is_no_map_is_named(self, read, content, message):
        with pytest.raises(DataError, match=rf"f\.npz: .*{message}"):
            read(content)

    def test_two_members_of_one_name_are_refused(self, read):
        with pytest.warns(UserWarning, match="Duplicate name"):
            content = archive(
                *((f"{name}.npy", npy((3, 4))) for name in ("depth_m", "depth_m", "structure"))
            )
        with pytest.raises(DataError, match=r"found 'depth_m\.npy', 'depth_m\.npy', "):
            read(content)

    def test_damage_is_an_error_or_no_matter(self, folder):
        """A thousand files with one to three bytes changed: the very maps come back, or none."""
        store = PredictionStore(folder, made_by=MADE_BY)
        store.write("f", **maps(size=(6, 7)))
        path, expected = folder / "f.npz", maps(size=(6, 7))
        whole, random, lost, intact = path.read_bytes(), np.random.default_rng(0), 0, 0
        for _ in range(1000):
            damaged = bytearray(whole)
            for place in random.choice(len(whole), random.integers(1, 4), replace=False):
                damaged[place] ^= random.integers(1, 256)
            path.write_bytes(damaged)
            try:
                found = store.read("f")
            except DataError as error:
                lost += str(error).startswith(f"{path}: ")
            else:
                np.testing.assert_array_equal(found.depth_m, expected["depth_m"])
                np.testing.assert_array_equal(found.structure, expected["structure"])
                intact += 1
        assert lost + intact == 1000
        assert lost > 800

    def test_a_file_without_end_is_not_begun(self, folder):
        store = PredictionStore(folder, made_by=MADE_BY)
        (folder / "f.npz").symlink_to("/dev/zero")
        with pytest.raises(DataError, match="no prediction for frame 'f'"):
            store.read("f")
        (folder / "store.json").unlink()
        (folder / "store.json").symlink_to("/dev/zero")
        with pytest.raises(DataError, match=r"store\.json: is a pipe or device"):
            PredictionStore.open(folder)

    def test_what_is_too_large_to_be_read_is_not_written(self, folder, monkeypatch):
        monkeypatch.setattr(store_module, "MAX_PIXELS", 12)
        store = PredictionStore(folder, made_by=MADE_BY)
        store.write("f", **maps(size=(3, 4)))
        assert store.read("f").depth_m.size == 12
        with pytest.raises(DataError, match="frame 'g': 13x1 pixels, at most 12 are stored"):
            store.write("g", **maps(size=(13, 1)))

    def test_the_list_of_the_record_is_bounded(self, folder, monkeypatch):
        monkeypatch.setattr(store_module, "_MOST_LISTED", 2)
        with PredictionStore(folder, made_by=MADE_BY) as store:
            for name in "abc":
                store.write(name, **maps())
        assert list(json.loads((folder / "store.json").read_text())["frames"]) == ["a", "b"]
        assert PredictionStore.open(folder).ids == ("a", "b", "c")


def test_maps_whose_columns_come_first_in_memory_are_read(folder):
    store = PredictionStore(folder, made_by=MADE_BY)
    store.write("f", **{name: np.asfortranarray(m) for name, m in maps().items()})
    found = store.read("f")
    np.testing.assert_array_equal(found.depth_m, maps()["depth_m"])
    np.testing.assert_array_equal(found.structure, maps()["structure"])
    found.depth_m[0, 0] = 7.0  # and may be changed


def test_half_precision_rounds_small_values_by_a_fixed_amount(folder):
    """Below 2^-14 = 6.1e-5 the steps are 2^-24 = 6e-8 wide."""
    store = PredictionStore(folder, made_by=MADE_BY, precision="float16")
    small = np.geomspace(1e-9, 6.1e-5, 200).astype(np.float32)[None]
    store.write("f", depth_m=small, structure=np.maximum(small, np.float32(6.2e-5)))
    off = np.abs(store.read("f").depth_m - small)
    assert off.max() <= 3e-8
    assert (off / small).max() == 1.0  # nothing is left of the smallest
    assert store.read("f").structure.min() == pytest.approx(6.2e-5, rel=5e-4)


def test_half_precision_is_smaller_and_rounds_by_at_most_a_twentieth_of_a_percent(tmp_path):
    depth = np.random.default_rng(0).uniform(0.3, 80.0, (64, 80)).astype(np.float32)
    sizes = {}
    for precision in ("float32", "float16"):
        store = PredictionStore(tmp_path / precision, made_by=MADE_BY, precision=precision)
        store.write("f", depth_m=depth, structure=depth)
        found = PredictionStore.open(tmp_path / precision).read("f")
        assert found.depth_m.dtype == np.float32
        np.testing.assert_allclose(found.depth_m, depth, rtol=5e-4)
        sizes[precision] = (tmp_path / precision / "f.npz").stat().st_size
    assert sizes["float16"] < 0.6 * sizes["float32"]


def test_a_value_that_half_precision_cannot_hold_is_refused(folder):
    store = PredictionStore(folder, made_by=MADE_BY, precision="float16")
    with pytest.raises(DataError, match="70000 is beyond what float16 holds"):
        store.write("f", depth_m=np.full((2, 2), 7e4), structure=np.zeros((2, 2)))
    assert len(store) == 0


def test_the_precision_of_a_store_never_changes(folder):
    PredictionStore(folder, made_by=MADE_BY, precision="float16").write("f", **maps())
    assert PredictionStore(folder, made_by=MADE_BY).precision == "float16"
    with pytest.raises(DataError, match="holds float16 predictions, float32 was asked"):
        PredictionStore(folder, made_by=MADE_BY, precision="float32")
    with pytest.raises(DataError, match="unknown precision 'float61'; did you mean 'float16'"):
        PredictionStore(folder, made_by=MADE_BY, precision="float61")


def test_what_a_store_is_about_is_remembered(folder):
    about = {"data": "ms2:/data", "split": "test"}
    PredictionStore(folder, made_by=MADE_BY, about=about)
    assert PredictionStore.open(folder).about == about
    assert PredictionStore(folder, made_by=MADE_BY).about == about


def test_a_store_of_the_first_format_is_still_read(folder):
    PredictionStore(folder, made_by=MADE_BY).write("f", **maps())
    record = {"format": 1, "made_by": MADE_BY, "frames": {"f": [2, 3]}}
    (folder / "store.json").write_text(json.dumps(record))
    store = PredictionStore.open(folder)
    assert (store.precision, store.about) == ("float32", {})
    np.testing.assert_array_equal(store.read("f").depth_m, maps()["depth_m"])
