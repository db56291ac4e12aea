"""A gRPC server of grpcio's with calls of all four kinds, health and reflection, without protoc."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

SERVICE = "test.Echo"


class EchoServer:
    """Messages are bytes. What a call does is in its first message, or in its metadata."""

    def __init__(self, credentials: Any = None):
        self.cancelled = threading.Event()
        self.metadata: list[dict[str, str]] = []
        self.remaining: list[float | None] = []
        self.server = grpc.server(
            futures.ThreadPoolExecutor(32),
            options=[("grpc.max_receive_message_length", -1)],
        )
        kinds = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Client": grpc.stream_unary_rpc_method_handler(self.client),
            "Server": grpc.unary_stream_rpc_method_handler(self.stream),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
        }
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, kinds),)
        )
        self.health = health.HealthServicer()
        self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        names = (health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,)
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self.server)
        if credentials:
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{self.port}"
        self.server.start()

    def note(self, context: grpc.ServicerContext) -> dict[str, str]:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata()}
        self.metadata.append(metadata)
        remaining = context.time_remaining()
        self.remaining.append(remaining if remaining and remaining < 1e6 else None)
        context.add_callback(lambda: None if context.code() else self.cancelled.set())
        return metadata

    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = self.note(context)
        if code := metadata.get("fail"):
            context.set_trailing_metadata((("x-detail", "of the error"),))
            context.abort(list(grpc.StatusCode)[int(code)], "as asked, with é and %")
        if seconds := metadata.get("sleep"):
            time.sleep(float(seconds))
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\x00\xff")))
        return request

    def client(self, requests: Any, context: grpc.ServicerContext) -> bytes:
        self.note(context)
        return b"".join(requests)

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Any:
        metadata = self.note(context)
        for number in range(int(request)):
            time.sleep(float(metadata.get("sleep", "0")))
            yield str(number).encode()

    def both(self, requests: Any, context: grpc.ServicerContext) -> Any:
        self.note(context)
        for request in requests:
            yield request

    def stop(self) -> None:
        self.server.stop(0).wait(5)


class EchoClient:
    """A channel to the proxy and the four calls."""

    def __init__(self, port: int, credentials: Any = None):
        address = f"127.0.0.1:{port}"
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.ssl_target_name_override", "localhost"),
        ]
        self.channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )
        path = f"/{SERVICE}/"
        self.unary = self.channel.unary_unary(path + "Unary")
        self.client = self.channel.stream_unary(path + "Client")
        self.stream = self.channel.unary_stream(path + "Server")
        self.both = self.channel.stream_stream(path + "Both")

    def __enter__(self) -> EchoClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
