"""What a binary built with AddressSanitizer or ThreadSanitizer has found.

`WAYBILL_SANITIZER_REPORTS` names the folder for reports; without it nothing here does anything.
Each process writes its own file there, so that a report is neither lost in the output of a proxy
that a test kills nor mixed up with what a test expects on stderr.
"""

from __future__ import annotations

import os
from pathlib import Path

_VARIABLE = "WAYBILL_SANITIZER_REPORTS"
_seen: set[Path] = set()


def is_sanitized() -> bool:
    """Whether the binary needs far more memory and time than the one that users get."""
    return _VARIABLE in os.environ


def _folder() -> Path:
    """Of this test process alone: others run at the same time."""
    return Path(os.environ[_VARIABLE]) / os.environ.get("PYTEST_XDIST_WORKER", "single")


def settings() -> dict[str, str]:
    """The environment that makes a sanitized process report into the folder."""
    if not is_sanitized():
        return {}
    _folder().mkdir(parents=True, exist_ok=True)
    place = f"log_path={_folder()}/report"
    return {
        "ASAN_OPTIONS": f"{place}:detect_leaks=1:detect_stack_use_after_return=1",
        # By default it sleeps for a second at the end.
        "TSAN_OPTIONS": f"{place}:second_deadlock_stack=1:atexit_sleep_ms=0",
    }


def new_reports() -> str:
    """All that has been reported since the last call."""
    if not is_sanitized() or not _folder().exists():
        return ""
    files = sorted(set(_folder().iterdir()) - _seen)
    _seen.update(files)
    return "\n".join(f"--- {file}\n{file.read_text('utf-8', 'replace')}" for file in files)
