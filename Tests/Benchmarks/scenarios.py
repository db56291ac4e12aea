"""The loads by wrk, and one measurement of a proxy under one of them."""

import time
from dataclasses import dataclass, field

from load import run_resumed, run_wrk
from measure import process_cpu, process_memory

COMPARED = ("waybill", "nginx", "haproxy")
ALL = ("waybill", "nginx", "nginx-unbuffered", "haproxy")


@dataclass
class Scenario:
    """A load, and the goals of Waybill under it.

    `goals` holds pairs of what is compared, "cpu" or "p99", and with whom, and the highest ratio.
    """

    name: str
    title: str
    path: str = "/"
    connections: int = 64
    script: str = None
    fields: dict = field(default_factory=dict)
    proxies: tuple = COMPARED
    goals: dict = field(default_factory=dict)
    secure: bool = False
    resumed: bool = False


@dataclass
class Sample:
    """One measurement: microseconds, requests per second, bytes."""

    cpu: float
    rate: float
    p50: float
    p99: float
    memory: int


SCENARIOS = [
    Scenario(
        "small",
        "100-byte responses, 64 connections",
        proxies=ALL,
        goals={("cpu", "nginx"): 0.72, ("cpu", "haproxy"): 0.65},
    ),
    Scenario(
        "paced",
        "100-byte responses, 64 connections, about 6,000 requests/s whatever the proxy",
        script="paced.lua",
        goals={("p99", "nginx"): 1.0},
    ),
    Scenario("16k", "16 KB responses", path="/files/16k", goals={("cpu", "nginx"): 0.75}),
    Scenario("128k", "128 KB responses", path="/files/128k", goals={("cpu", "nginx"): 0.40}),
    Scenario("1m", "1 MB responses", path="/files/1m", goals={("cpu", "nginx"): 0.50}),
    Scenario("upload", "64 KB uploads", script="upload.lua"),
    Scenario(
        "connect",
        "a new connection for every request",
        fields={"Connection": "close"},
        goals={("cpu", "nginx"): 0.85},
    ),
    Scenario("1000", "100-byte responses, 1,000 connections", connections=1000),
    Scenario("1", "100-byte responses, 1 connection", connections=1),
    Scenario(
        "tls",
        "TLS: 100-byte responses, 64 connections",
        secure=True,
        goals={("cpu", "nginx"): 0.80, ("cpu", "haproxy"): 0.65},
    ),
    Scenario("tls-128k", "TLS: 128 KB responses", path="/files/128k", secure=True),
    Scenario("tls-1m", "TLS: 1 MB responses", path="/files/1m", secure=True),
    Scenario(
        "tls-connect",
        "TLS: a full handshake for every request",
        fields={"Connection": "close"},
        secure=True,
        goals={("cpu", "nginx"): 1.0},
    ),
    Scenario(
        "tls-resume",
        "TLS: a resumed handshake for every request, one connection at a time",
        connections=1,
        secure=True,
        resumed=True,
        # Only here a turn has one request, and a write of its own for its line; nginx buffers them.
        goals={("cpu", "nginx"): 1.1},
    ),
]


def load(scenario, proxy, seconds):
    """Puts the load on a proxy; any error that a client saw ends the benchmark."""
    if scenario.resumed:
        return run_resumed(proxy.secure_port, scenario.path, seconds)
    result = run_wrk(
        proxy.secure_port if scenario.secure else proxy.port,
        scenario.path,
        scenario.connections,
        seconds,
        scenario.script,
        scenario.fields.items(),
        scenario.secure,
    )
    if result.errors or not result.requests:
        raise SystemExit(f"{proxy.name}, {scenario.title}: {result.errors or 'no requests'}")
    return result


def measure(scenario, proxy, seconds):
    """CPU time per request, from what the proxy's threads used while wrk ran."""
    before = process_cpu(proxy.pid)
    result = load(scenario, proxy, seconds)
    # What wrk left behind when it went: connections to close.
    time.sleep(0.05)
    used = process_cpu(proxy.pid) - before
    return Sample(
        cpu=used / result.requests,
        rate=result.rate,
        p50=result.p50,
        p99=result.p99,
        memory=process_memory(proxy.pid),
    )
