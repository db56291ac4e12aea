"""All families of the battery: requests from clients, and responses from backends."""

from __future__ import annotations

from types import ModuleType

from . import (
    chunks,
    connection_options,
    content_length,
    expectations_and_upgrades,
    field_bytes,
    hosts,
    identities,
    line_ends,
    methods_and_versions,
    pipelines,
    response_chunks,
    response_framing,
    response_heads,
    response_moments,
    targets,
    trailers,
    transfer_encoding,
    white_space,
)
from .case import Case, Sweep
from .response_case import ResponseCase, ResponseSweep

REQUEST_FAMILIES: list[ModuleType] = [
    content_length,
    transfer_encoding,
    chunks,
    trailers,
    line_ends,
    white_space,
    field_bytes,
    methods_and_versions,
    targets,
    hosts,
    connection_options,
    expectations_and_upgrades,
    identities,
    pipelines,
]

RESPONSE_FAMILIES: list[ModuleType] = [
    response_framing,
    response_heads,
    response_chunks,
    response_moments,
]


def name_of(family: ModuleType) -> str:
    return family.__name__.rpartition(".")[2].replace("_", "-")


def title_of(family: ModuleType) -> str:
    """The first line of its description, without the full stop."""
    return (family.__doc__ or "").split("\n")[0].rstrip(".")


def request_cases() -> dict[str, Case | Sweep]:
    """Every request case by its full name, `family/case`."""
    return {
        f"{name_of(family)}/{name}": case
        for family in REQUEST_FAMILIES
        for name, case in family.CASES.items()
    }


def response_cases() -> dict[str, ResponseCase | ResponseSweep]:
    """Every response case by its full name, `family/case`."""
    return {
        f"{name_of(family)}/{name}": case
        for family in RESPONSE_FAMILIES
        for name, case in family.CASES.items()
    }
