"""Groups of the key exchange: the system's OpenSSL decides, post-quantum ones included."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from harness.authority import Authority
from harness.client import request_bytes

POST_QUANTUM = "X25519MLKEM768"


def offers(*groups: str) -> bool:
    """Whether this machine's OpenSSL knows all these groups."""
    command = ["openssl", "s_client", "-groups", ":".join(groups), "-connect", "127.0.0.1:1"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "set_groups" not in result.stderr and "groups" not in result.stderr


pytestmark = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is missing: apt-get install openssl"
)


@pytest.mark.parametrize(
    "group",
    [
        "X25519",
        "P-256",
        pytest.param(
            POST_QUANTUM,
            marks=pytest.mark.skipif(
                not offers(POST_QUANTUM), reason="only OpenSSL 3.5 and newer have this group"
            ),
        ),
    ],
)
def test_a_client_with_only_this_group_is_served(site, backend, tmp_path, group):
    pair = Authority(tmp_path).issue("localhost", "127.0.0.1")
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    request = request_bytes(fields={"X-Request-ID": "group-1", "Connection": "close"})
    result = subprocess.run(
        ["openssl", "s_client", "-quiet", "-groups", group, "-connect", f"127.0.0.1:{proxy.port}"],
        input=request, capture_output=True, timeout=20,
    )  # fmt: skip
    assert b"HTTP/1.1 200" in result.stdout, result
    assert proxy.log_line("group-1")["tls_version"] == "TLSv1.3"
