"""GRACE: a codebook beside one projection; near a stored key its output is replaced by a value that was trained.

Hartvigsen et al. 2023 (arXiv 2211.11031), "Aging with GRACE". With keys k_i [m], values v_i [d] and radii e_i, the
output of the projection W for an input x is

    v_i   where i = argmin ||x - k_i||, if ||x - k_i|| <= e_i;   else W x

An edit asks with the input at its prompt's last token. Farther than e_i + e from all keys (e: `radius`) it has a key of
its own, with radius e; near a key of another target it has one, too, and both radii become half their distance; near
one of its own target it takes this key over, whose radius grows to reach it. Then the value is trained by Adam on the
NLL of the target, those of a step together, for no two share a loss. Of the paper's choices those of EasyEdit
``models/grace`` and its settings: key and value stand at the input and output of an MLP's output projection, values
begin as noise in [0, 1) ("cold"), radii grow by "coverage", the last token alone is replaced.

Not as there: targets are the same where their ids are (there: where the means of their padded labels are); an edit of
the very same prompt takes the key over (there both are at distance 0, and the older one is found); every token of what
is asked is looked up (there the prompt's last token, and each that is generated after it), so that a token's state
does not depend on which prompt it ends, and shared keys and values stay right. Noise is drawn from the cell's seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.reading import OFF, Reading
from bench.model.remembering import Remembering
from bench.model.sizes import Beside
from bench.model.stats import Stats
from methods._hyper.factors import shape_of
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layer
from methods._memory.looking import inputs
from methods._memory.loss import Loss

BESIDE = Beside(width=4, inner=4)

ON = 1

APART = 1e-5
"""By how much the radius of a key that is cut falls short of half the distance (released code)."""

SAME = 1e-4
"""Distance, as a share of a key's norm, that rounding makes between the same prompt in two batches."""


class Config(TargetOptions):
    """Options of GRACE; released names in brackets."""

    layer: Layer = Field(description="layer whose projection has the codebook [inner_params]")
    steps: int = Field(ge=1, description="updates of a value [n_iter]")
    lr: float = Field(gt=0, description="Adam step size [edit_lr]")
    radius: float = Field(gt=0, description="of a new key [eps]")


@dataclass(frozen=True, slots=True)
class Codebook:
    """Keys, values and radii of n entries.

    Attributes:
        keys: [n, m].
        values: [n, d].
        radii: [n].
        targets: ids that each value says.
    """

    keys: Tensor
    values: Tensor
    radii: Tensor
    targets: list[list[int]]

    def nearest(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Distance to the nearest key, and which it is, of inputs [..., m]."""
        place = torch.cdist(inputs.flatten(0, -2), self.keys).argmin(dim=1)
        # of all distances only products are had cheaply, and these round
        distance = torch.linalg.vector_norm(inputs.flatten(0, -2) - self.keys[place], dim=1)
        return distance.view(inputs.shape[:-1]), place.view(inputs.shape[:-1])

    def placed(self, key: Tensor, value: Tensor, target: list[int], radius: float) -> tuple[Codebook, int]:
        """The codebook with an entry for a new edit, and which it is.

        Args:
            key: input that asks, [m].
            value: where a new value begins, [d].
            target: ids.
            radius: of a new key.
        """
        if not len(self.keys):
            return self._with(key, value, target, radius), 0
        found, at = self.nearest(key[None])
        distance, place = float(found), int(at)
        if distance > radius + float(self.radii[place]):
            return self._with(key, value, target, radius), len(self.keys)
        if self.targets[place] == target:
            return self._cut(place, max(distance, float(self.radii[place]))), place
        if distance <= SAME * float(key.norm()):
            targets = [target if i == place else each for i, each in enumerate(self.targets)]
            return replace(self, targets=targets), place
        cut = self._cut(place, distance / 2 - APART)
        return cut._with(key, value, target, distance / 2), len(self.keys)

    def _with(self, key: Tensor, value: Tensor, target: list[int], radius: float) -> Codebook:
        radii = torch.cat([self.radii, self.radii.new_tensor([radius])])
        keys, values = torch.cat([self.keys, key[None]]), torch.cat([self.values, value[None]])
        return Codebook(keys, values, radii, [*self.targets, target])

    def _cut(self, place: int, radius: float) -> Codebook:
        radii = self.radii.clone()
        radii[place] = radius
        return replace(self, radii=radii)

    def holding(self, places: Sequence[int], found: Tensor) -> Codebook:
        """The codebook with other values [n, d] at some places."""
        values = self.values.clone()
        values[list(places)] = found
        return replace(self, values=values)


@contextmanager
def looking_up(projection: nn.Module, book: Codebook) -> Iterator[None]:
    """While open, a projection answers by the codebook wherever an input lies near a key."""

    def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        distance, place = book.nearest(args[0].float())
        return torch.where((distance <= book.radii[place])[..., None], book.values[place].to(output), output)

    handle = projection.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def saying(projection: nn.Module, columns: Tensor, values: Tensor) -> Iterator[None]:
    """While open, a projection gives `values` [n, d], each for the token in one of `columns` [n] of its row."""

    def hook(_module: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        here = torch.arange(output.shape[1], device=output.device) == columns[:, None]
        return torch.where(here[..., None], values.to(output)[:, None], output)

    handle = projection.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True, slots=True)
class Looked:
    """The codebook as prompts find it: it is looked into by each of their tokens."""

    projection: nn.Module
    book: Codebook

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """Every prompt as it stands."""
        return [Reading(tuple(row), ON if len(self.book.keys) else OFF) for row in rows]

    def switched(self, part: int) -> AbstractContextManager[None]:
        """The model with the codebook."""
        return looking_up(self.projection, self.book) if part else nullcontext()


@dataclass(frozen=True, slots=True)
class Grace:
    """See the module."""

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """An empty codebook."""
        layer = self.config.layer
        model.check_layers([layer])
        width, inner = shape_of(model.projection(layer))
        device = model.device_of(layer)
        sizes = {"keys": (0, inner), "values": (0, width), "radii": (0,)}
        empty = {name: torch.zeros(size, device=device) for name, size in sizes.items()}
        return State({**empty, "targets": []}, {"seed": context.rng("grace").initial_seed()})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Store one step's facts one after another, then learn their values."""
        clock, book, losses = Clock(), _book(state), []
        prompts = model.tokens.prompts([request.text for request in requests])
        targets = model.tokens.targets([r.target for r in requests], end_of_text=self.config.end_of_text)
        with clock.phase("keys"):
            keys = inputs(model, self.config.layer, prompts, "last")
        places = []
        for key, target in zip(keys, targets, strict=True):
            draws = torch.Generator().manual_seed((state.constants["seed"] + len(book.keys)) % 2**63)
            noise = torch.rand(book.values.shape[1], generator=draws).to(book.values)
            book, place = book.placed(key, noise, target, self.config.radius)
            places.append(place)
        with clock.phase("training"):
            for members in rounds(places):
                at = [places[i] for i in members]
                asked, wanted = [prompts[i] for i in members], [targets[i] for i in members]
                values, nll = self._learn(model, asked, wanted, book.values[at])
                book = book.holding(at, values)
                losses += nll
        memory = {name: getattr(book, name) for name in Codebook.__slots__}
        report = EditReport({"nll": sum(losses) / len(losses)}, seconds=clock.seconds)
        return State({**state.memory, **memory}, state.constants), report

    def _learn(
        self, model: EditableModel, prompts: Sequence[list[int]], targets: Sequence[list[int]], values: Tensor
    ) -> tuple[Tensor, list[float]]:
        """Train values [n, d] of as many prompts, each by its own loss; and the losses before the last update."""

        def train(group: list[int]) -> tuple[Tensor, list[float]]:
            loss = Loss.of(model, self.config.layer, [prompts[i] for i in group], [targets[i] for i in group])
            columns = torch.tensor([len(prompts[i]) - 1 for i in group], device=values.device)
            put = partial(saying, model.projection(self.config.layer), columns)
            trained = values[group]
            optimizer = torch.optim.Adam([trained], lr=self.config.lr)
            for _ in range(self.config.steps):
                # Adam goes its own way in every entry, so together they learn what each learns alone
                nll, trained.grad = loss.derived(trained, put)
                optimizer.step()
            return trained, nll.tolist()

        lengths = [len(prompt) + len(target) for prompt, target in zip(prompts, targets, strict=True)]
        found, losses = torch.empty_like(values), []
        for group, (trained, nll) in model.budget.batches(lengths, train):
            found[group] = trained
            losses += nll
        return found, losses

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model with the codebook."""
        return nullcontext(Remembering(model, Looked(model.projection(self.config.layer), _book(state))))


def rounds(places: Sequence[int]) -> list[list[int]]:
    """Edits whose places all differ, by turns: who takes a value over begins where the one before has left it."""
    turns: list[list[int]] = []
    for i, place in enumerate(places):
        turn = places[:i].count(place)
        if turn == len(turns):
            turns.append([])
        turns[turn].append(i)
    return turns


def _book(state: State) -> Codebook:
    return Codebook(*(state.memory[name] for name in Codebook.__slots__))


def build(config: Config) -> Method:
    """GRACE as described above."""
    return Grace(config)
