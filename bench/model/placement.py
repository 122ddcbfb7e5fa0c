"""Models spread over several devices, parts of them kept in main memory or on disk, as accelerate does it.

accelerate puts a hook on every module of such a model: before the module runs its inputs come to where it computes, and
weights that are kept elsewhere come too, to be let go afterwards. Outside of a forward they are on no device ("meta").
All that the rest of the project has to know about it stands here; of a model without hooks everything holds as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.ground.errors import BenchError
from bench.ground.parsing import parse_yaml, read_text
from bench.model.sizes import free_bytes

KEPT = ("cpu", "disk")
"""Where weights may be kept besides GPUs."""

AMOUNT = re.compile(r"\d+(\.\d+)? ?[KMG]i?B")


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """How a model is spread over devices.

    Attributes:
        modules: GPU (its number), "cpu" or "disk" by the path of a module; "auto" leaves it to accelerate, which
            fills GPUs evenly, then main memory, then leaves weights on disk.
        limits: for "auto", most bytes of weights by device, as a number or as "10GiB"; a device that is not named is
            not used, but for the disk. None: what is free.
    """

    modules: Mapping[str, int | str] | Literal["auto"] = "auto"
    limits: Mapping[int | str, int | str] | None = None

    def arguments(self, device: str) -> dict[str, Any]:
        """What `from_pretrained` wants to be told; on the device "cpu" no GPU is used by itself."""
        limits = self.limits
        if limits is None and device == "cpu":
            limits = {"cpu": free_bytes("cpu") * 9 // 10}
        return {"device_map": self.modules, "max_memory": limits if self.modules == "auto" else None}


def device_map(given: str) -> DeviceMap:
    """Read a device map.

    Args:
        given: "auto", or a YAML or JSON file: devices by the paths of modules, or limits by device.

    Raises:
        BenchError: neither, or the file names something that is no device, or a GPU that is not there.
    """
    if given == "auto":
        return DeviceMap()
    path = Path(given)
    if not path.is_file():
        raise BenchError(f"unknown device map '{given}': give 'auto' or a YAML file")
    found = parse_yaml(read_text(path), path)
    if not isinstance(found, dict) or not found:
        raise BenchError("a device map holds devices by module, or limits by device", file=path)
    if any(isinstance(key, int) or key in KEPT for key in found):
        for key, amount in found.items():
            _check_device(key, path, str(key))
            if not (isinstance(amount, int) or (isinstance(amount, str) and AMOUNT.fullmatch(amount))):
                raise BenchError(f"{amount!r} is no amount of memory such as 10GiB", file=path, field=str(key))
        return DeviceMap(limits=found)
    for key, place in found.items():
        _check_device(place, path, str(key))
    return DeviceMap({str(key): place for key, place in found.items()})


def _check_device(place: object, path: Path, field: str) -> None:
    count = torch.cuda.device_count()
    if place not in KEPT and not (isinstance(place, int) and place in range(count)):
        known = ", ".join([*map(str, range(count)), *KEPT])
        raise BenchError(f"{place!r} is no device; there are: {known}", file=path, field=field)


def device_of(module: nn.Module) -> torch.device:
    """Where a module that has parameters computes, wherever these are kept."""
    for hook in reversed(_hooks(module)):
        if hook.execution_device is not None:
            return torch.device(hook.execution_device)
    return next(module.parameters()).device


def entry_device(model: Any) -> torch.device:
    """Where a Hugging Face model wants its token ids."""
    return device_of(model.get_input_embeddings())


def devices_of(model: nn.Module) -> tuple[torch.device, ...]:
    """All devices that a model computes on, that of its token ids first."""
    own = (part for part in model.modules() if next(part.parameters(recurse=False), None) is not None)
    return tuple(dict.fromkeys(map(device_of, own)))


def is_offloaded(module: nn.Module) -> bool:
    """Whether any weights of a module are kept elsewhere while it does not run."""
    return any(hook.offload for part in module.modules() for hook in _hooks(part))


def make_resident(module: nn.Module) -> None:
    """Keep a module's own weights where it computes from now on, so that they can be read and written."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    with loaded(module, and_let_go=False):
        weights = {name: parameter.detach().clone() for name, parameter in module.named_parameters(recurse=False)}
    for name, weight in weights.items():
        # what was loaded may be the file itself, mapped into memory
        setattr(module, name, nn.Parameter(weight, requires_grad=False))
    add_hook_to_module(module, AlignDevicesHook(device_of(module)))


def weight_of(model: nn.Module, name: str) -> Tensor:
    """A parameter by name, wherever it is kept; a copy may stand for it, so it is not to be written to."""
    module_name, _, own = name.rpartition(".")
    module = model.get_submodule(module_name)
    with loaded(module):
        return module.get_parameter(own).detach()


@contextmanager
def loaded(module: nn.Module, and_let_go: bool = True) -> Iterator[None]:
    """While open, a module's own weights are where it computes."""
    hook = getattr(module, "_hf_hook", None)
    if hook is not None:
        hook.pre_forward(module)
    try:
        yield
    finally:
        if hook is not None and and_let_go:
            hook.post_forward(module, None)


def _hooks(module: nn.Module) -> tuple[Any, ...]:
    """The hooks on a module; accelerate chains them where a map names a module and a part of it."""
    hook = getattr(module, "_hf_hook", None)
    return () if hook is None else tuple(getattr(hook, "hooks", (hook,)))
