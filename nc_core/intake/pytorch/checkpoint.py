"""The state dict of a file: what is saved by itself, or beside the optimiser and the epoch."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nc_core.errors import ModelRefused
from nc_core.intake.limits import NAME_CHARACTERS, STATE_ARRAYS, within
from nc_core.intake.pytorch.stored import State, Stored, check_apart
from nc_core.intake.pytorch.wording import PLAIN
from nc_core.intake.wording import TWO_MEANINGS, shown

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "module")
"""Under which scripts keep the state dict: kuangliu's `net`, BackdoorBench's `model`, Lightning's `state_dict`, ..."""
LAYERS_OF_WRAPPING = 3
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
"""What DataParallel, torch.compile and wrapping modules put before every name."""
COUNTER = "num_batches_tracked"
"""How often a BatchNorm was trained: nothing to its answers."""


class Found(NamedTuple):
    """note: what was left out around the state dict, a sentence for people; "" where it is all that there was."""

    state: State
    note: str


def state_dict(value: Any) -> Found:
    """The one state dict of a file, without prefixes that all its names have, and without counters.

    value: what the file holds. ModelRefused where there is none, or where there are two.
    """
    unwrapped: list[str] = []
    for _ in range(LAYERS_OF_WRAPPING):
        if _is_state(value):
            state, prefix = _plain(value)
            return Found(state, _note(unwrapped, prefix))
        if not isinstance(value, dict):
            break
        found = [key for key in WRAPPERS if _may_hold(value.get(key))]
        if len(found) > 1:
            raise ModelRefused(
                f"the file holds {' and '.join(found)}, more than one net: save the one that you mean, {TWO_MEANINGS}"
            )
        if not found:
            break
        unwrapped += found
        value = value[found[0]]
    raise ModelRefused(f"the file holds no state dict, a dict of arrays by name, {_told(value)}: {PLAIN}")


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(each, Stored) for each in value.values())


def _may_hold(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(each, Stored | dict) for each in value.values())


def _told(value: Any) -> str:
    if isinstance(value, Stored):
        return "but a single array"
    if isinstance(value, dict):
        names = [shown(key) for key in list(value)[:3]]
        return f"but a dict of {', '.join(names)}" if names else "but an empty dict"
    return "but something else"


def _note(unwrapped: Sequence[str], prefix: str) -> str:
    said = [f"of its checkpoint what lies under {'.'.join(unwrapped)!r}"] if unwrapped else []
    said += [f"the names of its weights without {prefix!r} before each"] if prefix else []
    return f"the model was read from {' and '.join(said)}" if said else ""


def _plain(value: Mapping[Any, Stored]) -> tuple[State, str]:
    within(len(value), STATE_ARRAYS, "arrays in its state dict")
    state, gone = dict(value), ""
    if not all(isinstance(name, str) and len(name) <= NAME_CHARACTERS for name in state):
        raise ModelRefused(
            f"the state dict has names that are no texts of at most {NAME_CHARACTERS} characters: {PLAIN}"
        )
    while prefix := next((each for each in PREFIXES if all(name.startswith(each) for name in state)), None):
        gone += prefix
        state = {name.removeprefix(prefix): array for name, array in state.items()}
    kept = {name: array for name, array in state.items() if name.rpartition(".")[2] != COUNTER}
    check_apart(kept.values())
    return kept, gone
