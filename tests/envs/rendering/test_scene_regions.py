from __future__ import annotations

import pytest

from potstill.envs.rendering.render_model import RenderModel
from potstill.envs.rendering.scene_regions import SceneRegions


@pytest.mark.parametrize("robot", ["sawyer", "viperx"])
def test_bodies_are_classed_by_what_they_are_for_every_arm(robot):
    regions = SceneRegions.of("drawer-open-v3", robot)
    model = RenderModel("drawer-open-v3", robot=robot).model
    classes = {model.body(body).name: region for body, region in enumerate(regions.region_of_body)}
    assert len(regions.region_of_body) == model.nbody
    assert classes["tablelink"] == "table"
    assert classes["world"] == classes["RetainingWall"] == "background"
    assert classes["hand"] == classes["rightpad"] == classes["leftpad"] == "robot"
    assert classes["drawercase_link"] == classes["drawer_link"] == "object"
    assert classes["drawer"] == "background"  # it has no geoms


@pytest.mark.parametrize(
    ("task", "markers"),
    [
        ("reach-v3", {"goal"}),
        ("basketball-v3", {"goal"}),  # on the hoop, which stands still
        ("bin-picking-v3", set()),
        ("assembly-v3", {"pegTop"}),  # the nut's own marks move with it
        ("coffee-button-v3", {"mug_goal", "coffee_goal"}),
    ],
)
def test_markers_are_the_visible_sites_that_stand_still(task, markers):
    regions = SceneRegions.of(task, "sawyer")
    model = RenderModel(task).model
    assert {model.site(site).name for site in regions.marker_site} == markers
    assert [model.site_bodyid[site] for site in regions.marker_site] == regions.marker_body.tolist()
    assert all(0 < radius <= 0.02 for radius in regions.marker_radius)


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="reach-v3"):
        SceneRegions.of("reach", "sawyer")
