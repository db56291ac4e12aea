import Basics

/// Makes new IDs out of random bits and the time, both given: nothing here asks the system.
extension RequestID {
  /// Replaces what is held by a new ID of the format.
  ///
  /// - random: 128 bits from a cryptographic source, never used before.
  /// - milliseconds: since 1970-01-01 UTC, 48 bits of it; `uuid4`, `hex` and `trace` ignore it.
  ///   IDs of `uuid7` and `ulid` sort by it; within a millisecond their order is random.
  public mutating func generate(
    _ format: RequestIDFormat, random: (UInt64, UInt64), milliseconds: UInt64
  ) {
    switch format {
    case .uuid4:
      assignUUID(
        random.0 & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
        random.1 & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    case .uuid7:
      assignUUID(
        milliseconds &<< 16 | random.0 & 0x0FFF | 0x7000,
        random.1 & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    case .ulid: assignULID(milliseconds: milliseconds, random: random)
    case .hex, .trace: assignHexadecimal(random.0, random.1)
    }
  }

  /// The 36 characters of a UUID: 8-4-4-4-12 (RFC 9562 section 4).
  private mutating func assignUUID(_ high: UInt64, _ low: UInt64) {
    let first = DigitWords.hexadecimal(UInt32(truncatingIfNeeded: high &>> 32))
    let second = DigitWords.hexadecimal(UInt32(truncatingIfNeeded: high))
    let third = DigitWords.hexadecimal(UInt32(truncatingIfNeeded: low &>> 32))
    let fourth = DigitWords.hexadecimal(UInt32(truncatingIfNeeded: low))
    let dash = UInt64(UInt8(ascii: "-"))
    assign(
      [
        first,
        // dash, four digits, dash, two digits
        dash | (second & 0xFFFF_FFFF) &<< 8 | dash &<< 40 | (second &>> 32) &<< 48,
        // two digits, dash, four digits, dash
        second &>> 48 | dash &<< 16 | (third & 0xFFFF_FFFF) &<< 24 | dash &<< 56,
        third &>> 32 | fourth &<< 32,
        fourth &>> 32,
      ], count: 36)
  }

  /// The 26 characters of a ULID: 48 bits of time, 80 random ones.
  private mutating func assignULID(milliseconds: UInt64, random: (UInt64, UInt64)) {
    // 26 digits are 130 bits: the first two hold only eight bits of the time.
    let start = DigitWords.crockford((milliseconds &>> 40) & 0xFF) &>> 48
    let time = DigitWords.crockford(milliseconds)
    let first = DigitWords.crockford(random.0)
    let second = DigitWords.crockford(random.1)
    assign(
      [
        start | time &<< 16, time &>> 48 | first &<< 16, first &>> 48 | second &<< 16,
        second &>> 48, 0,
      ], count: 26)
  }

  /// Takes the number of a trace.
  public mutating func assign(_ traceID: TraceID) { assignHexadecimal(traceID.high, traceID.low) }

  /// The trace that has the ID as its number; nil when the ID can be none.
  public borrowing func traceID() -> TraceID? { TraceID(parsing: span) }

  private mutating func assignHexadecimal(_ high: UInt64, _ low: UInt64) {
    assign(
      [
        DigitWords.hexadecimal(UInt32(truncatingIfNeeded: high &>> 32)),
        DigitWords.hexadecimal(UInt32(truncatingIfNeeded: high)),
        DigitWords.hexadecimal(UInt32(truncatingIfNeeded: low &>> 32)),
        DigitWords.hexadecimal(UInt32(truncatingIfNeeded: low)), 0,
      ], count: 32)
  }

  /// Takes the first `count` characters of five digit words.
  @inline(__always) private mutating func assign(_ words: [5 of UInt64], count: Int) {
    var stored = words
    for index in stored.indices { stored[index] = words[index].littleEndian }
    // Safe: every bit pattern is eight valid bytes, and `bytes` lives as long as `stored`.
    assign(unsafe Span<UInt8>(_bytes: stored.span.bytes).extracting(0..<count))
  }
}
