"""LoRA: train low-rank adapters on a step's facts and merge them into the weights (Hu et al., ICLR 2022).

Of a chosen matrix W [d, m] the model computes W + alpha / r B A, with A [r, m] drawn and B [d, r] zero at first; Adam
trains both on the mean over facts of the mean NLL of a target's tokens, teacher-forced. After the step alpha / r B A is
written into W, and the next one begins with new adapters. Nothing keeps other facts. The adapters are those of `peft`
(``pip install 'langedit-bench[lora]'``); first values and dropout are drawn by the cell's seed and the step's number.

As a baseline of editing: zjunlp/EasyEdit, ``easyeditor/models/lora``, whose hyperparameters these are. It asks for
AdaLoRA, here it is plain LoRA; it trains on one fact at a time, here on a step's together; it keeps adapters apart,
here they are merged, so that all methods are scored and saved alike; it writes " <|endoftext|>" behind every target,
as text, here `end_of_text` asks for the token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from math import hypot
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods._hyper.examples import Asked, ids
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layers

STEPS = "steps"
"""Name in a state's memory of the number of steps edited."""

ADAPTER = "edit"


class Config(TargetOptions):
    """Options of LoRA."""

    layers: Layers = Field(description="blocks with adapters [layers, where none means all]")
    target_modules: tuple[str, ...] = Field(
        default=(),
        description="matrices of a block, by the end of their names; none: the MLP's output projection",
    )
    rank: int = Field(default=8, ge=1, description="r [rank]")
    alpha: float = Field(default=32, gt=0, description="alpha [lora_alpha]")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="of the adapters' inputs [lora_dropout]")
    lr: float = Field(gt=0, description="Adam step size [lr]")
    steps: int = Field(ge=1, description="epochs over a step's facts [num_steps]")
    batch_size: int = Field(ge=1, description="facts per update [batch_size]")


@dataclass(frozen=True, slots=True)
class LowRankAdapters:
    """See the module.

    Memory: `steps`, how many were edited.
    """

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Find the matrices."""
        return State({STEPS: 0}, {"context": context, "modules": modules_of(model, self.config)})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Train new adapters on one step's facts and merge them.

        Raises:
            BenchError: `peft` is not installed.
        """
        if find_spec("peft") is None:
            raise BenchError("method 'lora' needs peft: pip install 'langedit-bench[lora]'")
        clock = Clock()
        seed = state.constants["context"].rng(f"adapters/{state.memory[STEPS]}").initial_seed()
        rows = ids(model, [(request.text, request.target) for request in requests], self.config.end_of_text)
        modules = state.constants["modules"]
        with clock.phase("training"), drawn_by(seed, model.devices), adapters(model, modules, self.config) as added:
            losses = train(model, rows, self.config)
            with torch.no_grad():
                deltas = {f"{name}.weight": each.get_delta_weight(ADAPTER).float() for name, each in added.items()}
        norms: dict[int, float] = {}
        for name, delta in deltas.items():
            # in the weight's own layout; what peft merges itself is rounded to the model's precision
            model.assign(name, model.master(name) + delta)
            layer = model.layer_of(name)
            norms[layer] = hypot(norms.get(layer, 0.0), float(delta.norm()))
        state.memory[STEPS] += 1
        return state, EditReport({"nll": losses[-1]}, norms, clock.seconds)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def modules_of(model: EditableModel, config: Config) -> list[str]:
    """Full names of the modules that get an adapter.

    Raises:
        BenchError: there is no such block, or a block has no such matrix.
    """
    model.check_layers(config.layers)
    found = []
    for layer in config.layers:
        place = f"{model.arch.trunk}.{model.arch.blocks}.{layer}"
        if not config.target_modules:
            found.append(f"{place}.{model.arch.projection}")
        paths = [path for path, module in model.blocks[layer].named_modules() if hasattr(module, "weight")]
        names = {path: path.rpartition(".")[2] for path in paths}
        for target in config.target_modules:
            if target not in names.values():
                known = ", ".join(dict.fromkeys(names.values()))
                raise BenchError(f"block {layer} has no '{target}'; it has {known}", field="target_modules")
            found += [f"{place}.{path}" for path, name in names.items() if name == target]
    return found


@contextmanager
def drawn_by(seed: int, devices: Sequence[torch.device]) -> Iterator[None]:
    """While open all draws come from `seed`; those after it are as if there had been none."""
    with torch.random.fork_rng([device for device in devices if device.type == "cuda"]):
        torch.manual_seed(seed)
        yield


@contextmanager
def adapters(model: EditableModel, modules: Sequence[str], config: Config) -> Iterator[dict[str, Any]]:
    """While open, modules have adapters, fp32, the only parameters with gradients; they are yielded by module."""
    from peft import LoraConfig, LoraModel

    options = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(modules),
        fan_in_fan_out=model.arch.transposed,
    )
    tuner = LoraModel(model.hf, {ADAPTER: options}, ADAPTER)
    try:
        for parameter in trained_of(model):
            parameter.data = parameter.data.float()
        yield {name: model.hf.get_submodule(name) for name in modules}
    finally:
        tuner.unload()
        # some versions of peft leave it
        vars(model.hf).pop("peft_config", None)


def trained_of(model: EditableModel) -> list[nn.Parameter]:
    """What has gradients: of a model with adapters, theirs."""
    return [parameter for parameter in model.hf.parameters() if parameter.requires_grad]


def train(model: EditableModel, rows: Sequence[Asked], config: Config) -> list[float]:
    """Train all adapters on prompts and targets, batches in their order; the loss of every batch."""
    parameters = trained_of(model)
    optimizer = torch.optim.Adam(parameters, lr=config.lr)
    batches = [rows[start : start + config.batch_size] for start in range(0, len(rows), config.batch_size)]
    losses = []
    for _ in range(config.steps):
        for batch in batches:
            loss, gradients = _gradients(model, batch, parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
            losses.append(loss)
    return losses


def _gradients(
    model: EditableModel, batch: Sequence[Asked], parameters: Sequence[nn.Parameter]
) -> tuple[float, list[Tensor]]:
    """The batch's loss, the mean over facts of the mean NLL of their targets, and its gradients."""

    def derive(group: list[int]) -> tuple[float, tuple[Tensor, ...]]:
        loss = model.said([batch[i][0] for i in group], [batch[i][1] for i in group]).nll().sum() / len(batch)
        return loss.item(), torch.autograd.grad(loss, parameters)

    total, sums = 0.0, [torch.zeros_like(parameter) for parameter in parameters]
    for _, (loss, gradients) in model.budget.batches([len(p) + len(t) - 1 for p, t in batch], derive):
        total += loss
        for kept, gradient in zip(sums, gradients, strict=True):
            kept += gradient
    return total, sums


def build(config: Config) -> Method:
    """LoRA as described above."""
    return LowRankAdapters(config)
