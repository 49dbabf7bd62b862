from __future__ import annotations

import sys
from pathlib import Path

# The harness is a package beside the tests; benchmarks/queue_simulation.py imports it in the same way.
sys.path.insert(0, str(Path(__file__).parents[1]))
