"""What the tests of `check_calculator` share."""

from __future__ import annotations

import pytest

from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.testing import Report, check_calculator

SMALL = (AnalysisProfile(window_size=256, hop_size=64),)


@pytest.fixture
def checked():
    """A function that checks a calculator with little sound."""

    def check(calculator, **options) -> Report:
        return check_calculator(calculator, **{"sample_rates": (8000,), "profiles": SMALL, **options})

    return check
