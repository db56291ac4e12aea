import Basics
import Policy
import Testing

/// Made IDs: their form, their bits, and that equal ones come from equal randomness only.
@Suite struct RequestIDGenerationTests {
  private func generate(
    _ format: RequestIDFormat, _ random: (UInt64, UInt64), at milliseconds: UInt64 = 0
  ) -> String {
    var id = RequestID()
    id.assign([UInt8](repeating: 0x21, count: 200).span)
    id.generate(format, random: random, milliseconds: milliseconds)
    return text(id.span)
  }

  /// The examples of RFC 9562 appendix A and of the ULID specification.
  @Test func publishedExamples() {
    #expect(
      generate(.uuid4, (0x9191_08F7_52D1_0320, 0x1BAC_F847_DB41_48A8))
        == "919108f7-52d1-4320-9bac-f847db4148a8")
    #expect(
      generate(.uuid7, (0x0CC3, 0xD8C4_DC0C_0C07_398F), at: 0x017F_22E2_79B0)
        == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    #expect(generate(.ulid, (0, 0), at: 1_469_918_176_385) == "01ARYZ6S410000000000000000")
  }

  @Test func extremes() {
    let ones = (UInt64.max, UInt64.max)
    #expect(generate(.uuid4, (0, 0)) == "00000000-0000-4000-8000-000000000000")
    #expect(generate(.uuid4, ones) == "ffffffff-ffff-4fff-bfff-ffffffffffff")
    #expect(generate(.uuid7, (0, 0)) == "00000000-0000-7000-8000-000000000000")
    #expect(generate(.uuid7, ones, at: .max) == "ffffffff-ffff-7fff-bfff-ffffffffffff")
    #expect(generate(.hex, ones) == String(repeating: "f", count: 32))
    #expect(generate(.ulid, ones, at: 0xFFFF_FFFF_FFFF) == "7" + String(repeating: "Z", count: 25))
  }

  /// Digit by digit against arithmetic on the whole number.
  @Test func againstAModel() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2_000 {
      let random = (generator.next(), generator.next())
      let time = generator.next() >> 16
      let high = UInt128(random.0)
      let low = UInt128(random.1)
      #expect(generate(.hex, random) == digits(high << 64 | low, count: 32, base: 16))
      let ulid = UInt128(time) << 80 | (high & 0xFF_FFFF_FFFF) << 40 | low & 0xFF_FFFF_FFFF
      #expect(generate(.ulid, random, at: time) == digits(ulid, count: 26, base: 32))
      let variant = low & (1 << 62 - 1) | 1 << 63
      let version4 = high & ~0xF000 | 0x4000
      #expect(generate(.uuid4, random) == dashed(version4 << 64 | variant))
      let version7 = UInt128(time) << 16 | high & 0xFFF | 0x7000
      #expect(generate(.uuid7, random, at: time) == dashed(version7 << 64 | variant))
    }
  }

  private func digits(_ value: UInt128, count: Int, base: UInt128) -> String {
    let alphabet = Array(base == 16 ? "0123456789abcdef" : "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    var result: [Character] = []
    var rest = value
    for _ in 0..<count {
      result.append(alphabet[Int(rest % base)])
      rest /= base
    }
    return String(result.reversed())
  }

  private func dashed(_ value: UInt128) -> String {
    var result = digits(value, count: 32, base: 16)
    for offset in [20, 16, 12, 8] {
      result.insert("-", at: result.index(result.startIndex, offsetBy: offset))
    }
    return result
  }

  @Test func forms() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<500 {
      let random = (generator.next(), generator.next())
      let uuid4 = generate(.uuid4, random)
      let form4 = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
      #expect(uuid4.wholeMatch(of: form4) != nil, "\(uuid4)")
      let uuid7 = generate(.uuid7, random, at: 1_790_000_000_000)
      let form7 = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
      #expect(uuid7.wholeMatch(of: form7) != nil, "\(uuid7)")
      let ulid = generate(.ulid, random, at: 1_790_000_000_000)
      #expect(ulid.wholeMatch(of: /[0-7][0-9A-HJKMNP-TV-Z]{25}/) != nil, "\(ulid)")
      let hex = generate(.hex, random)
      #expect(hex.wholeMatch(of: /[0-9a-f]{32}/) != nil, "\(hex)")
    }
  }

  /// Every random bit that a format uses must reach the text: a dropped one halves the space.
  @Test(arguments: [
    (RequestIDFormat.uuid4, 122), (.uuid7, 74), (.ulid, 80), (.hex, 128),
  ])
  func randomBitsUsed(_ format: RequestIDFormat, _ count: Int) {
    var seen: Set<String> = [generate(format, (0, 0))]
    for bit in 0..<64 {
      seen.insert(generate(format, (1 << UInt64(bit), 0)))
      seen.insert(generate(format, (0, 1 << UInt64(bit))))
    }
    #expect(seen.count == count + 1)
  }

  @Test(arguments: [RequestIDFormat.uuid4, .uuid7, .ulid, .hex])
  func distinct(_ format: RequestIDFormat) {
    var generator = SeededGenerator(seed: 3)
    var seen: Set<String> = []
    for _ in 0..<20_000 {
      seen.insert(generate(format, (generator.next(), generator.next()), at: 1_790_000_000_000))
    }
    #expect(seen.count == 20_000)
  }

  @Test(arguments: [RequestIDFormat.uuid7, .ulid])
  func sortedByTime(_ format: RequestIDFormat) {
    var generator = SeededGenerator(seed: 4)
    var previous = ""
    for step in 0..<2_000 {
      let time = 1_790_000_000_000 + UInt64(step) * UInt64(step)
      let id = generate(format, (generator.next(), generator.next()), at: time + UInt64(step))
      #expect(previous < id)
      previous = id
    }
  }

  /// What is made must be what would be accepted from another proxy of the same kind.
  @Test(arguments: [RequestIDFormat.uuid4, .uuid7, .ulid, .hex])
  func madeIDsHoldNoOtherBytes(_ format: RequestIDFormat) {
    let id = generate(format, (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210), at: 1)
    #expect(id.wholeMatch(of: /[-0-9A-Za-z]+/) != nil)
  }
}
