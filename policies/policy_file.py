"""Name and kind of a student's file, known without importing torch."""

from __future__ import annotations

#: Name of the file in a checkpoint folder.
POLICY_FILE = "policy.safetensors"
#: What its seal says it is; see ``array_file.py``.
POLICY_KIND = "potstill.policy.1"
