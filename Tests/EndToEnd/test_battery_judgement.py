"""The battery can fail: each thing that it holds a proxy to is broken here, and found."""

from dataclasses import replace

import pytest

from battery.case import Case, Seen, get, last, left, post, refused, served, served_content, spoiled
from battery.hostile import NEXT_BODY
from battery.judgement import PROBE_SEEN, faults, log_faults
from battery.observation import Observation
from battery.recorder import Sighting
from battery.response_case import ResponseCase, bad_gateway, cut, passed
from battery.response_judgement import response_faults, response_log_faults
from battery.response_observation import Attempt, ResponseObservation
from harness.messages import Fields, Request, Response

GOOD = Case("", get(), served())
COMMON = [("Host", "a.test"), ("X-Request-ID", "1"), ("X-Forwarded-For", "127.0.0.1")]


def answer(status=200, request_id="1"):
    return Response(status, "", "1.1", Fields([("X-Request-ID", request_id)]), b"")


def request(seen, *more, **other):
    fields = Fields([field for field in COMMON if field[0] not in seen.fields])
    fields += [(name, value) for name, values in seen.fields.items() for value in values]
    found = Request(seen.method, seen.target, "HTTP/1.1", Fields([*fields, *more]), b"", seen.body)
    return replace(found, **other)


def sighting(seen=Seen(), *more, **other):
    return Sighting(request(seen, *more, **other), is_complete=True, is_open=False)


PROBE = sighting(PROBE_SEEN)


def observation(*sightings, statuses=(200, 200), ending="closed"):
    responses = [answer(status, str(number)) for number, status in enumerate(statuses)]
    return Observation("", responses, ending, list(sightings))


def test_what_is_well_is_not_found():
    assert faults(GOOD, observation(sighting(), PROBE)) == []
    assert faults(Case("", get(), refused()), observation(statuses=(400,))) == []


BROKEN = {
    "served, not refused": (Case("", get(), refused()), observation(sighting(), PROBE)),
    "refused, not served": (GOOD, observation(statuses=(400,))),
    "refused, but seen": (Case("", get(), refused()), observation(sighting(), statuses=(400,))),
    "another status": (Case("", get(), refused(414)), observation(statuses=(400,))),
    "a part was seen": (
        Case("", get(), refused()), observation(Sighting(request(Seen())), statuses=(400,))
    ),
    "completed, though broken": (
        Case("", get(), spoiled()), observation(sighting(), statuses=(400,))
    ),
    "completed, though left": (Case("", get(), left()), observation(sighting(), statuses=())),
    "the probe was swallowed": (GOOD, observation(sighting(), statuses=(200,))),
    "the probe was read": (Case("", get(), last(served())), observation(sighting(), PROBE)),
    "a request was smuggled": (
        GOOD, observation(sighting(), sighting(Seen(target="/evil")), PROBE)
    ),
    "no request": (GOOD, observation(sighting(), PROBE, Sighting(fault="bad", is_open=False))),
    "silence": (GOOD, observation(sighting(), PROBE, ending="silent")),
    "another target": (GOOD, observation(sighting(Seen(target="/other")), PROBE)),
    "another method": (GOOD, observation(sighting(Seen(method="PUT")), PROBE)),
    "other content": (
        Case("", post(), served_content()),
        observation(
            sighting(Seen(method="POST", body=b"1234"), ("Content-Length", "5")), PROBE
        ),
    ),
    "no framing": (
        Case("", post(), served_content()),
        observation(sighting(Seen(method="POST", body=b"12345")), PROBE),
    ),
    "two lengths": (
        Case("", post(), served_content()),
        observation(
            sighting(
                Seen(method="POST", body=b"12345"), ("Content-Length", "5"), ("Content-Length", "5")
            ),
            PROBE,
        ),
    ),
    "a field too many": (
        Case("", get(), served(fields={"X": []})), observation(sighting(Seen(), ("X", "a")), PROBE)
    ),
    "a field too few": (
        Case("", get(), served(fields={"X": ["a"]})), observation(sighting(), PROBE)
    ),
    "two hosts": (GOOD, observation(sighting(Seen(), ("Host", "b.test")), PROBE)),
    "two IDs": (GOOD, observation(sighting(Seen(), ("X-Request-ID", "2")), PROBE)),
    "a twin": (GOOD, observation(sighting(Seen(), ("X_Request_ID", "2")), PROBE)),
    "a hop-by-hop field": (GOOD, observation(sighting(Seen(), ("TE", "trailers")), PROBE)),
    "Connection": (GOOD, observation(sighting(Seen(), ("Connection", "close")), PROBE)),
    "a control character": (GOOD, observation(sighting(Seen(), ("X", "a\x01")), PROBE)),
    "another version": (GOOD, observation(sighting(version="HTTP/1.0"), PROBE)),
    "a trailer of the ID's name": (
        GOOD, observation(sighting(trailers=Fields([("X-Request-ID", "2")])), PROBE)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(name):
    assert faults(*BROKEN[name])


def lines(*pairs):
    return [{"status": status, "request_id": request_id} for status, request_id in pairs]


@pytest.mark.parametrize(
    "found",
    [
        [],
        lines((200, "0")),
        lines((200, "0"), (200, "1"), (200, "2")),
        lines((200, "0"), (400, "1")),
        lines((200, "0"), (200, "5")),
        lines((200, "1"), (200, "1")),
        [{"status": 200}, {"status": 200, "request_id": "1"}],
    ],
    ids=str,
)
def test_a_log_that_disagrees_is_found(found):
    one = observation(sighting(), PROBE)
    assert log_faults(GOOD, one, lines((200, "0"), (200, "1"))) == []
    assert log_faults(GOOD, one, found)


NEXT = Fields([("X-Request-ID", "2"), ("X-Target", "/next")])
OWN_ANSWER = Attempt("", Response(200, "", "1.1", NEXT, b"", NEXT_BODY))
BOTH = [("/case", 0), ("/next", 0)]
APART = [("/case", 0), ("/next", 1)]
PLAIN = ResponseCase("", (), passed(b""))


def outcome(first=Attempt("", answer()), following=OWN_ANSWER, keeps=True, served_by=BOTH):
    return ResponseObservation(first, following, keeps, list(served_by))


BROKEN_RESPONSES = {
    "passed, not refused": (ResponseCase("", (), bad_gateway()), outcome(served_by=APART)),
    "refused, but reused": (
        ResponseCase("", (), bad_gateway()), outcome(Attempt("", answer(502)))
    ),
    "whole, not cut": (ResponseCase("", (), cut()), outcome(served_by=APART)),
    "cut, not whole": (PLAIN, outcome(Attempt("", None, "cut"))),
    "another status": (PLAIN, outcome(Attempt("", answer(204)))),
    "other content": (ResponseCase("", (), passed(b"5")), outcome()),
    "two IDs": (
        PLAIN,
        outcome(Attempt("", Response(200, "", "1.1", Fields([("X-Request-ID", "1")] * 2), b""))),
    ),
    "an interim response": (
        PLAIN, outcome(Attempt("", replace(answer(), interim=[answer(103)])))
    ),
    "not kept": (PLAIN, outcome(keeps=False)),
    "not reused": (PLAIN, outcome(served_by=APART)),
    "poisoned": (PLAIN, outcome(following=Attempt("", answer()))),
    "no next answer": (PLAIN, outcome(following=Attempt("", None, "silent"))),
    "asked thrice": (PLAIN, outcome(served_by=[("/case", 0)] * 3 + [("/next", 0)])),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_RESPONSES)
def test_a_broken_response_is_found(name):
    assert response_faults(PLAIN, outcome()) == []
    assert response_faults(*BROKEN_RESPONSES[name])


@pytest.mark.parametrize(
    "found",
    [
        [],
        lines((200, "1")),
        lines((200, "2"), (200, "1")),
        lines((502, "1"), (200, "2")),
        [{"status": 200, "request_id": "1", "error": "x"}, {"status": 200, "request_id": "2"}],
    ],
    ids=str,
)
def test_a_log_that_disagrees_on_a_response_is_found(found):
    assert response_log_faults(PLAIN, outcome(), lines((200, "1"), (200, "2"))) == []
    assert response_log_faults(PLAIN, outcome(), found)
