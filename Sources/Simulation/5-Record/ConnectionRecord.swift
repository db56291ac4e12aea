import Basics
import HTTP

/// What a scripted client or backend went through on one connection.
public struct ConnectionRecord: Sendable {
  /// Some bytes came.
  public struct Arrival: Equatable, Sendable {
    /// When the peer read them.
    public let time: Instant
    /// Their number.
    public let count: Int
  }

  /// How a script ended.
  public enum Ending: Equatable, Sendable {
    /// All its actions were done, or it did its last one (`close`, `reset`, `vanish`).
    case completed
    /// The connection was refused.
    case refused
    /// The other side reset the connection during the action of this index.
    case reset(action: Int)
    /// The other side ended its stream, so that the action of this index could not be completed.
    case endedEarly(action: Int)
    /// What the action of this index awaited did not come within the patience; 0 also when the
    /// connection was never made because the listener's queue stayed full.
    case gaveUp(action: Int)
    /// TLS failed during the action of this index.
    case insecure(action: Int)
  }

  /// Every byte of content that came.
  public internal(set) var received: [UInt8] = []
  /// When they came.
  public internal(set) var arrivals: [Arrival] = []
  /// Bytes that the peer's system took for sending.
  public internal(set) var sentCount = 0
  /// Bytes that this peer has put on the connection, whatever they hold.
  public internal(set) var wireCount = 0
  /// Bytes that the program has read of what this peer sent.
  public internal(set) var takenCount = 0
  /// Which program accepted and watched it. Nil when none took notice.
  public internal(set) var admission: Admission?
  /// Where, in the stream of bytes to this peer, the program wrote although it had been told of
  /// bytes from this peer and had not read them.
  public internal(set) var writesOverUnread: [Int] = []
  /// The messages that the script awaited, complete and in order, interim responses included.
  public internal(set) var messages: [WireMessage] = []
  /// The message that had begun but not ended.
  public internal(set) var partialMessage: WireMessage?
  /// The other side has ended its stream.
  public internal(set) var hasEnd = false
  /// The other side has ended its stream in TCP, but not in TLS: it may have been cut.
  public internal(set) var wasTruncated = false
  /// Why TLS failed; nil when it did not.
  public internal(set) var securityFailure: String?
  /// Where in the bytes from this peer its first content is complete; nil for a plain peer, and
  /// when none was sent.
  public internal(set) var firstSealedEnd: Int?
  /// The other side has reset the connection.
  public internal(set) var wasReset = false
  /// The address of the other side; nil before the connection is made.
  public internal(set) var remoteAddress: PeerAddress?
  /// When the connection was made; nil when it was not.
  public internal(set) var openedAt: Instant?
  /// When the script ended, and how; nil while it runs.
  public internal(set) var endedAt: Instant?
  /// See `endedAt`.
  public internal(set) var ending: Ending?

  /// Nothing more will come, whether that was said in good order or not.
  public var isOver: Bool { hasEnd || wasTruncated }

  /// The bytes that came, as text.
  public var text: String { String(decoding: received, as: UTF8.self) }

  /// The messages that are no interim responses.
  public var finalMessages: [WireMessage] { messages.filter { !$0.isInterim } }
}

/// How a program came to know a client's connection.
public struct Admission: Equatable, Sendable {
  /// The program.
  public let program: Int
  /// Which of the connections that it accepted and watched this is, from 0.
  public let place: Int
}
