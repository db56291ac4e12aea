/// Numbers of bytes in texts that are known only at run time.
public enum ByteCount {
  /// Reads digits and perhaps a `k` (1024) or an `m` (1024²), as nginx does; nil for anything else
  /// and for what has more than 63 bits.
  public static func parse(_ text: Span<UInt8>) -> UInt64? {
    guard let last = text.indices.last else { return nil }
    let factor: UInt64
    switch text[last] | 0x20 {
    case UInt8(ascii: "k"): factor = 1024
    case UInt8(ascii: "m"): factor = 1024 * 1024
    default: return parseDigits(text)
    }
    guard let count = parseDigits(text.extracting(0..<last)) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow || bytes > UInt64(Int64.max) ? nil : bytes
  }

  /// Reads digits, at least one, and nothing else.
  public static func parseDigits(_ text: Span<UInt8>) -> UInt64? {
    guard !text.isEmpty, text.count <= 18 else { return nil }
    var value: UInt64 = 0
    for index in text.indices {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value * 10 + UInt64(digit)
    }
    return value
  }
}
