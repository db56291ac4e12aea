"""`rewrite`, `return`, `set`, `break`, `if`, `map`, `geo`, `split_clients` and variables in
`proxy_pass`: nginx and Waybill on the same conf file decide alike, and tell backends the same."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from harness.client import request_bytes
from harness.echo import EchoBackend
from harness.messages import Response, Truncated
from harness.polling import wait_for
from harness.twins import Twins

HTTP = r"""
  types { text/html html; text/plain txt; }
  default_type text/x-default;
  map $arg_m $mapped {
    default "none"; "" empty; one "1"; Two "2:$uri"; "~^x(\d+)(?<rest>.*)$" "x$1:$rest";
    ~*^case "case"; \~tilde "tilde"; \default "word"; "with space" spaced; $arg_q "dollar";
  }
  map $mapped $again { default "($mapped)"; 1 "uno"; }
  map "$arg_a:$arg_b" $pair { default ""; "1:2" both; "~^(.):" "first $1"; }
  map $arg_v $fresh { volatile; default "v=$arg_v"; }
  map $document_root $deep { default "x"; "~." "$request_filename"; }
  map $ping $pong { volatile; default "$ping$ping"; }
  map $pong $ping { volatile; default "$pong$pong"; }
  map $uri $parted { volatile; "~^/(?<head>[a-z]+)/(.*)$" "m-$head-$2"; }
  map $host $site {
    hostnames; default other; files.test files; *.a.test star; .b.test dot; www.c.* head;
    "~^re(\d)\.test$" "re$1"; "~re\.test$" tail;
  }
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  geo $place { default far; 127.0.0.0/8 near; 127.0.0.1 here; 10.0.0.0/8 ten; 10.1.0.0/16 tenone; }
  geo $arg_ip $other {
    default none; 10.0.0.0/8 ten; 10.1.0.0/16 tenone; 10.1.2.3 exact; delete 10.1.0.0/16;
    2001:db8::/32 six; 2001:db8:1::/48 sixone;
  }
  geo $arg_ip $ranged {
    ranges; default none; 10.0.0.0-10.0.0.255 low; 10.0.1.0-10.0.3.255 high; 10.0.2.5-10.0.2.5 one;
  }
  geo $forwarded { default none; proxy 127.0.0.1; 10.0.0.0/8 ten; 192.168.0.0/16 home; }
  geo $recursive {
    default none; proxy 127.0.0.1; proxy 10.0.0.0/8; proxy_recursive; 192.168.0.0/16 home;
    10.0.0.0/8 ten;
  }
  split_clients "${arg_s}" $part { 10% a; 20.5% b; 0.01% c; * d; }
  split_clients "${arg_s}x" $half { 50% left; 25% right; }
  upstream Group { server 127.0.0.1:{backend}; }
  log_format marked "$uri $status $v";
"""

SERVER = r"""
    root {root};
    set $v "";
    set $first $1;
    if ($tail) { return 200 "the server sees a location's group: $tail"; }
    set $from_server "server:$uri";
    if ($arg_early) { return 403; }
    if ($arg_text = yes) { return 200 "early $uri $args\n"; }
    rewrite ^/moved/(.*)$ /vars/$1?moved=1 last;
    rewrite ^/gone-(\d+)$ https://other.test/$1 permanent;
    if ($arg_loop) { rewrite ^/server/(.*)$ /server/x$1; }

    location /vars/ { return 200 "$uri|$args|$is_args|$request_uri|$from_server|$arg_a|$v|$1\n"; }
    location /set/ { set $v "a$arg_a"; set $w "$v$v"; return 200 "$v $w ${v}x $V\n"; }
    location /setargs/ { set $args "n=$arg_a"; proxy_pass http://{backend}; }
    location /setargsvars/ {
      set $args "n=$arg_a&x"; return 200 "$args $arg_n $is_args $query_string";
    }
    location /setnoargs/ { set $args ""; proxy_pass http://{backend}; }
    location /unset/ { if ($arg_a) { set $late "set"; } return 200 "<$late>"; }

    location /last/ { rewrite ^/last/(.*)$ /vars/$1 last; return 200 "not here"; }
    location /flagless/ { rewrite ^/flagless/(.*)$ /one/$1; rewrite ^/one/(.*)$ /vars/two-$1; }
    location /flaglessreturn/ { rewrite ^/flaglessreturn/(.*)$ /n/$1; return 200 "$uri $1"; }
    location /break/ { rewrite ^/break/(.*)$ /vars/$1 break; return 200 "no: $uri"; }
    location /breakfile/ { rewrite ^/breakfile/(.*)$ /dir/$1 break; }
    location /breakproxy/ { rewrite ^/breakproxy/(.*)$ /new/$1 break; proxy_pass http://{backend}; }
    location /breakuri/ {
      rewrite ^/breakuri/(.*)$ /new/$1 break; proxy_pass http://{backend}/base/;
    }
    location /queryuri/ { proxy_pass http://{backend}/x?y=; }
    location /flaglessuri/ { rewrite ^/none/ /x; proxy_pass http://{backend}/base/; }
    location /breakalias/ { rewrite ^/breakalias/(.*)$ /dir/$1 break; alias {root}/dir/; }
    location /breakalone/ {
      rewrite ^/breakalone/(.*)$ /vars/$1; break; proxy_pass http://{backend};
    }
    location /breakaloneuri/ {
      rewrite ^/breakaloneuri/(.*)$ /vars/$1; break; proxy_pass http://{backend}/base/;
    }
    location /breakset/ { rewrite ^/breakset/ /y break; set $v late; add_header X-V "<$v>"; }
    location /q/add/ { rewrite ^/q/add/(.*)$ /vars/$1?b=1 last; }
    location /q/drop/ { rewrite ^/q/drop/(.*)$ /vars/$1? last; }
    location /q/replace/ { rewrite ^/q/replace/(.*)$ /vars/x?c=$1? last; }
    location /q/var/ { rewrite ^/q/var/(.*)$ /vars/$arg_p last; }
    location /q/capture/ { rewrite ^/q/capture/(.*)$ /vars/z?p=$1 last; }
    location /q/proxy/ { rewrite ^/q/proxy/(.*)$ /z?p=$1 break; proxy_pass http://{backend}; }
    location /r/302 { rewrite ^/r/302/(.*)$ /to/$1 redirect; }
    location /r/301 { rewrite ^/r/301/(.*)$ /to/$1?x=1 permanent; }
    location /r/drop { rewrite ^/r/drop/(.*)$ /to/$1? permanent; }
    location /r/http { rewrite ^/r/http/(.*)$ http://other.test/$1; }
    location /r/scheme { rewrite ^/r/scheme/(.*)$ $scheme://other.test/$1 break; }
    location /r/host { rewrite ^/r/host/(.*)$ https://$host/$1 permanent; }
    location /r/hash { rewrite ^/r/hash/(.*)$ /#/grid?branch=3.$1 redirect; }
    location /r/uri { rewrite ^ https://other.test$request_uri? permanent; }
    location /cycle { rewrite ^/cycle(.*)$ /cycle/a$1 last; }
    location /pair1/ { rewrite ^/pair1/(.*)$ /pair2/$1 last; }
    location /pair2/ { rewrite ^/pair2/(.*)$ /pair1/$1 last; }
    location /i/ { rewrite ^/i/(.*)$ /only/$1 last; }
    location /only/ { internal; return 200 "internal $uri"; }
    location /nogroups/ {
      rewrite ^/nogroups/(.*)$ /keep/$1; rewrite ^/nothing /x; return 200 "<$1>";
    }
    location /slashes/ { rewrite ^/slashes(.*)$ /static/$1 break; proxy_pass http://{backend}; }
    location ~ ^/re/(?<name>[a-z]+)/(\d+)$ { return 200 "$name $1 $2 $3\n"; }
    location ~ ^/tailed/(?<tail>[a-z]+)\.(php|txt)$ { return 200 "$first|$tail|$1|$2"; }
    location /deep/ { root {root}/$deep; return 200 "<$deep>"; }
    location /ping/ { return 200 "<$ping>"; }
    location /parted/ { if ($parted) { set $w "zz"; } set $v "$head-$2"; return 200 "$v|$head|$2"; }
    location /partedequal/ { if ($parted = "m-partedequal-x") { set $w "$parted"; } set $v "$head";
      return 200 "$v|$head|$2|$w"; }
    location /partedto/ { rewrite ^ /vars/$parted-$head?$parted; set $v "$head-$2"; }
    location ~ ^/rewriteme/(.*)\.php$ { rewrite ^ /vars/$1 last; }

    location /if/ {
      set $v none;
      if ($arg_a = 1) { set $v one; }
      if ($arg_a != 1) { set $w other; }
      if ($arg_a ~ ^(\d)(\d)$) { set $v "two $1 $2"; }
      if ($arg_a ~* ^ABC) { set $v abc; }
      if ($arg_a !~ [a-z]) { set $w "$w digits"; }
      if ($arg_a !~* [A-Z]) { set $w "$w noletters"; }
      if ($arg_a) { set $w "$w true"; }
      return 200 "$v|$w|$1";
    }
    location /iffile/ {
      if (-f $request_filename) { set $v "${v}f"; } if (!-f $request_filename) { set $v "${v}F"; }
      if (-d $request_filename) { set $v "${v}d"; } if (!-d $request_filename) { set $v "${v}D"; }
      if (-e $request_filename) { set $v "${v}e"; } if (!-e $request_filename) { set $v "${v}E"; }
      if (-x $document_root$uri) { set $v "${v}x"; } if (!-x $request_filename) { set $v "${v}X"; }
      if (-f $document_root/dir/a.txt) { set $v "${v}!"; }
      return 200 "$v";
    }
    location /ifheader/ {
      add_header X-Loc here always;
      if ($arg_a = 1) { add_header X-If one always; }
      if ($arg_b = 1) { add_header X-If two always; expires 1h; }
      return 200 "fields";
    }
    location /ifproxy/ {
      proxy_set_header X-A loc;
      if ($arg_a = 1) { proxy_pass http://{backend}; }
      if ($arg_a = 2) { return 204; }
      if ($arg_a = 3) { rewrite ^ /vars/three last; }
      if ($arg_a = 4) { rewrite ^ /changed break; proxy_pass http://{backend}; }
      if ($arg_a = 5) { break; }
      if ($arg_a = 6) { set $args "six"; }
      proxy_pass http://{backend}/uri/;
    }
    location /ifroot/ { if ($arg_a) { root {root}/dir; } }
    location /iftry/ { try_files $uri /dir/a.txt; if ($arg_a) { set $v x; } }
    location /iferror/ { if ($arg_a) { error_page 404 = /vars/page; } return 404; }
    location /ifreturn/ { if ($request_method = POST) { return 405; } return 200 "GET it is"; }
    location /ifalias/ { alias {root}/dir/; if ($arg_a) { expires 2h; } }
    location /ifoptions/ {
      if ($request_method = 'OPTIONS') {
        add_header 'Access-Control-Allow-Methods' 'GET, POST';
        add_header Content-Length 0;
        return 204;
      }
      proxy_pass http://{backend};
    }
    location /answers/ {
      if ($arg_c = 301) { return 301 /x$uri; } if ($arg_c = 302) { return http://o.test/; }
      if ($arg_c = 404) { return 404; } if ($arg_c = 404t) { return 404 "text\n"; }
      if ($arg_c = 204) { return 204; } if ($arg_c = 503) { return 503; }
      if ($arg_c = 308) { return 308 https://$host$request_uri; } if ($arg_c = 418) { return 418; }
      return 200;
    }
    location /page/ { error_page 503 @held; if ($arg_a) { return 503; } return 200 "open"; }
    location @held { add_header Retry-After 5 always; rewrite ^(.*)$ /dir/a.txt break; }

    location /map/ { return 200 "$mapped|$again|$pair|$1|$rest\n"; }
    location /mapset/ { set $v $fresh; set $args "v=2"; return 200 "$v|$fresh|$mapped"; }
    location /mapif/ { if ($mapped = 1) { return 200 one; } if ($pair) { return 200 "p $pair"; } }
    location /site/ { return 200 "$site"; }
    location /geo/ { return 200 "$place|$other|$ranged|$forwarded|$recursive"; }
    location /split/ { return 200 "$part|$half"; }

    location /p/group/ { set $b Group; proxy_pass http://$b; }
    location /p/groupuri/ { set $b group; proxy_pass http://$b/base$uri; }
    location /p/address/ { set $b 127.0.0.1; proxy_pass http://$b:{backend}; }
    location /p/all/ { set $b http://127.0.0.1:{backend}; proxy_pass $b; }
    location /p/proto/ { set $p http; set $h 127.0.0.1; set $o {backend}; proxy_pass $p://$h:$o; }
    location /p/requesturi/ { proxy_pass http://127.0.0.1:{backend}$request_uri; }
    location /p/args/ { proxy_pass http://127.0.0.1:{backend}/x?fixed=1&$args; }
    location /p/query/ { set $b 127.0.0.1:{backend}; proxy_pass http://$b/?$args; }
    location /p/isargs/ { set $u /new; proxy_pass http://127.0.0.1:{backend}$u$is_args$args; }
    location /p/break/ { set $b Group; rewrite ^/p/break/(.*)$ /$1 break; proxy_pass http://$b; }
    location /p/none/ { set $b ""; proxy_pass http://$b; }
    location /p/badscheme/ { set $b ftp://x; proxy_pass $b; }
    location /p/unresolved/ { set $b nowhere.invalid; proxy_pass http://$b; }
    location ~ ^/p/re/(\w+)/(.*)$ { proxy_pass http://127.0.0.1:{backend}/$1?p=$2; }
    location /p/host/ {
      set $b 127.0.0.1:{backend}; proxy_set_header Host $proxy_host;
      proxy_set_header X-A $proxy_port; proxy_set_header X-B $connection_upgrade;
      proxy_pass http://$b;
    }
    location /p/fixedhost/ {
      proxy_set_header Host $host:$proxy_port; proxy_set_header X-A "$v$from_server";
      proxy_set_header X-B $mapped; proxy_set_header X-C $http_x_none;
      proxy_pass http://127.0.0.1:{backend};
    }
    location /rootvar/ { set $v dir; root {root}/$v; rewrite ^ /a.txt break; }
    location /rootmap/ { root {root}/$mapped; }
    location /expires/ { set $e 1h; if ($arg_a) { set $e off; } expires $e; return 200 "e"; }
    location /names/ {
      return 200 "$https|$scheme|$server_port_none|$document_root_none|$request_filename_none";
    }
    location = /server/x { return 200 "server $uri"; }
    location /server/ { return 200 "server $uri"; }
"""
SERVER = SERVER.replace("|$server_port_none|$document_root_none|$request_filename_none", "")

REQUESTS = """
/vars/a /vars/a?a=1 /vars/a%20b?a=%20 /moved/x /moved/x?y=1 /gone-12 /gone-12?q /vars/?early=1
/vars/?early=0 /vars/?early=00 /nowhere?text=yes&b /server/?loop=1 /server/a
/set/ /set/?a=1 /setargs/ /setargs/?a=b /setargs/x%20y?a=b /setargsvars/?a=3 /setnoargs/?a=b
/unset/ /unset/?a=1
/last/a /last/a?b=c /last/a%2Bb /flagless/x /flaglessreturn/a/b /break/x /breakfile/a.txt
/breakfile/none /breakproxy/x?y /breakproxy/a%20b%3Fc /breakuri/x?y
/queryuri/ /queryuri/a%20b /queryuri/a?b=c /queryuri/a?
/flaglessuri/x /breakalias/a.txt
/breakalone/x /breakaloneuri/x?z /breakset/
/q/add/x /q/add/x?a=1 /q/drop/x?a=1 /q/replace/y?a=1 /q/var/?p=a%20b /q/capture/a%20b%26c
/q/capture/a+b /q/capture/a&b /q/capture/a%2541 /q/proxy/a%20b /q/proxy/a?x=y /q/proxy/%C3%BC
/r/302/x /r/302/x?y=z /r/302/a%20b /r/302/a%2520b /r/301/x /r/301/x?y /r/drop/x?y /r/http/x?y
/r/scheme/x /r/host/x /r/hash/5 /r/hash/5?z /r/uri/%20a?b=c /r/302/%3Fa%26b /r/302/a%0Ab
/cycle /cycle/ /pair1/x /i/x /only/x /nogroups/x /slashes/x /slashes//x /re/abc/12 /re/ABC/12
/rewriteme/x.php /tailed/abc.php /tailed/abc.txt
/parted/one /parted/ /partedequal/x /partedequal/y /partedto/a?b=c
/if/ /if/?a=1 /if/?a=12 /if/?a=abc /if/?a=AbCd /if/?a=0 /if/?a=XYZ
/iffile/none /ifheader/ /ifheader/?a=1 /ifheader/?b=1 /ifheader/?a=1&b=1
/ifproxy/x /ifproxy/x?a=1 /ifproxy/x?a=2 /ifproxy/x?a=3 /ifproxy/x?a=4 /ifproxy/x?a=5
/ifproxy/x?a=6 /ifproxy/a%20b?a=1
/ifroot/a.txt /ifroot/a.txt?a=1 /iftry/x /iftry/x?a=1 /iferror/x /iferror/x?a=1 /ifreturn/
/ifalias/a.txt /ifalias/a.txt?a=1 /ifoptions/
/answers/ /answers/?c=301 /answers/?c=302 /answers/?c=404 /answers/?c=404t /answers/?c=204
/answers/?c=503 /answers/?c=308 /answers/?c=418 /page/ /page/?a=1
/map/ /map/?m=one /map/?m=ONE /map/?m=two /map/?m=x12ab /map/?m=CASEy /map/?m=~tilde /map/?m=default
/map/?m=none /map/?m=with%20space /map/?a=1&b=2 /map/?a=1&b=3 /map/?m=x5&a=7
/mapset/?v=1&m=one /mapif/?m=one /mapif/?a=z /mapif/
/geo/ /geo/?ip=10.2.0.1 /geo/?ip=10.1.0.1 /geo/?ip=10.1.2.3 /geo/?ip=2001:db8::1 /geo/?ip=nothing
/geo/?ip=2001:db8:1::1 /geo/?ip=10.0.0.255 /geo/?ip=10.0.1.0 /geo/?ip=10.0.2.5 /geo/?ip=10.0.4.0
/geo/?ip=::ffff:10.1.2.3
/split/?s=a /split/?s=b /split/?s=hello /split/?s=12345678 /split/ /split/?s=zz /split/?s=q9
/p/group/x?y /p/group/a%2Fb /p/groupuri/a%20b?x /p/address/x /p/all/x?y=1 /p/proto/x
/p/requesturi/a%2Fb?c /p/args/x?y=1 /p/args/x /p/query/x?y /p/isargs/x?y=1 /p/isargs/x /p/break/x?y
/p/break/a%20b /p/none/x /p/badscheme/ /p/unresolved/x /p/re/ab/cd?x /p/re/ab/ /p/host/x
/p/fixedhost/x?m=one /p/fixedhost/x
/rootvar/ /rootmap/?m=one /expires/ /expires/?a=1 /names/
""".split()


@pytest.fixture(scope="module")
def backend() -> Iterator[EchoBackend]:
    backend = EchoBackend()
    yield backend
    backend.stop()


@pytest.fixture(scope="module")
def twins(backend: EchoBackend) -> Iterator[Twins]:
    server = SERVER.replace("127.0.0.1:{backend}", backend.address)
    server = server.replace("http://{backend}", f"http://{backend.address}")
    port = str(backend.port)
    twins = Twins(HTTP.replace("{backend}", port), server.replace("{backend}", port))
    (twins.root / "dir").mkdir()
    (twins.root / "dir/a.txt").write_text("a file")
    (twins.root / "ifroot").mkdir()
    (twins.root / "ifroot/a.txt").write_text("outer")
    (twins.root / "dir/ifroot").mkdir()
    (twins.root / "dir/ifroot/a.txt").write_text("inner")
    (twins.root / "iffile").mkdir()
    (twins.root / "iffile/a.txt").write_text("file")
    (twins.root / "iffile/run").write_text("program")
    (twins.root / "iffile/run").chmod(0o755)
    os.mkfifo(twins.root / "iffile/fifo")
    (twins.root / "1/rootmap").mkdir(parents=True)
    (twins.root / "1/rootmap/index.html").write_text("by a map")
    (twins.root / "ifalias").mkdir()
    yield twins.start()
    twins.stop()


SEEN = ["Location", "X-V", "X-If", "X-Loc", "Access-Control-Allow-Methods", "Retry-After",
        "Cache-Control"]  # fmt: skip


def facts(twins: Twins, answer: Response) -> dict[str, object]:
    facts: dict[str, object] = {"status": answer.status}
    for name in SEEN:
        facts[name] = [twins._plain(value) for value in answer.fields.all(name)]
    if answer.status == 200 and answer.body:
        facts["type"] = answer.fields.all("Content-Type")
    return facts


def has_nginx_failed(twins: Twins) -> bool:
    """True when nginx gave up on the last request: a map whose expression matches while a text is
    composed that also has `$1`, and an `if` whose `proxy_pass` another one takes away."""
    lines = (twins.folder / "nginx/error.log").read_text().splitlines()[-3:]
    reasons = ["no buffer space in script copy", "no upstream configuration"]
    return any(reason in line for line in lines for reason in reasons)


def compare(twins: Twins, data: bytes) -> None:
    ours = twins.ask("waybill", data)
    try:
        theirs = twins.ask("nginx", data)
    except Truncated:
        assert has_nginx_failed(twins), data
        return
    if b"Bad request syntax" in theirs.body:
        # nginx has sent a space to the backend as it is; here it is percent-encoded.
        return
    if theirs.status == 500 != ours.status and has_nginx_failed(twins):
        return
    assert facts(twins, ours) == facts(twins, theirs), data
    if theirs.status == 200 or theirs.body and b"<html>" not in theirs.body:
        # A query made of a decoded path keeps its spaces in nginx until a backend refuses them.
        left, right = [one.body.decode("latin-1").replace("%20", " ") for one in (ours, theirs)]
        assert twins._plain(left) == twins._plain(right), data
    assert ours.fields.one("X-Request-ID"), data


@pytest.mark.parametrize("target", REQUESTS)
def test_as_nginx(twins: Twins, target: str) -> None:
    compare(twins, request_bytes("GET", target, fields=[("Host", "files.test")]))


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "target", ["/ifreturn/", "/ifoptions/", "/last/a", "/breakproxy/x", "/p/group/x", "/set/"])
def test_methods(twins: Twins, method: str, target: str) -> None:
    body = b"content" if method == "POST" else b""
    data = request_bytes(method, target, fields=[("Host", "files.test")], body=body)
    compare(twins, data)


@pytest.mark.parametrize("name", ["a.txt", "run", "fifo", "", "none", "../iffile"])
def test_files_in_conditions(twins: Twins, name: str) -> None:
    compare(twins, request_bytes("GET", f"/iffile/{name}", fields=[("Host", "files.test")]))


@pytest.mark.parametrize(
    "host", ["files.test", "x.a.test", "a.test", "b.test", "c.b.test", "www.c.org", "re7.test",
             "FILES.test", "files.test.", "none.test"])  # fmt: skip
def test_hostnames(twins: Twins, host: str) -> None:
    compare(twins, request_bytes("GET", "/site/", fields=[("Host", host)]))


@pytest.mark.parametrize(
    "forwarded", ["10.0.0.1", "192.168.0.1, 10.0.0.1", "192.168.0.1", "8.8.8.8, 192.168.1.1", "x"])
def test_geo_of_forwarded(twins: Twins, forwarded: str) -> None:
    fields = [("Host", "files.test"), ("X-Forwarded-For", forwarded)]
    compare(twins, request_bytes("GET", "/geo/", fields=fields))


def test_variables_that_ask_for_each_other_come_to_an_end(twins: Twins) -> None:
    start = time.monotonic()
    answer = twins.ask("waybill", request_bytes("GET", "/ping/", fields=[("Host", "files.test")]))
    assert answer.status == 200 and answer.body == b"<>" and time.monotonic() - start < 5
    assert twins.proxy is not None and twins.proxy.wait_error("depends on itself")
    deep = twins.ask("waybill", request_bytes("GET", "/deep/", fields=[("Host", "files.test")]))
    assert deep.status == 200


@pytest.mark.parametrize("host", ["a.re.test.", "files.test.", "re7.test.", "b.test."])
def test_hostnames_with_a_final_dot(twins: Twins, host: str) -> None:
    compare(twins, request_bytes("GET", "/site/", fields=[("Host", host)]))


@pytest.mark.parametrize("ip", ["10.0.0.1:80", "[2001:db8::1]", "10.0.0.0/8", "10.0.0.1"])
def test_geo_takes_bare_addresses(twins: Twins, ip: str) -> None:
    compare(twins, request_bytes("GET", f"/geo/?ip={ip}", fields=[("Host", "files.test")]))


def test_history_and_log(twins: Twins) -> None:
    """Each step that was executed is in the history of a request that ends before its time, and
    variables without a `set` are warned of."""
    twins.ask("waybill", request_bytes("GET", "/cycle", fields=[("Host", "files.test")]))
    twins.ask("waybill", request_bytes("GET", "/unset/", fields=[("Host", "files.test")]))

    def told() -> bool:
        text = twins.error_log()
        return "rewrite ^/cycle(.*)$ /cycle/a$1 last (" in text and "$late is used" in text

    wait_for(told, "the history of a request that goes round in circles")
    assert "more than 10 internal redirects" in twins.error_log()


# Random conf files.

VALUES = ["lit", "$uri", "$args", "$arg_a", "$arg_b", "$1", "$2", "$v0", "$v1", "$m0", "$m1",
          "$is_args", "$request_uri", "$http_x_a", "$g0", "$request_method", "$n"]  # fmt: skip
EXPRESSIONS = [
    r"^/l\d/(.*)$", r"^/(\w+)/(\w*)", r"^(.*)$", r"x", r"^/l1", r"a(b)?c", r"\.txt$",
    r"^/l(?<n>\d)/", r"^/none", r"^",
]  # fmt: skip
CONDITIONS = ["($arg_a)", "($arg_a = 1)", "($arg_b != 1)", "($uri ~ ^/l(\\d)/(.*))",
              "($v0 = lit)", "($m0 ~* ON)", "($request_method = POST)", "($args !~ b=)",
              "(-f $request_filename)", "(!-d $document_root/dir)", "($g0)"]  # fmt: skip


class RandomConf:
    """Some locations with steps of rewriting, and requests for them."""

    def __init__(self, seed: int, backend: EchoBackend):
        self.chance = random.Random(seed)
        self.backend = backend

    def text(self) -> str:
        pieces = [self.chance.choice(VALUES) for _ in range(self.chance.randint(1, 3))]
        return '"%s"' % "-".join(pieces)

    def replacement(self) -> str:
        path = self.chance.choice(
            ["/l%d/$1", "/l%d/x", "/l%d/$2$1", "/l%d/$arg_a", "/l%d/a.txt", "/l%d$uri"]
        ) % self.chance.randint(0, 5)
        query = self.chance.choice(["", "", "?q=1", "?", "?c=$1", "?c=$arg_b&d=2?", "?u=$v0"])
        return path + query

    def step(self, depth: int, is_server: bool) -> str:
        kinds = ["set", "set", "rewrite", "rewrite", "if", "if", "return", "break", "args"]
        kind = self.chance.choice(kinds)
        if kind == "set":
            return f"set $v{self.chance.randint(0, 1)} {self.text()};"
        if kind == "args":
            return f"set $args {self.text()};" if self.chance.random() < 0.5 else ""
        if kind == "break":
            return "break;" if self.chance.random() < 0.4 else ""
        if kind == "return":
            if self.chance.random() < (0.7 if depth == 0 else 0.3):
                return ""
            return self.chance.choice(
                ['return 200 "$uri|$args|$v0|$1";', "return 404;", "return 301 /x$uri;",
                 "return 204;", f"return 403 {self.text()};"])  # fmt: skip
        if kind == "rewrite":
            flag = self.chance.choice(["", "", "last", "break", "redirect", "permanent"])
            return f'rewrite "{self.chance.choice(EXPRESSIONS)}" "{self.replacement()}" {flag};'
        if depth > 0:
            return ""
        inner = [self.step(1, is_server) for _ in range(self.chance.randint(0, 2))]
        if not is_server:
            inner.append(self.chance.choice(
                ["", f"add_header X-If {self.text()} always;", "expires 1h;",
                 f"proxy_pass http://{self.backend.address};", "root {root}/dir;"]))
        return "if %s { %s }" % (self.chance.choice(CONDITIONS), " ".join(inner))

    def steps(self, most: int, is_server: bool = False) -> str:
        count = self.chance.randint(0, most)
        return "\n      ".join(self.step(0, is_server) for _ in range(count))

    def location(self, number: int) -> str:
        address = self.backend.address
        action = self.chance.choice(
            ['return 200 "$uri|$args|$request_uri|$1|$2|$v0|$v1|$m0";',
             f"proxy_pass http://{address};", f"proxy_pass http://{address}/base/;",
             f"set $b {address}; proxy_pass http://$b;",
             f"proxy_pass http://{address}/y$uri$is_args$args;", "", "alias {root}/dir/;"])
        heading = f"/l{number}/"
        return f"""
    location {heading} {{
      add_header X-V "$v0|$v1|$1|$m0" always;
      proxy_set_header X-A "$v0"; proxy_set_header X-B "$m1|$1";
      {self.steps(5)}
      {action}
    }}"""

    def server(self) -> str:
        locations = "".join(self.location(number) for number in range(6))
        return f"""root {{root}};
    set $v0 ""; set $v1 "";
    {self.steps(2, is_server=True)}
    {locations}"""

    http = r"""
  types { text/html html; text/plain txt; } default_type text/x-default;
  map $arg_a $m0 { default "d"; 1 one; "~^(\d)(\d)$" "$2$1"; a "$uri"; }
  map "$v0$arg_b" $m1 { default ""; "~(?<n>\w)$" "[$n]"; 1 "$m0"; }
  geo $g0 { default 0; 127.0.0.1 1; }
"""

    def request(self) -> bytes:
        path = f"/l{self.chance.randint(0, 5)}/" + self.chance.choice(
            ["", "x", "a.txt", "abc", "a%20b", "a+b", "x/y", "%41%26", "sub/", "ac"])
        query = self.chance.choice(["", "", "?a=1", "?a=12&b=1", "?b=2", "?a=a", "?a=1&b=1", "?"])
        method = self.chance.choice(["GET", "GET", "GET", "POST"])
        body = b"b" if method == "POST" else b""
        fields = [("Host", "files.test"), ("X-A", "field")]
        return request_bytes(method, path + query, fields=fields, body=body)


SEEDS = range(*[int(n) for n in os.environ.get("WAYBILL_REWRITE_SEEDS", "0:6").split(":")])


@pytest.mark.parametrize("seed", SEEDS)
def test_random(seed: int, backend: EchoBackend) -> None:
    made = RandomConf(seed, backend)
    twins = Twins(made.http, made.server())
    (twins.root / "dir").mkdir()
    for folder in [twins.root, twins.root / "dir"]:
        (folder / "a.txt").write_text(f"in {folder.name}")
    twins.start()
    try:
        for _ in range(40):
            data = made.request()
            try:
                compare(twins, data)
            except Exception:
                print(twins.server)
                print((twins.folder / "nginx/error.log").read_text()[-1500:])
                print(twins.proxy.output()[-3000:] if twins.proxy else "")
                raise
    finally:
        twins.stop()
