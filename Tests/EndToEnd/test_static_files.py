"""Files on disk: what nginx and Waybill answer on the same conf file and folder is the same, and no
request leads out of the folder, opens what is no file, or stops a worker."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from harness.client import RawConnection, request_bytes
from harness.twins import Twins, give_to_nobody, make_special_files

HTTP = """
  types { text/html html htm; text/plain txt; image/png PNG; application/json json; }
  default_type application/octet-stream;
"""

SERVER = """
    root {root};
    location /types/ { types { text/x-own own; } default_type text/x-default; }
    location /plain/ { alias {root}/dir/; }
    location /bare { alias {root}/dir; }
    location /trap { alias {root}/dir/; }
    location /several/ { index none.html $arg_name.html a.txt; }
    location /elsewhere/ { index none.html /dir/a.txt; }
    location /one/ { max_ranges 1; alias {root}/; }
    location /three/ { max_ranges 3; alias {root}/; }
    location /noranges/ { max_ranges 0; alias {root}/; }
    location /notag/ { etag off; alias {root}/; }
    location /before/ { if_modified_since before; alias {root}/; }
    location /nodate/ { if_modified_since off; alias {root}/; }
    location /fields/ { add_header X-Own $uri; add_header Cache-Control public; alias {root}/; }
    location /always/ { add_header X-Own always always; alias {root}/; }
    location /day/ { expires 1d; alias {root}/; }
    location /both/ { expires 1h; add_header Cache-Control public; alias {root}/; }
    location /never/ { expires -1; alias {root}/; }
    location /epoch/ { expires epoch; alias {root}/; }
    location /max/ { expires max; alias {root}/; }
    location /zero/ { expires 0; alias {root}/; }
    location /modified/ { expires modified +30d; alias {root}/; }
    location /old/ { expires modified 1s; alias {root}/; }
    location /clock/ { expires @15h30m; alias {root}/; }
    location /off/ { expires off; alias {root}/; }
    location /variable/ { expires $arg_e; alias {root}/; }
    location /quiet/ { log_not_found off; alias {root}/; }
    location /nolinks/ { disable_symlinks on from={root}; alias {root}/links/; }
    location /strict/ { disable_symlinks on; alias {root}/links/; }
    location /owned/ { disable_symlinks if_not_owner from={root}; alias {root}/links/; }
    location /withlinks/ { alias {root}/links/; }
    location /listed/ { autoindex on; alias {root}/list/; }
    location /rounded/ { autoindex on; autoindex_exact_size off; alias {root}/list/; }
    location /listedjson/ { autoindex on; autoindex_format json; alias {root}/list/; }
    location /listedlocal/ { autoindex on; autoindex_localtime on; alias {root}/list/; }
    location /packed/ { gzip_static on; gzip_vary on; alias {root}/packed/; }
    location /alwayspacked/ { gzip_static always; alias {root}/packed/; }
    location /nested/ { alias {root}/dir/;
      location ~ [.]txt$ { expires 1d; } location /nested/sub/ { add_header X-In sub; }
      location = /nested/index.html { expires 2d; }
      location /nested/try/ { try_files $uri /nested/a.txt; }
      location /nested/own/ { alias {root}/; location ~ [.]bin$ { expires 3d; } } }
    location ~ ^/nestedre/(.*)$ { alias {root}/dir/$1; location ~ [.]txt$ { expires 1d; } }
    location /variables/ { root {root}/$arg_folder; }
"""

OLD = 784_111_777


def fill(root: Path) -> None:
    """The files that the requests are about."""
    (root / "a.txt").write_bytes(b"0123456789" * 10)
    (root / "empty.txt").write_bytes(b"")
    (root / "big.bin").write_bytes(hashlib.sha512(b"big").digest() * 16_000)
    (root / "picture.PNG").write_bytes(b"\x89PNG")
    (root / "noextension").write_bytes(b"none")
    (root / ".hidden").write_bytes(b"hidden")
    (root / "two.dots.html").write_bytes(b"<p>two</p>")
    (root / "space name.txt").write_bytes(b"space")
    (root / "percent%41.txt").write_bytes(b"percent")
    (root / "question?.txt").write_bytes(b"question")
    (root / "back\\slash.txt").write_bytes(b"backslash")
    (root / "umläut.txt").write_bytes(b"umlaut")
    (root / "dir").mkdir()
    (root / "dir/a.txt").write_bytes(b"in a folder")
    (root / "dir/index.html").write_bytes(b"<p>index</p>")
    (root / "noindex").mkdir()
    (root / "types").mkdir()
    for name in ["a.own", "a.html", "b"]:
        (root / "types" / name).write_bytes(b"typed")
    for folder in ["several", "elsewhere", "space dir"]:
        (root / folder).mkdir()
    (root / "several/a.txt").write_bytes(b"third")
    (root / "several/chosen.html").write_bytes(b"second")
    (root / "space dir/index.html").write_bytes(b"spaced")
    (root / "variables").mkdir()
    (root / "sub/variables").mkdir(parents=True)
    (root / "sub/variables/v.txt").write_bytes(b"by a variable")
    (root / "unreadable.txt").write_bytes(b"secret")
    (root / "unreadable.txt").chmod(0)
    (root / "closed").mkdir()
    (root / "closed/a.txt").write_bytes(b"closed")
    (root / "closed").chmod(0)
    fill_links(root)
    fill_lists(root)
    for path in [*root.rglob("*"), root]:
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    os.utime(root / "dir/a.txt", (OLD + 7, OLD + 7))


def fill_lists(root: Path) -> None:
    folder = root / "list"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "b").mkdir()
    for name, size in {
        "a.txt": 10, "B.txt": 0, "<&>\"'.txt": 1, "x" * 50: 1, "y" * 51: 1, "z" * 60 + ".txt": 2,
        "9k": 9999, "10k": 10_240, "20k": 20_000, "1m": 1_048_576, "2.5m": 2_621_440,
        ".hidden": 1, "100%": 1, "q?#": 1, "back\\slash": 1, "tab\there": 1,
    }.items():  # fmt: skip
        (folder / name).write_bytes(b"x" * size)
    (folder / "link").symlink_to("a.txt")
    (folder / "broken").symlink_to("nowhere")
    packed = root / "packed"
    packed.mkdir()
    for name in ["a.txt", "a.txt.gz", "only.html.gz", "plain.html"]:
        (packed / name).write_bytes(name.encode())
    (packed / "folder.txt.gz").mkdir()
    (packed / "folder.txt").write_bytes(b"plain")


def fill_links(root: Path) -> None:
    links = root / "links"
    (links / "real").mkdir(parents=True)
    (links / "real/a.txt").write_bytes(b"real")
    (links / "to-file").symlink_to("real/a.txt")
    (links / "to-dir").symlink_to("real")
    (links / "broken").symlink_to("nowhere")
    (links / "loop").symlink_to("loop")
    (links / "out").symlink_to("/etc/passwd")
    (links / "foreign.txt").write_bytes(b"foreign")
    give_to_nobody(links / "foreign.txt")
    (links / "to-foreign").symlink_to("foreign.txt")
    (root.parent / "secret.txt").write_bytes(b"SECRET")


@pytest.fixture(scope="module")
def twins():
    pair = Twins(HTTP, SERVER)
    fill(pair.root)
    try:
        yield pair.start()
    finally:
        (pair.root / "closed").chmod(0o755)
        pair.stop()


TARGETS = [
    "/a.txt", "/empty.txt", "/big.bin", "/picture.PNG", "/noextension", "/.hidden",
    "/two.dots.html", "/space%20name.txt", "/percent%2541.txt", "/question%3F.txt",
    "/question%3f.txt?x=1", "/back%5Cslash.txt", "/back\\slash.txt", "/uml%C3%A4ut.txt",
    "/a.txt?query=1", "/%61.txt", "/a%2Etxt", "//a.txt", "/./a.txt", "/dir/../a.txt",
    "/dir/a.txt", "/dir", "/dir?x=1&y=2", "/dir/", "/dir/?x=1", "/dir/.", "/dir/index.html",
    "/noindex", "/noindex/", "/missing", "/missing/", "/missing/a/b", "/a.txt/", "/a.txt/b",
    "/", "/space%20dir", "/space%20dir/", "/space%20dir?a=%20", "/types/a.own", "/types/a.html",
    "/types/b", "/plain/a.txt", "/plain/", "/plain", "/plain/missing", "/bare/a.txt", "/bare",
    "/bare/", "/barex", "/several/", "/several/?name=chosen", "/several/?name=other", "/several",
    "/elsewhere/", "/unreadable.txt", "/closed/", "/closed/a.txt", "/closed", "/quiet/missing",
    "/nolinks/real/a.txt", "/nolinks/to-file", "/nolinks/to-dir/a.txt", "/nolinks/broken",
    "/nolinks/out", "/strict/real/a.txt", "/strict/to-file", "/owned/to-file",
    "/owned/to-foreign", "/owned/foreign.txt", "/owned/to-dir/a.txt", "/owned/out",
    "/withlinks/to-file", "/withlinks/to-dir/a.txt", "/withlinks/to-dir", "/withlinks/broken",
    "/nested/a.txt", "/nested/sub/", "/nested/sub/x", "/nested/index.html", "/nested/", "/nested",
    "/nested/try/x", "/nested/own/big.bin", "/nested/own/a.txt", "/nestedre/a.txt", "/nestedre/",
    "/withlinks/loop", "/withlinks/to-foreign", "/variables/v.txt?folder=sub", "/variables/v.txt",
    "/" + "x" * 255, "/" + "x" * 256, "/" + "/".join(["y" * 200] * 25),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_paths(twins, method, target):
    twins.compare(method, target, body=b"x" if method == "POST" else b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get"])
@pytest.mark.parametrize("target", ["/a.txt", "/dir/", "/dir", "/missing", "/noindex/"])
def test_other_methods(twins, method, target):
    answer = twins.ask("waybill", request_bytes(method, target))
    assert answer.status == 405
    if method != "get":  # nginx refuses lowercase methods.
        assert twins.ask("nginx", request_bytes(method, target)).status == 405


RANGES = [
    "0-0", "0-", "5-9", "-5", "-0", "-100", "-101", "99-", "99-99", "100-", "100-200", "0-99",
    "0-100", "0-999", "5-2", "x", "", "-", "0-0,1-1", "0-0, 2-3 , -1", "0-49,50-99", "0-60,30-99",
    "0-99,0-0", "0-0,100-", "100-,0-0", "200-,300-", "0-0,x", "0-0,,1-1", "0-0,", ",0-0",
    " 0-5", "0 - 5", "0-5 ", "0- 5", "9223372036854775807-", "9223372036854775808-",
    "0-9223372036854775807", "0-9223372036854775808", "1-1,3-3,5-5,7-7,9-9", "-1,-2", "0-0,0-0",
    "0-0;1-1", "00-01", "+0-1", "--1", "0--1", "0x0-1",
]  # fmt: skip


@pytest.mark.parametrize("ranges", RANGES)
@pytest.mark.parametrize("path", ["/a.txt", "/big.bin", "/empty.txt", "/three/a.txt"])
def test_ranges(twins, path, ranges):
    twins.compare("GET", path, {"Range": f"bytes={ranges}"})


@pytest.mark.parametrize("path", ["/one/a.txt", "/noranges/a.txt", "/dir", "/missing"])
@pytest.mark.parametrize("ranges", ["bytes=0-0", "bytes=0-0,1-1", "bytes=200-", "bytes=x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ranges_in_other_places(twins, method, path, ranges):
    twins.compare(method, path, {"Range": ranges})


@pytest.mark.parametrize(
    "value", ["BYTES=0-0", "Bytes=1-1", "bytes 0-0", "lines=0-0", "bytes", "bytes=", "bytes =0-0"]
)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_units_and_versions(twins, value, version):
    twins.compare("GET", "/a.txt", {"Range": value}, version=version)


DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
TAG = f'"{OLD:x}-64"'
CONDITIONS: list[dict[str, str]] = [
    {name: value}
    for name in ["If-Modified-Since", "If-Unmodified-Since"]
    for value in [DATE, LATER, EARLIER, "Sunday, 06-Nov-94 08:49:37 GMT",
                  "Sun Nov  6 08:49:37 1994", "nonsense", "", "Sun, 06 Nov 1994 08:49:60 GMT",
                  "Sun, 31 Feb 1994 08:49:37 GMT", DATE + "; length=100"]
] + [
    {name: value}
    for name in ["If-Match", "If-None-Match"]
    for value in [TAG, "W/" + TAG, "*", '"other"', f'"other", {TAG}', f"{TAG},x", TAG[:-1],
                  f"{TAG}x", "**", f'"a" , W/{TAG}', f",{TAG}", ""]
] + [
    {"If-Modified-Since": date, "If-None-Match": tag}
    for date in [DATE, LATER] for tag in [TAG, '"other"']
] + [
    {"If-Unmodified-Since": EARLIER, "If-Match": TAG},
    {"If-Match": '"other"', "If-None-Match": TAG},
] + [
    {"If-Range": value, "Range": "bytes=1-2"}
    for value in [TAG, "W/" + TAG, DATE, LATER, EARLIER, '"other"', '"', "x", "*", ""]
] + [
    {"If-None-Match": TAG, "Range": "bytes=1-2"},
    {"If-Modified-Since": EARLIER, "Range": "bytes=1-2"},
]  # fmt: skip


@pytest.mark.parametrize("fields", CONDITIONS, ids=str)
@pytest.mark.parametrize(
    "path", ["/a.txt", "/notag/a.txt", "/before/a.txt", "/nodate/a.txt", "/fields/a.txt"]
)
def test_conditions(twins, path, fields):
    twins.compare("GET", path, fields)
    twins.compare("HEAD", path, fields)


def test_a_field_that_comes_twice(twins):
    for one, other in [(TAG, '"b"'), ('"b"', TAG)]:
        for name in ["If-None-Match", "If-Match", "If-Range"]:
            twins.compare("GET", "/a.txt", [(name, one), (name, other)])
    twins.compare("GET", "/a.txt", [("Range", "bytes=1-1"), ("Range", "bytes=2-2")])


@pytest.mark.parametrize(
    "place", ["fields", "always", "day", "both", "never", "epoch", "max", "zero", "modified",
              "old", "clock", "off"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.txt", "missing", "dir", "dir/", "unreadable.txt"])
def test_fields_and_expiry(twins, place, name):
    theirs, ours = twins.answers(request_bytes("GET", f"/{place}/{name}"))
    assert twins.facts(ours) == twins.facts(theirs)
    assert ours.fields.all("X-Own") == theirs.fields.all("X-Own")


@pytest.mark.parametrize(
    "value", ["1h", "off", "epoch", "max", "-1", "@3h", "@25h", "x", "", "1h30m", "1d%2012h",
              "1m1h", "modified", "+5m", "99999999999", "9" * 19],
)  # fmt: skip
def test_expiry_of_a_variable(twins, value):
    # An argument is not decoded, so that a space is none.
    twins.compare("GET", f"/variable/a.txt?e={value}")


def test_content_of_a_request_is_left_behind(twins):
    """What comes with a GET does not become the next request."""
    with RawConnection(twins.ports["waybill"]) as connection:
        data = request_bytes("GET", "/a.txt", body=b"GET /dir/a.txt HTTP/1.1\r\n\r\n")
        for _ in range(3):
            assert connection.exchange(data).body == b"0123456789" * 10


def test_pipelined_files(twins):
    with RawConnection(twins.ports["waybill"]) as connection:
        names = ["/a.txt", "/big.bin", "/missing", "/dir/", "/empty.txt"] * 4
        connection.send(b"".join(request_bytes("GET", name) for name in names))
        statuses = [connection.receive().status for _ in names]
        assert statuses == [200, 200, 404, 200, 200] * 4


@pytest.mark.parametrize("place", ["listed", "rounded", "listedjson", "listedlocal"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("name", ["", "b/", "sub%20dir/", "b", "missing/", "a.txt"])
def test_lists_of_folders(twins, place, method, name):
    theirs, ours = twins.answers(request_bytes(method, f"/{place}/{name}"))
    facts = [twins.facts(answer) for answer in (theirs, ours)]
    for fact in facts:
        # nginx sends lists in chunks.
        fact.pop("Content-Length", None)
    assert facts[1] == facts[0]


@pytest.mark.parametrize("place", ["packed", "alwayspacked"])
@pytest.mark.parametrize("name", ["a.txt", "only.html", "plain.html", "folder.txt", "missing"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "br, GZIP;q=0.5"},
     {"Accept-Encoding": "gzip;q=0"}, {"Accept-Encoding": "gzip;q=0.0, br"},
     {"Accept-Encoding": "x-gzip"}, {"Accept-Encoding": "*"}, {"Accept-Encoding": "gzipx"},
     {"Accept-Encoding": "gzip", "Range": "bytes=0-1"}, {"Accept-Encoding": "gzip", "Via": "1.1 a"},
     {"Accept-Encoding": "gzip", "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_packed_neighbours(twins, place, name, fields, version):
    theirs, ours = twins.answers(request_bytes("GET", f"/{place}/{name}", fields, version=version))
    facts = [twins.facts(answer) for answer in (theirs, ours)]
    # nginx says so of what is not packed, too.
    for fact in facts:
        fact.pop("Vary", None)
    assert facts[1] == facts[0]
    if ours.fields.get("Content-Encoding") and place == "packed" and ours.status == 200:
        assert ours.fields.one("Vary") == "Accept-Encoding"


# What must not lead anywhere

UPS = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "..%00", "..%c0%af", "%c0%ae%c0%ae",
       "...", "....", "..;", "..\\", "..%5c", "%2e%2e%5c", "..%255c", "%uff0e%uff0e", "..%20",
       "%2e%2e%20", ".."]  # fmt: skip
SLASHES = ["/", "%2f", "%2F", "//", "/./", "\\", "%5c", "%252f"]
TRAVERSALS = sorted(
    {
        f"/{start}{(up + slash) * depth}{target}"
        for start in ["", "dir/", "trap", "links/"]
        for up in UPS
        for slash, depth in [(SLASHES[0], 1), (SLASHES[1], 2), (SLASHES[2], 1), (SLASHES[3], 2),
                             (SLASHES[4], 1), (SLASHES[5], 2), (SLASHES[6], 1), (SLASHES[7], 2)]
        for target in ["secret.txt"]
    }
)  # fmt: skip


def test_no_path_leads_out(twins):
    """Hundreds of spellings of the way up; none shows what lies beside the root."""
    assert len(TRAVERSALS) >= 150
    for target in TRAVERSALS:
        answer = twins.ask("waybill", request_bytes("GET", target))
        assert answer.status in (400, 404), (target, answer.status)
        assert b"SECRET" not in answer.body


@pytest.mark.parametrize(
    "target",
    ["/../etc/passwd", "/a.txt%00.html", "/%00", "/dir/%2e%2e/%2e%2e/secret.txt", "/dir%00/"],
)
def test_what_nginx_refuses_is_refused(twins, target):
    twins.compare("GET", target)


def test_an_alias_without_its_slash_is_no_way_up(twins):
    """nginx serves this; here it is refused."""
    assert twins.ask("waybill", request_bytes("GET", "/trap../secret.txt")).status == 404
    assert twins.ask("waybill", request_bytes("GET", "/trap../a.txt")).status == 404
    assert "leads out of its directory" in twins.error_log()


@pytest.fixture
def special(twins):
    folder = twins.root / "special"
    folder.mkdir()
    try:
        yield make_special_files(folder)
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_what_is_no_file_is_not_opened(twins, special):
    """Neither a FIFO nor a device nor a socket stops the one worker; all are 404."""
    for name in special:
        begin = time.monotonic()
        answer = twins.ask("waybill", request_bytes("GET", f"/special/{name}"))
        assert answer.status == 404
        assert time.monotonic() - begin < 5
        assert twins.ask("waybill", request_bytes("GET", "/a.txt")).status == 200
    writer = os.open(twins.root / "special/fifo", os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(writer, b"from a fifo")
        assert twins.ask("waybill", request_bytes("GET", "/special/fifo")).status == 404
    finally:
        os.close(writer)


def test_a_missing_file_is_told_unless_that_is_off(twins):
    twins.ask("waybill", request_bytes("GET", "/told-of-this"))
    twins.ask("waybill", request_bytes("GET", "/quiet/not-of-this"))
    log = twins.error_log()
    assert "/told-of-this" in log
    assert "not-of-this" not in log
