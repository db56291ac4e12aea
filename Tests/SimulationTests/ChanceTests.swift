import Basics
import Simulation
import Testing

/// The generator draws what it should, and its sequence stays what it is: old seeds keep their
/// meaning.
struct ChanceTests {
  @Test func theSequenceIsSplitMix64() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
  }

  @Test func aRateOfNothingDrawsNothing() {
    var (drawing, idle) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
    let happened = (0..<100).contains { _ in drawing.happens(0) }
    #expect(!happened)
    #expect(drawing.next() == idle.next())
  }

  @Test(arguments: [1, 100, 500, 999, 1000])
  func ratesArePerMille(_ rate: Int) {
    var generator = SeededGenerator(seed: 9)
    let hits = (0..<100_000).reduce(0) { count, _ in generator.happens(rate) ? count + 1 : count }
    #expect(abs(hits - rate * 100) < 600)
  }

  @Test func shufflingKeepsTheElements() {
    var generator = SeededGenerator(seed: 2)
    var numbers = Array(0..<50)
    generator.shuffle(&numbers)
    #expect(numbers != Array(0..<50))
    #expect(numbers.sorted() == Array(0..<50))
  }
}
