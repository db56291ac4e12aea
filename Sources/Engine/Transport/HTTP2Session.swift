// HTTP/2 as a session: what `HTTP2` knows of frames and windows, in the engine's words.

import HTTP
import HTTP2
import Policy

/// An HTTP/2 connection, of a client or to a backend.
class HTTP2Session: Session {
  private let connection: HTTP2Connection

  init(_ connection: HTTP2Connection) { self.connection = connection }

  override func next(_ bytes: inout UnsafeRawBufferPointer) -> SessionEvent {
    switch connection.next(&bytes) {
    case .nothing: .nothing
    case .head(let stream, let ends): .head(stream, ends: ends)
    case .trailers(let stream): .trailers(stream)
    case .malformed(let stream): .malformed(stream)
    case .content(let stream, let content, let ends): .content(stream, content, ends: ends)
    case .reset(let stream, let reason): .reset(stream, failure(reason))
    case .changed: .changed
    case .broken: .broken
    }
  }

  private func failure(_ reason: HTTP2ResetReason) -> StreamFailure {
    switch reason {
    case .cancelled: .reset
    case .refused: .refused
    case .malformed: .malformed
    case .headTooLarge: .headTooLarge
    }
  }

  override func largestHeadByteCount(_ stream: UInt32) -> Int { connection.largestHeadByteCount }

  override func takeHead(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int {
    do throws(HTTP2HeadProblem) {
      return try connection.takeHead(into: memory)
    } catch {
      throw HTTP1Error(error.kind, at: 0)
    }
  }

  override func takeTrailers(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int {
    do throws(HTTP2HeadProblem) {
      return try connection.takeTrailers(into: memory)
    } catch {
      throw HTTP1Error(error.kind, at: 0)
    }
  }

  override func note(second: UInt64) { connection.note(second: second) }

  override var queuedFrameCount: Int { connection.queuedFrameCount }

  override func giveCredit(_ stream: UInt32, _ count: Int) { connection.giveCredit(stream, count) }

  override func putContent(
    _ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool
  ) -> Int {
    connection.sendContent(stream, bytes, ends: ends)
  }

  override func maySend(_ stream: UInt32) -> Bool { connection.maySend(stream) }
  override func release(_ stream: UInt32) { connection.release(stream) }
  override func refuse(_ stream: UInt32) { connection.refuse(stream) }
  override var output: UnsafeRawBufferPointer { connection.output }
  override func dropOutput(_ count: Int) { connection.dropOutput(count) }
  override var hasEvents: Bool { connection.hasEvents }
  override func end() { connection.end() }
  override var isFinished: Bool { connection.isFinished }
}

/// A client's HTTP/2 connection.
final class HTTP2ClientSession: HTTP2Session {
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
    super.init(server)
  }

  override func putHead(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    var fields = HeadFields(bytes)
    server.beginFields()
    while let (name, value) = fields.next() { server.addField(name, value) }
    server.sendFields(stream, ends: ends && fields.byteCount == bytes.count)
    return fields.byteCount
  }

  override func announceEnd() { server.announceEnd() }
}

extension HTTP2HeadProblem {
  /// The same in the words of HTTP/1.
  fileprivate var kind: HTTP1Error.Kind {
    switch self {
    case .tooLarge: .headTooLarge
    case .tooManyFields: .tooManyFields
    case .hostDiffers: .invalidHost
    case .unknownScheme: .invalidTarget
    }
  }
}
