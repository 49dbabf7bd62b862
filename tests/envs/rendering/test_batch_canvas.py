from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.rendering.offscreen_context import OffscreenContext
from potstill.envs.rendering.records import SceneState

SIZE = 96
FRAME = """
<mujoco>
  <visual><map znear="0.01" zfar="20"/><quality offsamples="0" shadowsize="0"/><headlight ambient=".3 .3 .3"/></visual>
  <asset>
    <texture name="checks" type="2d" builtin="checker" width="64" height="64" rgb1=".9 .2 .1" rgb2=".1 .3 .9"/>
    <texture name="sides" type="cube" builtin="gradient" width="32" height="32" rgb1=".9 .9 .2" rgb2=".1 .4 .2"/>
    <material name="checks" texture="checks" texrepeat="3 2"/>
    <material name="checks_uniform" texture="checks" texrepeat="3 3" texuniform="true"/>
    <material name="sides" texture="sides" specular=".8" shininess=".9"/>
    <material name="glow" rgba=".2 .6 .9 1" emission=".6"/>
    <material name="dull" rgba=".3 .5 .3 1" specular="0"/>
    <mesh name="wedge" vertex="-.2 -.2 0  .2 -.2 0  .2 .2 0  -.2 .2 0  0 0 .4"/>
    <mesh name="sheet" vertex="0 0 0  .4 0 0  .4 .4 0  0 .4 .1" face="0 1 2  0 2 3  2 1 0  3 2 0"
          texcoord="0 0  1 0  1 1  0 1" inertia="shell"/>
  </asset>
  <worldbody>
    {lights}
    <camera name="front" pos="0 -2 1.2" xyaxes="1 0 0 0 .5 .9" fovy="50"/>
    <body name="carrier" pos="0 0 2.2" euler="0 0 20"><freejoint/><geom size=".01"/>
      <camera name="riding" pos="0 0 0" fovy="60"/></body>
    <body pos="0 0 .3" name="thing">{geom}</body>
  </worldbody>
</mujoco>
"""
SUN = '<light directional="true" pos="0 0 3" dir=".3 .2 -1" diffuse=".6 .6 .6" specular=".4 .4 .4"/>'
GEOMS = {
    "plane": '<geom type="plane" size=".6 .5 .1" material="checks"/>',
    "endless plane": '<geom type="plane" size="0 0 .1" material="dull"/>',
    "endless plane with a texture": '<geom type="plane" size="0 0 .1" material="checks_uniform"/>',
    "box": '<freejoint/><geom type="box" size=".3 .2 .1" euler="20 30 0" material="sides"/>',
    "box with a flat texture": '<geom type="box" size=".4 .3 .1" material="checks_uniform"/>',
    "sphere": '<freejoint/><geom type="sphere" size=".3" material="sides"/>',
    "ellipsoid": '<geom type="ellipsoid" size=".4 .2 .1" rgba=".9 .3 .3 1"/>',
    "cylinder": '<geom type="cylinder" size=".2 .3" euler="60 0 0" material="glow"/>',
    "capsule": '<freejoint/><geom type="capsule" size=".12 .3" euler="60 20 0" rgba=".4 .8 .3 1"/>',
    "mesh": '<freejoint/><geom type="mesh" mesh="wedge" euler="0 0 30" rgba=".8 .8 .3 1"/>',
    "mesh with texture coordinates": '<geom type="mesh" mesh="sheet" material="checks"/>',
    "see-through": '<geom type="box" size=".2 .2 .2" rgba=".9 .1 .1 1"/>'
    '<geom type="sphere" size=".25" pos="0 -.4 0" rgba=".1 .9 .1 .4"/>'
    '<geom type="sphere" size=".2" pos=".15 -.8 0" rgba=".1 .1 .9 .5"/>',
    "site": '<geom size=".05"/><site type="box" size=".2 .1 .2" euler="0 0 40" rgba=".9 .6 .1 1"/>',
}
LIGHTS = {
    "a lamp": '<light pos=".5 -.5 1.5" dir="0 0 -1" cutoff="180" attenuation="1 .2 .1" diffuse="1 1 1"/>',
    "a spotlight": '<light pos="0 0 1.5" dir="0 0 -1" cutoff="30" exponent="4" diffuse="1 1 1"/>',
    "no light but the headlight": "",
    "a light that is off": '<light active="false" pos="0 0 2" dir="0 0 -1" diffuse="1 1 1"/>',
}


@pytest.fixture
def drawn_twice(stock_renderer):
    """``drawn_twice(xml, camera)``: (rgb, depth, segmentation) by the canvas, and by MuJoCo."""

    def draw(xml, camera):
        model = mujoco.MjModel.from_xml_string(xml)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        return _drawn_by_canvas(model, data, camera), _drawn_by_mujoco(
            stock_renderer(model, SIZE), data, camera
        )

    return draw


@pytest.mark.parametrize("camera", ["front", "riding"])
@pytest.mark.parametrize("geom", GEOMS)
def test_every_kind_of_geom_looks_as_mujoco_draws_it(drawn_twice, geom, camera):
    (rgb, depth, body), (its_rgb, its_depth, its_body) = drawn_twice(
        FRAME.format(lights=SUN, geom=GEOMS[geom]), camera
    )
    same = body == its_body
    assert same.mean() > 0.985
    assert np.median(np.abs(depth - its_depth)[same & (body >= 0)]) < 0.002
    assert np.abs(rgb.astype(int) - its_rgb)[same].mean() < 2.0
    assert its_rgb[body == 2].std() > 2.0  # the thing is there to be compared


@pytest.mark.parametrize("light", LIGHTS)
def test_every_kind_of_light_shines_as_mujocos(drawn_twice, light):
    geom = '<geom type="sphere" size=".3"/><geom type="box" size=".6 .6 .02" pos="0 0 -.3"/>'
    (rgb, *_), (its_rgb, *_) = drawn_twice(FRAME.format(lights=LIGHTS[light], geom=geom), "front")
    assert np.abs(rgb.astype(int) - its_rgb).mean() < 2.0


def test_what_cannot_be_drawn_is_refused():
    heights = '<asset><hfield name="hills" nrow="3" ncol="3" size="1 1 1 1"/></asset>'
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco>{heights}<worldbody><geom type="hfield" hfield="hills"/></worldbody></mujoco>'
    )
    with pytest.raises(ValueError, match="geom 0 has type mjGEOM_HFIELD, which cannot be drawn"):
        _canvas(model)
    lights = SUN * 16
    with pytest.raises(ValueError, match="up to 15 lights: got 16"):
        _canvas(mujoco.MjModel.from_xml_string(FRAME.format(lights=lights, geom=GEOMS["box"])))[1].look()


def _canvas(model):
    context = OffscreenContext()
    from potstill.envs.rendering.batch_canvas import (
        BatchCanvas,
    )  # after the context chose PyOpenGL's platform

    return context, BatchCanvas(model, page_size=64, max_backdrops=4)


def _drawn_by_canvas(model, data, camera):
    context, canvas = _canvas(model)
    from potstill.envs.rendering.batch_canvas import BatchView
    from potstill.envs.rendering.batch_target import BatchTarget

    target = BatchTarget(SIZE, 2)
    scene = SceneState(body_pos=data.xpos, body_quat=data.xquat, site_pos=data.site_xpos)
    cameras = (mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera),)
    canvas.draw(target, [BatchView(scene=scene, look=canvas.look(), cameras=cameras, keep_as="plain")])
    rgb, (depth, body) = target.read_colours(1), target.read_geometry(1)
    target.close()
    canvas.close()
    context.close()
    return rgb[0], depth[0], body[0]


def _drawn_by_mujoco(stock, data, camera):
    for flag in (
        mujoco.mjtRndFlag.mjRND_SHADOW,
        mujoco.mjtRndFlag.mjRND_REFLECTION,
        mujoco.mjtRndFlag.mjRND_HAZE,
    ):
        stock.scene.flags[flag] = False
    stock.update_scene(data, camera)
    rgb = stock.render().copy()
    stock.enable_depth_rendering()
    depth = stock.render().copy()
    stock.disable_depth_rendering()
    stock.enable_segmentation_rendering()
    ids = stock.render()
    model, kind = stock.model, ids[..., 1]
    body = np.full(kind.shape, -1)
    body[kind == mujoco.mjtObj.mjOBJ_GEOM] = model.geom_bodyid[ids[..., 0][kind == mujoco.mjtObj.mjOBJ_GEOM]]
    if model.nsite:
        body[kind == mujoco.mjtObj.mjOBJ_SITE] = model.site_bodyid[
            ids[..., 0][kind == mujoco.mjtObj.mjOBJ_SITE]
        ]
    return rgb, depth, body
