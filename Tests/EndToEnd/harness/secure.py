"""TLS connections to the proxy, and backends that speak TLS."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from .authority import Pair
from .client import RawConnection
from .messages import Stream


def client_context(
    authority: Path | None,
    *,
    certificate: Pair | None = None,
    version: str | None = None,
    protocols: list[str] | None = None,
) -> ssl.SSLContext:
    """What a client trusts and shows; without an authority it trusts everybody."""
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.certificate, certificate.key)
    if version:
        number = getattr(ssl.TLSVersion, version)
        context.minimum_version = context.maximum_version = number
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


class SecureConnection(RawConnection):
    """One TLS connection to the proxy."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
        **options: Any,
    ):
        super().__init__(port, **options)
        self.tls: ssl.SSLSocket = context.wrap_socket(
            self.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
        )
        self.socket = self.tls
        self.stream = Stream(self.tls)

    def ends_well(self) -> bool:
        """Whether the proxy ends its stream with a close_notify."""
        try:
            return self.tls.recv(1) == b""
        except ssl.SSLEOFError:
            return False


class BackendTLS:
    """For `RecordingBackend(wrap=…)`: makes it speak TLS, and notes the names asked for; with an
    authority it asks for certificates."""

    def __init__(self, pair: Pair, authority: Path | None = None):
        self.names: list[str | None] = []
        self.resumed: list[bool | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.context.sni_callback = lambda session, name, context: self.names.append(name)
        if authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(authority)

    def __call__(self, sock: socket.socket) -> ssl.SSLSocket:
        session = self.context.wrap_socket(sock, server_side=True)
        self.resumed.append(session.session_reused)
        return session
