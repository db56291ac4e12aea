"""Holds what came of a backend's response to its case, and both to the log."""

from __future__ import annotations

from harness.log import Line
from harness.messages import Response

from .hostile import NEXT_BODY
from .judgement import field_faults
from .response_case import Answer, ResponseCase
from .response_observation import ResponseObservation


def response_faults(case: ResponseCase, observation: ResponseObservation) -> list[str]:
    """What the client got otherwise than it should; empty when all is well."""
    answer = case.answer
    first = observation.first
    found = []
    if answer.is_cut:
        if first.ending == "whole" and first.response and first.response.status != 502:
            found.append(f"the client can't tell that {first.response} is cut")
    elif first.ending != "whole" or not first.response:
        found.append(f"the client got no whole response: {first.ending}")
    else:
        found += answer_faults(answer, first.response)
    if not answer.is_cut and observation.keeps != answer.keeps:
        found.append(f"the client's connection was {'' if observation.keeps else 'not '}kept")
    if observation.reuses != answer.reuses:
        found.append(f"the backend's connection was {'' if observation.reuses else 'not '}reused")
    return found + next_faults(observation)


def answer_faults(answer: Answer, response: Response) -> list[str]:
    found = []
    if response.status != answer.status:
        found.append(f"the status is {response.status}, not {answer.status}")
    if answer.status != 502 and response.body != answer.body:
        found.append(f"the content is {response.body[:200]!r}, not {answer.body[:200]!r}")
    if tuple(one.status for one in response.interim) != answer.interim:
        found.append(f"the interim responses are {[one.status for one in response.interim]}")
    if len(response.fields.all("X-Request-ID")) != 1:
        found.append("there is not exactly one ID")
    if response.fields.all("Connection") not in ([], ["close"], ["keep-alive"], ["upgrade"]):
        found.append(f"Connection was forwarded: {response.fields.all('Connection')}")
    found += field_faults(response.fields, answer.fields, "field")
    return found + field_faults(response.trailers, answer.trailers, "trailer")


def next_faults(observation: ResponseObservation) -> list[str]:
    """Where the request behind the case did not get the answer that was meant for it."""
    found = []
    response = observation.next.response
    if response is None:
        found.append(f"the next request got no response: {observation.next.ending}")
    elif response.body != NEXT_BODY or response.fields.all("X-Target") != ["/next"]:
        found.append(f"the next request got what was not meant for it: {response}")
    targets = [target for target, _ in observation.served]
    if targets.count("/next") != 1 or not 1 <= targets.count("/case") <= 2:
        found.append(f"the backend answered {targets}")
    return found


def response_log_faults(
    case: ResponseCase, observation: ResponseObservation, lines: list[Line]
) -> list[str]:
    """Where the log disagrees with what the client got; `lines` are the case's and the next's."""
    if len(lines) != 2:
        return [f"there are {len(lines)} lines for two requests: {lines}"]
    found = []
    for line, attempt in zip(lines, (observation.first, observation.next)):
        response = attempt.response
        if response and line["status"] != response.status:
            found.append(f"the line says {line['status']}, the client got {response.status}")
        if response and response.fields.all("X-Request-ID") != [line.get("request_id")]:
            found.append("the line has another ID than the response")
    failed = case.answer.is_cut or case.answer.status == 502
    if failed and not ("error" in lines[0] and "termination" in lines[0]):
        found.append(f"the line does not say what went wrong: {lines[0]}")
    if not failed and "error" in lines[0]:
        found.append(f"the line tells of an error: {lines[0]}")
    return found
