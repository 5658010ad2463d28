"""The contract of calculators as a function: the tests that the built-in calculators pass, for yours.

>>> from audiocache_nb.testing import check_calculator
>>> report = check_calculator("rms")  # doctest: +SKIP
>>> report.raise_if_failed()  # doctest: +SKIP

Stands on floor 7 beside the house: it uses the engine, and nothing of the house uses it. A test
runner is not needed; in a notebook, let the report be a cell's last line.
"""

from __future__ import annotations

from audiocache_nb.testing.check import check_calculator
from audiocache_nb.testing.report import Finding, Report

__all__ = ["Finding", "Report", "check_calculator"]
