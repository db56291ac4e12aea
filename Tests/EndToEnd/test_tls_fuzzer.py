"""Scripts of tlsfuzzer: thousands of TLS conversations that go wrong in known ways.

It is not on PyPI, so this needs a copy of github.com/tlsfuzzer/tlsfuzzer (its commit 14555fe2 was
used) and tlslite-ng 0.9.0b2: `git clone` the one, `pip install` the other, and run with
WAYBILL_TLSFUZZER=FOLDER.

What is left out is OpenSSL's own way, the same with nginx: it answers a request for a new key with
its next record, not at once (RFC 8446 section 4.6.3 allows it), and some messages that are too long
by another alert than the script waits for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.authority import self_signed
from harness.polling import TIME_FACTOR
from harness.ports import free_port

SOURCES = os.environ.get("WAYBILL_TLSFUZZER", "")

LATE_ANSWER = ["-e", "app data split, conversation with KeyUpdate msg"]
OTHER_ALERT = ["-e", "large KeyUpdate message"]
EXCHANGE = ["-d"]
CIPHER = [*EXCHANGE, "-C", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]

SCRIPTS: dict[str, list[str]] = {
    "tls13-ccs": [],
    "tls13-connection-abort": [],
    "tls13-conversation": [],
    "tls13-dhe-shared-secret-padding": [],
    "tls13-ecdhe-curves": [],
    "tls13-empty-alert": [],
    "tls13-ffdhe-sanity": [],
    "tls13-finished-plaintext": [],
    "tls13-hrr": [],
    "tls13-invalid-ciphers": [],
    "tls13-keyshare-omitted": [],
    "tls13-keyupdate": [*LATE_ANSWER, *OTHER_ALERT],
    "tls13-nociphers": [],
    "tls13-pkcs-signature": [],
    "tls13-record-padding": [],
    "tls13-rsa-signatures": [],
    "tls13-serverhello-random": [],
    "tls13-signature-algorithms": [],
    "tls13-unencrypted-alert": [],
    "tls13-unrecognised-groups": [],
    "tls13-zero-content-type": [],
    "tls13-zero-length-data": [],
    "ccs": CIPHER,
    "connection-abort": CIPHER,
    "conversation": CIPHER,
    "cve-2016-6309": CIPHER,
    "cve-2016-7054": [],
    "early-application-data": CIPHER,
    "fuzzed-ciphertext": CIPHER,
    "hello-request-by-client": CIPHER,
    "invalid-client-hello-w-record-overflow": CIPHER,
    "invalid-content-type": CIPHER,
    "large-hello": EXCHANGE,
    "record-layer-fragmentation": CIPHER,
    "renegotiation-disabled": CIPHER,
    "version-numbers": CIPHER,
    "zero-length-data": CIPHER,
}

pytestmark = [
    pytest.mark.skipif(not SOURCES, reason="WAYBILL_TLSFUZZER names no copy of tlsfuzzer"),
    pytest.mark.timeout(120 * TIME_FACTOR),
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(site, tmp_path, name):
    """The scripts want a key of RSA, and a certificate that it has signed itself."""
    pair = self_signed(tmp_path, "localhost")
    port = free_port()
    proxy = site.start(
        f"server {{ listen 127.0.0.1:{port} ssl; {pair.conf} location / {{ return 200; }} }}\n"
    )
    script = Path(SOURCES).resolve() / "scripts" / f"test-{name}.py"
    done = subprocess.run(
        [sys.executable, script, "-h", "localhost", "-p", str(proxy.port), *SCRIPTS[name]],
        env=os.environ | {"PYTHONPATH": str(script.parents[1])},
        cwd=tmp_path, capture_output=True, text=True, timeout=100 * TIME_FACTOR,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    proxy.alive()
