import Basics

/// A request as a backend's behaviour sees it.
public struct BackendRequest: Sendable {
  /// The request; its content is there only when all of it has come.
  public let message: WireMessage
  /// The number of the connection, counted by the backend from 0.
  public let connection: Int
  /// The number of the request on its connection, from 0.
  public let sequence: Int
}

/// What a backend does with connections and requests: functions of what it sees, called by the
/// world.
public struct BackendBehaviour {
  /// What becomes of the backend's n-th connect, counted from 0.
  public var connectOutcome: (_ attempt: Int) -> ConnectOutcome = { _ in .accepted }
  /// What the answer to a connect takes longer than the way there and back.
  public var connectDelay = Interval(nanoseconds: 0)
  /// What is done when the n-th connection was made, before anything has come.
  public var onConnection: (_ connection: Int) -> [PeerAction] = { _ in [] }
  /// What is done when the head of a request has come.
  public var onHead: (BackendRequest) -> [PeerAction] = { _ in [] }
  /// What is done when the whole request has come.
  public var onMessage: (BackendRequest) -> [PeerAction] = { _ in [] }

  /// A backend that accepts connections, reads requests and never says anything.
  public init() {}

  /// A well-behaved HTTP/1.1 server: it sends 100 where that is expected and switches protocols
  /// where that is asked for (and then echoes bytes); else it answers 200 with the request's
  /// content, or its request line when it has none. `X-Seen-Request-ID` tells the request ID that
  /// it saw.
  public static var echo: BackendBehaviour {
    var behaviour = BackendBehaviour()
    behaviour.onHead = { request in
      let expectation = request.message.value(of: "expect")?.lowercased()
      return expectation == "100-continue" ? [.send("HTTP/1.1 100 Continue\r\n\r\n")] : []
    }
    behaviour.onMessage = { echoActions(for: $0.message) }
    return behaviour
  }

  /// A backend that answers each request with these bytes and keeps the connection.
  public static func answering(_ response: String) -> BackendBehaviour {
    performing([.send(response)])
  }

  /// A backend that does this for each request that has come whole.
  public static func performing(_ actions: [PeerAction]) -> BackendBehaviour {
    var behaviour = BackendBehaviour()
    behaviour.onMessage = { _ in actions }
    return behaviour
  }

  /// A backend that meets the n-th connect with the n-th outcome, and all later ones with the last;
  /// what it accepts, it treats as `echo` does.
  public static func connecting(_ outcomes: [ConnectOutcome]) -> BackendBehaviour {
    precondition(!outcomes.isEmpty, "no outcome given")
    var behaviour = echo
    behaviour.connectOutcome = { outcomes[min($0, outcomes.count - 1)] }
    return behaviour
  }

  private static func echoActions(for request: WireMessage) -> [PeerAction] {
    if let token = request.value(of: "upgrade") {
      let head =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: \(token)\r\n\r\n"
      return [.send(head), .echoUntilEnd, .close]
    }
    let content = request.content.isEmpty ? Array(request.startLine.utf8) : request.content
    let seen = request.values(of: "x-request-id").joined(separator: ", ")
    let closes = request.asksToClose
    var head = "HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n"
    head += "X-Seen-Request-ID: \(seen)\r\n" + (closes ? "Connection: close\r\n" : "") + "\r\n"
    let bytes = Array(head.utf8) + (request.method == "HEAD" ? [] : content)
    return [.sendBytes(bytes)] + (closes ? [.close] : [])
  }
}
