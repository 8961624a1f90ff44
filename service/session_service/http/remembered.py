"""A cache with a time to live and a maximum size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by key, each for `seconds`; beyond `most` values the oldest is dropped."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: OrderedDict[str, tuple[Value, float]] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """The value of a key, None if there is none or it has expired."""
        value, until = self._values.get(key, (None, 0.0))
        return value if self._clock() < until else None

    def put(self, key: str, value: Value) -> None:
        """Store a value; its time starts now."""
        self._values[key] = value, self._clock() + self._seconds
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
