import HTTP
import Policy
import Testing

/// `limit_req`'s arithmetic, and `ip_hash`'s: nginx's own, written again in a plain way.
@Suite struct RequestRateTests {
  /// What nginx keeps of a key.
  private struct Model {
    var excess: Int64 = 0
    var last: Int64

    mutating func count(_ now: Int64, _ rate: Int64, _ burst: Int64) -> Bool {
      let elapsed = max(0, now - last)
      let new = max(0, excess - rate * elapsed / 1000 + 1000)
      if new > burst { return false }
      excess = new
      if elapsed > 0 { last = now }
      return true
    }
  }

  @Test(arguments: [(10_000, 0), (500, 3000), (16, 1000), (1000_000, 50_000), (100_000, 50_000)])
  func countsAsNginx(rate: Int, burst: Int) {
    var generator = SeededGenerator(seed: UInt64(rate))
    var now: UInt64 = 1_000_000
    var state = RequestRate(firstAt: now)
    var model = Model(last: Int64(now))
    for _ in 0..<10_000 {
      now += generator.next() % (generator.next() % 8 == 0 ? 5000 : 20)
      let passes = state.count(at: now, rate: UInt64(rate), burst: UInt64(burst))
      #expect(passes == model.count(Int64(now), Int64(rate), Int64(burst)))
      #expect(state.excess == UInt64(model.excess) && state.countedAt == UInt64(model.last))
    }
  }

  /// Which of the requests at these moments pass.
  private func passes(
    _ moments: [UInt64], rate: UInt64, burst: UInt64, firstAt: UInt64
  ) -> [Bool] {
    var state = RequestRate(firstAt: firstAt)
    return moments.map { state.count(at: $0, rate: rate, burst: burst) }
  }

  @Test func aClockThatGoesBackHarmsNobody() {
    #expect(passes([0, 0, 2000], rate: 1000, burst: 1000, firstAt: 1000) == [true, false, true])
    #expect(passes([.max], rate: 1_000_000_000_000, burst: 0, firstAt: 1000) == [true])
  }

  @Test func aRequestThatWasTakenBackIsAsIfItHadNotCome() {
    var state = RequestRate(firstAt: 0)
    let first = state.count(at: 0, rate: 1, burst: 1000)
    let second = state.count(at: 0, rate: 1, burst: 1000)
    state.takeBack()
    let third = state.count(at: 0, rate: 1, burst: 1000)
    #expect([first, second, third] == [true, false, true])
    state.takeBack()
    state.takeBack()
    #expect(state.excess == 0)
  }

  @Test func waitsUntilItsTime() {
    #expect(RequestRate.delay(excess: 2000, undelayed: 0, rate: 10_000) == 200)
    #expect(RequestRate.delay(excess: 2000, undelayed: 1000, rate: 10_000) == 100)
    #expect(RequestRate.delay(excess: 2000, undelayed: .max, rate: 10_000) == 0)
    #expect(RequestRate.delay(excess: 0, undelayed: 0, rate: 1) == 0)
  }

  /// nginx's loop over the bytes of an address.
  private func byHand(_ bytes: [UInt64], _ weights: [UInt64], tried: Set<Int>) -> Int? {
    var hash: UInt64 = 89
    for _ in 0...20 {
      for byte in bytes { hash = (hash * 113 + byte) % 6271 }
      var rest = hash % weights.reduce(0, +)
      var index = 0
      while rest >= weights[index] {
        rest -= weights[index]
        index += 1
      }
      if !tried.contains(index) { return index }
    }
    return nil
  }

  @Test func addressesChooseAsInNginx() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<500 {
      let weights = (0..<1 + Int(generator.next() % 6)).map { _ in
        UInt32(1 + generator.next() % 9)
      }
      let upstream = Upstream(.addressHash, weights: weights)
      let low = generator.next()
      let high = generator.next()
      let isShort = generator.next() % 2 == 0
      let client =
        isShort
        ? PeerAddress(family: .ipv4, high: 0, low: low & 0xFFFF_FFFF, port: 7)
        : PeerAddress(family: .ipv6, high: high, low: low, port: 7)
      let bytes: [UInt64] =
        isShort
        ? [24, 16, 8].map { low >> $0 & 0xFF }
        : [high, low].flatMap { word in (0..<8).map { word >> UInt64(56 - 8 * $0) & 0xFF } }
      let key = Balancer.addressKey(of: client)
      let first = upstream.select(hashKey: key)
      guard weights.count > 1 else { continue }
      #expect(first == byHand(bytes, weights.map { UInt64($0) }, tried: []))
      guard let first, weights.count > 2,
        let second = byHand(bytes, weights.map { UInt64($0) }, tried: [first])
      else { continue }
      #expect(upstream.select(tried: [first], hashKey: key) == second)
    }
  }
}
