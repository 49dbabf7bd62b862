"""A recipe as it is asked for: by its name, or by the file of a configuration."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import yaml

from potstill.launch.configuration import build
from potstill.launch.errors import BadInputError

Config = TypeVar("Config")


def named_or_file(
    name_or_path: str, recipes: Mapping[str, Callable[[], Config]], config_class: type[Config]
) -> Config:
    """A recipe by name, or a YAML file as written to ``config.yaml`` of a run.

    Raises:
        BadInputError: neither; names the nearest recipes.
    """
    if name_or_path in recipes:
        return recipes[name_or_path]()
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return _load_file(path, config_class)
    near = difflib.get_close_matches(name_or_path, recipes, n=2, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise BadInputError(
        f"recipe: unknown {name_or_path!r}; known: {', '.join(recipes)}, or a .yaml file{hint}"
    )


def _load_file(path: Path, config_class: type[Config]) -> Config:
    try:
        mapping = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInputError(f"recipe: cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"recipe: {path} is not YAML: {str(error).splitlines()[0]}") from None
    return build(config_class, mapping)
