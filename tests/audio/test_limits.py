from __future__ import annotations

import decimal

import numpy as np
import pytest

from audiocache_nb.audio.limits import check_channels, check_sample_rate
from audiocache_nb.errors import AudioLimitError, InvalidParameterError, InvalidTypeError


@pytest.mark.parametrize("rate", [1000, 44100, 384_000, 768_000, 44100.0, np.int32(8000), np.float32(22050)])
def test_a05_accepted_rates_become_int(rate):
    checked = check_sample_rate(rate)
    assert checked == rate
    assert type(checked) is int


@pytest.mark.parametrize(
    "rate", [1, 0, -1, 999, 768_001, 2**31 - 1, 44_099.5, float("nan"), float("inf"), -float("inf"), 1e300]
)
def test_a05_other_rates_are_refused(rate):
    with pytest.raises(AudioLimitError, match="sample rate") as caught:
        check_sample_rate(rate)
    assert "768,000" in caught.value.hint


@pytest.mark.parametrize("rate", ["44100", True, 44100j, [44100], decimal.Decimal(44100), np.bool_(True)])
def test_a05_a_rate_is_a_number(rate):
    with pytest.raises(InvalidTypeError):
        check_sample_rate(rate)


def test_a05_no_rate():
    with pytest.raises(InvalidParameterError):
        check_sample_rate(None)


@pytest.mark.parametrize("count", [1, 2, 64])
def test_a04_accepted_channels(count):
    assert check_channels(count) == count


@pytest.mark.parametrize("count", [0, 65, 1024])
def test_a04_other_channels_are_refused(count):
    with pytest.raises(AudioLimitError, match=f"{count:,} channels"):
        check_channels(count)
