"""What testssl.sh says of the defaults: nothing worse than LOW, and nothing worse than of nginx
with its defaults and the same certificate.

Most checks of TLS are made here, those of clients and of each single cipher only with
WAYBILL_TESTSSL=full, which takes some five minutes. The scanner reaches nothing but loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.authority import Authority, Pair
from harness.nginx import START
from harness.polling import TIME_FACTOR, wait_for
from harness.ports import free_port

SEVERITIES = ["DEBUG", "OK", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
IS_FULL = os.environ.get("WAYBILL_TESTSSL") == "full"
CHECKS = ["--protocols", "--std", "--server-preference", "--server-defaults", "--fs"]
CHECKS += ["--vulnerable"]
SECONDS = (1500 if IS_FULL else 300) * TIME_FACTOR

# Fields of responses: a proxy passes those of the application, and adds none that nobody has asked
# for.
OF_THE_APPLICATION = {"HSTS", "security_headers"}

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("testssl"), reason="testssl is missing: apt-get install testssl.sh"
    ),
    pytest.mark.timeout(SECONDS + 60),
]


class Scan:
    """A run of testssl.sh against one port."""

    def __init__(self, port: int, authority: Authority, report: Path):
        self.report = report
        self.output = report.with_suffix(".txt")
        command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch"]
        command += ["--nodns", "none", "--ip", "127.0.0.1", "--add-ca", str(authority.file)]
        command += ["--jsonfile", str(report), *([] if IS_FULL else CHECKS), f"localhost:{port}"]
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def findings(self) -> dict[str, str]:
        """The severity of each finding, by its name; a check that could not be made is none."""
        self.process.wait(SECONDS)
        found = json.loads(self.report.read_text())
        assert {"TLS1_2", "cipher_order", "cert_chain_of_trust", "RC4"} <= {
            one["id"] for one in found
        }, self.output.read_text()
        return {
            one["id"]: one["severity"]
            for one in found
            if one["severity"] in SEVERITIES and one["id"] not in OF_THE_APPLICATION
        }


class SecureNginx:
    """nginx with its defaults of TLS."""

    def __init__(self, directory: Path, pair: Pair):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        assert program, "these tests need nginx: apt-get install nginx"
        directory.mkdir()
        self.port = free_port()
        conf = directory / "nginx.conf"
        conf.write_text(
            START.format(directory=directory)
            + f"access_log off; server {{ listen 127.0.0.1:{self.port} ssl; {pair.conf}"
            f" location / {{ return 200; }} }} }}\n"
        )
        command = [program, "-c", conf, "-p", directory, "-e", directory / "nginx-error.log"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for((directory / "nginx.pid").exists, "nginx to start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)


def worse(severity: str, other: str) -> bool:
    return SEVERITIES.index(severity) > SEVERITIES.index(other)


def test_nothing_is_worse_than_low_or_than_nginx(site, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue(
        "localhost", "127.0.0.1", days=(-1, 200), responder="http://127.0.0.1:1/"
    )
    port = free_port()
    proxy = site.start(
        f"server {{ listen 127.0.0.1:{port} ssl; {pair.conf}"
        f" ssl_stapling_file {authority.vouch(pair)}; location / {{ return 200; }} }}\n"
    )
    nginx = SecureNginx(tmp_path / "nginx", pair)
    try:
        scans = [
            Scan(proxy.port, authority, tmp_path / "waybill.json"),
            Scan(nginx.port, authority, tmp_path / "nginx.json"),
        ]
        ours, theirs = [scan.findings() for scan in scans]
    finally:
        nginx.stop()
    assert {name: one for name, one in ours.items() if worse(one, "LOW")} == {}
    assert {name: one for name, one in ours.items() if worse(one, theirs.get(name, "LOW"))} == {}
    assert ours["TLS1_3"] == ours["TLS1_2"] == ours["cert_chain_of_trust"] == "OK"
