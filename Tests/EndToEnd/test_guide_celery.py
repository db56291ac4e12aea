"""The guide's code for Celery: a task's lines have the ID of the request that asked for it."""

import os
import subprocess
import sys

import pytest

from harness import guide
from harness.applications import FOLDER, GUIDE
from harness.polling import TIME_FACTOR
from harness.trace import told


@pytest.fixture
def broker(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    return str(folder)


@pytest.fixture
def shop(tmp_path, broker):
    backends = [guide.start(kind, tmp_path, SHOP_BROKER=broker) for kind in
                ("django-wsgi", "celery")]  # fmt: skip
    yield backends
    for backend in backends:
        backend.stop()


def test_tasks_have_the_id_of_the_request_that_asked_for_them(site, shop, broker):
    """Also their retries, the tasks that they start, and those that they call."""
    web, worker = shop
    proxy = site.serve(web.address)
    load = guide.Load(proxy).run(["/order"], clients=4)
    nobody = guide.fresh_nonce()
    load.ids[nobody], load.paths[nobody] = "none", "nobody"
    # From a process that works for no request: after an order, its worker must have forgotten.
    subprocess.run(
        [sys.executable, "-c", f"import guide_tasks; guide_tasks.tidy.delay('{nobody}')"],
        env=os.environ | {"PYTHONPATH": f"{GUIDE}{os.pathsep}{FOLDER}", "SHOP_BROKER": broker},
        check=True, timeout=20 * TIME_FACTOR,
    )  # fmt: skip
    guide.judge(load, {"/order": 6, "nobody": 1}, web.log, worker.log, seconds=20)
    others = {line["id"] for line in guide.lines_in(worker.log)} - {*load.ids.values()}
    assert others == set()
    request_id = load.ids_of("/order")[0]
    proxy.log_line(request_id)
    lines = told("-c", proxy.conf, request_id, web.log, worker.log)
    names = [line["file"].rpartition("/")[2] for line in lines]
    assert names[0] == "django-wsgi.log" and "access.log" in names
    words = [line["line"].rpartition("] ")[2].split()[0] for line in lines
             if line["file"] == str(worker.log)]  # fmt: skip
    own = [word for word in words if word in ("packing", "sending", "noted", "thanked")]
    assert own == ["packing", "sending", "sending", "noted", "thanked"]
    assert sum(" succeeded in " in line["line"] for line in lines) >= 3
