"""What a person says of a lens: as a focal length, and what is refused."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thermodepth.calibration import Distortion
from thermodepth.camera import focal_of_view
from thermodepth.errors import DataError, SettingsError
from thermodepth.inference.lens import Lens, network_focal
from thermodepth.thermal.flir_lens import stated_view_deg

K = [[410.0, 0, 320], [0, 400, 256], [0, 0, 1]]
FOCAL = float(np.sqrt(410 * 400))


def lens(**given: Any) -> Lens:
    made = Lens.from_options(**given)
    assert made is not None
    return made


def calibration(folder: Path, *, size: tuple[int, int] | None = (640, 512), **more: Any) -> Path:
    camera: dict[str, Any] = {"intrinsics": K, **more}
    if size is not None:
        camera |= {"width": size[0], "height": size[1]}
    path = folder / "rig.json"
    path.write_text(json.dumps({"thermal": camera}))
    return path


def test_every_way_leads_to_pixels_of_the_frame(tmp_path: Path) -> None:
    size = (512, 640)
    assert lens(focal_px=405.0).focal_of(size) == 405.0
    assert lens(focal_px=np.float32(405)).focal_of(size) == 405.0
    assert lens(fov_deg=90).focal_of(size) == pytest.approx(320)
    assert lens(fov_deg=90).focal_of((512, 320)) == pytest.approx(160)  # across, whatever the rows
    assert lens(intrinsics=K).focal_of(size) == pytest.approx(FOCAL)
    assert lens(intrinsics=np.array(K, np.float32)).focal_of(size) == pytest.approx(FOCAL)
    assert lens(intrinsics=(410, 400, 320, 256)).focal_of(size) == pytest.approx(FOCAL)
    assert lens(calibration=calibration(tmp_path)).focal_of(size) == pytest.approx(FOCAL)
    assert lens(calibration=tmp_path).focal_of(size) == pytest.approx(FOCAL)  # the folder of a set
    assert Lens.from_options() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fov_deg": 0}, r"fov_deg 0: expected a number between 1 and 170, in degrees across"),
        ({"fov_deg": 200.0}, r"fov_deg 200\.0: expected a number between 1 and 170"),
        ({"fov_deg": float("nan")}, r"fov_deg nan: expected"),
        ({"fov_deg": "60"}, r"fov_deg 60: expected a number"),
        ({"focal_px": -400.0}, r"focal_px -400\.0: expected a number above 0, in pixels"),
        ({"focal_px": 0}, r"focal_px 0: expected"),
        ({"focal_px": float("inf")}, r"focal_px inf: expected"),
        ({"focal_px": True}, r"focal_px True: expected"),
        ({"intrinsics": [1, 2, 3]}, r"intrinsics: expected a finite \[3 3\] pinhole matrix, or fx"),
        ({"intrinsics": "410,400"}, r"intrinsics: expected"),
        ({"intrinsics": [410, float("nan"), 320, 256]}, r"intrinsics: expected"),
        ({"intrinsics": [-410, 400, 320, 256]}, r"intrinsics: .* positive focal lengths"),
        ({"intrinsics": np.eye(3) * 2}, r"intrinsics: expected"),
        ({"fov_deg": 60, "focal_px": 400}, r"focal_px and fov_deg: one of them says"),
        ({"cameras": {"cam0": "thermal"}}, r"say nothing without a calibration"),
    ],
)
def test_what_cannot_be_is_refused_with_words(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Lens.from_options(**given)


@pytest.mark.parametrize(
    ("given", "size", "message"),
    [
        # A matrix of 640x512 beside a frame of half or twice the size.
        ({"intrinsics": K}, (256, 320), r"principal point \(320, 256\) .* about 640x512"),
        ({"intrinsics": K}, (1024, 1280), r"not near the middle of a frame of 1280x1024"),
        ({"intrinsics": [410, 400, -5, 256]}, (512, 640), r"principal point"),
        # 9 mm, given as pixels; a focal length of another image altogether.
        ({"focal_px": 9.0}, (512, 640), r"focal_px 9: with 9 px .* 177 degrees .* millimetres"),
        ({"focal_px": 35.0}, (512, 640), r"168 degrees across; is it in pixels .* millimetres"),
        ({"focal_px": 50_000.0}, (512, 640), r"0\.733 degrees"),
    ],
)
def test_a_lens_of_another_picture_is_refused(
    given: dict[str, Any], size: tuple[int, int], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        lens(**given).focal_of(size)


class TestCalibrationFiles:
    def test_frames_of_another_size_are_taken_as_resized_and_it_is_said(
        self, tmp_path: Path
    ) -> None:
        known = lens(calibration=calibration(tmp_path))
        assert known.focal_of((256, 320)) == pytest.approx(FOCAL / 2)
        assert known.focal_of((171, 214)) == pytest.approx(FOCAL / 3, rel=4e-3)  # rounded sizes
        assert known.rescales((512, 640)) == ""
        assert "calibrated at 640x512, and frames are 320x256; they are taken as resized" in (
            known.rescales((256, 320))
        )

    def test_frames_of_another_shape_are_refused_with_the_reason(self, tmp_path: Path) -> None:
        known = lens(calibration=calibration(tmp_path))
        with pytest.raises(
            SettingsError, match=r"rig\.json: calibrated at 640x512, .* 640x480, an"
        ):
            known.focal_of((480, 640))

    def test_a_file_without_a_size_is_held_against_the_frame(self, tmp_path: Path) -> None:
        known = lens(calibration=calibration(tmp_path, size=None))
        assert known.focal_of((512, 640)) == pytest.approx(FOCAL)
        with pytest.raises(SettingsError, match=r"rig\.json: the principal point"):
            known.focal_of((256, 320))

    def test_distortion_is_followed_by_points_and_not_taken_out_of_frames(
        self, tmp_path: Path
    ) -> None:
        bent = {"model": "radtan", "coefficients": [-0.3, 0.1, 0, 0]}
        with pytest.warns(UserWarning, match=r"\(radtan\) is not taken out .*; points follow it"):
            known = lens(calibration=calibration(tmp_path, distortion=bent))
        assert known.distortion == Distortion(model="radtan", coefficients=(-0.3, 0.1, 0, 0))
        foreign = {"model": "division", "coefficients": [-0.3]}
        with pytest.warns(UserWarning, match=r"\(division\) .*; points do not follow it"):
            assert lens(calibration=calibration(tmp_path, distortion=foreign)).distortion is None

    def test_one_camera_of_which_nothing_is_said_is_taken_for_the_thermal_one(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "head.yaml"
        path.write_text(
            "image_width: 640\nimage_height: 512\ncamera_matrix: {rows: 3, cols: 3, data: "
            "[410, 0, 319.5, 0, 400, 255.5, 0, 0, 1]}\n"
        )
        with pytest.warns(
            UserWarning, match=r"head\.yaml: the file has one camera and does not say"
        ):
            assert lens(calibration=path).focal_of((512, 640)) == pytest.approx(FOCAL)
        named = lens(calibration=path, cameras={"camera": "thermal"})
        assert named.focal_of((512, 640)) == pytest.approx(FOCAL)
        path.write_text("camera_name: rgb\n" + path.read_text())
        with pytest.raises(DataError, match="which camera is the thermal one"):
            Lens.from_options(calibration=path)

    def test_a_chain_of_cameras_needs_a_name(self, tmp_path: Path) -> None:
        path = tmp_path / "camchain.yaml"
        one = "intrinsics: [{f}, {f}, 319.5, 255.5], resolution: [640, 512]"
        path.write_text(
            f"cam0: {{{one.format(f=900)}}}\ncam1: {{{one.format(f=410)}, T_cn_cnm1: "
            "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}\n"
        )
        with pytest.raises(DataError, match="nothing says which camera"):
            Lens.from_options(calibration=path)
        roles = {"cam0": "rgb", "cam1": "thermal"}
        assert lens(calibration=path, cameras=roles).focal_of((512, 640)) == pytest.approx(410)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.yaml"):
            Lens.from_options(calibration=tmp_path / "none.yaml")


def test_a_resize_changes_the_focal_length_as_it_changes_pixels() -> None:
    assert network_focal(400.0, (512, 640), (128, 160)) == pytest.approx(100)
    assert network_focal(400.0, (480, 640), (96, 64)) == pytest.approx(400 * np.sqrt(0.2 * 0.1))


def test_a_fingerprint_is_of_what_the_lens_is(tmp_path: Path) -> None:
    path = calibration(tmp_path)
    marks = [
        lens(fov_deg=60).fingerprint(),
        lens(fov_deg=61).fingerprint(),
        lens(focal_px=60).fingerprint(),
        lens(intrinsics=K).fingerprint(),
        lens(calibration=path).fingerprint(),
    ]
    assert len(set(marks)) == 5
    assert lens(fov_deg=60).fingerprint() == marks[0]


class TestRadiometricFiles:
    def file(self, folder: Path, view: float, *, head: str = ">", record: str = "<") -> Path:
        """Header, directory, the record of the camera and a raw frame of 32x24, in a JPEG's segment."""
        camera = bytearray(900)
        struct.pack_into(f"{record}H", camera, 0, 2)
        struct.pack_into(f"{record}f", camera, 0x1B4, view)
        raw = struct.pack(f"{record}HHH26x", 2, 32, 24)
        start = bytearray(64)
        struct.pack_into(f"{head}III", start, 20, 100, 64, 2)
        entries = b"".join(
            struct.pack(f"{head}HHIIII12x", kind, 1, 100, 1, place, length)
            for kind, place, length in ((32, 128, len(camera)), (1, 128 + len(camera), len(raw)))
        )
        content = b"FLIR\0\1\0\0" + bytes(start) + entries + bytes(camera) + raw
        path = folder / "flir.jpg"
        path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(content) + 2) + content)
        return path

    @pytest.mark.parametrize("head", "<>")
    @pytest.mark.parametrize("record", "<>")
    def test_the_field_of_view_is_read_in_either_byte_order(
        self, head: str, record: str, tmp_path: Path
    ) -> None:
        path = self.file(tmp_path, 47.9, head=head, record=record)
        assert stated_view_deg(path) == pytest.approx(47.9)

    @pytest.mark.parametrize("view", [0.0, -3.0, 400.0, float("nan")])
    def test_what_cannot_be_is_nothing(self, view: float, tmp_path: Path) -> None:
        assert stated_view_deg(self.file(tmp_path, view)) is None

    def cut(self, path: Path, length: int) -> None:
        """Leave so many bytes of the segment."""
        whole = path.read_bytes()
        body = whole[6 : 6 + length]
        path.write_bytes(whole[:4] + struct.pack(">H", len(body) + 2) + body)

    def test_a_record_that_ends_early_and_other_files_state_nothing(self, tmp_path: Path) -> None:
        for length in (2, 80, 130, 500):
            path = self.file(tmp_path, 47.9)
            self.cut(path, length)
            assert stated_view_deg(path) is None
        self.cut(self.file(tmp_path, 47.9), 30)
        with pytest.raises(DataError, match=r"flir\.jpg: .* end within their header"):
            stated_view_deg(path)
        path.write_bytes(b"no picture at all")
        assert stated_view_deg(path) is None
        assert stated_view_deg(tmp_path / "none.jpg") is None

    @pytest.mark.parametrize(("orientation", "columns"), [(1, 32), (3, 32), (6, 24), (8, 24)])
    def test_a_camera_that_is_held_upright_sees_less_across(
        self, orientation: int, columns: int, tmp_path: Path
    ) -> None:
        """The frame is turned when it is read, and its focal length in pixels is what it was."""
        path = self.file(tmp_path, 47.9)
        segment = path.read_bytes()[2:]
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[274] = orientation
        Image.new("L", (32, 24)).save(stream, "JPEG", exif=exif)
        picture = stream.getvalue()
        path.write_bytes(picture[:2] + segment + picture[2:])
        view_deg = stated_view_deg(path)
        assert view_deg is not None
        assert focal_of_view(view_deg, columns) == pytest.approx(focal_of_view(47.9, 32))

    def test_real_cameras(self) -> None:
        real = Path(__file__).parents[4] / "shared" / "data" / "radiometric" / "ax8.jpg"
        if not real.is_file():
            pytest.skip("no real frames here")
        assert stated_view_deg(real) == pytest.approx(48, abs=0.2)  # FLIR AX8: 48 x 37 degrees
