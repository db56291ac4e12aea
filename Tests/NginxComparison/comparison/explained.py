"""What may differ, with the reasons: what the documentation names, and nginx's own faults."""

from __future__ import annotations

import re

from .difference import Difference, Rule

# Fields of answers that are never compared.
OWN_FIELDS = {
    "server": "each program has its own name",
    "date": "the clock",
    "x-request-id": "Waybill's purpose",
    "connection": "when a connection is closed is each program's own business",
    "keep-alive": "as Connection",
    "transfer-encoding": "framing; the content itself is compared",
}
# Error pages are each program's own (Waybill's tell the ID, in the form that is accepted). What
# depends on the page's text is not compared when both send their own.
OF_PAGES = {"content-type", "content-length", "content-encoding", "vary", "etag",
            "last-modified", "accept-ranges"}  # fmt: skip
OF_PAGES_LOGGED = {"body_bytes_sent", "gzip_ratio", "sent_http_content_type",
                   "sent_http_content_length", "sent_http_content_encoding", "sent_http_vary",
                   "sent_http_etag", "sent_http_last_modified",
                   "sent_http_accept_ranges"}  # fmt: skip
# Sent to backends by default: the ID, and where the request came from.
FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}
# What nginx's error log says when it gives up: groups of a `map` beside `$1` in a text; an `if`
# that loses its `proxy_pass` to another one; a crash, by `try_files` with a path that is shorter
# than the location's, before a URI of `proxy_pass`.
GIVEN_UP = ["no buffer space in script copy", "no upstream configuration", "exited on signal"]


def is_forwarded(it: Difference) -> bool:
    return it.name.startswith("backend ") and it.name.split()[-1] in FORWARDED and not it.theirs


def is_joined(it: Difference) -> bool:
    about = re.search(r"(sent|upstream)_http_", it.variable)
    if it.field:
        # A field made of such a variable.
        return it.has(rf"(?i)add_header {it.field} .*(sent|upstream)_http_set_cookie")
    return bool(about) and isinstance(it.ours, str) and it.ours.startswith(f"{it.theirs}, ")


def was_asked_before(it: Difference) -> bool:
    if not it.variable.startswith(("sent_http", "upstream", "request")):
        return False
    return it.has(rf"\b{it.variable}\b")


def is_cut_redirect(it: Difference) -> bool:
    if it.variable == "upstream_http_location":
        return "\\x00" in str(it.theirs) or it.has("proxy_redirect")
    return "\\x00" in repr(it.theirs) and it.has("upstream_http_location")


def is_of_changed_content(it: Difference) -> bool:
    about = re.search(r"(etag|content.length|last.modified|accept.ranges)$", it.name)
    if not about or not it.answer or not it.has("sub_filter "):
        return False
    return it.status == 206 or it.answer.fields.get("Content-Encoding") is not None


def is_without_length(it: Difference) -> bool:
    if it.field != "content-length" or not it.answer or it.theirs is not None:
        return False
    return not it.answer.body and it.ours == ["0"]


def is_listing(it: Difference) -> bool:
    if it.field != "content-length" or not it.answer or it.theirs is not None:
        return False
    return b"<title>Index of" in it.answer.body or it.has("autoindex_format")


def is_late_failure(it: Difference) -> bool:
    if it.status not in (412, 416) or not it.field:
        return False
    if it.field in ("set-cookie", "cache-control", "content-disposition") and it.theirs is None:
        return True
    is_double = isinstance(it.theirs, list) and isinstance(it.ours, list) and (
        it.theirs == it.ours * 2)  # fmt: skip
    return is_double or it.ours is None


def has_two(it: Difference) -> bool:
    """Whether nginx sends a field twice: of what was to be sent and of the page in its place."""
    is_double = isinstance(it.theirs, list) and len(it.theirs) == 2
    return is_double and isinstance(it.ours, list) and it.ours[0] in it.theirs


def is_late_limit(it: Difference) -> bool:
    return it.has("client_max_body_size") and it.has("location @") and bool(it.ask.body) and (
        it.ours == 413 or it.name != "status")  # fmt: skip


RULES: list[Rule] = [
    ("nginx sends Location, ETag or Content-Range twice with the page for a redirect or a range",
     lambda it: it.field in ("location", "etag", "content-range") and it.has("error_page ")
     and has_two(it)),
    ("nginx logs the first of two Locations",
     lambda it: it.variable == "sent_http_location" and it.has("error_page .*30")),
    ("nginx sends content without a length when `Content-Length` is removed",
     lambda it: it.has('proxy_set_header Content-Length ""') and "content" in it.name),
    ("nginx looks for the range of a request in the page for its 416 again",
     lambda it: it.has(r"error_page .*\b416\b") and (it.theirs, it.ours) == (416, 200)),
    ("nginx does not look at client_max_body_size of a named location", is_late_limit),
    ("the fields that Waybill sends to backends by default", is_forwarded),
    ("nginx joins the lines of a field since 1.23; 1.22 takes the first", is_joined),
    ("nginx counts the lines between chunks as content",
     lambda it: it.variable == "body_bytes_sent" and bool(it.answer)
     and it.answer.framing == "chunked"),
    ("nginx keeps the first value of a variable, also of one that was asked for too early",
     was_asked_before),
    ("nginx changes $upstream_http_location where it stands, and leaves bytes behind it",
     is_cut_redirect),
    ("nginx has no $request_filename where `alias` stands and the path was rewritten",
     lambda it: it.variable == "request_filename" and it.theirs == "-" and it.has("alias")
     and (it.status == 500 or it.has("rewrite"))),
    ("sub_filter leaves packed content as it is, and ranges", is_of_changed_content),
    ("the line of `gzip_vary` is in no variable of nginx's",
     lambda it: it.variable == "sent_http_vary" and it.has("gzip_vary")),
    ("nginx has no $sent_http_last_modified after `add_header Last-Modified`",
     lambda it: it.variable == "sent_http_last_modified" and it.has("add_header Last-Modified")),
    ("nginx makes a Location absolute, and sub_filter removes dates, behind `add_header`",
     lambda it: bool(it.field)
     and it.has(r"add_header .*sent_http_(location|last_modified|etag|content)")),
    ("white space in a query is percent-encoded",
     lambda it: it.variable in ("args", "query_string", "request_uri")
     and str(it.theirs).replace(" ", "%20") == it.ours),
    ("nginx loses a single % in the redirects of `rewrite`",
     lambda it: "location" in it.name and str(it.theirs) == re.sub(
         r"%(?![0-9A-F]{2})", "", str(it.ours))),
    ("a redirect of a server without a name has no host in nginx",
     lambda it: it.has("server_name_in_redirect on")
     and bool(re.search(r"http://(:\d+)?/", str(it.theirs)))),
    ("nginx adds the charset behind `add_header`",
     lambda it: "charset=" in str(it.ours) and it.has("charset ")
     and it.has("sent_http_content_type")),
    ("a 204 or 304 of the backend that has become an error page: nginx gives it no length",
     is_without_length),
    ("nginx fails where try_files finds a path that is shorter than the location's",
     lambda it: it.name == "status" and it.theirs == 500 and it.has("try_files ")
     and it.has(r"proxy_pass http://[^/]+/")),
    ("nginx sends listings of folders in chunks", is_listing),
    ("nginx cuts the last byte off the folder's path, which is no slash here",
     lambda it: it.name == "content" and "<h1>Index of" in str(it.theirs)
     and it.has(r"alias .*[^/];$")),
    ("nginx finds 412 and 416 late: what was there is removed, `add_header` runs twice",
     is_late_failure),
]  # fmt: skip
