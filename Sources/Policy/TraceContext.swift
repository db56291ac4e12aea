import Basics
import HTTP

/// W3C Trace Context, level 2: what `traceparent` carries, read strictly and written anew.

/// The number of a trace: 16 bytes, sent as 32 lowercase hexadecimal digits.
public struct TraceID: Equatable, Hashable, Sendable, BitwiseCopyable {
  /// The first 16 digits.
  public var high: UInt64
  /// The last 16 digits.
  public var low: UInt64

  /// The number given.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// True for the one number that no trace has.
  @inlinable public var isZero: Bool { high | low == 0 }

  /// Reads 32 lowercase hexadecimal digits that are not all zero; nil for anything else.
  public init?(parsing text: Span<UInt8>) {
    guard text.count == 32, let high = TraceDigits.read(16, of: text, from: 0),
      let low = TraceDigits.read(16, of: text, from: 16), high | low != 0
    else { return nil }
    self.high = high
    self.low = low
  }

  /// Writes the 32 digits.
  public func write(into writer: inout ByteWriter) {
    TraceDigits.write(high, into: &writer)
    TraceDigits.write(low, into: &writer)
  }
}

/// The last field of a `traceparent`.
public struct TraceFlags: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each member.
  public let rawValue: UInt8
  /// The set of these bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// The sender may have recorded its span.
  public static let sampled = TraceFlags(rawValue: 1)
  /// The trace ID's last seven bytes are random (level 2).
  public static let random = TraceFlags(rawValue: 2)
  /// All that are known; others are sent as 0.
  public static let known: TraceFlags = [.sampled, .random]
}

/// What one `traceparent` says.
public struct TraceParent: Equatable, Sendable, BitwiseCopyable {
  /// The trace.
  public var traceID: TraceID
  /// The span that the sender calls its own; never 0.
  public var spanID: UInt64
  /// The known flags.
  public var flags: TraceFlags

  /// Bytes of one that Waybill writes.
  public static var byteCount: Int { 55 }

  /// The context given.
  public init(traceID: TraceID, spanID: UInt64, flags: TraceFlags) {
    self.traceID = traceID
    self.spanID = spanID
    self.flags = flags
  }

  /// Reads a field value; nil when it is not valid, and a new trace must begin.
  ///
  /// Version `00` has 55 bytes. A higher one may go on behind a dash; what it has in common with
  /// `00` is taken. Version `ff`, capitals and numbers that are all zero are invalid. White space
  /// around the value does not count.
  public init?(parsing field: Span<UInt8>) {
    let value = field.extracting(TraceDigits.trimmed(field, 0..<field.count))
    guard value.count >= TraceParent.byteCount,
      let version = TraceDigits.read(2, of: value, from: 0), version != 0xFF,
      value[2] == TraceDigits.dash, value[35] == TraceDigits.dash, value[52] == TraceDigits.dash
    else { return nil }
    let goesOn = value.count > TraceParent.byteCount
    if goesOn && (version == 0 || value[TraceParent.byteCount] != TraceDigits.dash) { return nil }
    guard let traceID = TraceID(parsing: value.extracting(3..<35)),
      let spanID = TraceDigits.read(16, of: value, from: 36), spanID != 0,
      let flags = TraceDigits.read(2, of: value, from: 53)
    else { return nil }
    self.traceID = traceID
    self.spanID = spanID
    self.flags = TraceFlags(rawValue: UInt8(truncatingIfNeeded: flags)).intersection(.known)
  }

  /// Writes the context as version `00`: 55 bytes.
  public func write(into writer: inout ByteWriter) {
    writer.append("00-")
    traceID.write(into: &writer)
    writer.append(TraceDigits.dash)
    TraceDigits.write(spanID, into: &writer)
    // Of the flags only two bits are known.
    writer.append("-0")
    writer.append(UInt8(ascii: "0") + flags.intersection(.known).rawValue)
  }
}

/// The fields that carry a context.
public enum TraceFields {
  /// The field of the context itself, in lowercase.
  public static var parent: StaticString { "traceparent" }
  /// The field that goes with it.
  public static var state: StaticString { "tracestate" }
  /// The field of values that the services of a trace give each other.
  public static var baggage: StaticString { "baggage" }

  /// What a head's `traceparent` says; nil when there is none, when it is invalid, and when there
  /// is more than one line of it, as nobody knows then which one counts.
  public static func parent(in head: borrowing RequestHead, _ bytes: Span<UInt8>) -> TraceParent? {
    var only: FieldLine?
    var index = next(parent, in: head, bytes, from: 0)
    while let found = index {
      guard only == nil else { return nil }
      only = head.fields[found]
      index = next(parent, in: head, bytes, from: found &+ 1)
    }
    guard let only else { return nil }
    return TraceParent(parsing: bytes.extracting(only.value.offsets))
  }

  /// Appends the values of all lines of a field, separated by `, `, as far as there is room.
  public static func collectLines(
    of name: StaticString, in head: borrowing RequestHead, _ bytes: Span<UInt8>,
    into received: inout InlineBytes<256>
  ) {
    var index = next(name, in: head, bytes, from: 0)
    while let found = index {
      index = next(name, in: head, bytes, from: found &+ 1)
      if !received.isEmpty {
        received.append(UInt8(ascii: ","))
        received.append(UInt8(ascii: " "))
      }
      received.append(bytes.extracting(head.fields[found].value.offsets))
    }
  }

  /// Writes the values of all `baggage` lines as one list. Members beyond `Limits.baggageBytes` are
  /// left out.
  public static func writeBaggage(
    of head: borrowing RequestHead, _ bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    var room = Limits.baggageBytes
    var isFirst = true
    var index = next(baggage, in: head, bytes, from: 0)
    while let found = index {
      index = next(baggage, in: head, bytes, from: found &+ 1)
      let value = bytes.extracting(head.fields[found].value.offsets)
      guard value.count > 0 else { continue }
      let count = memberBytes(of: value, fitting: isFirst ? room : room &- 1)
      guard count > 0 else { return }
      if !isFirst { writer.append(UInt8(ascii: ",")) }
      writer.append(value.extracting(0..<count))
      room &-= isFirst ? count : count &+ 1
      isFirst = false
      guard count == value.count else { return }
    }
  }

  /// Bytes of the first whole members of a list that fit.
  private static func memberBytes(of list: Span<UInt8>, fitting room: Int) -> Int {
    guard list.count > room else { return list.count }
    var end = max(room, 0)
    while end > 0, list[end] != UInt8(ascii: ",") { end &-= 1 }
    return end
  }

  /// Index of the next line of that name from `start` on. A head whose buffer is gone has none.
  static func next(
    _ name: StaticString, in head: borrowing RequestHead, _ bytes: Span<UInt8>, from start: Int
  ) -> Int? {
    let count = name.utf8CodeUnitCount
    var candidate = head.fields.firstIndex(ofNameCount: count, from: start)
    while let index = candidate {
      let line = head.fields[index]
      let isThere =
        line.name.offsets.upperBound <= bytes.count && line.value.offsets.upperBound <= bytes.count
      if isThere,
        FieldNameMatch.equalIgnoringCase(bytes.extracting(line.name.offsets), name)
      {
        return index
      }
      candidate = head.fields.firstIndex(ofNameCount: count, from: index &+ 1)
    }
    return nil
  }
}

/// Lowercase hexadecimal digits, and the white space around values.
enum TraceDigits {
  static var dash: UInt8 { UInt8(ascii: "-") }

  /// The number that `count` digits from `start` on are; nil when one of them is none, or a
  /// capital, or there are not as many.
  @inline(__always)
  static func read(_ count: Int, of text: Span<UInt8>, from start: Int) -> UInt64? {
    guard start &+ count <= text.count else { return nil }
    var number: UInt64 = 0
    for index in start..<(start &+ count) {
      let byte = text[index]
      let digit = byte &- UInt8(ascii: "0")
      let letter = byte &- UInt8(ascii: "a")
      guard digit < 10 || letter < 6 else { return nil }
      number = number &<< 4 | UInt64(digit < 10 ? digit : letter &+ 10)
    }
    return number
  }

  /// Writes 16 digits.
  static func write(_ number: UInt64, into writer: inout ByteWriter) {
    writer.append(
      word: DigitWords.hexadecimal(UInt32(truncatingIfNeeded: number &>> 32)), count: 8)
    writer.append(word: DigitWords.hexadecimal(UInt32(truncatingIfNeeded: number)), count: 8)
  }

  /// The range without the spaces and tabs at both ends.
  static func trimmed(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, isSpace(text[start]) { start &+= 1 }
    while end > start, isSpace(text[end &- 1]) { end &-= 1 }
    return start..<end
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// The digits of a span's number: 16.
public enum SpanID {
  /// Writes them.
  public static func write(_ number: UInt64, into writer: inout ByteWriter) {
    TraceDigits.write(number, into: &writer)
  }
}
