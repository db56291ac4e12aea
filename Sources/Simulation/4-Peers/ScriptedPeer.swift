import Basics
import HTTP

/// A client or one connection of a backend: a list of actions, and how far it has come.
struct ScriptedPeer {
  enum Role: Equatable {
    /// A client; its script ends.
    case client
    /// A connection of this backend, with its number there; its script grows with each request.
    case backend(Int, connection: Int)
  }

  /// What a backend's actions belong to.
  enum Phase {
    case opening, awaitingHead, answeringHead, awaitingMessage, answeringMessage
  }

  let role: Role
  var actions: [PeerAction]
  /// The index of the action that is under way.
  var position = 0
  /// Where a backend's connection is in the course of a request.
  var phase = Phase.opening
  /// Nil before the connection is made.
  var endpoint: Endpoint.ID?
  /// How long an action may await something.
  var patience = Interval.endless
  var record = ConnectionRecord()

  /// The action under way has been begun.
  var hasBegunAction = false
  /// When a pause is over, or the next piece may be sent.
  var resumeAt = Instant(nanoseconds: 0)
  /// When the patience with the action under way is over.
  var giveUpAt = Instant.never
  /// What the action under way has not sent yet, and the piece that may be sent now.
  var unsent = ByteBacklog()
  var pieceRemaining = 0

  /// What stands between the script and the connection; nil for a plain one.
  var security: (any PeerSecurity)?
  /// What is to be put on the connection as soon as there is room.
  var leaving = ByteBacklog()
  /// Bytes that were ever put there.
  var wireCount = 0
  /// The byte behind which there is a pause, and its length.
  var cut: (place: Int, pause: Interval)?
  /// When that pause is over.
  var isHeldUntil = Instant(nanoseconds: 0)

  var isReading = true
  var readLimit = Int.max
  var readPause = Interval(nanoseconds: 0)
  var nextReadAt = Instant(nanoseconds: 0)

  /// What the message that is awaited has got so far.
  var reader: MessageReader?
  /// The first received byte that belongs to no message yet, or has not been echoed.
  var consumed = 0
  /// Requests that a backend's connection has begun to read.
  var requestCount = 0
  var isStepScheduled = false

  init(role: Role, actions: [PeerAction]) {
    self.role = role
    self.actions = actions
  }

  var isFinished: Bool { record.ending != nil }
}

/// A scripted client.
struct Client {
  let peer: Int
  let location: Location
  let address: PeerAddress
  /// When it stops trying to reach a listener whose queue is full.
  let connectsUntil: Instant
}

/// A scripted backend: where it listens and what it does there.
struct Backend {
  let location: Location
  var behaviour: BackendBehaviour
  /// Connects so far.
  var attempts = 0
  /// The peers that its connections are.
  var connections: [Int] = []
}
