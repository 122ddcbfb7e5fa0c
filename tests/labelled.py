"""A second device without a second device: tensors that lie in main memory and refuse to meet those of the first.

`DEVICE` stands beside "cpu" as a GPU would: what mixes the two raises, but for single numbers and indices given as
such. torch lets a process have one such device, so it is set up in a process of its own, by `set_up`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch import Tensor, nn
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

DEVICE, CPU = "label:0", torch.device("cpu")
CAN_BE_HAD = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")


def set_up() -> None:
    """Make the device known to torch, for good."""
    backend_registration._setup_privateuseone_for_python_backend(rename="label")
    torch.set_num_threads(1)


class Labelled(Tensor):
    """A tensor on `DEVICE`; `inner` holds its numbers."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: Tensor) -> Labelled:
        found = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=torch.device(DEVICE),
            requires_grad=inner.requires_grad,
        )
        found.inner = inner
        return found

    def tolist(self) -> Any:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(function, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(function, args, kwargs or {})


def _call(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the inner tensors; the result lies where it was asked for, else where the arguments do."""
    name, tensors = function._schema.name, [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    asked = kwargs.get("device")
    if asked is None and name != "aten::copy_":
        _refuse_mixed(name, tensors)
        labelled = any(isinstance(x, Labelled) for x in tensors)
    else:
        labelled = isinstance(args[0], Labelled) if asked is None else torch.device(asked) != CPU
    here = {**kwargs, "device": CPU} if asked is not None else kwargs
    out = function(*tree_map(_inner, args), **tree_map(_inner, here))
    if not labelled:
        return out
    out = tree_map_only(Tensor, Labelled, out)
    return out if asked is not None else return_and_correct_aliasing(function, args, kwargs, out)


def _refuse_mixed(name: str, tensors: list[Tensor]) -> None:
    places = {str(x.device) for x in tensors if x.ndim or isinstance(x, Labelled)}
    if len(places) > 1:
        raise RuntimeError(f"{name}: tensors on {' and '.join(sorted(places))}")


def _inner(x: Any) -> Any:
    return x.inner if isinstance(x, Labelled) else x


@contextmanager
def in_use() -> Iterator[None]:
    """While open, tensors can be made on the device."""
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with _Mode():
            yield
    finally:
        torch._C._set_only_lift_cpu_tensors(False)


def spread(hf: Any, place: dict[str, str]) -> None:
    """Put modules, by the beginning of their path, on devices, with the hooks that accelerate gives them.

    accelerate itself would take "cpu" for a place where weights are kept, not one where modules run.
    """
    skip = hf._skip_keys_device_placement
    for path, module in hf.named_modules():
        device = next((d for part, d in place.items() if f"{path}.".startswith(f"{part}.")), None)
        if device is not None and module.state_dict():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(parameter.detach().to(device), requires_grad=False))
            for name, buffer in list(module.named_buffers(recurse=False)):
                setattr(module, name, buffer.to(device))
            add_hook_to_module(module, AlignDevicesHook(device, skip_keys=skip))
    add_hook_to_module(hf, AlignDevicesHook(io_same_device=True, skip_keys=skip))
