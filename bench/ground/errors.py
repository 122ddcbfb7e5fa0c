"""The errors a user can act on: one line that says where the trouble is."""

from __future__ import annotations

import re

LONGEST = 1_000
"""Characters of a message, or of the name of a place; what a hostile file puts into it is cut."""

CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
"""What stands between the tracebacks of one chain."""


class BenchError(Exception):
    """Bad input. Printed as one line, exit code 2; nothing computed so far is lost.

    Args:
        message: what is wrong, in words the user can act on.
        file: the file at fault, if any.
        record: the record in it (index or id), if any.
        field: the field of the record, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        record: object = None,
        field: str | None = None,
    ) -> None:
        place = [str(file)] if file is not None else []
        if record is not None:
            place.append(f"record {_cut(str(record))}")
        if field is not None:
            place.append(f"field '{_cut(field)}'")
        message = _cut(message)
        super().__init__(one_line(f"{', '.join(place)}: {message}" if place else message))
        self.message, self.file, self.record, self.field = message, file, record, field

    def at(self, *, file: object, record: object) -> BenchError:
        """The same error with the place that was not known where it arose."""
        return BenchError(self.message, file=file, record=record, field=self.field)


class StorageError(BenchError):
    """A folder cannot be written, or is full. No cell is to blame: each goes on once there is room."""


class WeightsError(BenchError):
    """A model's weights are not what they should be: no number of it means anything."""


def in_short(reason: str) -> str:
    """Why something failed, in one line: of a traceback the error's type and first line, then its last line.

    Libraries put the cause first and advice last, or the other way round.
    """
    lines = [line.strip() for line in _error_of(reason).splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[0] if len(lines) == 1 else f"{lines[0]} ... {lines[-1]}"


def told_in_short(error: Exception) -> str:
    """An error by its type, in one line, though those of libraries have many."""
    return in_short(f"{type(error).__name__}: {error}")


def _error_of(reason: str) -> str:
    """A traceback without its frames: the last error of a chain; any other text as it is."""
    last = re.split(r"^Traceback.*\n(?= )", reason, flags=re.MULTILINE)
    if len(last) == 1:
        return reason
    # what an error quotes of other tracebacks is part of it: a chain says so
    at = max((i for i, text in enumerate(last[:-1]) if i == 0 or text.rstrip().endswith(CHAINED)), default=0)
    lines = last[at + 1].splitlines()
    begin = next((i for i, line in enumerate(lines) if line and not line[0].isspace()), 0)
    return "\n".join([*lines[begin:], *last[at + 2 :]])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def one_line(text: str) -> str:
    """The text in one line; what cannot be printed, in a file's values or names, becomes an escape."""
    joined = re.sub(r"\s*[\r\n]\s*", " ", text.strip("\r\n"))
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in joined)
