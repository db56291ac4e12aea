import Basics
import Simulation

/// What a client of HTTP/2 does, as an input says it: two bytes of choices, then a program
/// (`FrameProgram`). The backend does what each request's path asks for.
struct HTTP2Script {
  /// Which conf file is served.
  let variant: Int
  /// Chance cuts and delays everything once more.
  let isFragmented: Bool
  /// What chance begins with.
  let seed: UInt64
  /// When an honest client comes.
  let honestDelay: Interval
  let program: FrameProgram
  /// The client may always be sent a stream's end.
  let hasOpenWindows: Bool
  /// Bytes of the pieces in which the client sends.
  private let pieceSize: Int

  /// The script that `input` is; nil when it is too short for one.
  init?(_ input: Span<UInt8>, variants: Int) {
    guard input.count > 2 else { return nil }
    let (choices, more) = (input[0], input[1])
    variant = Int(choices & 3) % variants
    isFragmented = choices & 4 != 0
    pieceSize = [Int.max, 1_000, 17, 1][Int(choices >> 4 & 3)]
    honestDelay = .milliseconds([1, 20, 1_500, 80_000][Int(choices >> 6)])
    seed = UInt64(more >> 4)
    let program = (2..<input.count).map { input[$0] }
    let begins =
      choices & 8 == 0 ? HTTP2Script.preface(window: more & 7, isWide: more & 8 != 0) : []
    self.program = FrameProgram(program, begins: begins)
    let isWide = more & 8 != 0 && more & 7 > 4 && choices & 8 == 0
    hasOpenWindows = isWide && !self.program.changesWindows && self.program.isOrderly
  }

  /// The preface, a window for streams, and whether the connection's is opened wide.
  static func preface(window choice: UInt8, isWide: Bool) -> [UInt8] {
    let windows: [UInt32?] = [nil, 0, 1, 100, 20_000, 65_536, 1 << 20, 1 << 30]
    let window = windows[Int(choice & 7)]
    let setting: [UInt8] = window.map { [0, 4] + WireFrame.bytes(of: $0) } ?? []
    let opening =
      isWide ? WireFrame.bytes(.windowUpdate, 0, WireFrame.bytes(of: 1 << 30)) : []
    return WireFrame.preface + WireFrame.bytes(.settings, 0, setting) + opening
  }

  /// A client that does nothing wrong.
  static var honestActions: [PeerAction] {
    let fields = [
      (":method", "GET"), (":scheme", "http"), (":path", "/static/honest"), (":authority", "a"),
    ]
    let block = fields.flatMap { FrameProgram.literal($0.0, $0.1) }
    let flags = WireFrame.endStream | WireFrame.endHeaders
    let request = WireFrame.bytes(.headers, 1, flags: flags, block)
    return [.sendBytes(preface(window: 0, isWide: false) + request), .awaitEnd]
  }

  /// All that the client sends.
  var bytes: [UInt8] {
    var all: [UInt8] = []
    for case .send(let bytes) in program.steps { all += bytes }
    return all
  }

  /// What the client does.
  var clientActions: [PeerAction] {
    program.steps.map { step in
      switch step {
      case .send(let bytes): sending(bytes)
      case .pause(let milliseconds): .pause(.milliseconds(UInt64(milliseconds)))
      case .stopReading: .stopReading
      case .startReading: .startReading
      case .readSlowly: .readSlowly(bytes: 700, every: .milliseconds(5))
      case .finishSending: .finishSending
      case .close: .close
      case .reset: .reset
      }
    } + [.awaitEnd]
  }

  private func sending(_ bytes: [UInt8]) -> PeerAction {
    // Single bytes of much would take for ever.
    guard pieceSize < bytes.count, bytes.count / pieceSize < 2_000 else { return .sendBytes(bytes) }
    return .sendPieces(bytes, size: pieceSize, every: Interval(nanoseconds: 20_000))
  }

  /// What the backend does.
  var behaviour: BackendBehaviour {
    var behaviour = BackendBehaviour()
    behaviour.onHead = { request in
      let (path, isHead) = (request.message.target, request.message.method == "HEAD")
      return AnswerKind(path: path)?.onHead(path, isHead: isHead) ?? []
    }
    behaviour.onMessage = { request in
      let (path, isHead) = (request.message.target, request.message.method == "HEAD")
      if let kind = AnswerKind(path: path) { return kind.onMessage(path, isHead: isHead) }
      return HTTP2Script.subrequestActions(request.message)
    }
    return behaviour
  }

  /// What becomes of a subrequest follows from the path of the request that it belongs to.
  private static func subrequestActions(_ message: WireMessage) -> [PeerAction] {
    let path = message.value(of: "x-path") ?? ""
    guard message.target == "/allow" else { return [.send(ok)] }
    switch path.split(separator: ".").dropFirst().first {
    case "1": return [.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")]
    case "2": return [.close]
    case "3": return [.pause(.milliseconds(700)), .send(ok)]
    case "4": return [.send("HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nabc"), .close]
    case "5": return []
    default: return [.send(ok)]
    }
  }

  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
}
