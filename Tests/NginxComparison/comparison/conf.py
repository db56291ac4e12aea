"""A conf file as a tree of directives, so that a part of it can be taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Node:
    """A directive: its text without the `;`, and what stands in its braces."""

    text: str
    children: list[Node] | None = None

    @property
    def name(self) -> str:
        return self.text.split(" ", 1)[0]

    def lines(self, depth: int = 0) -> list[str]:
        indent = "  " * depth
        if self.children is None:
            return [f"{indent}{self.text};"]
        inner = [line for child in self.children for line in child.lines(depth + 1)]
        return [f"{indent}{self.text} {{", *inner, indent + "}"]


@dataclass
class Ask:
    """A request: what is sent, and the name of the backend's reply."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    version: str = "HTTP/1.1"

    def data(self, number: int) -> bytes:
        lines = [f"{self.method} {self.target} {self.version}"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        lines.append(f"X-Number: {number}")
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body

    def with_target(self, target: str) -> Ask:
        return Ask(self.method, target, self.fields, self.body, self.version)

    def without(self, index: int) -> Ask:
        fields = self.fields[:index] + self.fields[index + 1 :]
        return Ask(self.method, self.target, fields, self.body, self.version)


@dataclass
class Case:
    """What a seed stands for: directives of `http`, servers on a port, and requests."""

    seed: int
    http: list[Node]
    servers: list[Node]
    asks: list[Ask] = field(default_factory=list)

    def text(self, values: dict[str, object]) -> str:
        lines = [line for node in self.http + self.servers for line in node.lines(1)]
        text = "\n".join(lines) + "\n"
        for name, value in values.items():
            text = text.replace("{%s}" % name, str(value))
        return text

    def servers_lines(self) -> list[str]:
        return [line for node in self.servers for line in node.lines()]

    def contains(self, word: str) -> bool:
        return any(word in line for node in self.http + self.servers for line in node.lines())

    def remove(self, expression: str) -> None:
        """Takes all directives away that an expression matches."""
        def walk(nodes: list[Node]) -> None:
            nodes[:] = [node for node in nodes if not re.match(expression, node.text)]
            for node in nodes:
                walk(node.children or [])

        walk(self.http)
        walk(self.servers)

    def copy(self) -> Case:
        http, servers = [copied(node) for node in self.http], [copied(n) for n in self.servers]
        return Case(self.seed, http, servers, list(self.asks))


def copied(node: Node) -> Node:
    if node.children is None:
        return Node(node.text)
    return Node(node.text, [copied(child) for child in node.children])
