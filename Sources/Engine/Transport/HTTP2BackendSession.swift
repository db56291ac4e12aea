// HTTP/2 towards backends as a session.

import HTTP
import HTTP2
import Policy

/// An HTTP/2 connection to a backend.
final class HTTP2BackendSession: HTTP2Session {
  private let client: HTTP2Client
  private let scheme: StaticString

  /// A connection of which nothing has been sent yet.
  init(isSecure: Bool) {
    client = HTTP2Client(
      HTTP2Settings(
        concurrentStreams: 0, streamWindow: Limits.http2BackendStreamWindow,
        connectionWindow: Limits.http2BackendConnectionWindow,
        headBytes: Limits.http2BackendHeadBytes, fieldCount: Limits.http2BackendFields,
        resetBurst: 0, resetRate: 0, provokedResets: 0,
        controlFrames: Limits.http2BackendControlFrames,
        controlFramesPerRequest: Limits.http2ControlFramesPerRequest,
        controlFramesPerContent: Limits.http2ControlFramesPerContent,
        contentBytesPerControlFrame: Limits.http2ContentBytesPerControlFrame,
        controlFramesPerSecond: Limits.http2ControlFramesPerSecond))
    scheme = isSecure ? "https" : "http"
    super.init(client)
  }

  override func begin(
    _ bytes: UnsafeRawBufferPointer, ends: Bool
  ) -> (stream: UInt32, byteCount: Int)? {
    client.beginFields()
    addPseudoFields(bytes)
    let count = addFields(bytes)
    guard let stream = client.begin(ends: ends && count == bytes.count) else { return nil }
    return (stream, count)
  }

  /// What HTTP/2 says in front of all other fields: Host, wherever it stands, is `:authority` (RFC
  /// 9113 section 8.3.1).
  private func addPseudoFields(_ bytes: UnsafeRawBufferPointer) {
    add(":scheme", scheme)
    var fields = HeadFields(bytes)
    while let (name, value) = fields.next() {
      if name.first == UInt8(ascii: ":") {
        client.addField(name, value)
      } else if name.matches("host") {
        add(":authority", value)
      }
    }
  }

  /// All other fields but those that concern a connection of HTTP/1 (RFC 9113 section 8.2.2).
  private func addFields(_ bytes: UnsafeRawBufferPointer) -> Int {
    var fields = HeadFields(bytes)
    while let (name, value) = fields.next() {
      if name.first == UInt8(ascii: ":") || name.matches("host") { continue }
      if name.concernsConnection { continue }
      if name.matches("te") && !value.matches("trailers") { continue }
      client.addField(name, value)
    }
    return fields.byteCount
  }

  private func add(_ name: StaticString, _ value: StaticString) {
    add(name, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  private func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
    client.addField(
      UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
  }

  /// The head has been sent by `begin`: what follows are trailers.
  override func putHead(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    precondition(ends, "putHead: trailers end their stream")
    client.beginFields()
    let count = addFields(bytes)
    client.sendTrailers(stream)
    return count
  }

  override var streamLimit: Int? { client.streamLimit }
  override var isEndAnnounced: Bool { client.isEndAnnounced }
  override func ping() { client.ping() }
}

extension UnsafeRawBufferPointer {
  /// True when it is the text, in whatever case.
  fileprivate func matches(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return indices.allSatisfy { self[$0] | 0x20 == text.utf8Start[$0] | 0x20 }
  }

  /// True for the names of fields that HTTP/2 does not have.
  fileprivate var concernsConnection: Bool {
    matches("connection") || matches("keep-alive") || matches("proxy-connection")
      || matches("transfer-encoding") || matches("upgrade")
  }
}
