"""The errors a user can act on: one line that says where the trouble is."""

from __future__ import annotations


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
            place.append(f"record {record}")
        if field is not None:
            place.append(f"field '{field}'")
        super().__init__(f"{', '.join(place)}: {message}" if place else message)
        self.file, self.record, self.field = file, record, field
