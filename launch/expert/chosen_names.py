"""Names on the command line, separated by commas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from potstill.launch.errors import BadInputError


def chosen_names(
    text: str, *, key: str, check: Callable[[str], None], groups: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The names in ``text``, each once, in its order.

    Args:
        text: E.g. ``reach-v3,push-v3`` or the name of a group.
        key: The option, for the message.
        check: Raises ValueError for a name that does not exist; names the nearest.
        groups: Names that stand for several.

    Raises:
        BadInputError: no name, or one that ``check`` refuses.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    names = [name for word in words for name in groups.get(word, (word,))]
    if not names:
        raise BadInputError(f"{key} must name at least one: got {text!r}; groups: {', '.join(groups)}")
    for name in names:
        try:
            check(name)
        except ValueError as error:
            raise BadInputError(f"{key}: {error}") from error
    return tuple(dict.fromkeys(names))
