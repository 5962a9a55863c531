"""Depth against planes and spheres, through the whole path from pixel to ray to metres.

The renderer knows triangles. A plane is one, so its depth must be right to what float32 holds, about
1e-6. A ball is made of facets that lie inside it: what a ray meets is the facet, exactly, and the ball to
within the facets' sagitta over the cosine of incidence. 1e-4 of the distance is therefore asked of a
ball that is divided finely enough, away from its limb.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig, open_rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.rendering.render import exact_depth_m, render
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.worlds.world import make_scene

SURFACE = Surface("wood", (0.4, 0.3, 0.2))
CAMERA = coaxial_rig(48, 36).thermal
POSES = {
    "level": CameraPose(position=(0.0, 0.0, 1.5), yaw=0.0, pitch=0.0, roll=0.0),
    "turned": CameraPose(position=(0.7, -2.0, 1.1), yaw=0.35, pitch=-0.12, roll=0.08),
    "far from the origin": CameraPose(position=(40.0, 95.0, 3.0), yaw=-0.3, pitch=0.1, roll=-0.2),
}


@pytest.fixture(scope="module", autouse=True)
def _needs_the_ray_caster() -> None:
    pytest.importorskip("embreex")


def _rays(view: View) -> Array:
    """[h w 3] float64 world directions one metre deep, from the pinhole equations alone."""
    (fx, _, cx), (_, fy, cy), _ = view.camera.intrinsics
    u, v = np.meshgrid(np.arange(view.camera.width) + 0.5, np.arange(view.camera.height) + 0.5)
    in_camera = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)], -1)
    turned: Array = in_camera @ view.world_from_camera[:3, :3].T
    return turned


def _depth(mesh: Mesh, view: View) -> Array:
    return exact_depth_m(EmbreeCaster(mesh.positions), view)


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.9, 0.0), (-0.5, 0.6), (0.2, -1.1)])
@pytest.mark.parametrize("name", list(POSES))
def test_a_tilted_plane(name: str, tilt: tuple[float, float]) -> None:
    """Tilts are slopes to the right and upward: 1.1 is 48 degrees."""
    view = View(CAMERA, POSES[name].matrix())
    right, down, ahead = view.world_from_camera[:3, :3].T
    middle = view.origin + 12.0 * ahead
    along_u, along_v = right + tilt[0] * ahead, -down + tilt[1] * ahead
    builder = MeshBuilder()
    corner = middle - 300 * along_u - 300 * along_v
    builder.quad(tuple(corner), tuple(600 * along_u), tuple(600 * along_v), SURFACE)
    depth_m = _depth(builder.finish(), view)

    normal = np.cross(along_u, along_v)
    expected = (middle - view.origin) @ normal / (_rays(view) @ normal)
    met = (expected > 0) & (expected < 150)
    assert met.mean() > 0.5
    np.testing.assert_allclose(depth_m[met], expected[met], rtol=1e-4)
    assert np.isnan(depth_m[expected < 0]).all()  # where the plane runs away from the ray


def test_depth_is_along_the_axis_not_along_the_ray() -> None:
    """A wall square to the axis is equally deep in its corners, where rays are 27 % longer."""
    view = View(CAMERA, POSES["level"].matrix())
    builder = MeshBuilder()
    builder.quad((-50.0, 7.0, -50.0), (100.0, 0.0, 0.0), (0.0, 0.0, 100.0), SURFACE)
    np.testing.assert_allclose(_depth(builder.finish(), view), 7.0, rtol=1e-6)


def test_both_cameras_of_a_rig_see_the_same_ground() -> None:
    """A level road under the two lenses of a real rig, each with its own place, tilt and focal length."""
    body = POSES["level"].matrix()
    builder = MeshBuilder()
    builder.quad((-300.0, -50.0, 0.0), (600.0, 0.0, 0.0), (0.0, 900.0, 0.0), SURFACE)
    mesh = builder.finish()
    rig = open_rig("ms2")
    for camera in (rig.thermal, rig.rgb):
        view = View(camera, body @ camera.body_from_camera)
        depth_m = _depth(mesh, view)
        expected = -view.origin[2] / np.minimum(_rays(view)[..., 2], -1e-9)
        met = expected < 80
        assert met.mean() > 0.2
        np.testing.assert_allclose(depth_m[met], expected[met], rtol=1e-4)


def _ball(view: View, radius_m: float, away_m: float, detail: int) -> tuple[Mesh, Array]:
    """A ball ahead of the camera, and its centre seen from there."""
    ahead = view.world_from_camera[:3, 2] * away_m
    builder = MeshBuilder()
    builder.ellipsoid(
        tuple(view.origin + ahead), (radius_m, radius_m, radius_m), SURFACE, detail=detail
    )
    return builder.finish(), ahead


def _smooth_ball(view: View, centre: Array, radius_m: float) -> tuple[Array, Array]:
    """[h w] depth of the perfect ball (NaN beside it), [h w] cosine of incidence."""
    rays = _rays(view)
    length = np.linalg.norm(rays, axis=-1)
    closest = rays @ centre / length
    missed_by_sq = centre @ centre - closest**2
    inside = np.where(missed_by_sq < radius_m**2, radius_m**2 - missed_by_sq, np.nan)
    return (closest - np.sqrt(inside)) / length, np.sqrt(inside) / radius_m


@pytest.mark.parametrize("name", ["level", "turned"])
def test_a_finely_divided_ball(name: str) -> None:
    view, radius_m = View(CAMERA, POSES[name].matrix()), 2.0
    mesh, centre = _ball(view, radius_m, 8.0, detail=6)
    depth_m = _depth(mesh, view)
    expected, cosine = _smooth_ball(view, centre, radius_m)
    facing = np.nan_to_num(cosine) > 0.3
    assert facing.sum() > 300
    np.testing.assert_allclose(depth_m[facing], expected[facing], rtol=1e-4)
    assert np.isnan(depth_m[np.isnan(expected)]).all()  # facets never stick out of the ball


def test_coarse_balls_are_off_by_their_sagitta() -> None:
    """Never nearer than the ball, never further than sagitta / cosine, and four times better a step."""
    view, radius_m = View(CAMERA, POSES["level"].matrix()), 2.0
    worst = []
    for detail in (2, 3, 4):
        mesh, centre = _ball(view, radius_m, 8.0, detail)
        depth_m = _depth(mesh, view)
        expected, cosine = _smooth_ball(view, centre, radius_m)
        facing = np.nan_to_num(cosine) > 0.5
        # A facet is deepest inside the ball at the centre of its circle.
        corners = mesh.positions.astype(np.float64) - (view.origin + centre)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        sagitta_m = radius_m - np.abs((corners[:, 0] * normals).sum(1)).min()
        late_m = depth_m[facing] - expected[facing]
        assert late_m.min() > -1e-5
        assert (late_m <= 1.05 * sagitta_m / cosine[facing] + 1e-5).all()
        worst.append(float(late_m.max()))
    assert all(3.0 < coarse / fine < 5.5 for coarse, fine in pairwise(worst))


def test_depth_is_that_of_the_nearest_facet() -> None:
    """Every pixel against Moeller and Trumbore's intersection with all 320 facets, in float64."""
    view = View(CAMERA, POSES["turned"].matrix())
    mesh, _ = _ball(view, 2.0, 8.0, detail=2)
    depth_m = _depth(mesh, view)
    rays = _rays(view).reshape(-1, 1, 3)
    a, b, c = mesh.positions.astype(np.float64).transpose(1, 0, 2)
    ab, ac, to_eye = b - a, c - a, view.origin - a
    across = np.cross(rays, ac)
    determinant = (across * ab).sum(-1)
    u = (across * to_eye).sum(-1) / determinant
    other = np.cross(to_eye, ab)
    v = (rays * other).sum(-1) / determinant
    metres = (ac * other).sum(-1) / determinant
    met = (u >= 0) & (v >= 0) & (u + v <= 1) & (metres > 0)
    expected = np.where(met, metres, np.inf).min(1).reshape(depth_m.shape)
    both = np.isfinite(depth_m) & np.isfinite(expected)
    assert (np.isfinite(depth_m) == np.isfinite(expected)).mean() > 0.998  # but for the very limb
    np.testing.assert_allclose(depth_m[both], expected[both], rtol=1e-5)


def test_a_frame_carries_that_depth() -> None:
    """And the matrix that its pixels, depths and places in the world agree on."""
    scene = make_scene(3, kind="street", condition="overcast")
    rig = coaxial_rig(48, 36)
    caster = EmbreeCaster(scene.mesh.positions)
    frame = render(scene, rig=rig, samples=1, seed=(1,), caster=caster)
    view = View(rig.thermal, frame.world_from_camera)
    assert np.array_equal(frame.depth_m, exact_depth_m(caster, view), equal_nan=True)
    assert np.isnan(frame.depth_m).any()
    # Walking depth_m along each pixel's ray ends on a surface: a ray started just before it meets it.
    met = np.isfinite(frame.depth_m)
    rays = _rays(view)[met]
    ends = view.origin + rays * frame.depth_m[met][:, None]
    directions = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    short_m = 0.05
    starts = (ends - short_m * directions).astype(np.float32)
    left_m = caster.distance(starts, directions.astype(np.float32))
    assert np.abs(left_m - short_m).max() < 1e-4 * float(frame.depth_m[met].max())
