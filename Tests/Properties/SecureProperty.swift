import HTTP
import SecurePeers
import Simulation

/// Whatever comes to a port for TLS: it ends, nothing is left over, and nobody's request is served
/// but one that was sealed by who has shaken hands. What such a client sends is treated as if no
/// TLS were there.
final class SecureProperty: Property {
  private let connections = ConnectionProperty()

  func check(_ input: Span<UInt8>) throws(Violation) {
    let confs = ConnectionRun.secureConfs
    guard let script = SecureScript(input, variants: confs.count) else { return }
    let (isOld, farewell) = (script.isOld, script.farewell)
    switch script.kind {
    case .content:
      guard let content = ConnectionScript(script.bytes.span, variants: confs.count) else { return }
      let run = ConnectionRun(
        confs[content.variant], content,
        secured: .secure { SecureCast.client(isOld: isOld, farewell) })
      try connections.check(run, content)
    case .stranger: try check(script, nil)
    case .behind: try check(script, .secure { SecureCast.client(isOld: isOld, farewell) })
    case .changed, .inserted:
      try check(
        script,
        .secure {
          ChangedPeer(
            SecureCast.client(isOld: isOld, farewell), at: script.place, script.bytes,
            replaces: script.kind == .changed)
        })
    }
  }

  private func check(_ script: SecureScript, _ security: PeerAction?) throws(Violation) {
    let run = ConnectionRun(ConnectionRun.secureConfs[script.variant], script, security)
    try run.play()
    var lines: [StrictJSON] = []
    for line in run.lines(of: "/log") {
      guard let line else { throw Violation(rule: "each line is JSON") }
      lines.append(line)
    }
    let served = lines.filter { $0["scheme"]?.text == "https" }
    let refused = lines.filter { $0["scheme"]?.text == "http" }
    try expect(
      refused.count <= 1 && refused.allSatisfy { status($0) >= 400 },
      "a plain request is refused")
    try checkServed(served, script)
    try expect(
      served.isEmpty || refused.isEmpty, "a connection speaks TLS or it does not")
    for bytes in run.asked { try checkAsked(bytes, script) }
  }

  private func status(_ line: StrictJSON) -> Int {
    line["status"]?.text.flatMap { Int($0) } ?? 0
  }

  /// What was served is what a client has sealed, in its order.
  private func checkServed(_ lines: [StrictJSON], _ script: SecureScript) throws(Violation) {
    try expect(script.kind != .stranger || lines.isEmpty, "a stranger is not served")
    try expect(
      lines.count <= SecureScript.targets.count, "no line is without a request")
    for (line, target) in zip(lines, SecureScript.targets) {
      guard let uri = line["uri"]?.text else { continue }
      try expect(uri == target, "a line is of a request that was sealed")
    }
  }

  /// A backend sees requests that a client has sealed, and no others.
  private func checkAsked(_ bytes: [UInt8], _ script: SecureScript) throws(Violation) {
    try expect(script.kind != .stranger || bytes.isEmpty, "a stranger reaches no backend")
    var head = RequestHead()
    var position = 0
    while position < bytes.count {
      let rest = Array(bytes[position...])
      head.reset()
      guard let isComplete = try? head.parse(rest.span, limits: wideLimits) else {
        throw Violation(rule: "the backend gets well-formed requests only")
      }
      guard isComplete else { return }
      let target = String(decoding: rest[..<min(rest.count, 60)], as: UTF8.self)
      let isKnown = SecureScript.targets.contains { target.contains("\($0) HTTP/1.1") }
      try expect(isKnown, "the backend gets requests that were sealed")
      let content = WalkedContent(head.framing, rest, from: head.byteCount)
      guard content.isComplete else { return }
      position += head.byteCount + content.byteCount
    }
  }
}
