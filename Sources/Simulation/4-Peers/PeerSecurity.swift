/// What stands between a scripted peer and its connection: TLS, which this target knows nothing of.
/// The script and the record are about content; on the connection lies what is made of it.
public protocol PeerSecurity: AnyObject {
  /// True once content can be sent.
  var isEstablished: Bool { get }
  /// The other side has ended its stream in the way of the protocol.
  var hasEnd: Bool { get }
  /// Why nothing more can be sent or understood; nil while all is well.
  var failure: String? { get }
  /// What a peer does at its end.
  var farewell: PeerFarewell { get }

  /// Begins; for who speaks first.
  func begin()
  /// Takes in what came.
  func receive(_ bytes: [UInt8])
  /// What of it is content, since the last call.
  func takeContent() -> [UInt8]
  /// Makes content ready to be sent.
  func send(_ content: [UInt8])
  /// Tells the other side that no more content will come.
  func end()
  /// What is to be put on the connection, since the last call.
  func takeOutput() -> [UInt8]
}

/// How a peer whose connection is secured ends its stream.
public enum PeerFarewell: Sendable {
  /// By the protocol's own means, and by TCP's behind it.
  case both
  /// By the protocol's own means; TCP's stream ends when the connection is closed.
  case noticeOnly
  /// By TCP's means only, as who wants to cut content short would.
  case transportOnly
}
