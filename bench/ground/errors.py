"""The errors a user can act on: one line that says where the trouble is."""

from __future__ import annotations

import re

LONGEST = 1_000
"""Characters of a message, or of the name of a place; what a hostile file puts into it is cut."""


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


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def one_line(text: str) -> str:
    """The text in one line; what cannot be printed, in a file's values or names, becomes an escape."""
    joined = re.sub(r"\s*[\r\n]\s*", " ", text.strip("\r\n"))
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in joined)
