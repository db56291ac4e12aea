// How an input's bytes become what a client of HTTP/2 does: mostly frames that are well-formed, for
// chance alone would hardly make one.

/// What a client does, in order.
struct FrameProgram {
  enum Step {
    case send([UInt8])
    case pause(milliseconds: Int)
    case stopReading, startReading, readSlowly, finishSending, close, reset
  }

  private(set) var steps: [Step] = []
  /// The client only does what an honest one might.
  private(set) var isOrderly = true
  /// The client stops reading, or leaves.
  private(set) var leaves = false
  /// The client changes how much it may be sent of a stream.
  private(set) var changesWindows = false

  private let whole: [UInt8]
  private var input: ArraySlice<UInt8>
  /// What is to be sent with the next step.
  private var pending: [UInt8] = []
  /// What is repeated: where the last operation began.
  private var lastStart = 0
  private var isRepeating = false
  private var lastStream: UInt32?
  private var sent: [UInt32: Int] = [:]
  private var ended: Set<UInt32> = []
  private var byteCount = 0
  private var pauseCount = 0

  /// A program as costly as a test can bear.
  private static let mostBytes = 200_000
  private static let sizes = [0, 1, 10, 100, 1_000, 5_000, 16_384, 66_000]
  private static let increments: [UInt32] = [0, 1, 100, 16_384, 65_535, 1 << 20, 1 << 30, .max]

  /// The program that `bytes` stands for; `begins` with the preface.
  init(_ bytes: [UInt8], begins: [UInt8]) {
    whole = bytes
    input = bytes[...]
    send(begins)
    while let operation = input.popFirst(), byteCount < FrameProgram.mostBytes, !isOver {
      let start = input.startIndex - 1
      perform(operation)
      lastStart = start
    }
    sendPending()
  }

  private var isOver: Bool {
    switch steps.last {
    case .close, .reset, .finishSending: true
    default: false
    }
  }

  private mutating func operand() -> UInt8 { input.popFirst() ?? 0 }

  private mutating func take(_ count: Int) -> [UInt8] {
    let bytes = Array(input.prefix(count))
    input = input.dropFirst(count)
    return bytes
  }

  // MARK: Operations

  /// One operation: what it is, and which stream it is about, counted from the last one that began.
  private mutating func perform(_ operation: UInt8) {
    let stream = self.stream(Int(operation >> 4))
    switch operation & 15 {
    case 0, 1: begin(operand(), operand())
    case 2: sendData(stream, operand())
    case 3: sendReset(stream, operand())
    case 4: openWindow(stream, operand())
    case 5: changeSettings(operand())
    case 6: send(.ping, 0, flags: operation >> 7, Array("pingpong".utf8))
    case 7: sendTrailers(stream, operand())
    case 8: sendOddFrame(stream, operand())
    case 9: pause(operand())
    case 10: steer(operand())
    case 11: sendRaw(operand())
    case 12: repeatLast(Int(operand()))
    case 13: sendBlock(operand())
    case 14: sendPriority(stream, operand())
    default: begin(operation & 0xF0 | 0x80, operand())
    }
  }

  /// The n-th last stream; the connection itself for the largest number.
  private func stream(_ place: Int) -> UInt32 {
    guard place < 15, let lastStream else { return place < 15 ? 1 : 0 }
    return lastStream > UInt32(2 * place) ? lastStream - UInt32(2 * place) : 1
  }

  private mutating func begin(_ choices: UInt8, _ more: UInt8) {
    let stream = lastStream.map { $0 &+ 2 } ?? 1
    lastStream = stream
    let request = AskedRequest(stream: stream, choices, more)
    if request.isMalformed { isOrderly = false }
    let block = request.fields.flatMap { FrameProgram.literal($0.0, $0.1) }
    let end = request.ends ? WireFrame.endStream : 0
    if request.ends { ended.insert(stream) }
    switch request.extra {
    case .split:
      let half = block.count / 2
      send(.headers, stream, flags: end, Array(block[..<half]))
      send(.continuation, stream, flags: WireFrame.endHeaders, Array(block[half...]))
    case .padded:
      let flags = end | WireFrame.endHeaders | WireFrame.padded | WireFrame.hasPriority
      let priority = WireFrame.bytes(of: stream == 1 ? 0 : 1) + [16]
      send(.headers, stream, flags: flags, [3] + priority + block + [0, 0, 0])
    default: send(.headers, stream, flags: end | WireFrame.endHeaders, block)
    }
  }

  /// DATA of a chosen size, in as many frames as that takes.
  private mutating func sendData(_ stream: UInt32, _ choices: UInt8) {
    var rest = FrameProgram.sizes[Int(choices & 7)] + Int(choices >> 5)
    if ended.contains(stream) || rest > 16_384 { isOrderly = false }
    repeat {
      let count = min(rest, 16_384 - 8)
      rest -= count
      let start = sent[stream] ?? 0
      sent[stream] = start + count
      var payload = AskedRequest.content(of: stream, start..<start + count)
      var flags: UInt8 = 0
      if choices & 16 != 0 {
        flags |= WireFrame.padded
        payload = [4] + payload + [0, 0, 0, 0]
      }
      if choices & 8 != 0 && rest == 0 {
        flags |= WireFrame.endStream
        ended.insert(stream)
      }
      send(.data, stream, flags: flags, payload)
    } while rest > 0
  }

  private mutating func sendReset(_ stream: UInt32, _ choices: UInt8) {
    if stream == 0 || lastStream == nil { isOrderly = false }
    ended.insert(stream)
    send(.reset, stream, WireFrame.bytes(of: UInt32(choices & 15)))
  }

  private mutating func openWindow(_ stream: UInt32, _ choices: UInt8) {
    let increment = FrameProgram.increments[Int(choices & 7)] & 0x7FFF_FFFF
    if increment == 0 || increment > 1 << 20 || lastStream == nil { isOrderly = false }
    send(.windowUpdate, choices & 8 != 0 ? 0 : stream, WireFrame.bytes(of: increment))
  }

  private mutating func changeSettings(_ choices: UInt8) {
    let keys: [UInt8] = [4, 4, 4, 1, 3, 5, 6, 2]
    let values = FrameProgram.increments + [65_536, 16_777_215, 20_000, 4_096]
    let key = keys[Int(choices & 7)]
    let value = values[Int(choices >> 3 & 15) % values.count]
    if choices & 128 != 0 { return send(.settings, 0, flags: 1) }
    // Others than the window may be out of bounds; a table of another size is all right.
    let isPlain = (key == 4 && value <= 1 << 20) || key == 3 || (key == 1 && value <= 1 << 20)
    if !isPlain { isOrderly = false }
    if key == 4 { changesWindows = true }
    send(.settings, 0, [0, key] + WireFrame.bytes(of: value))
  }

  private mutating func sendTrailers(_ stream: UInt32, _ choices: UInt8) {
    if ended.contains(stream) || choices & 7 > 1 || lastStream == nil { isOrderly = false }
    let names = ["x-sum", "grpc-status", "host", ":path", "content-length", "X-Big", "te", ""]
    let block = FrameProgram.literal(names[Int(choices & 7)], "7")
    let end = choices & 8 != 0 ? 0 : WireFrame.endStream
    if end == 0 { isOrderly = false }
    ended.insert(stream)
    send(.headers, stream, flags: end | WireFrame.endHeaders, block)
  }

  private mutating func sendOddFrame(_ stream: UInt32, _ choices: UInt8) {
    isOrderly = false
    switch choices & 7 {
    case 0: send(.continuation, stream, flags: choices >> 4, take(Int(choices >> 4)))
    case 1: send(.goAway, 0, WireFrame.bytes(of: stream) + WireFrame.bytes(of: 0))
    case 2: send(.push, stream, flags: WireFrame.endHeaders, WireFrame.bytes(of: 2))
    case 3:
      send([0, 0, 4, 0x42, choices, 0] + WireFrame.bytes(of: stream).dropFirst() + [1, 2, 3, 4])
    case 4: send(.settings, stream, flags: choices >> 7, take(Int(choices >> 4)))
    case 5: send(.ping, stream, take(Int(choices >> 4)))
    case 6: send(.headers, stream, flags: (choices >> 4) << 2, take(Int(choices >> 4)))
    default: send(.windowUpdate, stream, take(Int(choices >> 4)))
    }
  }

  private mutating func pause(_ choices: UInt8) {
    let times = [0, 1, 5, 50, 500, 2_000, 6_000, 11_000]
    guard pauseCount < 6 else { return }
    pauseCount += 1
    add(.pause(milliseconds: times[Int(choices & 7)]))
  }

  private mutating func steer(_ choices: UInt8) {
    let all: [Step] = [
      .stopReading, .startReading, .readSlowly, .finishSending, .close, .reset, .stopReading,
      .readSlowly,
    ]
    let step = all[Int(choices & 7)]
    switch step {
    case .startReading, .readSlowly: break
    default: leaves = true
    }
    add(step)
  }

  private mutating func sendRaw(_ choices: UInt8) {
    isOrderly = false
    send(take(Int(choices)))
  }

  /// A head whose block is as the input says it.
  private mutating func sendBlock(_ choices: UInt8) {
    isOrderly = false
    let stream = lastStream.map { $0 &+ 2 } ?? 1
    lastStream = stream
    let flags = WireFrame.endHeaders | (choices & 128 != 0 ? WireFrame.endStream : 0)
    send(.headers, stream, flags: flags, take(Int(choices & 127)))
  }

  private mutating func sendPriority(_ stream: UInt32, _ choices: UInt8) {
    if stream == 0 || choices & 1 != 0 { isOrderly = false }
    let parent = choices & 1 != 0 ? stream : 0
    send(.priority, stream, WireFrame.bytes(of: parent) + [choices])
  }

  private mutating func repeatLast(_ count: Int) {
    guard !isRepeating, lastStart < input.startIndex else { return }
    isRepeating = true
    let rest = input
    for _ in 0..<count where byteCount < FrameProgram.mostBytes && !isOver {
      input = whole[lastStart...]
      if let operation = input.popFirst() { perform(operation) }
    }
    input = rest
    isRepeating = false
  }

  // MARK: Bytes

  private mutating func send(
    _ kind: WireFrame.Kind, _ stream: UInt32, flags: UInt8 = 0, _ payload: [UInt8] = []
  ) {
    send(WireFrame.bytes(kind, stream, flags: flags, payload))
  }

  private mutating func send(_ bytes: [UInt8]) {
    byteCount += bytes.count
    pending += bytes
  }

  private mutating func add(_ step: Step) {
    sendPending()
    steps.append(step)
  }

  private mutating func sendPending() {
    if !pending.isEmpty { steps.append(.send(pending)) }
    pending = []
  }

  /// A field that no table knows and none keeps (RFC 7541 section 6.2.2).
  static func literal(_ name: String, _ value: String) -> [UInt8] {
    [0] + text(name) + text(value)
  }

  private static func text(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var rest = bytes.count - 127
    var length: [UInt8] = [127]
    while rest >= 128 {
      length.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }
}
