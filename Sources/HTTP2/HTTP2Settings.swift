// The bounds of a connection. All of them are told to its peer or end it.

/// What one peer may use on a connection. What counts requests and resets is for clients: a server
/// has no more streams than this side begins.
public struct HTTP2Settings: Sendable {
  /// Requests under way at a time: SETTINGS_MAX_CONCURRENT_STREAMS.
  public var concurrentStreams: UInt32
  /// Bytes of content that a stream may send before they are passed on.
  public var streamWindow: UInt32
  /// The same for all streams of the connection together.
  public var connectionWindow: UInt32
  /// Bytes of a request's head, counted as RFC 9113 section 6.5.2 does: 32 more for each field.
  public var headBytes: Int
  /// Fields of a request's head, pseudo-fields included.
  public var fieldCount: Int
  /// Streams that a client may reset at once.
  public var resetBurst: Int
  /// How many more it may reset each second.
  public var resetRate: Int
  /// Streams that it may make this side reset, unless twice as many were in order.
  public var provokedResets: Int
  /// Frames that carry neither a head nor content and that it may send; each request allows for
  /// some more.
  public var controlFrames: Int
  /// Those that each request allows for.
  public var controlFramesPerRequest: Int
  /// Those that each frame of content that it is sent allows for: windows are opened with them.
  public var controlFramesPerContent: Int
  /// So many bytes of such content allow for one more.
  public var contentBytesPerControlFrame: Int
  /// Those that are forgiven with each second.
  public var controlFramesPerSecond: Int

  /// The bounds given.
  public init(
    concurrentStreams: UInt32, streamWindow: UInt32, connectionWindow: UInt32, headBytes: Int,
    fieldCount: Int, resetBurst: Int, resetRate: Int, provokedResets: Int,
    controlFrames: Int, controlFramesPerRequest: Int, controlFramesPerContent: Int,
    contentBytesPerControlFrame: Int, controlFramesPerSecond: Int
  ) {
    self.concurrentStreams = concurrentStreams
    self.streamWindow = streamWindow
    self.connectionWindow = connectionWindow
    self.headBytes = headBytes
    self.fieldCount = fieldCount
    self.resetBurst = resetBurst
    self.resetRate = resetRate
    self.provokedResets = provokedResets
    self.controlFrames = controlFrames
    self.controlFramesPerRequest = controlFramesPerRequest
    self.controlFramesPerContent = controlFramesPerContent
    self.contentBytesPerControlFrame = contentBytesPerControlFrame
    self.controlFramesPerSecond = controlFramesPerSecond
  }
}
