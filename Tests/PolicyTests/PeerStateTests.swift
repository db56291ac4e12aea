import Basics
import Policy
import Testing

/// The health of a peer, event by event: requests, checks and orders change it in one way.
@Suite struct PeerStateTests {
  /// An event at a second, and the condition that follows.
  struct Step: Sendable {
    var second: Double
    var event: PeerEvent
    var condition: PeerCondition

    init(_ second: Double, _ event: PeerEvent, _ condition: PeerCondition) {
      self.second = second
      self.event = event
      self.condition = condition
    }
  }

  static let refusal = PeerEvent.failed(reason: 1, isRefusal: true)

  static let stories: [[Step]] = [
    [
      .init(0, refusal, .failed), .init(1, .succeeded, .up), .init(2, refusal, .failed),
      .init(3, .judged(.passing), .up), .init(4, .judged(.failing), .unhealthy),
    ],
    [
      .init(0, .judged(.awaited), .checking), .init(1, refusal, .checking),
      .init(2, .judged(.passing), .up), .init(3, .judged(.passing), .up),
    ],
    [
      .init(0, .judged(.failing), .unhealthy), .init(1, refusal, .unhealthy),
      .init(2, .succeeded, .unhealthy), .init(3, .ordered(.drain), .draining),
      .init(4, .judged(.passing), .draining), .init(5, .ordered(.up), .up),
    ],
    [
      .init(0, .ordered(.down), .down), .init(1, .judged(.failing), .down),
      .init(2, .ordered(.up), .unhealthy), .init(3, .judged(.unchecked), .up),
    ],
    [
      .init(0, .removed, .down), .init(1, .ordered(.up), .down),
      .init(2, .judged(.passing), .down),
    ],
    [
      .init(0, refusal, .failed), .init(1, .judged(.failing), .unhealthy),
      .init(2, .judged(.unchecked), .failed), .init(3, .succeeded, .up),
    ],
  ]

  @Test(arguments: stories.indices)
  func eachEventLeadsToItsCondition(_ number: Int) {
    let upstream = Upstream(weights: [1, 1])
    for step in Self.stories[number] {
      upstream.apply(step.event, to: 0, at: step.second)
      #expect(upstream.condition(0, at: step.second) == step.condition, "\(step)")
      let serves = step.condition == .up
      let chosen = Set((0..<4).map { _ in upstream.serve(at: step.second) })
      #expect(chosen.contains(0) == serves, "\(step)")
    }
  }

  @Test func max_failsFailuresMakeOne() {
    let upstream = Upstream(peers: [ConfiguredPeer(maximumFailures: 3), ConfiguredPeer()])
    for count in 1...3 {
      upstream.fail(0, at: Double(count))
      #expect(upstream.condition(0) == (count < 3 ? .up : .failed))
    }
  }

  @Test func whatAPredecessorKnewCounts() {
    let former = Upstream(weights: [1, 1])
    former.fail(0, at: 0)
    let upstream = Upstream(weights: [1, 1])
    upstream.states[0].inherit(former.states[0], of: upstream.peers[0])
    #expect(upstream.condition(0, at: 1) == .failed)
    #expect(upstream.serve(at: 5) == 1)
  }

  // MARK: fail_open

  @Test func theOneThatFailedLongestAgoIsTried() {
    let upstream = Upstream(weights: [1, 1, 1])
    for (peer, second) in [(1, 0.0), (0, 1), (2, 2)] { upstream.fail(peer, at: second) }
    #expect(upstream.serve(at: 3) == nil)
    let first = upstream.serveFailed(at: 3)
    #expect(first?.peer == 1 && first?.isOutage == true)
    // It hangs: the next request goes to the next one.
    let second = upstream.serveFailed(at: 3.1)
    #expect(second?.peer == 0 && second?.isOutage == false)
    #expect(upstream.serveFailed(at: 3.2, tried: [2])?.peer == 1)
    #expect(upstream.serveFailed(at: 3.2, tried: [0, 1, 2]) == nil)
  }

  @Test func aTrialThatSucceedsBringsItBackAtOnce() {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0)
    upstream.fail(1, at: 0)
    // Even if no time has passed.
    guard let peer = upstream.serveFailed(at: 0)?.peer else {
      Issue.record("nobody was tried")
      return
    }
    upstream.succeed(peer)
    #expect(upstream.condition(peer) == .up)
    #expect(upstream.serve(at: 0) == peer)
  }

  @Test(arguments: [true, false])
  func whoRefusesIsAskedAgainWithinASecondAfterAnOutage(_ isRefusal: Bool) {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0, isRefusal: isRefusal)
    upstream.fail(1, at: 0, isRefusal: isRefusal)
    guard let back = upstream.serveFailed(at: 1)?.peer else {
      Issue.record("nobody was tried")
      return
    }
    upstream.succeed(back)
    let other = 1 - back
    let trials = (0..<50).filter { tenth in
      let second = 1 + Double(tenth) / 10
      guard upstream.serve(at: second) == other else { return false }
      upstream.fail(other, at: second, isRefusal: isRefusal)
      return true
    }
    #expect(isRefusal ? (5...9).contains(trials.count) : trials.isEmpty)
  }

  @Test func withoutAnOutageFailTimeoutHolds() {
    let upstream = Upstream(weights: [1, 1])
    upstream.fail(0, at: 0, isRefusal: true)
    #expect(!(0..<99).contains { upstream.serve(at: Double($0) / 10) == 0 })
  }

  @Test func nothingThatIsTakenOutByOrderIsTried() {
    let upstream = Upstream(weights: [1, 1])
    upstream.apply(.ordered(.drain), to: 0)
    upstream.apply(.ordered(.down), to: 1)
    #expect(upstream.serveFailed(at: 1) == nil)
    let configured = Upstream(peers: [ConfiguredPeer(isDown: true), ConfiguredPeer()])
    configured.fail(1, at: 0)
    #expect(configured.serveFailed(at: 1)?.peer == 1)
    #expect(configured.serveFailed(at: 2, tried: [1]) == nil)
  }

  @Test func oneThatHasNotFailedKeepsItClosed() {
    let upstream = Upstream(peers: [
      ConfiguredPeer(maximumConnections: 1), ConfiguredPeer(),
    ])
    #expect(upstream.select(tried: [1]) == 0)
    upstream.fail(1, at: 0)
    #expect(upstream.serve(at: 1) == nil)
    #expect(upstream.serveFailed(at: 1) == nil)
  }

  @Test func aSinglePeerThatFailsItsChecksIsTried() {
    let upstream = Upstream(weights: [1])
    upstream.apply(.judged(.failing), to: 0, at: 0)
    #expect(upstream.serve(at: 1) == nil)
    #expect(upstream.serveFailed(at: 1)?.peer == 0)
    // Only a check makes it healthy.
    upstream.succeed(0)
    #expect(upstream.condition(0) == .unhealthy)
  }

  // MARK: slow_start

  @Test(arguments: [BalancingMethod.roundRobin, .leastConnections])
  func aShareGrowsLittleByLittle(_ method: BalancingMethod) {
    let slow = ConfiguredPeer(weight: 100, slowStart: .seconds(10))
    let upstream = Upstream(method, peers: [slow, ConfiguredPeer(weight: 100)])
    upstream.fail(0, at: 0)
    upstream.apply(.succeeded, to: 0, at: 100)
    var shares: [Int] = []
    for second in stride(from: 100.0, to: 115, by: 2) {
      var count = 0
      // Two hundred requests at once, so that those in progress count.
      let chosen = (0..<200).map { _ in upstream.select(at: second) }
      for peer in chosen.compactMap({ $0 }) {
        if peer == 0 { count += 1 }
        upstream.release(peer)
      }
      shares.append(count)
    }
    #expect(shares[0] <= 2, "\(shares)")
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 + 2 }, "\(shares)")
    #expect((95...105).contains(shares[6]) && (45...65).contains(shares[2]), "\(shares)")
  }

  @Test func aShareThatGrowsServesAloneIfItMust() {
    let slow = ConfiguredPeer(weight: 100, maximumConnections: 2, slowStart: .seconds(10))
    let upstream = Upstream(peers: [slow, ConfiguredPeer(weight: 100)])
    upstream.fail(0, at: 0)
    upstream.apply(.succeeded, to: 0, at: 100)
    upstream.fail(1, at: 100)
    #expect(upstream.select(at: 100) == 0 && upstream.select(at: 100) == 0)
    #expect(upstream.select(at: 100) == nil, "max_conns holds")
  }
}
