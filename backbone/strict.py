"""Loading of weights that checks every name and every shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from torch import Tensor, nn

SHOWN_NAMES = 6


def load_strict(module: nn.Module, tensors: Mapping[str, Tensor], source: object = "the weights") -> None:
    """Copy ``tensors`` into ``module``: the names and shapes must be the module's own; ``source`` begins the error."""
    expected = module.state_dict()
    wrong = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    check_names(source, "the network", expected, tensors, wrong)
    module.load_state_dict(tensors)


def check_names(
    source: object, what: str, expected: Collection[str], found: Collection[str], wrong: Sequence[str] = ()
) -> None:
    """Refuse names that are missing or unexpected, and shapes that were found ``wrong``, in one error."""
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    if missing or unexpected or wrong:
        faults = (_listed("missing", missing), _listed("unexpected", unexpected), _listed("wrong shape", wrong))
        raise ValueError(f"{source}: not the weights of {what}: {'; '.join(filter(None, faults))}")


def _listed(label: str, names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"{label}: {shown}" if names else ""
