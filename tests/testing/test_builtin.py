"""Every built-in calculator keeps the contract that others are asked to keep.

At one rate: `test_everything` goes through all of them at once, from 8 to 192 kHz.
"""

from __future__ import annotations

import pytest

from audiocache_nb.features.builtin import all_builtin
from audiocache_nb.testing import check_calculator


@pytest.mark.parametrize("name", [calculator.id for calculator in all_builtin()])
def test_it_keeps_the_contract(name):
    check_calculator(name, sample_rates=(22050,)).raise_if_failed()
