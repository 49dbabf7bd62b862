"""The steps of a collective run that can be asked for one by one."""

from __future__ import annotations

from typing import Literal

#: collect: the bootstrap round. represent: the transformer. distil: all rounds and all policies. evaluate: everything.
Step = Literal["collect", "represent", "distil", "evaluate"]
