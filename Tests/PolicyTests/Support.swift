import Basics
import Policy

@testable import HTTP

/// What the tests of this target share: heads without a parser, addresses, and repeatable
/// randomness.

/// SplitMix64 from a fixed seed, so that a failing test fails again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of some bytes.
func text(_ bytes: Span<UInt8>) -> String {
  var array: [UInt8] = []
  for index in bytes.indices { array.append(bytes[index]) }
  return String(decoding: array, as: UTF8.self)
}

/// The address written so; a wrong one ends the test run.
func address(_ text: String) -> PeerAddress {
  PeerAddress(parsing: bytes(text).span)!
}

/// Field lines as a parser would give them, but with any bytes in the values.
struct Lines: ~Copyable {
  var bytes: [UInt8] = []
  var head = RequestHead()

  init(_ lines: [(name: String, value: [UInt8])]) {
    for (name, value) in lines {
      let nameStart = bytes.count
      bytes += Array(name.utf8) + [0x3A, 0x20]
      let valueStart = bytes.count
      bytes += value + [0x0D, 0x0A]
      let line = FieldLine(
        name: ByteRange(start: nameStart, count: name.utf8.count),
        value: ByteRange(start: valueStart, count: value.count), known: .other)
      precondition(head.fields.append(line))
    }
  }
}
