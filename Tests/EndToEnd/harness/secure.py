"""TLS connections to the proxy, and backends that speak TLS."""

from __future__ import annotations

import socket
import ssl
import struct
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


class SecureStream(Stream):
    """A stream that is cut, as by a reset, if no close_notify ends it."""

    def fill(self) -> bool:
        try:
            return super().fill()
        except ssl.SSLEOFError as error:
            raise ConnectionResetError(str(error)) from error


class EndingSocket(ssl.SSLSocket):
    """Ends its stream by a close_notify when it is closed, unless it is to be reset."""

    def close(self) -> None:
        if self.fileno() >= 0:
            lingers = self.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
            if not struct.unpack("ii", lingers)[0]:
                self._notify()
        super().close()

    def _notify(self) -> None:
        self.settimeout(0)
        try:
            self.unwrap()
        except (OSError, ValueError):
            # It is sent; that the peer has not answered yet, or is gone, is all the same.
            pass


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
        self.stream = SecureStream(self.tls)

    def shutdown_write(self) -> None:
        """Ends this stream in TCP only; what comes can still be read.

        Python can't send a close_notify alone: it waits for the peer's at once, and what comes in
        its place breaks the session.
        """
        # The method of SSLSocket would forget the session, and give sealed bytes out.
        socket.socket.shutdown(self.tls, socket.SHUT_WR)

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
        self.context.sslsocket_class = EndingSocket
        self.context.sni_callback = lambda session, name, context: self.names.append(name)
        if authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(authority)

    def __call__(self, sock: socket.socket) -> ssl.SSLSocket:
        session = self.context.wrap_socket(sock, server_side=True)
        self.resumed.append(session.session_reused)
        return session
