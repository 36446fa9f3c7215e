"""What a check found, input by input, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Two values that should be one, at one input.

    Attributes
    ----------
    name, position, shape : of the input
    index : tuple of int or None
        Where they differ most; None if the values belong to the whole input (a random direction, an inner product).
    analytic, numeric : float
        By the gradient rules, and by the function itself.
    error : float
        Their difference, relative to the largest gradient of this input.
    looks_like : str
        The usual mistake it looks like; empty if they agree.
    """

    name: str
    position: int
    shape: tuple[int, ...]
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    error: float
    ok: bool
    looks_like: str = ""

    def __str__(self) -> str:
        what = f"input {self.position}, {self.name} {self.shape}"
        if self.ok:
            return f"{what}: agrees, relative error {self.error:.1e}"
        where = "" if self.index is None else f" at {self.index}"
        return (f"{what}: WRONG{where}: analytic {self.analytic:.9g}, numeric {self.numeric:.9g}, "
                f"relative error {self.error:.1e}. It looks like {self.looks_like}.")


@dataclass(frozen=True)
class Report:
    """The outcome of one check: `assert report.ok, report` says everything.

    Attributes
    ----------
    op : str
        The function that was checked.
    check : str
        What was checked, for example "gradient of order 1".
    findings : one for each input; empty if a rule failed before anything could be compared
    failure : str
        Why nothing could be compared.
    """

    op: str
    check: str
    findings: tuple[Finding, ...] = ()
    failure: str = ""

    @property
    def ok(self) -> bool:
        return not self.failure and all(finding.ok for finding in self.findings)

    @property
    def error(self) -> float:
        """The worst relative error of all inputs."""
        return float("inf") if self.failure else max((finding.error for finding in self.findings), default=0.0)

    def __str__(self) -> str:
        lines = [f"{self.op}, {self.check}: {'right' if self.ok else 'WRONG'}"]
        lines += [f"  {finding}" for finding in self.findings]
        lines += [f"  {self.failure}"] if self.failure else []
        return "\n".join(lines)
