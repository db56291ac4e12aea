"""Random conf files and requests, the same ones for the same seed."""

from __future__ import annotations

from . import directives
from .conf import Ask, Case, Node
from .directives import GROUPS, TABLE, answer, proxy_pass
from .backend import REPLIES
from .site import DATE, EARLIER, ETAG, LATER
from .words import FILES, LATE, SEGMENTS, Words

LOGGED = [name[1:] for name in LATE] + [
    "uri", "request_uri", "args", "query_string", "status", "request_filename", "document_root",
    "limit_rate", "host", "server_name", "request_method", "request", "remote_user", "is_args",
    "body_bytes_sent", "http_x_a", "arg_a", "proxy_host", "proxy_port", "document_uri",
    "cookie_c", "content_length", "http_host", "scheme", "https", "server_port",
    "upstream_http_x_accel_redirect", "realpath_root", "request_body", "content_type",
    "server_protocol", "http_user_agent", "sent_http_content_length", "http_referer",
    "request_length", "sent_http_accept_ranges", "sent_http_content_range",
]  # fmt: skip
NAMES = [
    "case.test", "*.wild.test", ".both.test", "www.tail.*", r"~^(?<h_SEED>\w+)\.ex\.test$",
    r"~^(\w+)-(\d+)\.test$", "_", '""', "$hostname",
]  # fmt: skip
HOSTS = ["case.test", "CASE.test", "a.wild.test", "both.test", "x.both.test", "www.tail.org",
         "shop.ex.test", "s-12.test", "none.test", "case.test:81", "127.0.0.1"]  # fmt: skip


MARKS = {"DATE": DATE, "EARLIER": EARLIER, "LATER": LATER}


class Generator:
    """Makes the case of a seed."""

    def __init__(self, seed: int):
        self.words = Words(seed)
        self.seed = seed
        self.chance = self.words.chance
        self.groups = set(self.words.some(GROUPS, 2, 4))
        if self.words.perhaps(0.5):
            self.groups.add("rewrite")
        self.rows = [row for row in TABLE if row[0] in self.groups]
        self.prefixes: list[str] = []

    def case(self) -> Case:
        words = self.words
        self.captures = [self.words.own("p", 0)] if words.perhaps(0.3) else []
        words.variables += ["$" + name for name in self.captures]
        maps = self.maps()
        servers = [self.server(0)]
        if "names" in self.groups and words.perhaps(0.7):
            servers.append(self.server(1))
        format_text = " ~~ ".join(f"{name}=${{{name}}}" for name in
                                  words.some(LOGGED, 3, 9))  # fmt: skip
        http = [
            *maps,
            Node(f"log_format f{self.seed} 'n=$http_x_number ~~ {format_text}'"),
            Node(f"upstream up_{self.seed}", [Node("server {backend}")]),
        ]
        if "limits" in self.groups:
            for kind, name in [("req", "r0"), ("req", "r1"), ("conn", "c0")]:
                key = words.one(["$remote_addr", "$http_x_key", "$arg_a", "$server_name"])
                rate = " rate=1r/m" if kind == "req" else ""
                http.append(Node(f"limit_{kind}_zone {key} zone={name}_{self.seed}:64k{rate}"))
        # A variable of `set` must be set somewhere, if only where nobody comes.
        unset = [Node(f'set ${name} ""') for name in sorted(words.used)]
        if self.captures:
            heading = rf"location ~ ^/(?<{self.captures[0]}>\w+)/captured"
            servers[0].children.append(Node(heading, [Node(answer(words))]))
        if unset:
            servers[0].children.append(Node("location = /unset", unset))
        asks = [self.ask() for _ in range(24)]
        return Case(self.seed, http, servers, asks)

    def maps(self) -> list[Node]:
        words, found = self.words, []
        if words.perhaps(0.5):
            name = words.own("m", 0)
            rows = words.some([
                f"1 {words.text()}", '"~^(\\d)(\\d)$" "$2$1"', "a $uri", f"~f {words.text()}",
                "~*^V(.*) <$1>", "/a/f.txt file", '"" empty', "GET get", "volatile", "~^/(\\w+) $1",
            ], 1, 5)  # fmt: skip
            inner = [Node(f"default {words.text()}")] if words.perhaps(0.7) else []
            inner += [Node(row) for row in rows]
            found.append(Node(f"map {words.text()} ${name}", inner))
            words.variables += ["$" + name] * 3
        if words.perhaps(0.4):
            name = words.own("m", 1)
            inner = [Node("default d"), Node("1 1"), Node("~. yes"), Node('"" ""')]
            inner = self.words.chance.sample(inner, 3)
            found.append(Node(f"map {words.variable()} ${name}", inner))
            words.variables += ["$" + name] * 3
        if words.perhaps(0.2):
            name = words.own("g", 0)
            found.append(Node(f"geo {words.one(['', '$arg_a', '$http_x_a'])} ${name}".replace(
                "  ", " "), [Node("default far"), Node("127.0.0.0/8 near"), Node("10.0.0.0/8 ten"),
                             Node("127.0.0.1 here")]))  # fmt: skip
            words.variables += ["$" + name] * 2
        if words.perhaps(0.2):
            name = words.own("s", 0)
            found.append(Node(f"split_clients {words.text()} ${name}", [
                Node("30% one"), Node("20.5% two"), Node(words.one(["* rest", "10% three"]))]))
            words.variables += ["$" + name] * 2
        return found

    def server(self, number: int) -> Node:
        words = self.words
        if "names" in self.groups:
            names = " ".join(words.some(NAMES, 1, 3)).replace("SEED", f"{self.seed}_{number}")
        else:
            names = "case.test"
        inner = [Node("listen {address}:{port}"), Node(f"server_name {names}")]
        log = "{own}/%d.log f%d" % (self.seed, self.seed)
        inner += [Node("root {root}"), Node(f"access_log {log}")]
        inner += self.level("s", 3, taken={"root", "access_log"})
        places: set[str] = set()
        for _ in range(self.chance.randint(2, 6)):
            inner += self.location("", places)
        for name in ["@n0", "@n1"]:
            inner.append(Node(f"location {name}", self.inside("", named=True)))
        return Node("server", inner)

    def level(self, kind: str, most: int, taken: set[str] | None = None) -> list[Node]:
        """Some directives of a level."""
        taken = taken or set()
        found = []
        rows = [row for row in self.rows if kind in row[1]]
        for _ in range(self.chance.randint(0, most) if rows else 0):
            _, _, is_repeatable, maker = self.chance.choice(rows)
            text = maker(self.words)
            name = text.split(" ")[0]
            if not is_repeatable and name in taken:
                continue
            taken.add(name)
            found.append(self.node(text, kind))
        return found

    def node(self, text: str, kind: str) -> Node:
        if text == "IF":
            inner = self.level("i" if kind == "l" else "f", 3)
            if kind == "l" and self.words.perhaps(0.15):
                inner.append(Node(self.plain_pass()))
            return Node(f"if {self.words.condition()}", inner)
        if text == "LIMIT_EXCEPT":
            methods = " ".join(self.words.some(["GET", "POST", "PUT", "DELETE", "OPTIONS"]))
            return Node(f"limit_except {methods}", self.level("x", 3) or [Node("deny all")])
        if text.startswith("types {"):
            rows = text[len("types {") : -1].split(";")
            return Node("types", [Node(row.strip()) for row in rows if row.strip()])
        return Node(text)

    def plain_pass(self) -> str:
        return self.words.one(["proxy_pass http://{backend}", f"proxy_pass http://up_{self.seed}"])

    def location(
        self, parent: str, places: set[str], in_expression: bool = False
    ) -> list[Node]:
        words = self.words
        kind = words.one(["~", "~*"] if in_expression else ["", "", "", "", "=", "^~"] + ["~"] * 3)
        is_expression = kind.startswith("~")
        if is_expression:
            place = words.one([
                r"\.txt$", r"^/a/(.*)$", r"^/(\w+)/(\w*)", r"\.(html|json)$", r"^/dir", "/f",
                rf"^/(?<n_{self.seed}>\w)", r"^/q/(.+)$", r"^/b/?$", r"\.php$",
            ])  # fmt: skip
        elif parent:
            place = parent + words.one(["", "b/", "f.txt", "b", "a", "dir/", "x"])
        else:
            place = words.one([
                "/", "/a/", "/a", "/b/", "/dir/", "/dir", "/a/b/", "/p/", "/q/", "/p", "/a/f.txt",
                "/b/x", "/index.html", "/alt/",
            ])  # fmt: skip
        heading = f"{kind} {place}".strip()
        same = f"{'=' if kind == '=' else '~' if is_expression else ''}{place}"
        if same in places or (is_expression and heading in places):
            return []
        places.add(same)
        places.add(heading)
        self.prefixes += [] if is_expression else [place]
        return [Node(f"location {heading}", self.inside(place, is_expression, kind == "="))]

    def inside(
        self, place: str, is_expression: bool = False, is_exact: bool = False, named: bool = False
    ) -> list[Node]:
        words = self.words
        action = self.action(is_expression or named, is_expression, named)
        taken = {"root"} if action and action.name == "alias" else set()
        inner = self.level("l", 4, taken)
        if action and not any(node.name == action.name for node in inner):
            inner.append(action)
        if not is_exact and not named and words.perhaps(0.2):
            places: set[str] = set()
            for _ in range(self.chance.randint(1, 2)):
                nested = self.location(place, places, is_expression)
                inner += nested
        return inner

    def action(
        self, no_uri: bool = False, has_groups: bool = False, named: bool = False
    ) -> Node | None:
        words = self.words
        roll = self.chance.random()
        share = 0.65 if self.groups & {"proxy", "filters"} else 0.3
        if roll < share:
            return Node(proxy_pass(words, with_uri=not no_uri))
        if roll < share + 0.1:
            return Node(answer(words))
        if roll < share + 0.2 and not named:
            folder = words.one(["{root}/", "{root}/a/", "{root}/alt/", "{root}/dir", "{root}/a"])
            return Node(f"alias {folder}" + ("$1" if has_groups else ""))
        if roll < share + 0.3:
            return Node(directives.try_files(words))
        return None

    def ask(self) -> Ask:
        words = self.words
        method = words.one(["GET"] * 10 + ["HEAD", "POST", "POST", "PUT", "OPTIONS", "DELETE"])
        path = self.asked_path()
        query = words.one(["", "", "", "?a=1", "?a=12&b=1", "?b=2", "?a=f.txt", "?a=dir&b=1", "?",
                           "?a=%20x&r=html", "?c=utf-8&a=0", "?a=30", "?i=f.txt"])  # fmt: skip
        fields = [("Host", words.one(HOSTS) if "names" in self.groups else "case.test")]
        names = list(REPLIES)
        if words.perhaps(0.8):
            fields.append(("X-Reply", words.one(names)))
        if words.perhaps(0.5):
            fields.append(("X-Go", words.one([
                words.path(), "/a/f.txt", "@n0", "/dir/?x=1", "/a/big.html", "/b/", "/none",
                "/a/%66.txt", "/p/x",
            ])))  # fmt: skip
        fields += self.fields()
        body = words.one([b"", b"body", b"a=1&b=2"]) if method in ("POST", "PUT") else b""
        return Ask(method, path + query, fields, body, words.one(["HTTP/1.1"] * 12 + ["HTTP/1.0"]))

    def asked_path(self) -> str:
        words = self.words
        if self.prefixes and words.perhaps(0.7):
            path = words.one(self.prefixes) + words.one(
                ["", "", "f.txt", "f.html", "big.html", "x", "/x", "/", "none", "b/f.txt", "b/",
                 "dir", "a%20b", "f.json", "%66.txt"])  # fmt: skip
        else:
            path = words.path()
            if words.perhaps(0.2):
                path = path.rstrip("/") + "/" + words.one(FILES).replace(" ", "%20")
        if words.perhaps(0.05):
            path = words.one(["/a//f.txt", "/a/../b/", "/a/./f.txt", "//a/", "/a%2Ff.txt", "/%61/",
                              "/p/x%3Fy", "/a/+x", "/p/%25", "/unset", "/q/captured"])  # fmt: skip
        return path or "/" + words.one(SEGMENTS)

    def fields(self) -> list[tuple[str, str]]:
        words = self.words
        options = [
            ("X-A", "value"), ("X-A", "1"), ("Cookie", "c=1; d=2"), ("Via", "1.1 other"),
            ("X-Key", words.one(["k1", "k2"])), ("User-Agent", "agent"), ("Referer", "http://r/"),
            ("Authorization", "Basic dXNlcjpwYXNz"), ("Authorization", "Basic dXNlcjp4"),
            ("Content-Type", "text/x-sent"),
        ]  # fmt: skip
        found = dict(words.some(options, 0, 4))
        if words.perhaps(0.5 if "filters" in self.groups else 0.1):
            found["Accept-Encoding"] = words.one(["gzip", "gzip, deflate, br", "gzip;q=0", "*"])
        if words.perhaps(0.5 if "conditions" in self.groups else 0.08):
            found["Range"] = words.one(["bytes=0-3", "bytes=2-", "bytes=-3", "bytes=0-1,3-4",
                                        "bytes=100000-", "bytes=5-2", "x", "bytes=0-0,2-2,4-4",
                                        "bytes=0-9999999"])  # fmt: skip
        if words.perhaps(0.5 if "conditions" in self.groups else 0.05):
            name, value = words.one([
                ("If-Modified-Since", "DATE"), ("If-Modified-Since", "LATER"),
                ("If-None-Match", "*"),
                ("If-None-Match", "ETAG"), ("If-None-Match", 'W/ETAG, "x"'), ("If-Match", "ETAG"),
                ("If-Match", '"none"'), ("If-Unmodified-Since", "EARLIER"), ("If-Range", "ETAG"),
                ("If-Range", "DATE"), ("If-Range", "LATER"), ("If-Modified-Since", "EARLIER"),
                ("If-None-Match", '"strong"'), ("If-Match", "*"),
            ])  # fmt: skip
            found[name] = MARKS.get(value, value.replace("ETAG", ETAG))
        return list(found.items())
