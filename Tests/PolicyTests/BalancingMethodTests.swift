import Basics
import HTTP
import Policy
import Testing

/// How each method spreads requests over peers that may all be chosen.
@Suite struct BalancingMethodTests {
  // MARK: Round-robin

  @Test(arguments: [
    ([5, 1, 1], [0, 0, 1, 0, 2, 0, 0]), ([1, 1, 1], [0, 1, 2]), ([2, 1], [0, 1, 0]),
    ([3, 2], [0, 1, 0, 1, 0]), ([1, 5], [1, 1, 0, 1, 1, 1]), ([4, 2, 1], [0, 1, 0, 2, 0, 1, 0]),
  ])
  func smoothSequence(_ weights: [UInt32], _ expected: [Int]) {
    let upstream = Upstream(weights: weights)
    for _ in 0..<3 {
      #expect(expected.indices.map { _ in upstream.serve() } == expected)
    }
  }

  @Test func failuresLowerTheWeightForAWhile() {
    let upstream = Upstream(peers: [
      ConfiguredPeer(weight: 100, maximumFailures: 2), ConfiguredPeer(weight: 100),
    ])
    upstream.fail(0, at: 0)
    #expect(upstream.states[0].effectiveWeight == 50)
    let first = (0..<20).map { _ in upstream.serve(at: 1) }
    #expect((6...8).contains(first.filter { $0 == 0 }.count))
    #expect(upstream.states[0].effectiveWeight == 70)
    let later = (0..<200).map { _ in upstream.serve(at: 1) }
    #expect((90...100).contains(later.filter { $0 == 0 }.count))
    #expect(upstream.states[0].effectiveWeight == 100)
    for _ in 0..<5 { upstream.fail(0, at: 2) }
    #expect(upstream.states[0].effectiveWeight == 0)
  }

  // MARK: least_conn

  @Test func leastConnectionsTakesTheIdlest() {
    let upstream = Upstream(.leastConnections, weights: [1, 1, 1])
    #expect(Set((0..<3).map { _ in upstream.select() }) == [0, 1, 2])
    upstream.release(1)
    #expect(upstream.select() == 1)
    upstream.release(2)
    #expect(upstream.select() == 2)
  }

  @Test func leastConnectionsRespectsWeights() {
    let upstream = Upstream(.leastConnections, weights: [4, 2, 1])
    for _ in 0..<70 { _ = upstream.select() }
    #expect(upstream.states.map(\.active) == [40, 20, 10])
  }

  @Test func leastConnectionsTakesTurnsAmongEquals() {
    let upstream = Upstream(.leastConnections, weights: [1, 1, 1])
    #expect((0..<6).map { _ in upstream.serve() } == [0, 1, 2, 0, 1, 2])
  }

  @Test func leastConnectionsAmongBackups() {
    let upstream = Upstream(
      .leastConnections,
      peers: [
        ConfiguredPeer(isDown: true), ConfiguredPeer(isBackup: true),
        ConfiguredPeer(isBackup: true),
      ])
    #expect(upstream.select() == 1)
    #expect(upstream.select() == 2)
    upstream.release(2)
    #expect(upstream.select() == 2)
  }

  // MARK: random

  /// Shares within half a per cent of the weights', over 40,000 requests.
  @Test(arguments: [[UInt32(1), 1], [1, 2, 3, 4], [100, 1], [7, 0x7FFF_FFFF]])
  func randomShares(_ weights: [UInt32]) {
    let upstream = Upstream(.random, weights: weights)
    var generator = SeededGenerator(seed: 9)
    expectShares(weights) { _ in upstream.serve(random: generator.next()) }
  }

  @Test func randomTwoPrefersTheIdler() {
    let upstream = Upstream(.randomTwo, weights: [1, 1])
    upstream.states[0].active = 5
    var generator = SeededGenerator(seed: 10)
    for _ in 0..<100 { #expect(upstream.serve(random: generator.next()) == 1) }
    upstream.states[1].active = 6
    for _ in 0..<100 { #expect(upstream.serve(random: generator.next()) == 0) }
  }

  @Test func randomTwoRespectsWeights() {
    let upstream = Upstream(.randomTwo, weights: [10, 1])
    upstream.states[0].active = 9
    upstream.states[1].active = 1
    #expect(upstream.serve(random: 1) == 0)
    upstream.states[0].active = 11
    #expect(upstream.serve(random: 1) == 1)
  }

  @Test func randomTwoReachesAllAndNeverTheWorst() {
    let upstream = Upstream(.randomTwo, weights: [1, 1, 1, 1])
    upstream.states[2].active = 1
    var generator = SeededGenerator(seed: 11)
    let chosen = (0..<500).map { _ in upstream.serve(random: generator.next()) }
    #expect(Set(chosen) == [0, 1, 3])
  }

  // MARK: hash

  @Test(arguments: [BalancingMethod.hash, .consistentHash])
  func equalKeysGoToTheSamePeer(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 2, 3])
    for number in 0..<50 {
      let chosen = Set((0..<5).map { _ in upstream.serve(key: "key\(number)") })
      #expect(chosen.count == 1)
    }
  }

  @Test(arguments: [BalancingMethod.hash, .consistentHash])
  func anEmptyKeyIsRoundRobin(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 1, 1])
    #expect((0..<6).map { _ in upstream.serve(key: "") } == [0, 1, 2, 0, 1, 2])
  }

  @Test(arguments: [BalancingMethod.hash, .consistentHash])
  func hashShares(_ method: BalancingMethod) {
    for weights: [UInt32] in [[1, 1, 1], [1, 2, 5], [10, 1]] {
      let upstream = Upstream(method, weights: weights)
      expectShares(weights) { upstream.serve(key: "/path/\($0)") }
    }
  }

  /// What nginx chooses (upstream_hash_module.c), computed apart: with three equal peers, with
  /// weights, without the peer chosen first, and without the first of four.
  @Test(arguments: [
    ("a", [2, 2, 1, 2]), ("b", [0, 0, 2, 1]), ("key1", [1, 1, 2, 2]), ("/path/17", [2, 2, 1, 2]),
    ("10.0.0.7", [2, 2, 1, 2]),
  ])
  func hashChoosesAsNginx(_ key: String, _ peers: [Int]) {
    let equal = Upstream(.hash, weights: [1, 1, 1])
    #expect(equal.serve(key: key) == peers[0])
    #expect(Upstream(.hash, weights: [3, 2, 1]).serve(key: key) == peers[1])
    #expect(equal.serve(tried: [peers[0]], key: key) == peers[2])
    let four = Upstream(
      .hash,
      peers: [
        ConfiguredPeer(weight: 5, isDown: true), ConfiguredPeer(weight: 1),
        ConfiguredPeer(weight: 7), ConfiguredPeer(weight: 2),
      ])
    #expect(four.serve(key: key) == peers[3])
  }

  @Test func codesOfKeys() {
    #expect(Balancer.hash(of: bytes("123456789").span) == UInt64(0xCBF4_3926) << 32 | 9)
    #expect(Balancer.hash(of: bytes("a").span) == UInt64(0xE8B7_BE43) << 32 | 1)
  }

  /// The point of `consistent`: when a peer goes, its keys alone move.
  @Test func consistentHashMovesOnlyTheKeysOfALostPeer() {
    let before = Upstream(.consistentHash, weights: [1, 3, 2, 1])
    let after = Upstream(
      .consistentHash,
      peers: [
        ConfiguredPeer(weight: 1), ConfiguredPeer(weight: 3, isDown: true),
        ConfiguredPeer(weight: 2), ConfiguredPeer(weight: 1),
      ])
    for number in 0..<2_000 {
      let old = before.serve(key: "\(number)")
      let new = after.serve(key: "\(number)")
      #expect(old == 1 ? new != 1 : new == old)
      #expect(before.serve(tried: [1], key: "\(number)") == new)
    }
  }

  @Test func consistentHashMovesOnlyWhatANewWeightTakes() {
    let before = Upstream(.consistentHash, weights: [2, 2, 2])
    let after = Upstream(.consistentHash, weights: [2, 3, 2])
    for number in 0..<2_000 {
      let old = before.serve(key: "\(number)")
      let new = after.serve(key: "\(number)")
      #expect(new == old || new == 1)
    }
  }

  @Test func consistentHashDoesNotDependOnTheOrder() {
    let upstream = Upstream(.consistentHash, peers: (0..<3).map { ConfiguredPeer(address: $0) })
    let reversed = Upstream(.consistentHash, peers: (0..<3).map { ConfiguredPeer(address: 2 - $0) })
    for number in 0..<500 {
      let peer = upstream.serve(key: "\(number)")
      #expect(reversed.serve(key: "\(number)") == peer.map { 2 - $0 })
    }
  }

  @Test func consistentHashTellsUnixSocketsApart() {
    let arena = Arena()
    let peers = ["/run/a", "/run/b"].map {
      Peer(address: .unix, unixPath: arena.freeze($0), name: .empty)
    }
    let frozen = arena.freeze(peers)
    var states = peers.map(PeerState.init)
    var span = states.mutableSpan
    var chosen: Set<Int?> = []
    for number in 0..<50 {
      let key = Balancer.hash(of: bytes("\(number)").span)
      chosen.insert(
        Balancer.select(
          method: .consistentHash, peers: frozen, states: &span, tried: TriedPeers(),
          now: Instant(nanoseconds: 1), random: 0, hashKey: key))
    }
    #expect(chosen == [0, 1])
  }

  @Test func hashOfKeys() {
    let keys = ["", "a", "b", "aa", "ab", "ba"] + (0..<1_000).map { "/path/\($0)" }
    let hashes = Set(keys.map { Balancer.hash(of: bytes($0).span) })
    #expect(hashes.count == keys.count)
    #expect(Balancer.hash(of: bytes("").span) == 0)
    #expect(!hashes.subtracting([0]).contains(0))
  }

  /// Expects that each peer gets its share of 40,000 requests up to one per cent of all.
  private func expectShares(_ weights: [UInt32], _ serve: (Int) -> Int?) {
    var counts = [Double](repeating: 0, count: weights.count)
    for number in 0..<40_000 {
      if let peer = serve(number) { counts[peer] += 1 }
    }
    let total = weights.reduce(0.0) { $0 + Double($1) }
    for (index, weight) in weights.enumerated() {
      let share = counts[index] / 40_000
      #expect(abs(share - Double(weight) / total) < 0.01, "peer \(index): \(share)")
    }
  }
}
