/// Where all chance in a simulation comes from: a SplitMix64 generator, so that a seed and a
/// version of the code replay a run exactly. Nothing here asks the system for randomness.
public struct SeededGenerator {
  private var state: UInt64

  /// The generator that `seed` starts; equal seeds give equal sequences.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number from 0 to `bound` - 1. `bound` is at least 1.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "a number below \(bound)")
    return Int(next() % UInt64(bound))
  }

  /// True in `perMille` of a thousand cases. Draws nothing at 0, so that a fault that is switched
  /// off does not shift the sequence for the others.
  public mutating func happens(_ perMille: Int) -> Bool {
    perMille > 0 && below(1000) < perMille
  }

  /// Brings `elements` into any order.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for index in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(index, below(index + 1))
    }
  }

  /// A generator whose draws leave this one's sequence alone from now on.
  public mutating func split() -> SeededGenerator { SeededGenerator(seed: next()) }
}
