import Simulation

/// The choices that scenarios are made of.
extension SeededGenerator {
  /// One of `options`.
  mutating func pick<Option>(_ options: [Option]) -> Option { options[below(options.count)] }

  /// A number of `range`.
  mutating func between(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }

  /// One of `options`, each as often as its weight says. A weight of 0 excludes.
  mutating func pick<Option>(weighted options: [(Option, Int)]) -> Option {
    var rest = below(options.reduce(0) { $0 + $1.1 })
    for (option, weight) in options {
      if rest < weight { return option }
      rest -= weight
    }
    preconditionFailure("a number beyond all weights")
  }

  /// Switches each of `options` on or off, so that seeds differ in what they combine: a fault that
  /// is always there hides those that need its absence.
  mutating func swarm<Option>(_ options: [(Option, Int)]) -> [(Option, Int)] {
    let chosen = options.filter { _ in happens(500) }
    return chosen.isEmpty ? options : chosen
  }
}
