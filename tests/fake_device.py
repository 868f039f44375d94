"""A device that is not there: tensors said to be on a GPU, whose numbers are on the CPU.

Every operation on tensors of two devices fails as it would on a GPU (but for single numbers on the
CPU, which torch lets mix). What runs here has no tensor on the wrong device.

A model without numbers (torch's meta device) may be moved there too: its fractions then have shapes
only, while whole numbers and flags (tokens, positions, masks), by which models choose what to do,
are real; a comparison of fractions is true and their best place the first. ``peak`` counts the
bytes that such tensors would take.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import (
    _setup_privateuseone_for_python_backend as _setup,
)
from torch.utils.flop_counter import flop_registry

CPU = torch.device("cpu")
aten = torch.ops.aten
# operations that move numbers, or move indices by themselves
MOVING = (aten.copy_, aten._to_copy, aten.to, aten.index, aten.index_put_, aten.index_put)
# of the other tensor they take the shape, not its numbers, which may not be there
SHAPED = {aten.expand_as: "expand", aten.view_as: "view", aten.reshape_as: "reshape"}


DEVICE = torch.device("privateuseone", 0)


class Peak:
    """The bytes of all tensors on DEVICE, now and at most, and what is computed with tensors
    without numbers: ``flops`` as torch counts them."""

    def __init__(self) -> None:
        self.now = self.most = self.flops = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def start(self) -> None:
        """Forgets what was, and counts from what is there now."""
        self.most = self.now

    def count(self, numbers: torch.Tensor) -> None:
        """Adds a tensor's storage, unless it is another's; until nobody holds it."""
        storage = numbers.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone(_: Any) -> None:
            self.now -= size
            self._known.pop(key, None)

        self._known[key] = weakref.ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)


peak = Peak()


class OnDevice(torch.Tensor):
    """A tensor that says it is on DEVICE; ``numbers`` are its values, on the CPU."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device=DEVICE,
            requires_grad=False,
        )
        made.numbers = numbers
        peak.count(numbers)
        return made  # type: ignore[no-any-return]

    def __repr__(self, **_: Any) -> str:
        return f"OnDevice({self.numbers!r})"

    def data_ptr(self) -> int:
        """Where its numbers are: the same for views of the same place."""
        start = self.numbers.untyped_storage()._cdata
        return int(start + self.numbers.storage_offset() * self.numbers.element_size())

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """By its numbers: torch's own would read its memory."""
        return memo.setdefault(id(self), self.clone())

    def tolist(self) -> Any:
        """As torch's own, which refuses tensors of other classes."""
        return self.numbers.tolist()

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _call(function, args, kwargs or {})


class _Made(TorchDispatchMode):
    """Tensors that are made on DEVICE are wrapped."""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _call(function, args, kwargs or {})


def _call(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if function is aten._fused_sdp_choice.default:
        return 0  # the plain one: the others' operators have no CPU version
    if function.overloadpacket in SHAPED:
        return getattr(args[0], SHAPED[function.overloadpacket])(*args[1].shape)
    flat, _ = tree_flatten((args, kwargs))
    tensors = [each for each in flat if isinstance(each, torch.Tensor)]
    on_device = any(isinstance(each, OnDevice) for each in tensors)
    asked = [each for each in flat if isinstance(each, torch.device)]
    if function.overloadpacket not in MOVING:
        _check(function, tensors)
    if asked:
        on_device = asked[0].type == DEVICE.type
        args, kwargs = tree_map(lambda e: CPU if e == DEVICE else e, (args, kwargs))
    plain = tree_map(lambda e: e.numbers if isinstance(e, OnDevice) else e, (args, kwargs))
    if function is aten.histc.default:  # of whole numbers, which no CPU takes
        plain = ((plain[0][0].float(), *plain[0][1:]), plain[1])
    held = [each for each in tree_flatten(plain)[0] if isinstance(each, torch.Tensor)]
    if any(each.is_meta for each in held):
        made = _shapes(function, plain, on_device)
    else:
        made = function(*plain[0], **plain[1])
    if function._schema.is_mutable and not function._schema.returns:
        return made
    if function._schema.is_mutable and args and isinstance(args[0], torch.Tensor):
        return args[0] if made is plain[0][0] else _wrapped(made, on_device)
    return _wrapped(made, on_device)


def _shapes(function: Any, plain: Any, on_device: bool) -> Any:
    """What an operation gives where some numbers are not there; whole numbers and flags are."""
    args, kwargs = plain
    if function.overloadpacket in (aten.index, aten.index_put_, aten.index_put):
        args = (args[0], _places(args[1]), *args[2:])
    known = args[0] if args else None
    if function.overloadpacket in (aten._to_copy, aten.to) and not on_device:
        raise RuntimeError(f"{function}: numbers that are not there are asked for")
    args, kwargs = tree_map(_on_meta, (args, kwargs))
    made = _counted(function, args, kwargs)
    if function._schema.is_mutable:
        return known
    return tree_map(_filled, made)


def _counted(function: Any, args: Any, kwargs: Any) -> Any:
    """Called, its floating-point operations added to ``peak.flops``."""
    made = function(*args, **kwargs)
    packet = function.overloadpacket
    if packet in flop_registry:
        peak.flops += flop_registry[packet](*args, **kwargs, out_val=made)
    elif packet in PRODUCTS:
        peak.flops += PRODUCTS[packet](made, *args, **kwargs)
    return made


def _product(made: Any, one: Any, *_: Any, **__: Any) -> int:
    return 2 * made.numel() * int(one.shape[-1])


def _convolution(made: Any, _: Any, weight: Any, *__: Any, **___: Any) -> int:
    return 2 * made.numel() * (weight.numel() // len(weight))


def _attention(
    made: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    is_causal: bool = False,
    **_: Any,
) -> int:
    """Scores and their sums of values; of a mask's every place counts, as kernels compute it, while
    the half that a causal kernel passes over does not."""
    pairs = query.numel() // query.shape[-1] * key.shape[-2]
    each = query.shape[-1] + made.shape[-1]
    return int(pairs * each if causal or is_causal else 2 * pairs * each)


# Inference mode hands these over whole; torch's counter would take them apart into products of
# matrices, at ten times the seconds (a test holds both together).
PRODUCTS: dict[Any, Callable[..., int]] = {
    aten.linear: _product,
    aten.matmul: _product,
    aten._grouped_mm: _product,  # each token by its own expert's matrix
    aten.scaled_dot_product_attention: _attention,
    **dict.fromkeys((aten.conv1d, aten.conv2d, aten.conv3d), _convolution),
}


def _on_meta(value: Any) -> Any:
    if isinstance(value, torch.device):
        return torch.device("meta")
    return value.to("meta") if isinstance(value, torch.Tensor) else value


def _places(indices: Any) -> list[Any]:
    """Indices with flags spelled out as the places that they mark."""
    found: list[Any] = []
    for index in indices:
        flags = isinstance(index, torch.Tensor) and index.dtype == torch.bool
        found += list(index.nonzero(as_tuple=True)) if flags else [index]
    return found


def _filled(made: Any) -> Any:
    if not isinstance(made, torch.Tensor) or made.is_floating_point() or made.is_complex():
        return made
    return torch.full(made.shape, made.dtype == torch.bool, dtype=made.dtype)


def _check(function: Any, tensors: Sequence[torch.Tensor]) -> None:
    """Raises RuntimeError where tensors of two devices meet."""
    if not any(isinstance(each, OnDevice) for each in tensors):
        return
    strangers = [tuple(t.shape) for t in tensors if not isinstance(t, OnDevice) and t.dim() > 0]
    if strangers:
        raise RuntimeError(f"{function}: tensors on the CPU beside those on a GPU: {strangers}")


def _wrapped(made: Any, on_device: bool) -> Any:
    if not on_device:
        return made
    return tree_map(
        lambda e: OnDevice(e) if isinstance(e, torch.Tensor) and not isinstance(e, OnDevice) else e,
        made,
    )


@torch.inference_mode()  # views of others could not be made in it
def move(model: torch.nn.Module) -> None:
    """A model's weights and buffers to DEVICE, within ``device``."""
    moved: dict[int, torch.nn.Parameter] = {}  # tied weights stay one
    for module in model.modules():
        for name, weight in list(module._parameters.items()):
            if weight is not None and id(weight) not in moved:
                wrapped = torch.nn.Parameter(OnDevice(weight.data), requires_grad=False)
                moved[id(weight)] = moved[id(wrapped)] = wrapped
            if weight is not None:
                module._parameters[name] = moved[id(weight)]
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = OnDevice(_numbered(buffer))


def _numbered(buffer: torch.Tensor) -> torch.Tensor:
    """Whole numbers of a model without numbers are places (``position_ids``)."""
    if not buffer.is_meta or buffer.is_floating_point() or not buffer.dim():
        return buffer
    if buffer.dtype == torch.bool:
        return torch.ones(buffer.shape, dtype=torch.bool)
    return torch.arange(buffer.shape[-1], dtype=buffer.dtype).expand(buffer.shape).clone()


@contextmanager
def device() -> Iterator[None]:
    """While it lasts, tensors made on DEVICE are. From the first time on, torch takes the device
    for this machine's accelerator: only in a process of its own."""
    inner: Any = torch._C
    if not hasattr(torch, "privateuseone"):
        _setup()
    inner._set_only_lift_cpu_tensors(True)
    usual = torch.tensor

    def tensor(data: Any, **given: Any) -> torch.Tensor:
        """torch's own reads single numbers in a list past what is registered for the device."""
        read = tree_map(lambda e: e.tolist() if isinstance(e, OnDevice) else e, data)
        return usual(read, **given)

    torch.tensor = tensor  # type: ignore[assignment]
    try:
        with _Made():
            yield
    finally:
        torch.tensor = usual
        inner._set_only_lift_cpu_tensors(False)
