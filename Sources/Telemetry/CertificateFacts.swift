import Basics

/// What is read out of a certificate in PEM where a template asks for it.
enum CertificateFacts {
  /// Writes the serial number in hexadecimal, as OpenSSL does: `$ssl_client_serial`. Nothing for
  /// what is no certificate.
  static func writeSerial(of pem: Span<UInt8>, into writer: inout ByteWriter) {
    // The number lies within the first bytes: two heads of sequences, maybe a version, and at most
    // 20 bytes (RFC 5280 section 4.1.2.2), though some have more.
    var start = InlineBytes<128>()
    PEMReader.forEachByte(of: pem) { byte in
      start.append(byte)
      return start.count < 128
    }
    let bytes = start.span
    var position = 0
    for _ in 0..<2 {
      guard let content = head(bytes, at: position, tag: 0x30)?.lowerBound else { return }
      position = content
    }
    if let version = head(bytes, at: position, tag: 0xA0) { position = version.upperBound }
    guard let number = head(bytes, at: position, tag: 0x02), number.upperBound <= bytes.count else {
      return
    }
    var first = number.lowerBound
    while first < number.upperBound &- 1, bytes[first] == 0 { first &+= 1 }
    for index in first..<number.upperBound { writer.append(hexadecimal: bytes[index], 0x37) }
  }

  /// Writes the SHA-1 of the certificate in hexadecimal: `$ssl_client_fingerprint`.
  static func writeFingerprint(of pem: Span<UInt8>, into writer: inout ByteWriter) {
    var digest = SecureHash1()
    PEMReader.forEachByte(of: pem) { byte in
      digest.append(byte)
      return true
    }
    digest.end()
    for word in digest.state.indices {
      for shift: UInt32 in [24, 16, 8, 0] {
        writer.append(
          hexadecimal: UInt8(truncatingIfNeeded: digest.state[word] &>> shift), 0x57)
      }
    }
  }

  /// The content of the element of that kind at `position` (X.690 section 8.1), which may go on
  /// behind the bytes that there are; nil when there is another one.
  private static func head(_ bytes: Span<UInt8>, at position: Int, tag: UInt8) -> Range<Int>? {
    guard position &+ 2 <= bytes.count, bytes[position] == tag else { return nil }
    var start = position &+ 2
    var count = Int(bytes[position &+ 1])
    if count >= 0x80 {
      let digits = count &- 0x80
      guard digits <= 4, start &+ digits <= bytes.count else { return nil }
      count = 0
      for index in start..<(start &+ digits) { count = count &<< 8 | Int(bytes[index]) }
      start &+= digits
    }
    return count > 0 ? start..<(start &+ count) : nil
  }
}

/// What stands between the first and the last line of PEM (RFC 7468).
private enum PEMReader {
  /// Calls `body` with each byte until it says that it wants no more.
  static func forEachByte(of pem: Span<UInt8>, _ body: (UInt8) -> Bool) {
    var position = pem.index(of: UInt8(ascii: "\n"), from: 0)
    var (bits, count): (UInt32, UInt32) = (0, 0)
    while position < pem.count, pem[position] != UInt8(ascii: "-") {
      if let value = value(of: pem[position]) {
        bits = bits &<< 6 | UInt32(value)
        count &+= 6
        if count >= 8 {
          count &-= 8
          guard body(UInt8(truncatingIfNeeded: bits &>> count)) else { return }
        }
      }
      position &+= 1
    }
  }

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case 0x41...0x5A: digit &- 0x41
    case 0x61...0x7A: digit &- 0x61 &+ 26
    case 0x30...0x39: digit &- 0x30 &+ 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}

extension ByteWriter {
  /// Appends two digits, those above 9 from `letters` + 10 on.
  fileprivate mutating func append(hexadecimal byte: UInt8, _ letters: UInt8) {
    for digit in [byte &>> 4, byte & 15] { append(digit < 10 ? 0x30 &+ digit : letters &+ digit) }
  }
}
