"""What one health check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor."""

    check: str
    status: Literal["ok", "warn", "fail"]
    """warn: potstill works, but worse than it could; fail: it will not work."""
    message: str
    fix: str = ""
    """The exact command or step that mends it; empty when ok."""


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, status="ok", message=message)


def warn(check: str, message: str, fix: str) -> Finding:
    """Works, but could be better."""
    return Finding(check=check, status="warn", message=message, fix=fix)


def fail(check: str, message: str, fix: str) -> Finding:
    """Will not work."""
    return Finding(check=check, status="fail", message=message, fix=fix)
