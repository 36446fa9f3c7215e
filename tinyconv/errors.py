"""Every error tinyconv raises on purpose says: what, got, expected, fix."""


class TinyconvError(Exception):
    """The family: the command line prints it as one line and exits with 2."""


class ShapeError(TinyconvError, ValueError):
    """Sizes that do not fit together, or an impossible geometry."""


class PositionError(ShapeError, IndexError):
    """An index outside of a tensor, or one that is none."""


class DtypeError(TinyconvError, TypeError):
    """Two float dtypes in one operation, or numbers that are not real."""


class GradientError(TinyconvError, RuntimeError):
    """A tensor used in a way that has no gradient, or a graph that is gone."""


class RuleError(GradientError):
    """A gradient rule whose result has another shape or dtype than its input: `got` and `expected` are the shapes."""

    def __init__(self, message: str, got: tuple[int, ...] | None = None, expected: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.got, self.expected = got, expected


class KernelError(TinyconvError, ValueError):
    """A kernel that is unknown, or asked for something it cannot do."""


class DataError(TinyconvError, ValueError):
    """A file or an argument from outside that is not what it should be."""
