"""What a page for an error, or the location that answers in its place, sees of the response that it
replaces: nginx and Waybill on the same conf file say the same."""

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.ports import free_port
from harness.twins import Twins

FIELDS = [("Location", "http://{backend}/final"), ("X-Reason", "expired"), ("Set-Cookie", "a=1")]
SEEN = "$status|$upstream_http_x_reason|$upstream_cookie_a|$upstream_status|$arg_s"
SERVER = f"""
    proxy_intercept_errors on;
    location = /show {{ add_header X-Seen "{SEEN}" always; return 200 "{SEEN}"; }}
    location = /final {{ proxy_pass http://{{backend}}; }}
    location /uri/ {{ error_page 404 401 = /show?s=$status; proxy_pass http://{{backend}}; }}
    location /kept/ {{ error_page 404 401 /show?s=$status-$upstream_http_x_reason;
      proxy_pass http://{{backend}}; }}
    location /other/ {{ error_page 404 401 =418 /show?s=$status; proxy_pass http://{{backend}}; }}
    location /named/ {{ error_page 404 401 = @show; proxy_pass http://{{backend}}; }}
    location @show {{ return 200 "{SEEN}"; }}
    location /follow/ {{ error_page 301 302 307 = @follow; proxy_pass http://{{backend}}; }}
    location @follow {{
      set $there $upstream_http_location;
      proxy_set_header X-Seen "$status|$upstream_http_x_reason|$upstream_cookie_a";
      add_header X-Tries "$upstream_status" always;
      proxy_pass $there;
    }}
    location /dead/ {{ error_page 502 504 = @dead; proxy_pass http://127.0.0.1:{{closed}}; }}
    location @dead {{ return 200 "{SEEN}"; }}
    location /second/ {{ error_page 502 = @second; proxy_pass http://127.0.0.1:{{closed}}; }}
    location @second {{
      add_header X-Tries "$upstream_status" always;
      proxy_pass http://{{backend}};
    }}
    location /late/ {{
      error_page 504 = @dead;
      proxy_read_timeout 200ms;
      proxy_pass http://{{backend}};
    }}
    location /local/ {{ error_page 404 =404 /show?s=$status; root {{root}}; }}
    location = /done {{ add_header X-Done "<$request_completion>"; return 200 done; }}
    location /codes/ {{ return 497; }}
    location = /lines {{ return 200 "$lines"; }}
"""
HTTP = """
  map $host $lines { default "User-agent: *\nDisallow: /\n"; }
"""


@pytest.fixture(scope="module")
def twins():
    backend = RecordingBackend()
    address = backend.address
    fields = [(name, value.replace("{backend}", address)) for name, value in FIELDS]

    def script(request):
        if "/late/" in request.target:
            return []
        if request.target == "/final" or "/second/" in request.target:
            return reply(body=request.fields.get("X-Seen", "-").encode())
        return reply(f"{request.target.split('/')[-1]} X", fields=fields)

    backend.script = script
    pair = Twins(http=HTTP, server=SERVER).start(backend=address, closed=free_port())
    yield pair
    pair.stop()
    backend.stop()


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize("place", ["uri", "kept", "other", "named"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pages_see_the_response(twins, place, status, method):
    both = twins.answers(request_bytes(method, f"/{place}/{status}"))
    facts = [(one.status, one.body, one.fields.all("X-Seen")) for one in both]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_can_be_followed(twins, status):
    both = twins.answers(request_bytes("GET", f"/follow/{status}"))
    facts = [(one.status, one.body, one.fields.all("X-Tries")) for one in both]
    assert facts[0] == facts[1]
    assert both[1].status == 200


@pytest.mark.parametrize("place", ["dead", "second", "late"])
def test_what_failed_has_a_status(twins, place):
    both = twins.answers(request_bytes("GET", f"/{place}/x"))
    facts = [(one.status, one.body, one.fields.all("X-Tries")) for one in both]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("target", ["/local/none", "/done", "/codes/x", "/lines"])
def test_answers_of_the_proxy(twins, target):
    both = twins.answers(request_bytes("GET", target))
    facts = [(one.status, one.fields.all("X-Seen"), one.fields.all("X-Done")) for one in both]
    assert facts[0] == facts[1]
    if both[0].status == 200:
        assert both[0].body == both[1].body
