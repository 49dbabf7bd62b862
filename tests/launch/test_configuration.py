from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.launch.configuration import build, flatten, leaves, override, to_mapping
from potstill.launch.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Optics:
    lens: Literal["wide", "narrow"] = "wide"
    size: int = 64
    weights: tuple[float, ...] = (0.5, 1.0)
    grid: tuple[int, str] = (3, "a")
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.size > 512:
            raise ValueError(f"size must be at most 512: got {self.size}")
        if self.limit == 0:
            raise ValueError("either no limit\nor a positive one")


@dataclass(frozen=True, kw_only=True)
class Camera:
    name: str
    rate: float = 30.0
    on: bool = True
    optics: Optics = field(default_factory=Optics)


def complaint(mapping=None, *assignments):
    with pytest.raises(BadInputError) as caught:
        override(build(Camera, {"name": "a"} if mapping is None else mapping), assignments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_configuration_survives_the_way_through_a_mapping():
    camera = Camera(name="a", optics=Optics(weights=(1.5,), limit=3))
    assert build(Camera, to_mapping(camera)) == camera
    assert to_mapping(camera)["optics"]["weights"] == [1.5]


def test_leaves_list_every_setting_with_its_type_choices_and_default():
    found = {leaf.key: leaf for leaf in leaves(Camera)}
    assert list(found) == [
        "name", "rate", "on", "optics.lens", "optics.size", "optics.weights", "optics.grid", "optics.limit",
    ]  # fmt: skip
    assert found["optics.lens"].choices == ("wide", "narrow")
    assert found["optics.size"].default == 64
    assert flatten(Camera(name="a"))["optics.grid"] == (3, "a")


def test_an_integer_is_taken_for_a_float_and_exponents_are_numbers():
    assert build(Camera, {"name": "a", "rate": 5}).rate == 5.0
    assert build(Camera, {"name": "a", "rate": "1e-3"}).rate == 0.001


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({}, ("name: missing", "text")),
        ({"name": 3}, ("name", "text", "3")),
        ({"name": "a", "rate": "fast"}, ("rate", "number", "'fast'")),
        ({"name": "a", "rate": True}, ("rate", "number", "True")),
        ({"name": "a", "rate": float("nan")}, ("rate", "finite")),
        ({"name": "a", "on": 1}, ("on", "true or false")),
        ({"name": "a", "optics": 3}, ("optics", "lens, size")),
        ({"name": "a", "optics": {"size": 1.0}}, ("optics.size", "int")),
        ({"name": "a", "optics": {"size": True}}, ("optics.size", "int")),
        ({"name": "a", "optics": {"lens": "wider"}}, ("optics.lens", "wide, narrow", "did you mean wide?")),
        ({"name": "a", "optics": {"weights": 1.0}}, ("optics.weights", "list of number")),
        ({"name": "a", "optics": {"weights": [1, "x"]}}, ("optics.weights[1]", "'x'")),
        ({"name": "a", "optics": {"grid": [1]}}, ("optics.grid", "list of 2")),
        ({"name": "a", "optics": {"limit": "x"}}, ("optics.limit", "int or none")),
        ({"name": "a", "optics": {"size": 1000}}, ("optics.size must be at most 512",)),
        ({"name": "a", "optics": {"limit": 0}}, ("optics: either no limit or",)),
        ({"name": "a", "optics": {"sise": 3}}, ("optics.sise", "did you mean optics.size?")),
        ({"name": "a", "size": 3}, ("size", "did you mean optics.size?")),
        ({"name": "a", "zzzzz": 3}, ("zzzzz", "allowed: name, rate, on, optics")),
        ({"name": "a", 7: 3}, ("7", "unknown key")),
        ([1], ("Camera", "mapping")),
    ],
)
def test_a_bad_mapping_is_named_in_one_line(mapping, words):
    message = complaint(mapping)
    assert all(word in message for word in words), message


def test_overrides_are_read_as_their_fields_types():
    camera = override(
        Camera(name="a"),
        [
            "rate=2",
            "on=no",
            "optics.lens=narrow",
            "optics.weights=[1, 2e-1]",
            "optics.grid=4,5",
            "optics.limit=7",
        ],
    )
    assert camera == Camera(
        name="a", rate=2.0, on=False, optics=Optics(lens="narrow", weights=(1.0, 0.2), grid=(4, "5"), limit=7)
    )
    assert override(camera, ["optics.limit=none"]).optics.limit is None
    assert override(camera, ["name=x=y"]).name == "x=y"
    assert override(camera, ["optics.weights=[]"]).optics.weights == ()


def test_overrides_that_only_fit_together_are_checked_together():
    camera = override(Camera(name="a"), ["optics.size=1000", "optics.size=100"])
    assert camera.optics.size == 100


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("rate", ("KEY=VALUE",)),
        ("raet=1", ("raet", "did you mean rate?")),
        ("optics=1", ("optics: is a group", "optics.lens")),
        ("optics.size=1.0", ("optics.size", "int", "'1.0'")),
        ("rate=inf", ("rate", "finite")),
        ("on=perhaps", ("on", "true or false")),
        ("optics.lens=widee", ("did you mean wide?",)),
        ("optics.weights=[1,", ("optics.weights", "list")),
        ("optics.weights={a: 1}", ("optics.weights", "number")),
        ("optics.weights=[[1]]", ("optics.weights[0]", "number")),
        ("optics.grid=1,2,3", ("list of 2", "3 values")),
        ("optics.zzzzz=3", ("optics.zzzzz", "allowed in optics: lens, size")),
    ],
)
def test_a_bad_override_is_named_in_one_line(assignment, words):
    message = complaint(None, assignment)
    assert all(word in message for word in words), message


@given(st.sampled_from([leaf.key for leaf in leaves(Camera)]), st.text(max_size=30))
def test_any_text_gives_a_valid_configuration_or_one_line(key, text):
    try:
        camera = override(Camera(name="a"), [f"{key}={text}"])
    except BadInputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert build(Camera, to_mapping(camera)) == camera
