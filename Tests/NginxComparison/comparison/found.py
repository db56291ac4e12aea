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


def is_about_proxy(it: Difference) -> bool:
    if it.variable in ("proxy_host", "proxy_port"):
        return True
    return not it.name.startswith("backend") and it.has(r"\$\{?proxy_(port|host)\b.*[\");]")


def is_condition(it: Difference) -> bool:
    is_conditional = any(key.startswith("If-") for key, _ in it.ask.fields)
    return is_conditional and it.has("return 200|autoindex on")


RULES: list[Rule] = [
    ("an empty value in a log instead of none (`-`), or the other way round",
     lambda it: bool(it.variable) and {str(it.theirs), str(it.ours)} == {"", "-"}),
    ("$proxy_host and $proxy_port have values before the request is proxied", is_about_proxy),
    ("the default of proxy_redirect is inherited in nginx",
     lambda it: it.name.endswith(("location", "refresh")) and nests_proxies(it.case.servers)),
    ("conditions are not looked at for `return 200` and listings", is_condition),
    ("groups in the server's `set` at an internal redirect of an index",
     lambda it: it.variable in ("args", "query_string") and it.has(r"set \$args .*\$\{?[12]")),
    ("gzip packs a response whose Content-Type is hidden",
     lambda it: it.has("proxy_hide_header Content-Type") and it.has("gzip on")),
    ("a 204 of an error page has a Content-Type",
     lambda it: it.field == "content-type" and it.status == 204),
    ("$request_completion of a request whose content stays unread",
     lambda it: it.variable == "request_completion"),
    ("$realpath_root ends with the slash of `alias`",
     lambda it: it.variable == "realpath_root" or it.has(r"\$\{?realpath_root")),
    ("a 304 keeps the tag of content that sub_filter would change",
     lambda it: it.status == 304 and it.has("sub_filter ")),
    ("$upstream_http_* after an X-Accel-Redirect that ends without a backend",
     lambda it: it.variable.startswith("upstream_http") and it.ours == "-"
     and it.asks("X-Reply") in ("go", "goplain")),
    ("the number of rounds of a loop",
     lambda it: it.status == 500 and it.variable in ("args", "query_string")),
    ("$status of a part that an error page with `=200` sends",
     lambda it: it.variable == "status" and (it.theirs, it.ours) == ("200", "206")),
    ("$request_length counts content that stays unread",
     lambda it: it.variable == "request_length"),
    ("$document_root and $request_filename of automatic redirects",
     lambda it: it.variable in ("document_root", "request_filename")
     and str(it.theirs).endswith(str(it.ours))),
    ("content that comes with a `return` that has a page is passed on with the page's request",
     lambda it: it.has("error_page .*30") and it.has("return 30") and bool(it.ask.body)),
    ("the last word of `try_files` loses the beginning that `alias` stands for",
     lambda it: it.has("alias ") and it.has(r"try_files .*\$uri;")),
]  # fmt: skip
