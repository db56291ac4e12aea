"""Holds an observation to its case, and both to the log."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.log import Line
from harness.messages import Fields, Request

from .case import Case, Seen
from .observation import Observation

HOP_BY_HOP = ["Keep-Alive", "Proxy-Connection", "TE"]
WRITTEN = {
    "host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect",
    "x-request-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    "forwarded",
}  # fmt: skip
PROBE_SEEN = Seen(target="/probe", fields={"Host": ["probe.test"]})


def faults(case: Case, observation: Observation) -> list[str]:
    """What client and backend got otherwise than they should; empty when all is well."""
    outcome = case.outcome
    found = []
    statuses = [*outcome.statuses, *([200] if outcome.probe else [])]
    if observation.statuses != statuses:
        found.append(f"the client got {observation.statuses}, not {statuses}")
    if observation.ending != "closed":
        found.append(f"the client's connection ended {observation.ending}")
    wanted = [*outcome.seen, *([PROBE_SEEN] if outcome.probe else [])]
    return found + sighting_faults(wanted, outcome.partial, observation)


def sighting_faults(wanted: list[Seen], partial: bool, observation: Observation) -> list[str]:
    found = []
    whole = []
    for sighting in observation.sightings:
        if sighting.fault:
            found.append(f"the backend got what is no request: {sighting.fault}")
        elif sighting.is_complete and sighting.request:
            whole.append(sighting.request)
        elif not partial:
            found.append("the backend got a part of a request")
    if len(whole) != len(wanted):
        targets = [f"{request.method} {request.target}" for request in whole]
        found.append(f"the backend got {targets}, which are not {len(wanted)} requests")
    for request, seen in zip(whole, wanted):
        found += request_faults(request, seen)
    return found


def request_faults(request: Request, seen: Seen) -> list[str]:
    """Where a forwarded request differs from what it must be, and from what any one must be."""
    got = {
        "method": request.method,
        "target": request.target,
        "framing": framing(request),
        "body": request.body,
    }
    found = [
        f"its {name} is {value!r}, not {getattr(seen, name)!r}"
        for name, value in got.items()
        if value != getattr(seen, name)
    ]
    found += field_faults(request.fields, seen.fields, "field")
    found += field_faults(request.trailers, seen.trailers, "trailer")
    return found + common_faults(request)


def field_faults(fields: Fields, wanted: Mapping[str, list[str]], kind: str) -> list[str]:
    return [
        f"its {kind} {name} is {fields.all(name)}, not {values}"
        for name, values in wanted.items()
        if fields.all(name) != values
    ]


def framing(request: Request) -> str:
    """How the content ends; both or a doubled field is no framing at all."""
    lengths = request.fields.all("Content-Length")
    codings = request.fields.all("Transfer-Encoding")
    if not lengths and not codings:
        return "none"
    if codings == ["chunked"] and not lengths:
        return "chunked"
    return "length" if len(lengths) == 1 and not codings else f"{lengths} and {codings}"


def common_faults(request: Request) -> list[str]:
    """What no request that Waybill forwards may show."""
    found = []
    if request.version != "HTTP/1.1":
        found.append(f"its version is {request.version}")
    for name in ("Host", "X-Request-ID", "X-Forwarded-For"):
        if len(request.fields.all(name)) != 1:
            found.append(f"it has {len(request.fields.all(name))} lines of {name}")
    for name in HOP_BY_HOP:
        if name in request.fields:
            found.append(f"{name} was forwarded")
    if request.fields.all("Connection") not in ([], ["upgrade"]):
        found.append(f"Connection was forwarded: {request.fields.all('Connection')}")
    for name, value in [*request.fields, *request.trailers]:
        folded = re.sub(r"[^0-9a-z]", "-", name.lower())
        if folded in WRITTEN and name.lower() != folded:
            found.append(f"the twin {name} was forwarded")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            found.append(f"a control character is in {name}")
    names = {name.lower() for name, _ in request.trailers}
    if names & WRITTEN:
        found.append(f"these trailers were forwarded: {names & WRITTEN}")
    return found


def log_faults(case: Case, observation: Observation, lines: list[Line]) -> list[str]:
    """Where the log disagrees: each request has one line, with its ID and its status."""
    found = []
    statuses = [line["status"] for line in lines]
    wanted = [*observation.statuses, *([499] if case.outcome.left else [])]
    if statuses != wanted:
        found.append(f"the log has the statuses {statuses}, not {wanted}")
    ids = [line.get("request_id", "") for line in lines]
    if "" in ids or len(set(ids)) != len(ids):
        found.append(f"the log's IDs are {ids}")
    for response, line in zip(observation.responses, lines):
        if response.fields.all("X-Request-ID") != [line.get("request_id")]:
            found.append(f"{response.fields.all('X-Request-ID')} is not the line's ID")
        if response.status >= 400 and "error" not in line:
            found.append(f"the line of a {response.status} does not say why")
    for sighting in observation.sightings:
        if sighting.request and sighting.request.fields.get("X-Request-ID") not in ids:
            found.append("the backend got an ID that the log does not have")
    return found
