"""Puts what came of a case into a few words, and tells whether two readers did the same with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.messages import Fields, Request

from .case import Case, Seen
from .hostile import NEXT_BODY
from .observation import Observation
from .response_case import Answer, ResponseCase
from .response_observation import ResponseObservation

OWN = ("x-request-id", "x-forwarded-", "x-real-ip", "forwarded", "http2-settings")
"""Fields that Waybill treats by its own rules: no other reader need do the same."""


@dataclass(frozen=True)
class Verdict:
    """`text` is for people; `key` is equal for two readers that did the same."""

    text: str
    key: tuple[object, ...]


def shown(value: object) -> str:
    """A value in a table's cell: no vertical bar, no control character, not too long."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    clean = "".join(one if " " <= one <= "~" and one not in "`|" else "·" for one in text)
    return f"`{clean[:40]}…`" if len(clean) > 40 else f"`{clean}`"


def field_differences(fields: Fields, wanted: Mapping[str, list[str]]) -> list[str]:
    """Fields that are not as Waybill must send them; zeros before a number mean nothing."""
    found = []
    for name, values in wanted.items():
        got = fields.all(name)
        is_same = [one.lstrip("0") for one in got] == [one.lstrip("0") for one in values]
        if is_same or name.lower().startswith(OWN):
            continue
        shown_values = ", ".join(shown(value) for value in got)
        found.append(f"{name} {shown_values}" if got else "field dropped")
    return found


def host_of(text: str) -> str:
    """An authority without its port, in lowercase: all that the comparison looks at."""
    return text.rpartition(":")[0].lower() if text[-1:] != "]" and ":" in text else text.lower()


def request_differences(request: Request, seen: Seen) -> list[str]:
    """How a forwarded request differs from the one that Waybill must forward."""
    found = []
    if request.method != seen.method:
        found.append(f"method {shown(request.method)}")
    if request.target != seen.target:
        found.append(f"target {shown(request.target)}")
    if request.body != seen.body:
        found.append(f"content {shown(request.body)}")
    if request.fields.all("Content-Length") and request.fields.all("Transfer-Encoding"):
        found.append("both framings")
    wanted = dict(seen.fields)
    hosts = wanted.pop("Host", None)
    got = request.fields.all("Host")
    if hosts and [host_of(one) for one in got] != [host_of(one) for one in hosts]:
        found.append(f"Host {', '.join(shown(one) for one in got) or 'dropped'}")
    return found + field_differences(request.fields, wanted) + field_differences(
        request.trailers, {name: values for name, values in seen.trailers.items() if not values}
    )


def request_verdict(case: Case, observation: Observation) -> Verdict:
    """What a reader made of requests, as far as it differs from what Waybill must."""
    whole = [one.request for one in observation.sightings if one.is_complete and one.request]
    statuses = list(observation.statuses)
    reached = bool(whole) and whole[-1].target == "/probe"
    if reached:
        whole.pop()
        statuses = statuses[:-1] if statuses[-1:] == [200] else statuses
    wanted = case.outcome
    differences = []
    for request, seen in zip(whole, wanted.seen):
        differences += request_differences(request, seen)
    for request in whole[len(wanted.seen) :]:
        is_plain = request.target == "/case" and not wanted.seen
        target = "" if is_plain else f" {shown(request.method + ' ' + request.target)}"
        differences.append("passed" + target)
    if any(one.fault for one in observation.sightings):
        differences.append("passed something malformed")
    served = sum(status < 300 for status in statuses)
    is_served = bool(wanted.seen) and len(whole) == len(wanted.seen) and served == len(statuses)
    if is_served and reached != wanted.probe:
        differences.append("kept the connection" if reached else "closed the connection")
    words = ", ".join(str(status) for status in statuses) or answerless(observation)
    return Verdict("; ".join([words, *differences]), (served, len(whole), *differences))


def answerless(observation: Observation) -> str:
    return {"closed": "closed", "cut": "closed", "silent": "waited"}.get(
        observation.ending, "answered without a status line"
    )


def response_verdict(case: ResponseCase, observation: ResponseObservation) -> Verdict:
    """What a reader made of a response, as far as it differs from what Waybill must."""
    answer = case.answer
    response = observation.first.response
    differences = []
    if response and max(response.status, answer.status) < 500 and not answer.is_cut:
        if response.body != answer.body:
            differences.append(f"content {shown(response.body)}")
        differences += field_differences(response.fields, answer.fields)
        dropped = {name: values for name, values in answer.trailers.items() if not values}
        differences += field_differences(response.trailers, dropped)
    following = observation.next.response
    if following is None or following.body != NEXT_BODY:
        differences.append("the next request got no answer of its own")
    if observation.reuses and not answer.reuses:
        differences.append("reused the backend's connection")
    words = ending_words(observation)
    return Verdict("; ".join([words, *differences]), (kind_of(words, answer), *differences))


def ending_words(observation: ResponseObservation) -> str:
    """The status of a whole response, or what became of it."""
    first = observation.first
    if first.ending == "whole" and first.response:
        return str(first.response.status)
    return {"cut": "cut", "closed": "closed", "silent": "waited"}.get(
        first.ending, "something malformed"
    )


def kind_of(words: str, answer: Answer) -> str:
    """Refusals are all the same, and so is a cut where the response can't be whole."""
    is_refused = words in ("500", "502", "504", "closed") or words == "cut" and answer.is_cut
    return "refused" if is_refused else words
