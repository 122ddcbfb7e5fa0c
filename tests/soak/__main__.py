"""The long form of the kill test: ``python -m tests.soak [KILLS] [SEED]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.soak.killing import Soak


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    kills, seed = (int(given) for given in [*sys.argv[1:], *("50", "0")[len(sys.argv) - 1 :]])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        soak = Soak(Path(root), seed, say, {"evaluators": "edits,xtreme", "eval-limit": "2"})
        soak.go(kills)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(soak.kinds.items()))
    minutes = (time.monotonic() - began) / 60
    say(f"{soak.kills} kills ({kinds}), {soak.completed} runs completed, all tables identical: {minutes:.1f} min")


if __name__ == "__main__":
    main()
