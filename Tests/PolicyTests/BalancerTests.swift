import Basics
import Policy
import Testing

/// Who may be chosen at all: failures, backups, limits. The same for every method.
@Suite struct BalancerTests {
  static let methods: [BalancingMethod] = [
    .roundRobin, .leastConnections, .random, .randomTwo, .hash, .consistentHash,
  ]

  /// Many choices with different keys and random bits: all peers that can be chosen.
  private func reachable(
    _ upstream: Upstream, at seconds: Double = 0, tried: [Int] = []
  ) -> Set<Int?> {
    var generator = SeededGenerator(seed: 8)
    return Set(
      (0..<300).map { number in
        upstream.serve(at: seconds, tried: tried, random: generator.next(), key: "key\(number)")
      })
  }

  @Test(arguments: methods)
  func allPeersServe(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 3, 2])
    #expect(reachable(upstream) == [0, 1, 2])
  }

  @Test(arguments: methods)
  func noPeers(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [])
    #expect(upstream.select(key: "a") == nil)
  }

  @Test(arguments: methods)
  func downPeersNeverServe(_ method: BalancingMethod) {
    let upstream = Upstream(
      method, peers: [ConfiguredPeer(), ConfiguredPeer(isDown: true), ConfiguredPeer()])
    #expect(reachable(upstream) == [0, 2])
    #expect(reachable(upstream, tried: [0, 2]) == [nil])
    let alone = Upstream(method, peers: [ConfiguredPeer(isDown: true)])
    #expect(alone.select(key: "a") == nil)
  }

  @Test(arguments: methods)
  func triedPeersAreSkipped(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 1, 1, 1])
    #expect(reachable(upstream, tried: [1, 3]) == [0, 2])
    #expect(reachable(upstream, tried: [0, 1, 2, 3]) == [nil])
    let alone = Upstream(method, weights: [1])
    #expect(alone.select(tried: [0], key: "a") == nil)
  }

  @Test(arguments: methods)
  func backupsServeOnlyWhenNoOtherCan(_ method: BalancingMethod) {
    let upstream = Upstream(
      method,
      peers: [ConfiguredPeer(isBackup: true), ConfiguredPeer(), ConfiguredPeer(isBackup: true)])
    #expect(reachable(upstream) == [1])
    #expect(reachable(upstream, tried: [1]) == [0, 2])
    #expect(reachable(upstream, tried: [1, 0]) == [2])
    #expect(reachable(upstream, tried: [0, 1, 2]) == [nil])
    upstream.fail(1, at: 0)
    #expect(reachable(upstream, at: 5) == [0, 2])
  }

  @Test(arguments: methods)
  func maximumConnections(_ method: BalancingMethod) {
    let upstream = Upstream(
      method, peers: [ConfiguredPeer(maximumConnections: 1), ConfiguredPeer(maximumConnections: 2)])
    let chosen = (0..<4).map { upstream.select(random: UInt64($0) << 62, key: "key\($0)") }
    #expect(chosen.compactMap { $0 }.sorted() == [0, 1, 1])
    #expect(chosen.last == Int?.none)
    upstream.release(0)
    #expect(upstream.select(key: "a") == 0)
    let alone = Upstream(method, peers: [ConfiguredPeer(maximumConnections: 1)])
    #expect(alone.select(key: "a") == 0)
    #expect(alone.select(key: "a") == nil)
    alone.release(0)
    #expect(alone.select(key: "a") == 0)
  }

  @Test(arguments: methods)
  func activeRequestsAreCounted(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 1])
    for number in 0..<10 { _ = upstream.select(random: UInt64(number) << 60, key: "\(number)") }
    #expect(upstream.states[0].active + upstream.states[1].active == 10)
  }

  @Test(arguments: methods)
  func aFailedPeerIsLeftOutForFailTimeout(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 1])
    #expect(upstream.fail(0, at: 0))
    #expect(reachable(upstream, at: 0) == [1])
    #expect(reachable(upstream, at: 10) == [1])
    #expect(reachable(upstream, at: 10.001).contains(0))
  }

  @Test func oneTrialInEachFailTimeout() {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0)
    var trials: [Double] = []
    for tenth in 0..<400 {
      let now = Double(tenth) / 10
      if upstream.serve(at: now) == 0 {
        trials.append(now)
        upstream.fail(0, at: now)
      }
    }
    #expect(trials.count == 3)
    #expect(zip([0] + trials, trials).allSatisfy { (10.05...10.55).contains($1 - $0) })
  }

  @Test func onlyOneRequestAtATimeMakesTheTrial() {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0)
    let chosen = (0..<20).map { upstream.select(at: 11 + Double($0) / 10) }
    #expect(chosen.filter { $0 == 0 }.count == 1)
  }

  @Test func aTrialThatSucceedsBringsThePeerBack() {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0)
    var served = upstream.serve(at: 11)
    if served != 0 { served = upstream.serve(at: 11) }
    #expect(served == 0)
    upstream.succeed(0)
    #expect(upstream.states[0].failures == 0)
    #expect(reachable(upstream, at: 11.1) == [0, 1])
  }

  @Test func aSuccessWithinFailTimeoutForgivesNothing() {
    let upstream = Upstream(peers: [ConfiguredPeer(maximumFailures: 2), ConfiguredPeer()])
    #expect(!upstream.fail(0, at: 0))
    #expect(upstream.serve(at: 5, tried: [1]) == 0)
    upstream.succeed(0)
    #expect(upstream.states[0].failures == 1)
    #expect(upstream.fail(0, at: 6))
    #expect(reachable(upstream, at: 7) == [1])
  }

  @Test func aSuccessAfterFailTimeoutForgivesAll() {
    let upstream = Upstream(peers: [ConfiguredPeer(maximumFailures: 2), ConfiguredPeer()])
    upstream.fail(0, at: 0)
    #expect(upstream.serve(at: 10.5, tried: [1]) == 0)
    upstream.succeed(0)
    #expect(upstream.states[0].failures == 0)
    #expect(!upstream.fail(0, at: 11))
    #expect(reachable(upstream, at: 11) == [0, 1])
  }

  @Test func maximumFailuresZeroNeverTakesOut() {
    let upstream = Upstream(peers: [ConfiguredPeer(maximumFailures: 0), ConfiguredPeer()])
    for _ in 0..<100 { #expect(!upstream.fail(0, at: 0)) }
    #expect(reachable(upstream) == [0, 1])
  }

  @Test func theFailureThatTakesOutIsReportedOnce() {
    let upstream = Upstream(peers: [ConfiguredPeer(maximumFailures: 3), ConfiguredPeer()])
    #expect((0..<5).map { _ in upstream.fail(0, at: 0) } == [false, false, true, false, false])
  }

  @Test(arguments: methods)
  func aSinglePeerIsNeverTakenOut(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1])
    for _ in 0..<10 {
      #expect(!upstream.fail(0, at: 0))
      #expect(upstream.serve(at: 0, key: "a") == 0)
    }
    #expect(upstream.states[0].failures == 0)
  }

  @Test(arguments: methods)
  func allPeersFailed(_ method: BalancingMethod) {
    let upstream = Upstream(method, weights: [1, 1, 1])
    for peer in 0..<3 { upstream.fail(peer, at: 0) }
    #expect(reachable(upstream, at: 1) == [nil])
    #expect(upstream.serve(at: 10.5, key: "a") != nil)
  }

  @Test func releasingWhatIsNotInUseTraps() async {
    await #expect(processExitsWith: .failure) {
      let upstream = Upstream(weights: [1, 1])
      upstream.release(0)
    }
  }
}
