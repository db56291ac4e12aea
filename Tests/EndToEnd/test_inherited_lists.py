"""A level's own lines end nginx's inheritance, also those that Waybill has no use for."""

from __future__ import annotations

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.twins import Twins

HTTP = "proxy_set_header X-Outer http; proxy_hide_header X-Secret;"
SERVER = """
add_header X-Added server;
location /none/ { proxy_pass http://{backend}; }
location /own/ { proxy_pass http://{backend}; proxy_set_header X-Own 1; add_header X-Own 1; }
location /connection/ { proxy_pass http://{backend}; proxy_set_header Connection ""; }
location /upgrade/ { proxy_pass http://{backend}; proxy_set_header Upgrade $http_upgrade; }
location /length/ { proxy_pass http://{backend}/; proxy_set_header Content-Length ""; }
location /transfer/ { proxy_pass http://{backend}; proxy_set_header Transfer-Encoding ""; }
location /hidden/ { proxy_pass http://{backend}; proxy_hide_header Connection; }
location /nested/ {
  proxy_set_header X-Middle 1; add_header X-Middle 1;
  location /nested/inner/ { proxy_pass http://{backend}; proxy_set_header Connection ""; }
  location /nested/inherits/ { proxy_pass http://{backend}; }
}
"""


def sent(request):
    return {name: request.fields.all(name) for name in ["X-Outer", "X-Own", "X-Middle"]}


@pytest.fixture(scope="module")
def twins():
    backend = RecordingBackend(
        lambda request: reply(body=repr(sent(request)).encode(), fields={"X-Secret": "s"})
    )
    twins = Twins(HTTP, SERVER)
    try:
        yield twins.start(backend=backend.address)
    finally:
        twins.stop()
        backend.stop()


@pytest.mark.parametrize("target", [
    "/none/", "/own/", "/connection/", "/upgrade/", "/length/", "/transfer/", "/hidden/",
    "/nested/inner/", "/nested/inherits/",
])  # fmt: skip
def test_lines_are_inherited_as_in_nginx(twins, target):
    theirs, ours = twins.answers(request_bytes("GET", target))
    assert ours.text == theirs.text
    for name in ["X-Added", "X-Own", "X-Middle", "X-Secret"]:
        assert ours.fields.all(name) == theirs.fields.all(name), name
