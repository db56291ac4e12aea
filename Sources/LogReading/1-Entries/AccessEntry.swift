import Basics

/// What one line of an access log says: places in the line, and the numbers that are compared.
///
/// It is plain values, whatever format the line was in, so that millions of lines can be read
/// without allocating. What a line does not say is an empty range, 0, or `unknownTime`.
public struct AccessEntry: Sendable, BitwiseCopyable {
  /// How the values were made safe when the line was written.
  public enum Escape: UInt8, Sendable, BitwiseCopyable {
    /// As in a JSON string.
    case json
    /// `\xHH`, which is fit to be shown as it is.
    case text
  }

  /// A duration that the line does not say.
  public static var unknownTime: UInt64 { .max }

  /// How its values are escaped.
  public var escape = Escape.json
  /// True for a line that does not end a request: a tunnel opened, or a subrequest ended.
  public var isEvent = false
  /// True for the line of a subrequest.
  public var isSubrequest = false
  /// The time stamp as written.
  public var time = ByteRange.empty
  /// What the client got.
  public var status: UInt16 = 0
  /// Microseconds.
  public var duration = unknownTime
  /// The request's ID.
  public var requestID = ByteRange.empty
  /// What the client sent as the ID when it was not kept.
  public var clientRequestID = ByteRange.empty
  /// What the backend sent as the ID when it differed.
  public var upstreamRequestID = ByteRange.empty
  /// Address, with the port if the format has it.
  public var client = ByteRange.empty
  /// The method.
  public var method = ByteRange.empty
  /// The host asked for, with its port if one was given.
  public var host = ByteRange.empty
  /// The target as it came, with the query.
  public var uri = ByteRange.empty
  /// The size of the content sent, in digits.
  public var bytesOut = ByteRange.empty
  /// The last server tried.
  public var upstream = ByteRange.empty
  /// The upstream's name, where a format has it.
  public var proxyHost = ByteRange.empty
  /// What a format of somebody's own says as `location`.
  public var location = ByteRange.empty
  /// Why it failed.
  public var error = ByteRange.empty
  /// Who ended it early, and when.
  public var termination = ByteRange.empty
  /// Seconds of the last try, as written, as the two below: they are asked for rarely.
  public var upstreamConnect = ByteRange.empty
  /// See `upstreamConnect`.
  public var upstreamFirstByte = ByteRange.empty
  /// See `upstreamConnect`.
  public var upstreamDuration = ByteRange.empty
  /// The array of tries, brackets included.
  public var tries = ByteRange.empty

  /// An entry that says nothing.
  public init() {}
}
