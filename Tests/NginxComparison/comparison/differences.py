"""Compares two outcomes; says what differs, but for what is explained."""

from __future__ import annotations

import gzip
import re
import zlib
from email.utils import parsedate_to_datetime

from harness.messages import Response

from . import explained, found
from .conf import Ask, Case
from .difference import Difference, first
from .explained import GIVEN_UP, OF_PAGES, OF_PAGES_LOGGED, OWN_FIELDS
from .twins import ADDRESSES, Outcome

OWN_PAGE = re.compile(rb"<hr><center>nginx/[\d.]+</center>")


def plain(text: str) -> str:
    for address in ADDRESSES.values():
        text = text.replace(address, "ADDRESS")
    return re.sub(r"(?<=boundary=)\d{20}|(?<=--)\d{20}", "BOUNDARY", text)


def content(answer: Response) -> bytes:
    """The content without its coding."""
    if "gzip" in answer.fields.tokens("Content-Encoding") and answer.body:
        try:
            return gzip.decompress(answer.body)
        except (OSError, EOFError, zlib.error):
            pass
    return answer.body


def age(answer: Response, value: str) -> str:
    try:
        moment = parsedate_to_datetime(value)
        date = parsedate_to_datetime(answer.fields.one("Date"))
        seconds = (moment - date).total_seconds()
    except (ValueError, TypeError, AssertionError):
        return value
    return value if moment.year < 2024 or moment.year > 2035 else f"in {round(seconds / 10)}0 s"


def is_own_page(answer: Response) -> bool:
    return bool(OWN_PAGE.search(content(answer)))


def are_own_pages(theirs: Outcome, ours: Outcome) -> bool:
    """Whether both say an error in words of their own; nginx has none for some codes."""
    if theirs.answer is None or theirs.answer.status < 300:
        return False
    if is_own_page(theirs.answer):
        return True
    return not theirs.answer.body and ours.answer is not None and b"Request ID: " in content(
        ours.answer)  # fmt: skip


def facts(outcome: Outcome, ask: Ask, skip_page: bool) -> dict[str, object]:
    """Everything to compare, by name."""
    told: dict[str, object] = {}
    answer = outcome.answer
    if answer is None:
        told["answer"] = "none"
    else:
        told["status"] = answer.status
        for name in sorted({key.lower() for key, _ in answer.fields} - OWN_FIELDS.keys()):
            if skip_page and name in OF_PAGES:
                continue
            values = [plain(value) for value in answer.fields.all(name)]
            if name == "vary":
                values.sort()
            if name == "expires":
                values = [age(answer, value) for value in values]
            told[f"field {name}"] = values
        if not skip_page:
            told["content"] = plain(content(answer).decode("latin-1"))
    told["requests at the backend"] = len(outcome.seen)
    for number, seen in enumerate(outcome.seen):
        told[f"backend {number} line"] = plain(f"{seen.method} {seen.target}")
        told[f"backend {number} content"] = seen.body
        for name in {key.lower() for key, _ in seen.fields} - {"connection"}:
            told[f"backend {number} {name}"] = [plain(v) for v in seen.fields.all(name)]
    lines = outcome.line.splitlines()
    told["lines in the log"] = len(lines)
    for number, line in enumerate(lines):
        for piece in plain(line).split(" ~~ ")[1:]:
            name, _, value = piece.partition("=")
            if skip_page and name in OF_PAGES_LOGGED:
                continue
            if name == "sent_http_expires" and answer is not None:
                value = age(answer, value)
            told[f"log {number} ${name}"] = value
    return told


def differences(
    case: Case, ask: Ask, theirs: Outcome, ours: Outcome, ignored: str = ""
) -> dict[str, tuple]:
    """What differs without an explanation: fact, nginx's and Waybill's. Kinds that the expression
    `ignored` matches are left out."""
    if any(reason in theirs.error_log for reason in GIVEN_UP):
        return {}
    # A decoded path in the URI of a proxy_pass with variables: nginx sends its spaces as they are.
    if any(seen.method == "malformed" for seen in theirs.seen):
        return {}
    # nginx announces content there that it does not send, unless the field is removed.
    if theirs.answer is None and ask.body and case.contains("proxy_pass_request_body off"):
        return {}
    skip = are_own_pages(theirs, ours)
    if ask.method == "HEAD" and theirs.answer is not None and theirs.answer.status >= 300:
        skip = True
    left, right = facts(theirs, ask, skip), facts(ours, ask, skip)
    differing = {}
    for name in sorted(left.keys() | right.keys()):
        one, other = left.get(name), right.get(name)
        difference = Difference(name, one, other, case, ask, theirs.answer)
        if one == other or first(explained.RULES, difference):
            continue
        if skip and is_of_page(name, case):
            continue
        kind = signature({name: (one, other)})
        if first(found.RULES, difference) or (ignored and re.fullmatch(ignored, kind)):
            # The rest follows from another status.
            if name in ("status", "answer"):
                return {}
            continue
        differing[name] = (one, other)
    return differing


def is_of_page(name: str, case: Case) -> bool:
    """Whether a field is composed of what a page of one's own looks like."""
    if not name.startswith("field "):
        return False
    line = re.compile(rf"add_header {name[6:]} .*sent_http_(content|vary|etag|last|accept)", re.I)
    return any(line.search(one) for one in case.servers_lines())


def signature(differing: dict[str, tuple]) -> str:
    """Names the kind of a difference: the first facts that differ."""
    for name in ["answer", "status"]:
        if name in differing:
            return f"{name} {differing[name][0]} {differing[name][1]}"
    # An empty value and none at all are a kind of their own, the least of all.
    names = sorted(differing, key=lambda name: (is_dash(*differing[name]), name))
    kind = re.sub(r"\d+ ", "", names[0]) if differing else ""
    return f"dash in {kind}" if differing and is_dash(*differing[names[0]]) else kind


def is_dash(one: object, other: object) -> bool:
    return {one, other} == {"", "-"} if isinstance(one, str) else False
