"""Faults that these comparisons have found in Waybill and that are not mended yet.

Each entry hides differences, as narrowly as it can be told; it goes when the fault is mended.
"""

from __future__ import annotations

import re

from .conf import Case, Node
from .difference import Difference, Rule


def nests_proxies(nodes: list[Node], is_inside: bool = False) -> bool:
    """Whether a location or `if` with `proxy_pass` stands inside a location with `proxy_pass`."""
    for node in nodes:
        children = node.children or []
        passes = any(child.name == "proxy_pass" for child in children)
        is_place = node.name in ("location", "if")
        if is_place and passes and is_inside:
            return True
        if nests_proxies(children, is_inside or (is_place and passes)):
            return True
    return False


def has_nested(case: Case) -> bool:
    """Whether a location with a slash at its end stands inside another one."""
    lines = case.servers_lines()
    return any(re.match(r" {4,}location .*/ \{", line) for line in lines)


def header_of(variable: str) -> str:
    """The field that a variable such as `sent_http_etag` is about."""
    match = re.match(r"sent_http_(.*)", variable)
    return match[1].replace("_", "-") if match else ""


def is_about_body(it: Difference) -> bool:
    return it.variable == "request_body" or it.has(r"\$\{?request_body")


def is_about_proxy(it: Difference) -> bool:
    if it.variable in ("proxy_host", "proxy_port"):
        return True
    return not it.name.startswith("backend") and it.has(r"\$\{?proxy_(port|host)\b.*[\");]")


def is_condition(it: Difference) -> bool:
    return any(key.startswith("If-") for key, _ in it.ask.fields) and it.has("return 200")


RULES: list[Rule] = [
    ("an empty value in a log instead of none (`-`), or the other way round",
     lambda it: bool(it.variable) and {str(it.theirs), str(it.ours)} == {"", "-"}),
    ("$request_body is empty", is_about_body),
    ("$proxy_host and $proxy_port have values before the request is proxied", is_about_proxy),
    ("the default of proxy_redirect is inherited in nginx",
     lambda it: it.name.endswith(("location", "refresh")) and nests_proxies(it.case.servers)),
    ("conditions are not looked at for `return 200`", is_condition),
    ("error_page for a redirect loses its Location",
     lambda it: "location" in it.name and it.has(r"error_page .*\b30\d\b")),
    ("error_page is not used for automatic redirects",
     lambda it: it.has(r"error_page .*\b301\b") and (
         it.ours in (301, None) or bool(it.variable) or it.name == "content")),
    ("groups in the server's `set` at an internal redirect of an index",
     lambda it: it.variable in ("args", "query_string") and it.has(r"set \$args .*\$\{?[12]")),
    ("gzip packs a response whose Content-Type is hidden",
     lambda it: it.has("proxy_hide_header Content-Type") and it.has("gzip on")),
    ("a 204 of an error page has a Content-Type",
     lambda it: it.field == "content-type" and it.status == 204),
    ("the method and the access rules come after an `alias` that cannot be used",
     lambda it: it.name == "status" and it.ours == 500 and it.has("rewrite .*break")
     and it.theirs in (401, 403, 405, 429, 503) and it.has("alias")),
    ("add_header ETag comes after gzip has made tags weak",
     lambda it: "etag" in it.name and it.has("add_header ETag")),
    ("add_header Last-Modified comes after sub_filter has removed it",
     lambda it: it.field == "last-modified" and it.has("add_header Last-Modified")
     and it.has("sub_filter ")),
    ("expires modified without a Last-Modified",
     lambda it: it.name.endswith(("cache-control", "expires", "cache_control"))
     and it.has("expires modified")),
    ("$request_completion of a request whose content stays unread",
     lambda it: it.variable == "request_completion"),
    ("$realpath_root ends with the slash of `alias`",
     lambda it: it.variable == "realpath_root" or it.has(r"\$\{?realpath_root")),
    ("a hit of try_files is not sent to the backend where the raw target is not sent, either",
     lambda it: it.name.endswith((" line", "content", "content-length", "body_bytes_sent"))
     and it.has("try_files ")
     and it.has(r"set \$args|rewrite ") and it.has("proxy_pass ")),
    ("internal comes after client_max_body_size",
     lambda it: it.name == "status" and (it.theirs, it.ours) == (404, 413) and it.has("internal")),
    ("an outer proxy_pass_header outweighs an inner proxy_hide_header",
     lambda it: any(it.has(f"(?i)proxy_pass_header {name}") and it.has(
         f"(?i)proxy_hide_header {name}") for name in [it.field, header_of(it.variable)] if name)),
    ("an empty text of `return` has no Content-Type",
     lambda it: "content" in it.name and it.ours in (None, "-") and it.has('return [0-9]+ ""')),
    ("flags of cookies that contradict each other",
     lambda it: "cookie" in it.name and it.has(r"cookie_flags .*\bno(\w+)\b.* \1\b|"
                                               r"cookie_flags .* (\w+) .*no\2\b")),
    ("the automatic redirects of nested locations",
     lambda it: it.name == "status" and 301 in (it.theirs, it.ours) and has_nested(it.case)),
    ("a 304 keeps the tag of content that sub_filter would change",
     lambda it: it.status == 304 and it.has("sub_filter ")),
    ("$upstream_http_* after an X-Accel-Redirect that ends without a backend",
     lambda it: it.variable.startswith("upstream_http") and it.ours == "-"
     and it.asks("X-Reply") in ("go", "goplain")),
    ("the number of rounds of a loop",
     lambda it: it.status == 500 and it.variable in ("args", "query_string")),
    ("error_page 416 is not used for a file",
     lambda it: it.has(r"error_page .*\b416\b") and bool(it.asks("Range"))),
    ("$status of a part that an error page with `=200` sends",
     lambda it: it.variable == "status" and (it.theirs, it.ours) == ("200", "206")),
    ("$request_length counts content that stays unread",
     lambda it: it.variable == "request_length"),
    ("an index behind `//` of a rewritten path: one slash is left out",
     lambda it: "//" in str(it.theirs) and it.variable in (
         "uri", "document_uri", "request_filename")),
    ("an index behind `//` of a rewritten path: another location",
     lambda it: it.name.startswith(("status", "requests", "content", "backend", "field"))
     and it.has(r"rewrite .*\$1|rewrite .*//")),
    ("try_files and `alias` in a location with a regular expression",
     lambda it: it.name.startswith(("status", "content", "field", "log")) and it.has("alias ")
     and it.has("try_files ") and it.has("location ~")),
    ("$document_root and $request_filename of automatic redirects",
     lambda it: it.variable in ("document_root", "request_filename")
     and str(it.theirs).endswith(str(it.ours))),
]  # fmt: skip
