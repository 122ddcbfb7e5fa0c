"""A plug-in with settings of its own in a grid: ``memit[clamp=0.5,layers=[0,1]]`` is a row beside ``memit``."""

from __future__ import annotations

import re
from math import isnan
from typing import Any

from bench.ground.errors import BenchError
from bench.ground.parsing import parse_yaml

_VARIANT = re.compile(r"([^\[\]]+)\[(.*)\]", re.DOTALL)


def base_of(name: str) -> str:
    """The plug-in behind a name: "memit" of "memit[clamp=0.5]"."""
    found = _VARIANT.fullmatch(name)
    return found[1].strip() if found else name


def settings_of(name: str) -> dict[str, Any]:
    """The settings in a name, {} where there are none.

    Raises:
        BenchError: they are not written as OPTION=VALUE, or name an option twice.
    """
    found = _VARIANT.fullmatch(name)
    settings: dict[str, Any] = {}
    for part in split_names(found[2]) if found else ():
        option, sign, value = part.partition("=")
        if not (sign and option.strip() and value.strip()):
            raise BenchError(f"'{name}': a variant's settings are written NAME[OPTION=VALUE,...], not '{part}'")
        if option.strip() in settings:
            raise BenchError(f"'{name}': the option '{option.strip()}' is given twice")
        settings[option.strip()] = parse_value(value.strip())
    return settings


def split_names(text: str) -> list[str]:
    """Parts of "a, b[c=1,d=[0,1]]" between commas that stand in no bracket."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "[") - (sign == "]")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def parse_value(text: str) -> Any:
    """A number, true, false, null, a YAML value, or a list where commas stand."""
    if "," in text and not text.startswith(("[", "{", '"', "'")):
        return [parse_value(part.strip()) for part in text.split(",") if part.strip()]
    try:
        value = parse_yaml(text, "--set")
    except BenchError as error:
        raise BenchError(f"--set cannot read the value '{text}'") from error
    if not isinstance(value, str):
        return value
    try:
        number = float(value)  # YAML 1.1 takes 1e-3 for a word
    except ValueError:
        return value
    return value if isnan(number) else number
