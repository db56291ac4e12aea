// HTTP/2 as a session: what `HTTP2` knows of frames and windows, in the engine's words.

import HTTP
import HTTP2
import Policy

/// A client's HTTP/2 connection.
final class HTTP2Session: Session {
  private let server: HTTP2Server

  /// One whose requests may have heads as large as those of HTTP/1 within `limits`.
  init(_ limits: HeadLimits) {
    server = HTTP2Server(
      HTTP2Settings(
        concurrentStreams: Limits.http2Streams, streamWindow: Limits.http2StreamWindow,
        connectionWindow: Limits.http2ConnectionWindow,
        headBytes: max(Limits.http2HeadBytes, limits.maximumHeadBytes),
        fieldCount: max(Limits.http2Fields, limits.maximumFieldCount + Limits.http2PseudoFields),
        resetBurst: Limits.http2Resets, resetRate: Limits.http2ResetsPerSecond,
        provokedResets: Limits.http2ProvokedResets, controlFrames: Limits.http2ControlFrames,
        controlFramesPerRequest: Limits.http2ControlFramesPerRequest,
        controlFramesPerContent: Limits.http2ControlFramesPerContent,
        contentBytesPerControlFrame: Limits.http2ContentBytesPerControlFrame,
        controlFramesPerSecond: Limits.http2ControlFramesPerSecond))
  }

  override func next(_ bytes: inout UnsafeRawBufferPointer) -> SessionEvent {
    switch server.next(&bytes) {
    case .nothing: .nothing
    case .head(let stream, let ends): .head(stream, ends: ends)
    case .malformed(let stream): .malformed(stream)
    case .content(let stream, let content, let ends): .content(stream, content, ends: ends)
    case .reset(let stream): .reset(stream)
    case .broken: .broken
    }
  }

  override func note(second: UInt64) { server.note(second: second) }

  override var queuedFrameCount: Int { server.queuedFrameCount }

  override func largestHeadByteCount(_ stream: UInt32) -> Int {
    server.largestHeadByteCount(stream)
  }

  override func takeHead(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int {
    do throws(HTTP2HeadProblem) {
      return try server.takeHead(stream, into: memory)
    } catch {
      switch error {
      case .tooLarge: throw HTTP1Error(.headTooLarge, at: 0)
      case .tooManyFields: throw HTTP1Error(.tooManyFields, at: 0)
      case .hostDiffers: throw HTTP1Error(.invalidHost, at: 0)
      case .unknownScheme: throw HTTP1Error(.invalidTarget, at: 0)
      }
    }
  }

  override func giveCredit(_ stream: UInt32, _ count: Int) { server.giveCredit(stream, count) }

  override func putHead(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    var fields = HeadFields(bytes)
    server.beginFields()
    while let (name, value) = fields.next() { server.addField(name, value) }
    server.sendFields(stream, ends: ends && fields.byteCount == bytes.count)
    return fields.byteCount
  }

  override func putContent(
    _ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool
  ) -> Int {
    server.sendContent(stream, bytes, ends: ends)
  }

  override func maySend(_ stream: UInt32) -> Bool { server.maySend(stream) }
  override func release(_ stream: UInt32) { server.release(stream) }

  override func refuse(_ stream: UInt32) { server.refuse(stream) }
  override var output: UnsafeRawBufferPointer { server.output }
  override func dropOutput(_ count: Int) { server.dropOutput(count) }
  override var hasEvents: Bool { server.hasEvents }
  override func announceEnd() { server.announceEnd() }
  override func end() { server.end() }
  override var isFinished: Bool { server.isFinished }
}
