import Basics

/// Where the time of a request went, from the numbers of its access line.
public struct RequestPhases {
  /// A part of the duration, in microseconds from the request's first byte.
  public struct Phase: Equatable {
    /// What happened in it.
    public var name: String
    /// When it began.
    public var start: UInt64
    /// How long it took.
    public var length: UInt64
  }

  /// The phases in their order. What was not spent on a try is time before the first one: the line
  /// does not say how little of it came after.
  public let phases: [Phase]
  /// The whole duration.
  public let duration: UInt64

  /// The phases of an entry; nil when it says no more than the duration.
  public init?(_ entry: AccessEntry, _ line: Span<UInt8>, tries: [RequestTry]) {
    guard entry.duration != AccessEntry.unknownTime,
      let lastTry = DecimalReading.microseconds(line, entry.upstreamDuration.offsets)
    else { return nil }
    duration = entry.duration
    let earlier = tries.dropLast().reduce(UInt64(0)) { $0 &+ $1.microseconds }
    let spent = earlier &+ lastTry
    var place: UInt64 = 0
    var phases: [Phase] = []
    func add(_ name: String, _ length: UInt64) {
      if length > 0 { phases.append(Phase(name: name, start: place, length: length)) }
      place &+= length
    }
    add("request", duration > spent ? duration - spent : 0)
    add("earlier tries", earlier)
    let connect = DecimalReading.microseconds(line, entry.upstreamConnect.offsets) ?? 0
    let firstByte = DecimalReading.microseconds(line, entry.upstreamFirstByte.offsets) ?? 0
    add("connect", connect)
    add("wait", firstByte > connect ? firstByte - connect : 0)
    let before = max(connect, firstByte)
    add(firstByte > 0 ? "response" : "no answer", lastTry > before ? lastTry - before : 0)
    self.phases = phases
  }

  /// The columns of `width` that a phase takes, one at least.
  func columns(of phase: Phase, width: Int) -> Range<Int> {
    guard duration > 0 else { return 0..<0 }
    let scale = Double(width) / Double(duration)
    let start = min(width - 1, Int(Double(phase.start) * scale))
    let end = min(width, Int((Double(phase.start &+ phase.length) * scale).rounded()))
    return start..<max(start + 1, end)
  }
}

/// One element of `tries`.
public struct RequestTry: Equatable {
  /// Who was asked.
  public var address: [UInt8] = []
  /// Status or error.
  public var outcome: [UInt8] = []
  /// How long it took.
  public var microseconds: UInt64 = 0

  /// The tries that an access line lists; none when there was one only.
  public static func all(_ entry: AccessEntry, _ line: Span<UInt8>) -> [RequestTry] {
    var tries: [RequestTry] = []
    let end = entry.tries.offsets.upperBound
    var position = line.index(
      of: UInt8(ascii: "{"), from: min(line.count, end, 1 + Int(entry.tries.start)))
    while position < end, line[position] == UInt8(ascii: "{") {
      var one = RequestTry()
      var members = JSONMembers(at: position)
      while members.next(in: line) {
        let name = line.extracting(members.name)
        let value = members.value.map { line[$0] }
        if name.equals("address") { one.address = value }
        if name.equals("status") || name.equals("error") { one.outcome = value }
        if name.equals("seconds") {
          one.microseconds = DecimalReading.microseconds(line, members.value) ?? 0
        }
      }
      guard members.isComplete else { return tries }
      tries.append(one)
      position = line.index(of: UInt8(ascii: "{"), from: members.value.upperBound)
    }
    return tries
  }
}
