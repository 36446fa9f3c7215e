"""Is a gradient right? Compare it with the slope the function itself shows, and name the mistake if it is wrong."""

from tinyconv.gradcheck.adjoint import adjoint_check
from tinyconv.gradcheck.check import gradcheck
from tinyconv.gradcheck.report import Finding, Report

__all__ = ["Finding", "Report", "adjoint_check", "gradcheck"]
