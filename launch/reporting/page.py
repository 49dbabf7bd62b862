"""One HTML file that opens anywhere, offline: a template, the common style, and everything from outside escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

_TEMPLATES = "potstill.launch.reporting"


def render_page(template: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., str]]) -> str:
    """The page.

    Args:
        template: File in ``launch/reporting/templates``; it gets ``values`` and ``style``.
        values: Text is escaped, ``Markup`` is not.
        filters: Beside the common one ``duration`` (seconds to words).
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"duration": _duration, **filters}
    style = Markup(_read("style.css"))
    return environment.from_string(_read(template)).render(style=style, **values)


def _read(name: str) -> str:
    return resources.files(_TEMPLATES).joinpath(f"templates/{name}").read_text(encoding="utf-8")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
