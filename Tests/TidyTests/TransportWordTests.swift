import Foundation
import Testing

/// How an exchange travels is known to its transport alone: HTTP/1's files, the sessions' files,
/// and the way from a socket to the first byte of a request. What stands in between names neither.
@Suite struct TransportWordTests {
  /// Folders whose files carry an exchange and know nothing of its transport.
  private let neutral = ["3-Request", "4-Upstream", "5-Relay", "6-Finish", "9-Files"]

  /// Files there that are HTTP/1's, or make connections to backends and keep them.
  private let exempt: Set<String> = [
    "DownstreamHTTP1.swift", "UpstreamHTTP1.swift", "PeerSelection.swift", "UpstreamPool.swift",
    "UpstreamTable.swift",
  ]

  /// What only a transport says.
  private let words = [
    "HTTP/1.1 ", "Transfer-Encoding", "\"Connection", "Keep-Alive:", "100 Continue",
    "keepsAlive", "chunkEnd", "ChunkedDecoder", "kernel.read(", "kernel.write(",
    "kernel.writeAhead(", "kernel.sendFile(", "kernel.shutdownWriting(", "kernel.pendingError(",
    "kernel.unacknowledgedBytes(", "kernel.reset(", "connection.pointee.session",
  ]

  @Test func exchangesDoNotNameTheirTransport() throws {
    var count = 0
    for path in try Repository.everySource() where path.hasPrefix("Sources/Engine/") {
      let parts = path.split(separator: "/").map(String.init)
      guard parts.count == 4, neutral.contains(parts[2]), !exempt.contains(parts[3]) else {
        continue
      }
      count += 1
      for (index, line) in try Repository.lines(of: path).enumerated() {
        let code = line.trimmingCharacters(in: .whitespaces)
        guard !code.hasPrefix("//") else { continue }
        let found = words.filter { code.contains($0) }
        #expect(found.isEmpty, "\(path):\(index + 1) names its transport: \(found)")
      }
    }
    #expect(count > 30, "the engine's folders were not found")
  }

  /// Illegal states stop a test, and a program, where they arise.
  @Test func theEngineChecksItself() throws {
    var lines = 0
    var checks = 0
    for path in try Repository.everySource()
    where path.hasPrefix("Sources/Engine/") && path.hasSuffix(".swift") {
      let text = try Repository.lines(of: path)
      lines += text.count - 1
      let words = ["precondition(", "preconditionFailure(", "assert("]
      checks += text.count { line in words.contains { line.contains($0) } }
    }
    #expect(checks * 1000 >= 25 * lines, "\(checks) checks in \(lines) lines")
  }
}
