"""The option to write the end of a text behind every target."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TargetOptions(BaseModel):
    """Options of every method that optimises a target.

    Whether a target ends decides what a model says that stops by itself; published numbers are without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    end_of_text: bool = Field(default=False, description="the tokenizer's end-of-text token follows every target")
