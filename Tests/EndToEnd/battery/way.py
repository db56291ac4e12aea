"""How the battery reaches the proxy, and the proxy its backend: in plain bytes, or by TLS."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.authority import Authority
from harness.client import RawConnection
from harness.secure import BackendTLS, SecureConnection, client_context

from .case import Case
from .conf import WAYBILL

SCHEME = "X-Forwarded-Proto"


@dataclass
class Way:
    """What differs; all cases and their judgement are the same."""

    connect: Callable[..., RawConnection] = RawConnection
    listen: str = ""
    top: str = ""
    scheme: str = "http"
    proxy: str = ""
    wrap: Callable[[socket.socket], socket.socket] | None = None

    def conf(self, directory: Path, servers: str, port: int, backend: str) -> str:
        """The conf file with the `servers` of conf.py."""
        listen = f"{port} {self.listen}".strip()
        return (
            WAYBILL.format(directory=directory)
            + self.top
            + servers.format(port=listen, backend=f"{self.scheme}://{backend}", proxy=self.proxy)
        )

    def expected(self, case: Case) -> Case:
        """The case as it must come out on this way: the backend is told the client's scheme."""
        if not self.listen:
            return case
        seen = tuple(
            replace(one, fields=one.fields | {SCHEME: ["https"]}) if SCHEME in one.fields else one
            for one in case.outcome.seen
        )
        return replace(case, outcome=replace(case.outcome, seen=seen))


PLAIN = Way()


def secure_way(directory: Path) -> Way:
    """TLS on both sides, with certificates made in a folder."""
    authority = Authority(directory)
    pair = authority.issue("localhost", "127.0.0.1")
    context = client_context(authority.file)
    return Way(
        connect=partial(SecureConnection, context=context),
        listen="ssl",
        top=pair.conf + "\n",
        scheme="https",
        proxy=f"proxy_ssl_trusted_certificate {authority.file};",
        wrap=BackendTLS(pair),
    )
