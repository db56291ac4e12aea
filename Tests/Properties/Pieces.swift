// Where an input is cut. The network may cut a message anywhere, so that every parser is given its
// input in pieces as well.

/// Sizes of pieces that depend on nothing but the input's length and the bytes at both its ends, so
/// that a finding repeats.
struct Pieces {
  private var state: UInt64
  private let bound: UInt64

  /// The pieces for `input`: of one byte each, of a few, or of many.
  init(_ input: Span<UInt8>) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(input.count)
    for index in 0..<min(8, input.count) {
      let pair = UInt64(input[index]) << 8 | UInt64(input[input.count - 1 - index])
      hash = (hash ^ pair) &* 0x0000_0100_0000_01B3
    }
    state = hash
    let bounds: InlineArray<4, UInt64> = [1, 4, 24, 512]
    bound = bounds[Int(hash >> 61 & 3)]
  }

  /// Bytes of the next piece, at least one.
  mutating func nextSize() -> Int { Int(next() % bound) + 1 }

  /// An ascending choice of at most four places to cut `count` bytes at, for parsers that begin
  /// anew with each piece: trying all would take the square of the time.
  mutating func places(in count: Int) -> InlineArray<4, Int> {
    var places = InlineArray<4, Int>(repeating: count)
    for index in places.indices {
      let start = index == 0 ? 0 : places[index - 1]
      places[index] = start + Int(next() % UInt64(count - start + 1))
    }
    return places
  }

  /// True once in `count` times.
  mutating func happens(onceIn count: UInt64) -> Bool { next() % count == 0 }

  /// The next number of a SplitMix64 generator.
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
