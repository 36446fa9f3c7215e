"""The state of a random generator as JSON, exact to the bit, for every bit generator that NumPy has."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.quoting import one_line


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """What `rng` will draw from now on, as a JSON object: integers of any size, arrays as {"dtype", "values"}."""
    return {name: _plain(value) for name, value in rng.bit_generator.state.items()}


def set_generator_state(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Let `rng` draw what the generator that gave `state` would draw from now on."""
    rng.bit_generator.state = _arrays(state)


def generator_fault(rng: np.random.Generator, state: Any) -> str | None:
    """Why `state` cannot be given to `rng`, if it cannot."""
    own = generator_state(rng)
    if not isinstance(state, dict) or state.get("bit_generator") != own["bit_generator"]:
        kind = state.get("bit_generator") if isinstance(state, dict) else state
        return f"is {one_line(repr(kind))}, expected {own['bit_generator']!r}"
    trial = np.random.Generator(type(rng.bit_generator)())
    try:
        set_generator_state(trial, state)
        changed = generator_state(trial) != state
    except (TypeError, ValueError, LookupError, OverflowError):
        changed = True
    return "has a state that no generator can have" if changed else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": value.tolist()}
    return value if isinstance(value, str) else int(value)


def _arrays(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"dtype", "values"}:
        return np.array(value["values"], np.uint32 if value["dtype"] == "uint32" else np.uint64)
    return {name: _arrays(inner) for name, inner in value.items()} if isinstance(value, dict) else value
