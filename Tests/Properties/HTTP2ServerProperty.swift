import Basics
import HTTP2

/// The server's end of HTTP/2 by itself, whatever comes: what it tells of a stream is a head, then
/// content, then an end, and nothing behind an end or a reset but that reset; no more content than
/// there was credit for; and what it sends is in order, too.
final class HTTP2ServerProperty: Property {
  func check(_ input: Span<UInt8>) throws(Violation) {
    guard input.count > 2 else { return }
    let bytes = (2..<input.count).map { input[$0] }
    let begins = HTTP2Script.preface(window: input[1] & 7, isWide: input[1] & 8 != 0)
    let program = FrameProgram(bytes, begins: input[1] & 16 != 0 ? [] : begins)
    var user = HTTP2User(choices: input[0])
    var pieces = Pieces(input)
    for step in program.steps {
      guard case .send(let sent) = step else {
        try user.letTimePass()
        continue
      }
      var start = 0
      while start < sent.count {
        let end = min(sent.count, start + pieces.nextSize())
        try user.receive(Array(sent[start..<end]))
        start = end
      }
    }
    try user.finish()
  }
}

/// Who uses a server: answers, takes its time, gives up.
private struct HTTP2User {
  /// What is known of a stream.
  struct Known {
    var uncredited = 0
    var hasEnded = false
    var isReset = false
    var isReleased = false
    var hasResponded = false
    /// What is left of the response.
    var rest: ArraySlice<UInt8> = []
    var isAnswered = false
  }

  private static let settings = HTTP2Settings(
    concurrentStreams: 8, streamWindow: 30_000, connectionWindow: 1 << 20, headBytes: 2_048,
    fieldCount: 30, resetBurst: 20, resetRate: 1, provokedResets: 5, controlFrames: 50,
    controlFramesPerRequest: 10, controlFramesPerContent: 10, contentBytesPerControlFrame: 256,
    controlFramesPerSecond: 10)

  private let server = HTTP2Server(settings)
  private let answersEarly: Bool
  private let holdsCredit: Bool
  private let hasTrailers: Bool
  private let drainsSlowly: Bool
  private let givesUp: Bool
  private let endsEarly: Bool
  private let answerBytes: Int
  private var streams: [UInt32: Known] = [:]
  private var output: [UInt8] = []
  private var second: UInt64 = 1
  private var turn = 0

  init(choices: UInt8) {
    answersEarly = choices & 1 != 0
    holdsCredit = choices & 2 != 0
    hasTrailers = choices & 4 != 0
    drainsSlowly = choices & 8 != 0
    givesUp = choices & 16 != 0
    endsEarly = choices & 32 != 0
    answerBytes = [0, 1, 20_000, 100_000][Int(choices >> 6)]
  }

  mutating func letTimePass() throws(Violation) {
    second += 5
    server.note(second: second)
    for number in streams.keys.sorted() { giveCredit(number) }
    try goOn()
  }

  /// Takes all that comes of some bytes, and then does its part.
  mutating func receive(_ bytes: [UInt8]) throws(Violation) {
    // Memory of exactly its size.
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    var rest = UnsafeRawBufferPointer(memory)
    try takeEvents(&rest)
    try expect(rest.isEmpty || server.hasEvents == false, "what comes is taken")
    turn += 1
    try goOn()
  }

  private mutating func takeEvents(_ rest: inout UnsafeRawBufferPointer) throws(Violation) {
    while true {
      switch server.next(&rest) {
      case .nothing: return
      case .broken, .changed: break
      case .head(let number, let ends): try begin(number, ends: ends)
      case .malformed(let number):
        try expect(streams[number] == nil, "a stream begins once")
        streams[number] = Known()
        streams[number]?.isReset = true
        release(number)
      case .content(let number, let bytes, let ends):
        try take(number, bytes.count, ends: ends)
      case .trailers(let number):
        takeTrailers()
        try take(number, 0, ends: true)
      case .reset(let number, _):
        guard let stream = streams[number] else { throw Violation(rule: "a reset has a head") }
        try expect(!stream.isReset, "a stream is reset once")
        streams[number]?.isReset = true
        if !stream.isReleased { release(number) }
      }
    }
  }

  private mutating func begin(_ number: UInt32, ends: Bool) throws(Violation) {
    try expect(streams[number] == nil, "a stream begins once")
    var stream = Known()
    stream.hasEnded = ends
    streams[number] = stream
    if number % 7 == 5 && givesUp {
      streams[number]?.isReleased = true
      return server.refuse(number)
    }
    let room = server.largestHeadByteCount
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
    defer { memory.deallocate() }
    if let count = try? server.takeHead(into: memory) {
      let head = Array(memory[..<count])
      let end = Array("\r\n\r\n".utf8)
      let places = head.indices.filter { head[$0...].starts(with: end) }
      try expect(places == [count - 4] && !head.contains(0), "a head ends once")
    }
    if answersEarly { respond(number) }
  }

  private func takeTrailers() {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: server.largestHeadByteCount, alignment: 1)
    defer { memory.deallocate() }
    _ = try? server.takeTrailers(into: memory)
  }

  private mutating func take(
    _ number: UInt32, _ count: Int, ends: Bool
  ) throws(Violation) {
    guard let stream = streams[number] else { throw Violation(rule: "content has a head") }
    try expect(!stream.hasEnded, "nothing follows an end")
    try expect(!stream.isReset, "nothing follows a reset")
    streams[number]?.hasEnded = ends
    guard !stream.isReleased else { return server.giveCredit(number, count) }
    streams[number]?.uncredited += count
    try expect(
      stream.uncredited + count <= Int(HTTP2User.settings.streamWindow),
      "no more comes than there was credit for")
    if !holdsCredit { giveCredit(number) }
  }

  private mutating func giveCredit(_ number: UInt32) {
    guard let stream = streams[number], !stream.isReleased, stream.uncredited > 0 else { return }
    streams[number]?.uncredited = 0
    server.giveCredit(number, stream.uncredited)
  }

  private mutating func release(_ number: UInt32) {
    streams[number]?.isReleased = true
    server.release(number)
  }

  // MARK: Responses

  private mutating func respond(_ number: UInt32) {
    streams[number]?.hasResponded = true
    add(":status", number % 3 == 0 ? "103" : "200")
    if number % 3 == 0 {
      server.sendFields(number, ends: false)
      add(":status", "200")
    }
    add("X-Number", "\(number)")
    let isEmpty = answerBytes == 0 && !hasTrailers
    server.sendFields(number, ends: isEmpty)
    streams[number]?.isAnswered = isEmpty
    streams[number]?.rest = AskedRequest.content(of: number, 0..<answerBytes)[...]
  }

  private mutating func add(_ name: String, _ value: String) {
    if name == ":status" { server.beginFields() }
    Array(name.utf8).withUnsafeBytes { name in
      Array(value.utf8).withUnsafeBytes { server.addField(name, $0) }
    }
  }

  /// Responds, sends what can be sent, gives up, and has output written.
  private mutating func goOn() throws(Violation) {
    for number in streams.keys.sorted() {
      guard let stream = streams[number], !stream.isReleased else { continue }
      if stream.hasEnded && !stream.hasResponded { respond(number) }
      if turn % 5 == 4 { giveCredit(number) }
      if streams[number]?.hasResponded == true { send(number) }
      let isOver = streams[number]?.isAnswered == true && streams[number]?.hasEnded == true
      let isLeft = givesUp && number % 5 == 1 && turn % 3 == 2
      let isEarly = answersEarly && streams[number]?.isAnswered == true
      if isOver || isLeft || isEarly { release(number) }
    }
    if endsEarly && turn == 6 { server.announceEnd() }
    drain()
    var none = UnsafeRawBufferPointer(start: nil, count: 0)
    if server.hasEvents { try takeEvents(&none) }
  }

  private mutating func send(_ number: UInt32) {
    guard let stream = streams[number], !stream.isAnswered else { return }
    let piece = Array(stream.rest)
    let ends = !hasTrailers
    let count = piece.withUnsafeBytes { server.sendContent(number, $0, ends: ends) }
    streams[number]?.rest = stream.rest.dropFirst(count)
    guard count == piece.count else { return }
    streams[number]?.isAnswered = true
    guard hasTrailers else { return }
    server.beginFields()
    add("X-Sum", "7")
    server.sendFields(number, ends: true)
  }

  private mutating func drain() {
    repeat {
      let frames = server.output
      let count = drainsSlowly ? min(frames.count, 500) : frames.count
      output += frames[..<count]
      server.dropOutput(count)
      if count == 0 || drainsSlowly { return }
    } while true
  }

  /// Ends the connection, lets go of all streams, and looks at what was sent.
  mutating func finish() throws(Violation) {
    if endsEarly { server.end() }
    try letTimePass()
    for number in streams.keys.sorted() where streams[number]?.isReleased == false {
      release(number)
    }
    for _ in 0..<2_000 where !server.output.isEmpty { drain() }
    let walk = FrameWalk(output)
    try expect(!walk.isMalformed, "what is sent is well-formed")
    for (number, stream) in walk.streams {
      try expect(!stream.isDisorderly, "what is sent of a stream is in order")
      guard let known = streams[number] else { continue }
      try expect(known.hasResponded || stream.sections.isEmpty, "nothing is sent by itself")
      let whole = AskedRequest.content(of: number, 0..<answerBytes)
      try expect(whole.starts(with: stream.content), "content is sent as it is")
      try expect(!stream.hasEnded || whole == stream.content, "content that ends is whole")
    }
  }
}
