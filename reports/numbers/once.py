"""What is computed of the same records again and again is computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class Knowing(Protocol):
    """Something whose numbers are kept with it, by function and arguments."""

    @property
    def known(self) -> dict[Any, Any]:
        """Empty at first."""
        ...


def once(function: F) -> F:
    """Keep what a function of something `Knowing` returns; nobody may change it."""

    @wraps(function)
    def kept(about: Knowing, *given: Any) -> Any:
        key = (function, *given)
        if key not in about.known:
            about.known[key] = function(about, *given)
        return about.known[key]

    return cast(F, kept)
