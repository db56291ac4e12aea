// What a worker learns of its peers from elsewhere: verdicts of checks, orders of the operator.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Begins to be told of the health of peers.
  mutating func holdHealth() {
    guard let directory = settings.health, let mailbox = settings.healthMailbox else { return }
    directory.subscribe(mailbox)
    takeHealth()
  }

  /// Takes what has become known since the last time.
  mutating func takeHealth() {
    guard let directory = settings.health else { return }
    let (version, news) = directory.news(since: healthVersion)
    healthVersion = version
    for item in news {
      guard let upstream = upstreamNames.find(item.key.upstream) else { continue }
      let peers = tables.upstreams[upstream].peers
      for peer in peers.indices where Array(peers[peer].name) == item.key.peer {
        apply(item, upstream, peer)
      }
    }
  }

  /// Takes what is known of a peer that has just come.
  mutating func takeHealth(ofNew peer: Int, _ upstream: Int) {
    precondition(
      peer < tables.upstreams[upstream].peers.count, "takeHealth: there is no such peer")
    guard let directory = settings.health else { return }
    let key = peerKey(upstream, peer)
    if let news = directory.news(of: key) { apply(news, upstream, peer) }
  }

  func peerKey(_ upstream: Int, _ peer: Int) -> PeerKey {
    let plan = tables.upstreams[upstream]
    return PeerKey(upstream: Array(plan.name), peer: Array(plan.peers[peer].name))
  }

  private mutating func apply(_ news: PeerNews, _ upstream: Int, _ index: Int) {
    let peer = tables.upstreams[upstream].peers[index]
    let states = upstreams.states(of: upstream)
    precondition(index < states.count, "apply: no such peer")
    states[index].apply(.ordered(news.order), of: peer, at: now)
    states[index].apply(.judged(news.verdict), of: peer, at: now)
    if news.order != .up { closeIdle(upstream, index) }
  }
}
