"""Name and kind of a collective policy's file, known without importing torch."""

from __future__ import annotations

#: Name of the file in a checkpoint folder.
COLLECTIVE_FILE = "collective.safetensors"
#: What its seal says it is; see ``array_file.py``.
COLLECTIVE_KIND = "potstill.collective.1"
