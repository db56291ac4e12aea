"""The words that random conf files are made of."""

from __future__ import annotations

import random

FOLDERS = ["", "a/", "a/b/", "b/", "dir/", "alt/", "alt/a/", "alt/dir/"]
FILES = ["f.txt", "f.html", "f.json", "big.html", "s p.txt", "noext", ".hidden", "f.TXT", "e.css"]
SEGMENTS = ["a", "b", "dir", "p", "q"]

BUILT_IN = [
    "$uri", "$args", "$request_uri", "$is_args", "$query_string", "$document_uri", "$host",
    "$server_name", "$scheme", "$request_method", "$arg_a", "$arg_b", "$http_x_a", "$cookie_c",
    "$document_root", "$request_filename", "$server_port", "$remote_addr", "$http_host",
    "$http_user_agent", "$content_length", "$content_type", "$remote_user", "$limit_rate",
    "$server_protocol", "$https", "$proxy_host", "$proxy_port", "$request", "$realpath_root",
    "$http_x_none", "$1", "$2", "$1",
]  # fmt: skip
LATE = [
    "$status", "$upstream_status", "$upstream_http_x_a", "$upstream_http_location",
    "$upstream_http_content_type", "$upstream_cookie_a", "$sent_http_content_type",
    "$sent_http_location", "$sent_http_x_a","$upstream_addr", "$limit_req_status",
    "$limit_conn_status", "$request_completion", "$sent_http_cache_control",
    "$sent_http_etag", "$sent_http_last_modified",
    "$upstream_http_set_cookie", "$sent_http_set_cookie",
    "$upstream_http_etag", "$sent_http_content_encoding", "$sent_http_vary", "$gzip_ratio",
    "$upstream_http_server", "$sent_http_expires",
]  # fmt: skip
LITERALS = ["lit", "x y", "/", "1", "0", "", "a-b", "yes", "%41", "k=v", "?q", "é"]
EXPRESSIONS = [
    r"^/a/(.*)$", r"^/(\w+)/(\w*)", r"^(.*)$", r"f", r"^/b", r"a(b)?c", r"\.txt$", r"^",
    r"^/(?<n>\w)", r"^/none", r"/(\w+)\.(\w+)$", r"(?i)^/DIR/", r"^/p(/.*)?$", r"^/[^/]+(/.*)$",
]  # fmt: skip
TYPES = ["text/html", "text/plain", "application/json", "text/css", "text/x-go",
         "application/javascript", "text/x-echo"]  # fmt: skip
STATUSES = ["400", "401", "403", "404", "405", "410", "418", "416", "500", "502", "503", "504"]


class Words:
    """Draws words by chance; names of variables end with the seed, for they are known to the
    whole conf file."""

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.seed = seed
        self.used: set[str] = set()
        self.variables = BUILT_IN.copy()

    def one(self, options: list[str]) -> str:
        return self.chance.choice(options)

    def perhaps(self, share: float) -> bool:
        return self.chance.random() < share

    def some(self, options: list[str], least: int = 1, most: int = 3) -> list[str]:
        most = min(most, len(options))
        return self.chance.sample(options, self.chance.randint(min(least, most), most))

    def own(self, kind: str, number: int) -> str:
        """The name of a variable of this case's own."""
        return f"{kind}{number}_{self.seed}"

    def settable(self) -> str:
        name = self.own("v", self.chance.randint(0, 2))
        self.used.add(name)
        return "$" + name

    def variable(self, late: bool = False) -> str:
        roll = self.chance.random()
        if roll < 0.2:
            return self.settable()
        if late and roll < 0.55:
            return self.one(LATE)
        return self.one(self.variables)

    def named(self) -> str:
        """A variable that is no group's number: `if` and others take no numbers."""
        while (name := self.variable())[1].isdigit():
            pass
        return name

    def text(self, late: bool = False, most: int = 3) -> str:
        """Some literals and variables in quotes."""
        pieces = []
        for _ in range(self.chance.randint(1, most)):
            is_variable = self.perhaps(0.7)
            piece = self.variable(late) if is_variable else self.one(LITERALS)
            pieces.append("${%s}" % piece[1:] if is_variable and piece[1:2].isalpha() else piece)
        return '"%s"' % "-".join(pieces)

    def path(self, tail: bool = True) -> str:
        """A path that may hit a file or a location."""
        segments = [self.one(SEGMENTS) for _ in range(self.chance.randint(0, 2))]
        path = "/" + "".join(segment + "/" for segment in segments)
        if not tail:
            return path
        return path + self.one(["", "f.txt", "f.html", "f.json", "big.html", "none", "x", "f", ""])

    def expression(self) -> str:
        return self.one(EXPRESSIONS).replace("?<n>", f"?<n_{self.seed}>")

    def condition(self) -> str:
        return self.one([
            "($arg_a)", "($arg_a = 1)", "($arg_b != 1)", "($uri ~ ^/(\\w+)/(.*))",
            "($request_method = POST)", "($args !~ b=)", "(-f $request_filename)",
            "(!-d $document_root/dir)", f"({self.settable()} = lit)", "(-e $document_root$uri)",
            "($http_x_a ~* ^V)", f"({self.named()})", "($request_uri ~ \"^/(a|b)/\")",
            f"({self.named()} = {self.text()})", "($host ~ (\\w+)\\.test$)",
        ])  # fmt: skip
