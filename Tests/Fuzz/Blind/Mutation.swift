// How one input becomes another: the slips that parsers are least prepared for, made at random.

/// Changes inputs by numbers that a seed decides.
struct Mutation {
  private var state: UInt64

  /// Bytes that grammars care about come more often than others.
  private static let alphabet = Array(
    "\r\n\t :;,/.?#%[]@*=\"\\-_0123456789abcdefPROXYUNKTCHx$&<>{}".utf8)

  init(seed: UInt64) { state = seed }

  /// A number below `bound`, which is at least 1.
  mutating func number(below bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int(((mixed ^ (mixed >> 31)) >> 33) % UInt64(bound))
  }

  /// Makes one to four changes; `other` is an input that parts may be taken from.
  mutating func change(_ input: inout [UInt8], with other: [UInt8], longest: Int) {
    for _ in 0...number(below: 4) {
      let place = number(below: input.count + 1)
      switch number(below: 6) {
      case 0 where place < input.count: input[place] ^= 1 << UInt8(number(below: 8))
      case 1 where place < input.count: input[place] = byte()
      case 2: input.insert(byte(), at: place)
      case 3: input.removeSubrange(part(of: input, from: place))
      case 4: input.insert(contentsOf: Array(input[part(of: input, from: place)]), at: place)
      default:
        let start = number(below: other.count + 1)
        input.insert(contentsOf: other[part(of: other, from: start)], at: place)
      }
    }
    if input.count > longest { input.removeLast(input.count - longest) }
  }

  private mutating func byte() -> UInt8 {
    number(below: 4) == 0
      ? UInt8(number(below: 256)) : Mutation.alphabet[number(below: Mutation.alphabet.count)]
  }

  private mutating func part(of input: [UInt8], from start: Int) -> Range<Int> {
    start..<(start + number(below: min(16, input.count - start) + 1))
  }
}
