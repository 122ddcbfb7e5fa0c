"""Change one place of a module at a time and run its tests: which changes does none of them notice?

    python -m tests.mutation [PATH ...] [--sample N] [--seed N] [--line N]

Without a path, all modules in `covering.py`. What survives is shown at the end, and the exit status says nothing about
it: a change that nobody can notice (of speed, of a guard) survives by right.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutation.covering import COVERING, chosen
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.running import Copy

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 3
"""A mutant gets this many times the seconds of the processor that the tests take without one, and a few more."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", help="modules or folders")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each module, drawn by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--line", type=int, default=0, help="only mutants of this line")
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    total: Counter[str] = Counter()
    survivors: list[tuple[str, Mutant]] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(ROOT, Path(folder))
        for module in chosen(ROOT, options.paths):
            source = (ROOT / module).read_text(encoding="utf-8")
            every = [each for each in mutants(source) if options.line in (0, each.line)]
            sample = every
            if 0 < options.sample < len(every):
                picked = random.Random(f"{options.seed} {module}").sample(range(len(every)), options.sample)
                sample = [every[i] for i in sorted(picked)]
            tally, left = _module(copy, module, source, sample)
            total += tally
            survivors += [(module, mutant) for mutant in left]
            say(f"{module:36} {_counts(tally)}, of {len(every)} there are")
    say(f"\n{'all':36} {_counts(total)}")
    for module, mutant in survivors:
        say(f"survived  {module}:{mutant.line}  {mutant.change}")


def _module(copy: Copy, module: str, source: str, sample: list[Mutant]) -> tuple[Counter[str], list[Mutant]]:
    tests = COVERING[module]
    # as the mutants are written, so that only the change tells them apart
    plain = copy.run(module, ast.unparse(ast.parse(source)), tests, 600)
    if plain.outcome != "survived":
        raise SystemExit(f"{module}: its tests fail without a change\n{plain.log}")
    tally: Counter[str] = Counter()
    left = []
    for mutant in sample:
        outcome = copy.run(module, mutant.source, tests, PATIENCE * plain.seconds + 10).outcome
        tally[outcome] += 1
        if outcome == "survived":
            left.append(mutant)
            say(f"  survived  line {mutant.line}: {mutant.change}")
    return tally, left


def _counts(tally: Counter[str]) -> str:
    run = sum(tally.values())
    return (
        f"{tally['survived']:3} survived, {tally['timed out']:2} timed out, {tally['killed']:3} killed of {run:3} run"
    )


if __name__ == "__main__":
    main()
