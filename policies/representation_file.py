"""Name and kind of a trajectory transformer's file, known without importing torch."""

from __future__ import annotations

#: Name of the file in a checkpoint folder.
REPRESENTATION_FILE = "representation.safetensors"
#: What its seal says it is; see ``array_file.py``.
REPRESENTATION_KIND = "potstill.representation.1"
