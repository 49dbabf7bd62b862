from __future__ import annotations

import os
import signal

import pytest

from potstill.launch.engine.terminate_as_interrupt import terminate_as_interrupt


def test_sigterm_interrupts_inside_and_means_what_it_meant_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminate_as_interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert signal.getsignal(signal.SIGTERM) is before


def test_inside_another_one_the_outer_one_counts_again():
    with terminate_as_interrupt():
        outer = signal.getsignal(signal.SIGTERM)
        with terminate_as_interrupt():
            assert signal.getsignal(signal.SIGTERM) is not outer
        assert signal.getsignal(signal.SIGTERM) is outer
