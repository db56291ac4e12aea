"""The guide's code for web frameworks: each line of the backend has the ID of its own request."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from conftest import Site
from harness import guide
from harness.applications import GUIDE, Application
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import Proxy
from harness.trace import told

# Lines with the nonce that one request to a path makes, the framework's own included.
LINES = {
    "django-wsgi": {"/job": 2, "/stream": 3, "/threads": 2, "/fail": 1, "/missing": 1},
    "django-asgi": {
        "/job": 3, "/async-work": 5, "/stream": 4, "/async-stream": 4, "/threads": 3,
        "/fail": 2, "/async-fail": 2, "/missing": 2,
    },
    "flask": {"/job": 2, "/stream": 3, "/threads": 2, "/fail": 1, "/refuse": 1},
    "fastapi": {
        "/job": 3, "/async-work": 5, "/background": 3, "/async-stream": 4, "/async-fail": 1,
    },
}  # fmt: skip

ONE_FOR_ALL = '''
class OneForAll:
    """What the guide warns of: one variable for all threads and tasks."""

    value = "none"

    def get(self):
        return self.value

    def set(self, value):
        self.value = value

    def reset(self, token):
        self.value = "none"


request_id = OneForAll()
'''


@dataclass
class Loaded:
    """A site that has answered requests at the same time, each other one tried elsewhere first."""

    kind: str
    backend: Application
    proxy: Proxy
    load: guide.Load


@pytest.fixture(scope="module", params=list(LINES))
def loaded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        backend = guide.start(request.param, folder)
        stack.callback(backend.stop)
        proxy = Site(folder, stack).start(f"""
upstream sites {{ server 127.0.0.1:1 max_fails=0; server {backend.address} max_fails=0; }}
server {{ listen 127.0.0.1:{free_port()}; location / {{ proxy_pass http://sites; }} }}
""", workers=2)  # fmt: skip
        load = guide.Load(proxy).run(list(LINES[request.param]))
        yield Loaded(request.param, backend, proxy, load)


def first_try_failed(proxy, request_id):
    tries = proxy.log_line(request_id).get("tries", [{}])
    return tries[0].get("error") == "connection_refused"


def test_each_line_has_the_id_of_its_own_request(loaded):
    guide.judge(loaded.load, LINES[loaded.kind], loaded.backend.log)
    lines = guide.lines_in(loaded.backend.log)
    assert {line["id"] for line in lines} <= {*loaded.load.ids.values(), "none"}


def test_what_is_not_handed_over_has_no_id(loaded):
    lines = guide.lines_in(loaded.backend.log)
    apart = [line["id"] for line in lines if line["message"].startswith("apart from")]
    assert set(apart) == ({"none"} if "/threads" in LINES[loaded.kind] else set())


def test_the_servers_own_word_of_a_failure_has_the_id(loaded):
    """Uvicorn's, which comes when the application has ended; Django and Flask fail inside."""
    failed = loaded.load.ids_of("/async-fail") if loaded.kind == "fastapi" else []

    def said():
        lines = guide.lines_in(loaded.backend.log)
        return [line["id"] for line in lines if line["message"].startswith("Exception in ASGI")]

    wait_for(lambda: len(said()) >= len(failed), "the last failure in the log")
    assert sorted(said()) == sorted(failed)


def test_trace_tells_the_story_from_all_logs(loaded):
    guide.judge(loaded.load, LINES[loaded.kind], loaded.backend.log)
    tried = [one for one in loaded.load.ids_of("/job") if first_try_failed(loaded.proxy, one)]
    assert tried
    for request_id in tried[:3]:
        lines = told("-c", loaded.proxy.conf, request_id, loaded.backend.log)
        own = [f"{loaded.kind}.log"] * LINES[loaded.kind]["/job"]
        names = [line["file"].rpartition("/")[2] for line in lines]
        # A peer that is taken out of service is a line more.
        tries = names.count("error.log")
        assert tries > 0 and names[:tries] == ["error.log"] * tries
        rest = lines[tries:]
        # Two clocks are read: when they disagree, as on a busy machine, the stamps decide.
        end = next(line for line in rest if line["file"].endswith("access.log"))
        late = sum(line["time"] > end["time"] for line in rest)
        assert names[tries:] == own[late:] + ["access.log"] + own[:late]
        # Some servers write a line of their own as soon as the response has begun.
        said = [line["line"] for line in rest if line is not end]
        assert "began" in said[0] and any("ended" in line for line in said[1:])


def test_one_variable_for_all_threads_would_be_found(site, tmp_path):
    """The same check fails when the ID is kept as beginners keep it."""
    (tmp_path / "naive").mkdir()
    text = (GUIDE / "request_id.py").read_text()
    kept = 'request_id = contextvars.ContextVar("request_id", default="none")\n'
    assert kept in text
    (tmp_path / "naive" / "request_id.py").write_text(text.replace(kept, ONE_FOR_ALL))
    backend = guide.start("django-wsgi", tmp_path, tmp_path / "naive")
    try:
        load = guide.Load(site.serve(backend.address)).run(["/job", "/stream"])
        assert len(guide.strangers(load, backend.log)) > 5
    finally:
        backend.stop()
