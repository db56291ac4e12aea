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

/// SHA-1 (FIPS 180-4): a name for certificates that others compute as well, and nothing secret.
private struct SecureHash1 {
  private(set) var state: InlineArray<5, UInt32> = [
    0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0,
  ]
  private var words = InlineArray<80, UInt32>(repeating: 0)
  private var count: UInt64 = 0

  mutating func append(_ byte: UInt8) {
    let place = Int(count & 63)
    let word = words[place / 4]
    words[place / 4] = word &<< 8 | UInt32(byte)
    count &+= 1
    if place == 63 { mix() }
  }

  /// Appends what stands behind the last byte.
  mutating func end() {
    let bits = count &* 8
    append(0x80)
    while count & 63 != 56 { append(0) }
    for shift: UInt64 in [56, 48, 40, 32, 24, 16, 8, 0] {
      append(UInt8(truncatingIfNeeded: bits &>> shift))
    }
  }

  private mutating func mix() {
    for index in 16..<80 {
      let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
      words[index] = mixed &<< 1 | mixed &>> 31
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let (choice, constant): (UInt32, UInt32) =
        switch index {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      let next = (a &<< 5 | a &>> 27) &+ choice &+ e &+ constant &+ words[index]
      (e, d, c, b, a) = (d, c, b &<< 30 | b &>> 2, a, next)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
  }
}

extension ByteWriter {
  /// Appends two digits, those above 9 from `letters` + 10 on.
  fileprivate mutating func append(hexadecimal byte: UInt8, _ letters: UInt8) {
    for digit in [byte &>> 4, byte & 15] { append(digit < 10 ? 0x30 &+ digit : letters &+ digit) }
  }
}
