"""``bench status``: the grid of a run as text, once or until its cells are finished."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.cli.echo import counted, duration, echo, page, table_lines
from bench.ground.errors import in_short
from bench.ground.progress import Left
from bench.store.records import read_run
from bench.store.results import PLACE, texts
from bench.store.status import OVER, Clock, Heard, Standing, standings, whole

SECONDS = 2.0
"""Between two looks at a run."""

MOST_SEEDS = 6
"""More of them are counted instead of named one by one."""

TROUBLE = ("failed", "broken", "interrupted", "diverged")
"""What has a line that says why."""

MIDDLE = PLACE[1:-1]
"""What tells cells apart besides method and seed."""


@dataclass(frozen=True)
class Look:
    """A run at one moment.

    Attributes:
        root: the run's folder.
        cells: how they stand.
        left: time left by cell.
        texts: texts behind the statistics, by model.
        now: the moment, seconds of the epoch.
    """

    root: Path
    cells: list[Standing]
    left: Mapping[str, Left]
    texts: Mapping[str, str] = field(default_factory=dict)
    now: float = field(default_factory=time.time)

    @classmethod
    def at(cls, root: Path, clock: Clock, before: Iterable[Standing] = ()) -> Look:
        """Look now; `before` is how the cells stood.

        Raises:
            BenchError: see `bench.store.status.standings`.
        """
        cells, now = standings(root, before), time.time()
        path = root / "run.json"
        return cls(root, cells, clock.left(cells, now), texts(read_run(path)) if path.exists() else {}, now)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return all(cell.status in OVER for cell in self.cells)

    # ------------------------------------------------------------------------ text
    def summary(self) -> list[str]:
        """How many cells stand how, and the time left."""
        counts = Counter(cell.status for cell in self.cells)
        lines = [f"{self.root.name}: {len(self.cells)} cells, {counted(counts)}"]
        if self.left:
            lines.append(self._time_left(counts["running"]))
        return lines

    def _time_left(self, running: int) -> str:
        left = whole(self.cells, self.left)
        unknown = sum(not each.is_all for each in self.left.values())
        at_once = f"{running} at a time" if running else "nothing is running"
        more = "" if left.is_all else f"; unknown for {unknown} of {len(self.left)} cells"
        if not left.is_all and not left.seconds:
            return f"time left: unknown, {at_once}"
        return f"time left: {'about' if left.is_all else 'more than'} {duration(left.seconds)}, {at_once}{more}"

    def grid(self) -> list[str]:
        """A row for every method, model and data, a column for every seed."""
        names = self._label_names()[:-1]
        rows: dict[tuple[str, ...], dict[str, Standing]] = {}
        for cell in self.cells:
            rows.setdefault(tuple(self._label(cell)[:-1]), {})[cell.place.get("seed", "?")] = cell
        seeds = sorted({seed for row in rows.values() for seed in row}, key=lambda seed: (len(seed), seed))
        if len(seeds) > MOST_SEEDS:
            header = (*names, "seeds")
            table = [(*row, counted(Counter(cell.status for cell in there.values()))) for row, there in rows.items()]
        else:
            header = (*names, *(f"seed {seed}" for seed in seeds))
            table = [(*row, *(_mark(there.get(seed)) for seed in seeds)) for row, there in rows.items()]
        common = [value for name in MIDDLE if len(values := self._values(name)) == 1 for value in values]
        return [*([" · ".join(common)] if common else []), *table_lines(header, table)]

    def statistics(self) -> list[str]:
        """A line for every model with the text behind its statistics."""
        return [f"statistics of {model}: {names}" for model, names in self.texts.items()]

    def running(self) -> list[str]:
        """A line for every cell that is running: how far, how much longer, where."""
        rows = []
        for cell in self._that_are("running"):
            heard = cell.heard
            rows.append((*self._label(cell), step(heard), left_text(self.left[cell.cell]), heard.stage,
                         f"{heard.host} {heard.pid}", clock_time(heard.since, self.now)))  # fmt: skip
        return table_lines((*self._label_names(), "step", "left", "running", "where", "since"), rows) if rows else []

    def trouble(self) -> list[str]:
        """A line for every cell that is not going well, and why; a finished one may have a warning."""
        rows = [
            (*self._label(cell), cell.status, clock_time(cell.heard.when, self.now), why(cell))
            for cell in [*self._that_are(*TROUBLE), *(each for each in self._that_are("done") if each.heard.reason)]
        ]
        return table_lines((*self._label_names(), "", "since", "why"), rows) if rows else []

    def changes(self, before: Mapping[str, str]) -> list[str]:
        """A line for every cell whose status is not what it was; one that is not known is missing."""
        lines = []
        for cell in self.cells:
            if cell.status != before.get(cell.cell, "missing"):
                reason = why(cell) if cell.status in TROUBLE or cell.heard.reason else ""
                line = f"{' · '.join(self._label(cell))}: {cell.status}{reason and f' - {reason}'}"
                lines.append(f"{clock_time(self.now, self.now)} {line}")
        return lines

    def _that_are(self, *statuses: str) -> list[Standing]:
        return [cell for status in statuses for cell in self.cells if cell.status == status]

    def _label(self, cell: Standing) -> list[str]:
        return [cell.place.get(name, "?") for name in self._label_names()]

    def _label_names(self) -> list[str]:
        """Method, seed, and whatever else tells cells of the run apart."""
        return ["method", *(name for name in MIDDLE if len(self._values(name)) > 1), "seed"]

    def _values(self, name: str) -> list[str]:
        return sorted({cell.place[name] for cell in self.cells if name in cell.place})


def why(cell: Standing) -> str:
    """Why a cell is not going well."""
    heard = cell.heard
    if cell.status != "interrupted":
        return in_short(heard.reason)
    holder = f"no process holds it (it was {heard.pid} on {heard.host})" if heard.host else heard.reason
    return f"{holder}{holder and ', '}step {step(heard)} is recorded"


def step(heard: Heard) -> str:
    """Steps edited, of how many; "" where none has begun."""
    if heard.step is None:
        return ""
    return f"{heard.edited}/{heard.steps}" if heard.steps else str(heard.edited)


def _mark(cell: Standing | None) -> str:
    if cell is None:
        return ""
    return cell.status if cell.status != "running" else step(cell.heard) or cell.heard.stage or "running"


def left_text(left: Left) -> str:
    """Time left of one cell."""
    if left.is_all:
        return duration(left.seconds)
    return f"> {duration(left.seconds)}" if left.seconds else "unknown"


def clock_time(when: float, now: float) -> str:
    """Time of day, with the date where it is not today's; "" for none."""
    if not when:
        return ""
    then, today = time.localtime(when), time.localtime(now)
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


def joined(*blocks: Sequence[str]) -> str:
    """Blocks of lines with an empty line between them."""
    return "\n\n".join("\n".join(block) for block in blocks if block)


# ---------------------------------------------------------------------------- commands
def show(root: Path) -> None:
    """Print how a run stands.

    Raises:
        BenchError: see `bench.store.status.standings`.
    """
    look = Look.at(root, Clock(root))
    echo(joined(look.grid(), look.statistics(), look.running(), look.trouble(), look.summary()))


def watch(root: Path, live: bool) -> None:
    """Show how a run stands until nothing is left to do, or until Ctrl-C.

    Args:
        root: its folder.
        live: on a page that is drawn again and again; else every change is a line.

    Raises:
        BenchError: see `bench.store.status.standings`.
    """
    clock = Clock(root)
    with suppress(KeyboardInterrupt):
        if live:
            with page() as draw:
                for look in _looks(root, clock):
                    draw(joined(look.summary(), look.running(), look.trouble(), look.grid(), look.statistics()))
        else:
            before: dict[str, str] = {}
            for look in _looks(root, clock):
                for line in look.changes(before):
                    echo(line)
                before = {cell.cell: cell.status for cell in look.cells}
    show(root)


def _looks(root: Path, clock: Clock) -> Iterator[Look]:
    look = None
    while True:
        look = Look.at(root, clock, look.cells if look else ())
        yield look
        if look.is_over:
            return
        time.sleep(SECONDS)
