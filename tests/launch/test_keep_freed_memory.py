from __future__ import annotations

import subprocess
import sys

#: Page faults of 50 steps that each make and free three arrays of 8 MB, in a thread as workers have.
SCRIPT = """
import resource, sys, threading
import numpy as np
from potstill.launch.keep_freed_memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()

def step():
    return [np.ones(1_000_000) for _ in range(3)]

def work():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def page_faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_step_gets_the_memory_of_the_last_one_again():
    assert page_faults("kept") < page_faults("left alone") / 10
