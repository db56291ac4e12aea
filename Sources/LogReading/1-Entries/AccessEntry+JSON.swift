import Basics

/// Reading the JSON line of SPEC section 4. Members may stand in any order and unknown ones are
/// passed over, so that the line of a later version, or one that a shipper has added to, is read
/// as well.
extension AccessEntry {
  /// The entry of a JSON access line; nil when it is cut or is no access line.
  public init?(json line: Span<UInt8>) {
    guard line.count > 1, line[0] == UInt8(ascii: "{") else { return nil }
    self.init()
    var members = JSONMembers(at: 0)
    while members.next(in: line) { take(members, line) }
    // A line of another program has neither.
    guard members.isComplete, status != 0 || !method.isEmpty else { return nil }
  }

  private mutating func take(_ member: JSONMembers, _ line: Span<UInt8>) {
    switch member.kind {
    case .string: takeString(member, line)
    case .word: takeNumber(member, line)
    case .nested:
      if AccessEntry.isName("tries", member, line) { tries = ByteRange(member.value) }
    }
  }

  /// The length of the name leaves one or two candidates.
  private mutating func takeString(_ member: JSONMembers, _ line: Span<UInt8>) {
    let value = ByteRange(member.value)
    // Inlined, each comparison is with a constant of known length.
    @inline(__always) func isNamed(_ name: StaticString) -> Bool {
      AccessEntry.isName(name, member, line)
    }
    switch member.name.count {
    case 3: if isNamed("uri") { uri = value }
    case 4: if isNamed("time") { time = value } else if isNamed("host") { host = value }
    case 5: if isNamed("error") { error = value } else if isNamed("event") { isEvent = true }
    case 6: if isNamed("client") { client = value } else if isNamed("method") { method = value }
    case 8:
      if isNamed("upstream") { upstream = value } else if isNamed("location") { location = value }
    case 10:
      if isNamed("request_id") {
        requestID = value
      } else if isNamed("subrequest") {
        isSubrequest = true
      }
    case 11: if isNamed("termination") { termination = value }
    case 17: if isNamed("client_request_id") { clientRequestID = value }
    case 19: if isNamed("upstream_request_id") { upstreamRequestID = value }
    default: break
    }
  }

  private mutating func takeNumber(_ member: JSONMembers, _ line: Span<UInt8>) {
    @inline(__always) func isNamed(_ name: StaticString) -> Bool {
      AccessEntry.isName(name, member, line)
    }
    switch member.name.count {
    case 6 where isNamed("status"):
      status = UInt16(clamping: DecimalReading.integer(line, member.value) ?? 0)
    case 8 where isNamed("duration"):
      duration = DecimalReading.microseconds(line, member.value) ?? AccessEntry.unknownTime
    case 9 where isNamed("bytes_out"): bytesOut = ByteRange(member.value)
    case 16 where isNamed("upstream_connect"): upstreamConnect = ByteRange(member.value)
    case 17 where isNamed("upstream_duration"): upstreamDuration = ByteRange(member.value)
    case 19 where isNamed("upstream_first_byte"): upstreamFirstByte = ByteRange(member.value)
    default: break
    }
  }

  /// Whether the member has this name, of which the length has been compared already.
  @inline(__always) private static func isName(
    _ name: StaticString, _ member: JSONMembers, _ line: Span<UInt8>
  ) -> Bool {
    line.extracting(member.name).equals(name)
  }
}

extension ByteRange {
  /// The range of these offsets.
  @inline(__always) init(_ offsets: Range<Int>) {
    self.init(start: offsets.lowerBound, count: offsets.count)
  }
}

extension Span where Element == UInt8 {
  /// Whether these are the bytes of `text`.
  @inline(__always) func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for index in indices {
      // Safe: `index` is below the literal's length.
      guard unsafe self[index] == text.utf8Start[index] else { return false }
    }
    return true
  }

  /// Whether `text` stands at `position`.
  @inline(__always) func has(_ text: StaticString, at position: Int) -> Bool {
    let end = position &+ text.utf8CodeUnitCount
    return position >= 0 && end <= count && extracting(position..<end).equals(text)
  }
}
