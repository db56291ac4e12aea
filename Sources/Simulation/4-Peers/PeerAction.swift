import Basics

/// One step of what a scripted client or backend does. A peer reads whatever comes, at any time,
/// unless `stopReading` says otherwise; the awaiting steps only decide when the script goes on.
public enum PeerAction: Sendable {
  /// Sends bytes, as fast as there is room.
  case sendBytes([UInt8])
  /// Sends bytes in pieces of `size`, with a pause behind each: a slow writer.
  case sendPieces([UInt8], size: Int, every: Interval)

  /// Speaks through this from now on; goes on when content can be sent.
  case secure(@Sendable () -> any PeerSecurity)
  /// Puts on the connection what this makes, as it is: content must be sealed by who makes it.
  case sendRaw(@Sendable ((any PeerSecurity)?) -> [UInt8])

  /// Lets the bytes behind the n-th one on the connection come later than the others, by so much.
  case cut(behind: Int, pause: Interval)

  /// Goes on when the head of a message is complete; interim responses do not count.
  case awaitHead
  /// Goes on when a message is complete. `isBodiless` says that a response answers HEAD and has no
  /// content whatever its fields say.
  case awaitMessage(isBodiless: Bool)
  /// Goes on when so many bytes have come in all.
  case awaitBytes(Int)
  /// Goes on when the other side has ended its stream.
  case awaitEnd
  /// Sends back what comes, beginning behind the last message, until the other side ends its
  /// stream.
  case echoUntilEnd
  /// Waits.
  case pause(Interval)

  /// Reads nothing from now on, so that the other side finds no room before long.
  case stopReading
  /// Reads again.
  case startReading
  /// Reads at most `bytes` at a time from now on, with a pause behind each.
  case readSlowly(bytes: Int, every: Interval)

  /// Ends its stream; goes on reading.
  case finishSending
  /// Closes: a reset if it has not read all.
  case close
  /// Closes by a reset.
  case reset
  /// Loses its power: nothing arrives or is answered any more, nobody is told.
  case vanish

  /// Sends the UTF-8 bytes of `text`.
  public static func send(_ text: String) -> PeerAction { .sendBytes(Array(text.utf8)) }

  /// Goes on when a response (or, for a backend, a request) is complete.
  public static var awaitMessage: PeerAction { .awaitMessage(isBodiless: false) }

  /// Goes on when a response is complete.
  public static var awaitResponse: PeerAction { .awaitMessage(isBodiless: false) }
}
