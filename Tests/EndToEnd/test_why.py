"""`waybill why`, `waybill status` in words, and WAYBILL_CONF."""

import json
import re
import subprocess

import pytest

from harness.proxy import binary, command, environment
from test_logs_screens import screen, width

PAGE = "Sources/waybill/Waybill.docc/Why.md"


@pytest.mark.parametrize(
    ("word", "said"),
    [("connection_refused", "Nothing listens"), ("upstream:response_head", "proxy_read_timeout"),
     ("error=http_response_timeout", "proxy_read_timeout"), ("504", "backend took too long"),
     ("client:request_body", "client_body_timeout"), ("418", "chosen this status"),
     ("destination_unavailable", "max_fails"), ("operator:tunnel", "--abort")],
)  # fmt: skip
def test_words(word, said):
    result = command("why", word)
    assert result.returncode == 0 and said in result.stdout
    found = json.loads(command("why", "--json", word).stdout.splitlines()[0])
    assert found["event"].endswith(".") and found["advice"]


def test_a_word_with_several_meanings():
    text = command("why", "connection_terminated").stdout
    for party in ("client", "upstream", "proxy", "operator"):
        assert f"with termination {party}:…" in text


@pytest.mark.parametrize("word", ["bogus", "client:x", "99", "1000", "a:b:c", "", "\x1b[2J"])
def test_other_words_are_refused(word):
    result = command("why", word)
    assert result.returncode == 2 and "waybill why lists" in result.stderr
    assert "\x1b" not in result.stderr


def test_the_list_has_every_word():
    text = command("why").stdout
    words = re.findall(r"^  (\S+)", text, re.M)
    assert len(words) > 70 and "proxy:route" in words and "dns_timeout" in words
    for word in set(words):
        assert command("why", word).returncode == 0, word


def test_status_in_words_on_a_terminal(site, backend, tmp_path):
    control = tmp_path / "control"
    proxy = site.serve(backend, top=f"control unix:{control};")
    for _ in range(3):
        proxy.get("/")
    for columns in (40, 80, 200):
        lines = screen(columns, "status", "-c", proxy.conf)
        text = "\n".join(lines)
        assert "3 since the start" in " ".join(text.split()) and "upstreams" in text
        assert all(width(one) <= columns for one in lines)
    piped = command("status", "-c", proxy.conf).stdout
    assert json.loads(piped)["waybill_workers"]
    assert json.loads("".join(screen(80, "status", "--json", "-c", proxy.conf)))
    assert command("status", "--json", "--metrics", "-c", proxy.conf).returncode == 2


def run(*arguments, **variables):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          env=environment() | variables, timeout=20)  # fmt: skip


def test_the_configuration_of_the_environment(site, backend, tmp_path):
    proxy = site.serve(backend, top=f"control unix:{tmp_path}/control;")
    request_id = proxy.get("/x").request_id
    proxy.log_line(request_id)
    told = {"WAYBILL_CONF": str(proxy.conf)}
    for words in (["logs"], ["trace", request_id]):
        assert request_id[:8] in run(*words, **told).stdout
    for words in (["status"], ["requests"], ["errors"], ["explain", "/x"], ["-t"], ["-T"],
                  ["-s", "reopen"]):  # fmt: skip
        result = run(*words, **told)
        assert result.returncode == 0, (words, result.stderr)
    other = tmp_path / "other.conf"
    other.write_text("bogus;\n")
    assert run("-t", "-c", other, **told).returncode == 2
    assert run("-t", "-c", proxy.conf, WAYBILL_CONF=str(other)).returncode == 0
    assert run("-t", WAYBILL_CONF=str(other)).returncode == 2
    for words in (["logs"], ["status"]):
        assert "/etc/waybill/waybill.conf does not exist" in run(*words, WAYBILL_CONF="").stderr
