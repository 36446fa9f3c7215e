"""How everything that is wrong must be said: one error of the family, in one printable line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tinyconv as tc


@contextmanager
def assert_refused(match: str | None = None, error: type[Exception] = tc.DataError) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """The block must end in `error`, with a message of one printable line that matches."""
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert str(caught.value).isprintable()
