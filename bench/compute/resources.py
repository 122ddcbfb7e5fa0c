"""What a cell asks a cluster for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from bench.config.registry import validation_message
from bench.ground.errors import BenchError
from bench.ground.names import unknown


def _as_ray_counts(amount: float) -> float:
    if amount > 1 and amount != int(amount):
        raise PydanticCustomError("whole_number", "Input above 1 should be a whole number")
    return amount


Count = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_as_ray_counts)]


class Resources(BaseModel):
    """What a cell asks for; None leaves it to `Cluster`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_cpus: Count | None = Field(None, description="Processor cores, and threads.")
    num_gpus: Count | None = Field(None, description="GPUs; several cells share one that each asks for a part of.")
    memory: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(None, description="Bytes of main memory.")

    @classmethod
    def parse(cls, text: str) -> Resources:
        """Read "num_gpus=0.5,memory=40e9".

        Raises:
            BenchError: not of that form, or no such resource or amount.
        """
        given: dict[str, str] = {}
        for part in filter(None, text.split(",")):
            name, equals, amount = (piece.strip() for piece in part.partition("="))
            if name not in cls.model_fields:
                raise unknown("resource of a cell", name, cls.model_fields)
            if not equals or name in given:
                raise BenchError(f"resources of a cell are NAME=AMOUNT, each once, not {text!r}")
            given[name] = amount
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise BenchError(f"resources of a cell: {validation_message(error, 'resource')}") from error

    def fit(self, machine: Mapping[str, float]) -> bool:
        """Whether a machine has that much, of its names for resources."""
        asked = {"CPU": self.num_cpus, "GPU": self.num_gpus, "memory": self.memory}
        return all(machine.get(name, 0) >= (amount or 0) for name, amount in asked.items())

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ",".join(f"{name}={amount:.4g}" for name, amount in self if amount)
