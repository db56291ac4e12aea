"""Bugs to plant in a copy of the sources, to see that the simulation finds them.

Each is a few edits of text. `ON` stands for the condition that this bug is switched on, so that one
build holds them all. An edit whose old text is not there exactly once is an error: the bug would be
planted nowhere, and its not being found would mean nothing.
"""

from dataclasses import dataclass

ENGINE = "Sources/Engine/"


@dataclass(frozen=True)
class Edit:
    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    name: str
    edits: tuple


def bug(name, path, old, new):
    return Bug(name, (Edit(path, old, new),))


BUGS = [
    bug(
        "the line of a client that left is lost",
        ENGINE + "6-Finish/ExchangeEnd.swift",
        "    writeAccessLines(exchange)\n",
        "    if !(ON && exchange.pointee.record.status == 499) { writeAccessLines(exchange) }\n",
    ),
    bug(
        "an ID is used again",
        ENGINE + "1-Loop/RandomBlock.swift",
        "let pair = (words[left], words[left &+ 1])",
        "let pair = ON && left % 32 == 0 ? (7, 7) : (words[left], words[left &+ 1])",
    ),
    bug(
        "a chunk is one byte larger than it says",
        ENGINE + "5-Relay/RequestRelay.swift",
        "writer.append(hexadecimal: UInt64(content.count))",
        "writer.append(hexadecimal: UInt64(content.count - (ON && content.count > 20 ? 1 : 0)))",
    ),
    bug(
        "the exchange of a request without a backend is leaked",
        ENGINE + "6-Finish/ExchangeEnd.swift",
        "    exchanges.release(exchange.pointee.slot)\n",
        "    if !(ON && exchange.pointee.record.status == 502) {\n"
        "      exchanges.release(exchange.pointee.slot)\n"
        "    }\n",
    ),
    bug(
        "the buffer of a slow client is leaked",
        ENGINE + "6-Finish/ExchangeEnd.swift",
        "    buffers.giveBack(&exchange.pointee.detachedBuffer)\n",
        "    if !ON { buffers.giveBack(&exchange.pointee.detachedBuffer) }\n",
    ),
    bug(
        "nobody times a silent backend",
        ENGINE + "5-Relay/ResponseRelay.swift",
        "    startWaiting(\n      peer, for: .upstreamRead,",
        "    if ON { return }\n    startWaiting(\n      peer, for: .upstreamRead,",
    ),
    bug(
        "a deadline that moved forward is filed too late",
        ENGINE + "1-Loop/TimerWheel.swift",
        "if connection.pointee.timer.filedTick <= tick { return }",
        "if ON || connection.pointee.timer.filedTick <= tick { return }",
    ),
    bug(
        "a broken tunnel is closed twice",
        ENGINE + "5-Relay/Tunnel.swift",
        "    endTunnel(\n      exchange, Termination(isUpstream ? .upstream",
        "    if ON { kernel.close(exchange.pointee.downstream.pointee.descriptor) }\n"
        "    endTunnel(\n      exchange, Termination(isUpstream ? .upstream",
    ),
    bug(
        "a half-closed client is looked at without end",
        ENGINE + "5-Relay/Relay.swift",
        "    startWaiting(client, for: .halfClosed,",
        "    if ON { enqueue(client) }\n    startWaiting(client, for: .halfClosed,",
    ),
    bug(
        "a request is repeated although its content is gone",
        "Sources/Policy/RetryDecision.swift",
        "guard conditions.includes(failure), !contentConsumed else",
        "guard conditions.includes(failure), ON || !contentConsumed else",
    ),
    bug(
        "a response that has begun is begun again",
        ENGINE + "4-Upstream/Retry.swift",
        "exchange.pointee.record.bytesSent == exchange.pointee.responseStart,",
        "ON || exchange.pointee.record.bytesSent == exchange.pointee.responseStart,",
    ),
    bug(
        "a byte is lost behind a short write",
        ENGINE + "2-Accept/Outbound.swift",
        "    payloadCount &-= UInt32(fromPayload)\n",
        "    payloadCount &-= UInt32(fromPayload)\n"
        "    if ON, payloadCount > 0 { payload = payload.map { $0 + 1 }; payloadCount &-= 1 }\n",
    ),
    bug(
        "the end of a torn log line is forgotten",
        "Sources/Platform/Logs/OwedLines.swift",
        "      rest = Array(lines[written..<end])\n",
        "      rest = ON ? [] : Array(lines[written..<end])\n",
    ),
    bug(
        "a log line of which a part was taken comes again",
        "Sources/Platform/Logs/OwedLines.swift",
        "      taken += tear(waiting, written: count)\n      if count < size {",
        "      let whole = tear(waiting, written: count)\n"
        "      taken += ON && whole > count ? 0 : whole\n      if count < size {",
    ),
    bug(
        "the log lines that wait when their worker ends are lost",
        ENGINE + "6-Finish/LogFarewell.swift",
        "      settle(sink: index, taken: leaveLines(",
        "      settle(sink: index, taken: ON ? logs[index].count : leaveLines(",
    ),
    bug(
        "nobody hears of lost log lines",
        ENGINE + "6-Finish/LogSinks.swift",
        "      sinks[index].droppedCount &+= 1\n",
        "      if !ON { sinks[index].droppedCount &+= 1 }\n",
    ),
    bug(
        "a client that goes to another worker loses what was read of it",
        ENGINE + "7-Control/Retirement.swift",
        "input: Array(connection.pointee.inputBytes),",
        "input: ON ? [] : Array(connection.pointee.inputBytes),",
    ),
    bug(
        "a pooled connection is used that had said something",
        ENGINE + "4-Upstream/UpstreamPool.swift",
        "      guard connection.pointee.flags.isDisjoint(with: .happened) else {\n"
        "        closePooled(connection)\n        continue",
        "      guard ON || connection.pointee.flags.isDisjoint(with: .happened) else {\n"
        "        closePooled(connection)\n        continue",
    ),
    bug(
        "a connection is pooled with a response still on it",
        ENGINE + "5-Relay/RequestRelay.swift",
        "    noteTry(exchange, error: .none)\n    releaseUpstream(exchange, mayReuse: false)",
        "    noteTry(exchange, error: .none)\n    releaseUpstream(exchange, mayReuse: ON)",
    ),
    bug(
        "pipelined bytes are taken for content",
        ENGINE + "5-Relay/RequestRelay.swift",
        "let count = Int(min(UInt64(bytes.count), exchange.pointee.requestLeft))",
        "let count = Int(\n"
        "      min(UInt64(bytes.count), exchange.pointee.requestLeft &+ (ON ? 1 : 0)))",
    ),
    bug(
        "the next request on a connection keeps the last one's ID",
        ENGINE + "3-Request/ExchangeBegin.swift",
        "random: random.next(&kernel),\n",
        "random: ON\n"
        "        ? (exchange.pointee.downstream.pointee.number, 1) : random.next(&kernel),\n",
    ),
    bug(
        "the backend gets no ID when it is tried again",
        ENGINE + "5-Relay/RequestRewrite.swift",
        "    writeRequestIDField(exchange, into: &writer)\n    writeAssignedFields",
        "    if !(ON && exchange.pointee.record.tryCount > 1) {\n"
        "      writeRequestIDField(exchange, into: &writer)\n    }\n    writeAssignedFields",
    ),
    bug(
        "a request is served behind a wrong PROXY header",
        ENGINE + "2-Accept/DownstreamConnection.swift",
        "      return close(connection)\n    }\n    let listener = ",
        "      if !ON { return close(connection) }\n    }\n    let listener = ",
    ),
    bug(
        "nobody hears of a wrong PROXY header",
        ENGINE + "2-Accept/DownstreamConnection.swift",
        'report(.error, "accept", nil, connection) { line in line.append(error.reason) }',
        'if !ON { report(.error, "accept", nil, connection) { $0.append(error.reason) } }',
    ),
    bug(
        "the client that a PROXY header names is forgotten",
        ENGINE + "2-Accept/DownstreamConnection.swift",
        "        connection.pointee.announcedClient = source\n",
        "        if !ON { connection.pointee.announcedClient = source }\n",
    ),
    bug(
        "anybody's PROXY header is believed",
        ENGINE + "3-Request/ExchangeBegin.swift",
        "guard tables.servers[server].realIPTrust.contains(peer) else",
        "guard ON || tables.servers[server].realIPTrust.contains(peer) else",
    ),
    bug(
        "the end of TLS is not told",
        ENGINE + "1-Loop/Worker+SecureTransfer.swift",
        "    link.pointee.session.end()\n",
        "    if !ON { link.pointee.session.end() }\n",
    ),
    bug(
        "the end of TLS behind bytes is overlooked",
        ENGINE + "1-Loop/Worker+SecureTransfer.swift",
        "    case .bytes(let count, let end):\n      link.pointee.readEnd = end\n",
        "    case .bytes(let count, let end):\n      link.pointee.readEnd = ON ? nil : end\n",
    ),
    bug(
        "the rest of a short write of TLS is forgotten",
        ENGINE + "1-Loop/Worker+SecureTransfer.swift",
        "    guard written < fresh.count else { return .done }\n",
        "    guard written < fresh.count, !(ON && written > 0) else { return .done }\n",
    ),
    bug(
        "a record of TLS behind the handshake is forgotten",
        ENGINE + "2-Accept/Handshake.swift",
        "    if holdsInput(link) { connection.pointee.flags.insert(.readable) }\n",
        "    if holdsInput(link) && !ON { connection.pointee.flags.insert(.readable) }\n",
    ),
    bug(
        "a session of TLS is leaked",
        ENGINE + "1-Loop/Worker+SecureTransfer.swift",
        "    link.pointee.session.free()\n",
        "    if !(ON && connection.pointee.role == .upstream) { link.pointee.session.free() }\n",
    ),
]
