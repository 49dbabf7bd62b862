"""A file that does something else is found out."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.policies.export_check import check_export
from potstill.policies.pixel_export import PixelExport


class Loaded:
    """Acts as a module does, changed by ``change``."""

    facts: dict = {}

    def __init__(self, module, change=lambda output: output):
        self.module, self.change, self.rows = module, change, []

    def act(self, inputs):
        self.rows.append(len(inputs["proprio"]))
        return {name: self.change(output) for name, output in self.module.act(inputs).items()}


@pytest.fixture
def module(make_policy):
    return PixelExport(make_policy(size=16, channels=4))


def test_the_same_network_passes_with_no_difference_on_batches_of_several_sizes(module):
    loaded = Loaded(module)
    check = check_export(module, loaded)
    assert check.passed and check.difference == 0.0 and check.rows == 1000
    assert len(set(loaded.rows)) >= 4


def test_other_weights_do_not_pass(module, make_policy):
    check = check_export(module, Loaded(PixelExport(make_policy(size=16, channels=4, seed=1))))
    assert not check.passed and check.difference > 1e-3


@pytest.mark.parametrize(("offset", "passed"), [(0.9e-5, True), (1.2e-5, False), (np.nan, False)])
def test_the_bound_is_a_hundred_thousandth_and_nan_is_beyond_it(module, offset, passed):
    check = check_export(module, Loaded(module, lambda output: output + np.float32(offset)))
    assert check.passed is passed


def test_an_output_that_is_missing_is_an_error(make_policy):
    module = PixelExport(make_policy(size=16, channels=4, head="gaussian"))
    with pytest.raises(KeyError, match="log_std"):
        check_export(module, Loaded(PixelExport(make_policy(size=16, channels=4))))


def test_both_are_timed(module):
    check = check_export(module, Loaded(module))
    for latency in (check.eager, check.exported):
        assert 0.0 < latency.p50 <= latency.p99
