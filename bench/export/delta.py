"""``delta.safetensors``: the matrices that edits have changed, and the weights that they belong to.

It holds the new values in fp32, not their difference to the old ones: W0 + (W - W0) is not W in floating point, and a
model that was taken home is the edited one bit by bit. A difference would be no smaller, and could be added to weights
that it was not made for; these are refused here, by the hash of every matrix and of the whole model. Where low rank
is wanted instead, `bench.export.lowrank` writes it beside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from bench.config.cell import Dtype
from bench.config.registry import validation_message
from bench.ground import sealed
from bench.ground.errors import BenchError, WeightsError
from bench.ground.parsing import parse_json
from bench.model.hashes import tensor_hash, weights_hash

FILE = "delta.safetensors"
FORMAT = "langedit-bench delta 1"
BASE, ABOUT = "base", "about"

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Base(BaseModel):
    """The weights that a delta belongs to.

    Attributes:
        model: name or hub id; "" of one that lay in a folder of the user's.
        dtype: what it was loaded as, and is to be loaded as.
        files: hash of its files or its commit, as cells know it.
        weights: hash of all its weights, unedited.
        matrices: hashes of those that are changed, before that, by name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model: str
    dtype: Dtype
    files: str
    weights: Hash
    matrices: dict[str, Hash] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Delta:
    """Changed matrices.

    Attributes:
        values: the new ones by name, fp32.
        base: what they belong to.
        about: how they were made, for people.
    """

    values: Mapping[str, Tensor]
    base: Base
    about: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write the file.

        Raises:
            StorageError: the folder cannot be written, or is full.
        """
        kept = {name: value.detach().cpu().contiguous() for name, value in self.values.items()}
        texts = {BASE: self.base.model_dump_json(), ABOUT: json.dumps(self.about, ensure_ascii=False, sort_keys=True)}
        sealed.save(folder / FILE, kept, {"format": FORMAT, **texts})

    def apply(self, hf: Any, name: str) -> None:
        """Put the new values into a Hugging Face model of the delta's dtype.

        Args:
            hf: the model; not changed where it is not the base.
            name: what errors call it.

        Raises:
            WeightsError: its weights are not those that the delta belongs to.
        """
        for each, wanted in self.base.matrices.items():
            try:
                parameter = hf.get_parameter(each)
            except AttributeError:
                parameter = None
            if parameter is None or parameter.shape != self.values[each].shape or tensor_hash(parameter) != wanted:
                raise WeightsError(f"the edit belongs to other weights than those of {name!r}: {each} is another")
        if weights_hash(hf) != self.base.weights:
            raise WeightsError(
                f"the edit belongs to other weights than those of {name!r}: what it leaves as it is differs"
            )
        with torch.no_grad():
            for each, value in self.values.items():
                hf.get_parameter(each).copy_(value)


def read(folder: Path) -> Delta:
    """Read the delta of a folder.

    Raises:
        BenchError: there is none, it was torn or altered, or it is no delta.
    """
    path = folder / FILE
    if not path.is_file():
        raise BenchError("no such file; bench edit and bench export write it", file=path)
    found = sealed.read(path)
    if found is None:
        raise BenchError("torn or altered: it does not hold what was written", file=path)
    values, metadata = found
    if metadata.get("format") != FORMAT:
        raise BenchError(f"of the format {metadata.get('format')!r}, this version reads {FORMAT!r}", file=path)
    try:
        base = Base.model_validate(parse_json(metadata.get(BASE, ""), path))
    except ValidationError as error:
        raise BenchError(validation_message(error, "field"), file=path) from error
    if set(base.matrices) != set(values) or any(value.dtype != torch.float32 for value in values.values()):
        raise BenchError("its matrices are not those that it names, in fp32", file=path)
    about = parse_json(metadata.get(ABOUT, "{}"), path)
    return Delta(values, base, about if isinstance(about, dict) else {})
