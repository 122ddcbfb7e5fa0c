"""Which answers are kept: all wrong ones, the same sample of right ones for every method of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.api import Kept, Reply
from bench.compute.recording import kept
from bench.ground.rows import SAMPLE

COUNT = 3 * SAMPLE


@dataclass(frozen=True)
class Keeping:
    answers_kept: Kept
    seed: int = 0

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def replies(wrong: int, protocol: str = "teacher_forced") -> list[Reply]:
    return [
        Reply(f"f{i}", "efficacy", protocol, "en", "en", "p", " t", (), " b", " a", 1, "target", float(i >= wrong))
        for i in range(COUNT)
    ]


def names(found: list[Reply], value: float) -> list[str]:
    return [reply.fact_id for reply in found if reply.value == value]


def test_all_wrong_ones_and_a_sample_of_the_right() -> None:
    found = kept(replies(300), Keeping("failed"))
    assert names(found, 0) == [f"f{i}" for i in range(300)]
    assert len(names(found, 1)) == SAMPLE
    assert found == kept(replies(300), Keeping("failed"))
    assert names(found, 1) != names(kept(replies(300), Keeping("failed", seed=1)), 1)


def test_methods_of_a_seed_show_the_same_right_ones() -> None:
    few, many = (set(names(kept(replies(wrong), Keeping("failed")), 1)) for wrong in (0, 100))
    assert len(few & many) > SAMPLE / 2


def test_free_answers_are_kept_whole_for_judges() -> None:
    assert len(kept(replies(0, "generation"), Keeping("failed"))) == COUNT
    assert kept(replies(0, "generation"), Keeping("none")) == []


def test_all_and_none() -> None:
    assert len(kept(replies(1), Keeping("all"))) == COUNT
    assert kept(replies(1), Keeping("none")) == []
