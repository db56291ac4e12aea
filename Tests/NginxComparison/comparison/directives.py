"""Each directive with the levels where it may stand and a maker of random arguments."""

from __future__ import annotations

from collections.abc import Callable

from .words import STATUSES, TYPES, Words

# Levels: s server, l location, i if in a location, f if in a server, x limit_except.
Maker = Callable[[Words], str]
ON = ["on", "off"]


def switch(name: str) -> Maker:
    return lambda words: f"{name} {words.one(ON)}"


def choice(name: str, *options: str) -> Maker:
    return lambda words: f"{name} {words.one(list(options))}"


def replacement(words: Words) -> str:
    path = words.one([
        "/a/$1", "/b/x", "/$2$1", "/a/$arg_a", "/a/f.txt", "/b$uri", "/dir/", "/$1", "/p/$1",
        words.path(), words.path(), f"/a/{words.settable()}", "/none",
    ])  # fmt: skip
    return path + words.one(["", "", "", "?q=1", "?", "?c=$1", "?c=$arg_b&d=2?", "?$args"])


def rewrite(words: Words) -> str:
    flag = words.one(["", "", "last", "last", "break", "break", "redirect", "permanent"])
    target = replacement(words)
    if words.perhaps(0.08):
        target = words.one(["http://other.test/$1", "$scheme://$host/x$uri", "https://o.test/?a=1"])
    return f'rewrite "{words.expression()}" "{target}" {flag}'.rstrip()


def answer(words: Words) -> str:
    return words.one([
        f"return 200 {words.text()}", f"return 200 {words.text()}", "return 404", "return 204",
        f"return 301 {words.path()}$is_args$args", "return 302 $scheme://$host$request_uri",
        f"return 403 {words.text()}", "return 500", f"return {words.one(STATUSES)}",
        f"return 307 {words.text(most=1)}", "return 303 http://other.test/", "return 418 pot",
        f"return 302 {words.path()}", "return http://plain.test/$arg_a", "return 405",
        f"return 308 /x{words.path()}?a=b",
    ])  # fmt: skip


def assign(words: Words) -> str:
    if words.perhaps(0.12):
        return words.one([f"set $args {words.text()}", "set $args $arg_a", 'set $args ""'])
    if words.perhaps(0.05):
        return words.one(["set $limit_rate 1000k", "set $limit_rate 0"])
    return f"set {words.settable()} {words.text()}"


def error_page(words: Words) -> str:
    codes = " ".join(words.some(STATUSES + ["301", "302", "404", "403", "404", "500"], 1, 4))
    form = words.one(["", "", "", "=", "=200", "=404", "=503", "=204", "=301"])
    target = words.one([
        "/a/f.html", "/b/none", "/dir/", "@n0", "@n1", "/p/page?e=$arg_a", "$uri", "/q/$arg_a",
        "/a/$status.html", "https://other.test/error?u=$request_uri", "/dir", words.path(),
        f"/p/{words.variable()}", "/a/big.html", "/alt/f.txt", "/dir/f.txt?x",
    ])  # fmt: skip
    return f"error_page {codes} {form} {target}".replace("  ", " ")


def try_files(words: Words) -> str:
    tried = words.some([
        "$uri", "$uri/", "/a/f.txt", "$uri.html", "/none", "/dir/", "/$arg_a", "$uri/index.html",
        "/alt$uri", "/a/b", "/f.txt", f"/{words.variable()}",
    ])  # fmt: skip
    last = words.one(["=404", "=403", "=204", "=500", "@n0", "@n1", "/a/f.html", "/b/?x=$args",
                      "/dir/", "/none", words.path(), "$uri", "=301"])  # fmt: skip
    return f"try_files {' '.join(tried)} {last}"


def proxy_pass(words: Words, with_uri: bool = True) -> str:
    plain = ["http://{backend}"]
    if with_uri:
        plain += ["http://{backend}/", "http://{backend}/base/", 
                  "http://{backend}/base", "http://up_%d/base/" % words.seed]  # fmt: skip
    plain += ["http://{backend}", f"http://up_{words.seed}"]
    variable = [
        "http://{backend}$request_uri", "http://{backend}$uri$is_args$args", "http://{backend}/$1",
        f"http://up_{words.seed}/v$uri", "http://{backend}/z/$arg_a?w=$arg_b",
        "$scheme://{backend}", f"http://{{backend}}{words.settable()}",
    ]  # fmt: skip
    return "proxy_pass " + words.one(variable if words.perhaps(0.3) else plain)


def proxy_redirect(words: Words) -> str:
    return "proxy_redirect " + words.one([
        "off", "http://{backend}/ /back/", "http://{backend}/a/ $scheme://$host/c/",
        "~^http://([^/]+)/(.*)$ http://$host/r/$2", "~*^HTTPS://(?<h_%d>[^:/]+) /to" % words.seed,
        "/a/ /z/", "http://{backend} http://front.test", f"/ {words.text(most=1)}",
        "https://other.test:8443/ /", "http://$proxy_host/ /ph/",
    ])  # fmt: skip


def cookie_flags(words: Words) -> str:
    which = words.one(["a", "~", "~^b$", "c", "none", "~B", "go"])
    flags = words.some(["secure", "httponly", "samesite=strict", "nosecure", "nohttponly"], 1, 2)
    return f"proxy_cookie_flags {which} {' '.join(flags)}"


def sub_filter(words: Words) -> str:
    wanted = words.one(["one", "two", "</body>", "three. one", "TITLE", "<p>", "plain", "backend"])
    return f"sub_filter '{wanted}' {words.text(most=2)}"


def expires(words: Words) -> str:
    return "expires " + words.one([
        "1h", "-1", "0", "epoch", "max", "off", "modified +1d", "30d", "-1h", "$arg_a",
        words.settable(), "modified -1h",
    ])  # fmt: skip


def types(words: Words) -> str:
    return "types { " + words.one([
        "", "text/html html; text/plain txt;", "text/x-own txt html; application/json json;",
        "text/html htm html; text/css css; application/json json;",
    ]) + " }"  # fmt: skip


def add_header(words: Words) -> str:
    name = words.one(["X-A", "X-B", "X-C", "X-D", "Cache-Control", "Link", "ETag",
                      "Last-Modified", "X-A", "Vary", "Set-Cookie", "X-E"])  # fmt: skip
    return f"add_header {name} {words.text(late=True)}" + words.one(["", " always", " always"])


def set_header(words: Words) -> str:
    name = words.one(["X-A", "X-B", "X-C", "Host", "User-Agent", "X-Reply", "Accept-Encoding",
                      "Cookie", "X-Forwarded-For", "X-Real-IP", "Connection", "Referer",
                      "If-None-Match", "Range"])  # fmt: skip
    if name == "X-Reply":
        value = words.one(["html", "missing", "cookies", "moved", "$arg_r", '""'])
    elif name == "Host":
        value = words.one(
            ["$host", "$http_host", "$proxy_host", "fixed.test", "$host:$server_port"])
    elif name == "Connection":
        value = '""'
    elif name == "X-Forwarded-For":
        value = words.one(["$proxy_add_x_forwarded_for", "$remote_addr"])
    else:
        value = words.one([words.text(), words.text(), '""', "$http_x_a"])
    return f"proxy_set_header {name} {value}"


def access(words: Words) -> str:
    return words.one(["allow 127.0.0.1", "deny 127.0.0.1", "allow all", "deny all",
                      "allow 10.0.0.0/8", "deny 10.0.0.0/8", "allow 127.0.0.0/8",
                      "deny ::1"])  # fmt: skip


def limit_req(words: Words) -> str:
    burst = words.one(["", " burst=2 nodelay", " burst=5 nodelay"])
    return f"limit_req zone=r{words.chance.randint(0, 1)}_{words.seed}{burst}"


def ignored(words: Words) -> str:
    names = ["X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Charset", "X-Accel-Buffering",
             "Expires", "Cache-Control", "Set-Cookie", "Vary"]  # fmt: skip
    return "proxy_ignore_headers " + " ".join(words.some(names))


FIELDS = ["X-A", "Set-Cookie", "ETag", "Location", "Content-Type", "Cache-Control", "Vary",
          "Last-Modified", "Accept-Ranges", "X-Pad", "Date", "Server", "X-Accel-Expires",
          "Expires", "WWW-Authenticate", "Content-Disposition", "Retry-After"]  # fmt: skip

# group, levels, is allowed several times, maker
TABLE: list[tuple[str, str, bool, Maker]] = [
    ("rewrite", "slif", True, assign),
    ("rewrite", "slif", True, assign),
    ("rewrite", "slif", True, rewrite),
    ("rewrite", "sl", True, rewrite),
    ("rewrite", "lif", True, answer),
    ("rewrite", "lif", True, lambda words: "break"),
    ("rewrite", "sl", True, lambda words: "IF"),
    ("rewrite", "sl", True, lambda words: "IF"),
    ("files", "sli", False, lambda words: "root " + words.one(
        ["{root}", "{root}/alt", "{root}/a", "{root}/$arg_a", f"{{root}}{words.settable()}"])),
    ("files", "sl", False, lambda words: "index " + " ".join(words.some(
        ["index.html", "f.txt", "f.html", "none.html", "$arg_i", "f.json"]))),
    ("files", "l", False, try_files),
    ("files", "s", False, try_files),
    ("files", "sl", False, switch("autoindex")),
    ("files", "sl", False, choice("autoindex_format", "html", "json")),
    ("files", "sl", False, switch("autoindex_exact_size")),
    ("files", "sl", False, types),
    ("files", "sl", False, choice("default_type", "text/x-d", "application/octet-stream",
                                  "text/plain", "text/html")),
    ("files", "l", False, lambda words: "internal"),
    ("fields", "sli", True, add_header),
    ("fields", "sli", True, add_header),
    ("fields", "sli", False, expires),
    ("errors", "sli", True, error_page),
    ("errors", "sli", True, error_page),
    ("errors", "sl", False, switch("recursive_error_pages")),
    ("errors", "sl", False, switch("proxy_intercept_errors")),
    ("errors", "sl", False, lambda words: "proxy_intercept_errors on"),
    ("errors", "sl", False, switch("log_not_found")),
    ("proxy", "sl", True, set_header),
    ("proxy", "sl", True, set_header),
    ("proxy", "sl", True, proxy_redirect),
    ("proxy", "sl", True, lambda words: "proxy_cookie_domain " + words.one(
        ["backend.test front.test", "~\\.?backend\\.(\\w+)$ $1.$host", "backend.test $host"])),
    ("proxy", "sl", True, lambda words: "proxy_cookie_path " + words.one(
        ["/ /new/", "/a/ /b/", "~^/(a)/$ /$1$1/", "/a/ $uri", "~*^/A /x"])),
    ("proxy", "sl", True, cookie_flags),
    ("proxy", "sl", True, lambda words: "proxy_hide_header " + words.one(FIELDS)),
    ("proxy", "sl", True, lambda words: "proxy_pass_header " + words.one(FIELDS)),
    ("proxy", "sl", False, ignored),
    ("proxy", "sl", False, choice("proxy_method", "GET", "POST", "PUT", "$request_method",
                                  "DELETE")),
    ("proxy", "sl", False, switch("proxy_pass_request_headers")),
    ("proxy", "sl", False, lambda words: words.one(
        ["proxy_pass_request_body on",
         'proxy_pass_request_body off; proxy_set_header Content-Length ""'])),
    ("filters", "sl", True, sub_filter),
    ("filters", "sl", True, sub_filter),
    ("filters", "sl", False, switch("sub_filter_once")),
    ("filters", "sl", False, lambda words: "sub_filter_types " + " ".join(words.some(
        TYPES[1:] + ["*"]))),
    ("filters", "sl", False, switch("sub_filter_last_modified")),
    ("filters", "sli", False, choice("charset", "utf-8", "koi8-r", "off", "iso-8859-1")),
    ("filters", "sl", False, lambda words: "charset_types " + " ".join(words.some(TYPES[1:]))),
    ("filters", "sli", False, switch("gzip")),
    ("filters", "sli", False, lambda words: "gzip on"),
    ("filters", "sl", False, lambda words: "gzip_types " + " ".join(words.some(
        TYPES[1:] + ["*"]))),
    ("filters", "sl", False, choice("gzip_min_length", "0", "100", "1000", "3000")),
    ("filters", "sl", False, switch("gzip_vary")),
    ("filters", "sl", False, choice("gzip_http_version", "1.0", "1.1")),
    ("filters", "sl", False, lambda words: "gzip_proxied " + " ".join(words.one(
        ["any", "off", "expired no-cache", "no-store private", "auth", "no_last_modified",
         "no_etag auth", "private"]).split())),
    ("filters", "sl", False, switch("gunzip")),
    ("conditions", "sl", False, switch("etag")),
    ("conditions", "sl", False, choice("if_modified_since", "off", "exact", "before")),
    ("conditions", "sl", False, choice("max_ranges", "0", "1", "2", "5")),
    ("names", "sl", False, switch("absolute_redirect")),
    ("names", "sl", False, switch("port_in_redirect")),
    ("names", "sl", False, switch("server_name_in_redirect")),
    ("names", "s", False, switch("merge_slashes")),
    ("access", "slx", True, access),
    ("access", "slx", True, access),
    ("access", "sl", False, choice("satisfy", "any", "all")),
    ("access", "slx", False, lambda words: "auth_basic " + words.one(
        ["realm", "off", words.text(most=2), '"a realm"'])),
    ("access", "slx", False, lambda words: "auth_basic_user_file {root}/../users"),
    ("access", "l", False, lambda words: "LIMIT_EXCEPT"),
    ("limits", "sl", False, limit_req),
    ("limits", "sl", False, lambda words: f"limit_conn c0_{words.seed} 1"),
    ("limits", "sl", False, switch("limit_req_dry_run")),
    ("limits", "sl", False, switch("limit_conn_dry_run")),
    ("limits", "sl", False, choice("limit_req_status", "503", "429", "404", "599")),
    ("limits", "sl", False, choice("client_max_body_size", "0", "2", "10k")),
    ("log", "li", True, lambda words: "access_log " + words.one(
        ["off", "{own}/%d.log f%d" % (words.seed, words.seed),
         "{own}/%d.log f%d if=%s" % (words.seed, words.seed, words.named())])),
]  # fmt: skip
GROUPS = sorted({row[0] for row in TABLE})
