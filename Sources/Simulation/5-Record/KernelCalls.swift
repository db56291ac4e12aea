/// How often the program called its kernel, and the bytes that went through: the cost of a request
/// that a test can hold it to.
public struct KernelCalls: Equatable, Sendable {
  /// Calls of `wait`: turns.
  public var waits = 0
  /// Calls of `watch` and `watchListener`.
  public var watches = 0
  /// Calls of `accept`, those that found nothing included.
  public var accepts = 0
  /// Calls of `accept` that returned a connection.
  public var connectionsAccepted = 0
  /// Calls of `connect`.
  public var connects = 0
  /// Calls of `read`, those that found nothing included.
  public var reads = 0
  /// Calls of `write`, those that found no room included.
  public var writes = 0
  /// Calls of `shutdownWriting`.
  public var shutdowns = 0
  /// Calls of `close`.
  public var closes = 0
  /// Calls of `openFile`.
  public var fileOpens = 0
  /// Calls of `fileStatus`.
  public var fileLooks = 0
  /// Calls of `openLog`.
  public var logOpens = 0
  /// Calls of `writeLog`.
  public var logWrites = 0
  /// Calls of `fillRandom`.
  public var randomFills = 0
  /// Bytes read from connections.
  public var bytesRead = 0
  /// Bytes written to connections.
  public var bytesWritten = 0

  /// No call yet.
  public init() {}

  /// A number that changes when the program has done something that can't go on for ever.
  var progress: Int {
    connectionsAccepted + connects + closes + logOpens + bytesRead + bytesWritten
  }
}
