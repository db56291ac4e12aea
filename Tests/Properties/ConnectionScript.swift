import Basics
import Simulation

/// What a client and its backend send on one connection, as an input says it: two bytes of choices,
/// then what the client sends and, each behind a byte 0xFE, the backend's responses. At a byte 0xFD
/// the sender pauses, so that its message comes in pieces.
struct ConnectionScript {
  /// Which conf file is served.
  let variant: Int
  /// Chance cuts and delays everything once more.
  let isFragmented: Bool
  /// The client ends its stream behind what it sends.
  let clientFinishes: Bool
  /// The backend closes behind each response.
  let backendCloses: Bool
  /// The backend answers when a head has come, not when the whole request has.
  let answersEarly: Bool
  /// What chance begins with.
  let seed: UInt64
  /// The client's pieces.
  let request: [[UInt8]]
  /// The pieces of each response.
  let responses: [[[UInt8]]]

  /// The script that `input` is; nil when it is too short for one.
  init?(_ input: Span<UInt8>, variants: Int) {
    guard input.count > 2 else { return nil }
    let (choices, chance) = (input[0], input[1])
    variant = Int(choices & 0x0F) % variants
    isFragmented = chance & 1 != 0
    clientFinishes = chance & 2 != 0
    backendCloses = chance & 4 != 0
    answersEarly = chance & 8 != 0
    seed = UInt64(chance >> 4)
    var bytes: [UInt8] = []
    for index in 2..<input.count { bytes.append(input[index]) }
    let streams = bytes.split(separator: 0xFE, omittingEmptySubsequences: false).map { stream in
      stream.split(separator: 0xFD).map { Array($0) }
    }
    request = streams[0]
    responses = Array(streams.dropFirst())
  }

  /// All that the client sends.
  var requestBytes: [UInt8] { request.flatMap { $0 } }

  /// What the client does.
  var clientActions: [PeerAction] {
    var actions = ConnectionScript.sending(request)
    if clientFinishes { actions.append(.finishSending) }
    return actions + [.awaitEnd]
  }

  /// What the backend does: the next response for each request, a plain one when there is none
  /// left.
  var behaviour: BackendBehaviour {
    let responses = responses
    let ending: [PeerAction] = backendCloses ? [.close] : []
    var next = 0
    let answer: (BackendRequest) -> [PeerAction] = { _ in
      defer { next += 1 }
      guard next < responses.count else {
        return [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")] + ending
      }
      return ConnectionScript.sending(responses[next]) + ending
    }
    var behaviour = BackendBehaviour()
    if answersEarly { behaviour.onHead = answer } else { behaviour.onMessage = answer }
    return behaviour
  }

  private static func sending(_ pieces: [[UInt8]]) -> [PeerAction] {
    Array(pieces.map { [.sendBytes($0)] }.joined(separator: [.pause(.milliseconds(2))]))
  }
}
