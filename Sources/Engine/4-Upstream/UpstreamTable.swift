// What a worker knows of its upstreams: their peers' health and the idle connections to them.

import Basics
import Plan
import Policy
import TLS

/// The upstreams of a worker.
struct UpstreamTable: ~Copyable {
  /// A peer's idle connections.
  struct Pool {
    var idle = ConnectionList()
    /// Its connections that carry several requests at once, idle or not.
    var sessions = ConnectionList()
    /// How many requests the peer allowed on the last of these; nil while that is not known.
    var streamLimit: Int?
    /// The TLS session that the next connection made with the same resumes.
    var saved: (session: TLSSavedSession, identity: BackendIdentity)?

    func forgetSession() {
      saved?.session.free()
      saved?.identity.free()
    }
  }

  /// Where an upstream's peers begin in the tables of all peers, and how many connections idle.
  private struct Entry: BitwiseCopyable {
    var firstPeer: Int
    var peerCount: Int
    /// How many peers there is room for.
    var room: Int
    var idleCount: Int
    /// The same for connections with a session.
    var idleSessionCount = 0
  }

  /// The number of upstreams.
  let count: Int
  // Changed in place, and the compiler can't do that through a buffer pointer with ThreadSanitizer.
  private let entries: UnsafeMutablePointer<Entry>
  private var pools: UnsafeMutablePointer<Pool>
  private var states: UnsafeMutableBufferPointer<PeerState>

  init(_ upstreams: FrozenArray<UpstreamPlan>) {
    count = upstreams.count
    entries = .allocate(capacity: count)
    var total = 0
    for index in upstreams.indices {
      let peerCount = upstreams[index].peers.count
      let entry = Entry(firstPeer: total, peerCount: peerCount, room: peerCount, idleCount: 0)
      (entries + index).initialize(to: entry)
      total += peerCount
    }
    states = .allocate(capacity: total)
    pools = .allocate(capacity: total)
    pools.initialize(repeating: Pool(), count: total)
    for index in upstreams.indices {
      for peer in upstreams[index].peers.indices {
        states.initializeElement(
          at: entries[index].firstPeer + peer, to: PeerState(upstreams[index].peers[peer]))
      }
    }
  }

  deinit {
    entries.deallocate()
    for index in 0..<states.count { pools[index].forgetSession() }
    states.deallocate()
    pools.deallocate()
  }

  /// The session that a connection to a peer can resume, if there is one made with the same context
  /// and name.
  func savedSession(
    _ upstream: Int, _ peer: Int, _ context: Int, _ name: UnsafeBufferPointer<UInt8>
  ) -> TLSSavedSession? {
    precondition(peer < entries[upstream].peerCount, "savedSession: no such peer")
    let pool = pools + entries[upstream].firstPeer + peer
    guard let saved = pool.pointee.saved, saved.identity.isMade(of: context, name: name) else {
      return nil
    }
    return saved.session
  }

  /// Keeps a session in place of the one kept before, with a copy of what it was made with.
  func save(
    _ session: TLSSavedSession, _ upstream: Int, _ peer: Int, madeWith identity: BackendIdentity
  ) {
    precondition(peer < entries[upstream].peerCount, "save: no such peer")
    let pool = pools + entries[upstream].firstPeer + peer
    pool.pointee.forgetSession()
    pool.pointee.saved = (session, identity.copy)
  }

  /// The states of an upstream's peers.
  func states(of upstream: Int) -> UnsafeMutableBufferPointer<PeerState> {
    precondition(upstream < count, "states: no such upstream")
    let entry = entries[upstream]
    return UnsafeMutableBufferPointer(
      rebasing: states[entry.firstPeer..<entry.firstPeer + entry.peerCount])
  }

  /// Has an upstream that stands for another backend from now on have so many peers, of which
  /// nothing is known yet. There must be room for them, and no connection to an earlier one.
  func restart(_ upstream: Int, _ peers: FrozenArray<Peer>) {
    precondition(
      entries[upstream].idleCount == 0 && peers.count <= entries[upstream].room,
      "an upstream that is in use can't become another one")
    entries[upstream].peerCount = peers.count
    for index in peers.indices { restart(upstream, peer: index, peers[index]) }
  }

  /// Has a number stand for another peer from now on, of which nothing is known yet. There must be
  /// no connection to the earlier one that waits for its next request.
  func restart(_ upstream: Int, peer index: Int, _ peer: Peer) {
    precondition(index < entries[upstream].peerCount, "restart: no such peer")
    let place = entries[upstream].firstPeer + index
    precondition(
      pools[place].idle.count == 0 && pools[place].sessions.count == 0,
      "restart: there are connections to the peer before")
    pools[place].forgetSession()
    pools[place].saved = nil
    pools[place].streamLimit = nil
    states[place] = PeerState(peer)
  }

  /// Gives an upstream more peers; those that it has keep their numbers.
  mutating func grow(_ upstream: Int, _ peers: FrozenArray<Peer>) {
    let old = entries[upstream]
    precondition(peers.count >= old.peerCount, "grow: there are fewer peers")
    let total = states.count + peers.count
    let newStates = UnsafeMutableBufferPointer<PeerState>.allocate(capacity: total)
    let newPools = UnsafeMutablePointer<Pool>.allocate(capacity: total)
    for index in states.indices { newStates.initializeElement(at: index, to: states[index]) }
    newPools.moveInitialize(from: pools, count: states.count)
    (newPools + states.count).initialize(repeating: Pool(), count: peers.count)
    for index in peers.indices {
      let isNew = index >= old.peerCount
      newStates.initializeElement(
        at: states.count + index,
        to: isNew ? PeerState(peers[index]) : states[old.firstPeer + index])
      if !isNew {
        swap(&newPools[states.count + index], &newPools[old.firstPeer + index])
      }
    }
    entries[upstream].firstPeer = states.count
    entries[upstream].peerCount = peers.count
    entries[upstream].room = peers.count
    states.deallocate()
    pools.deallocate()
    states = newStates
    pools = newPools
  }

  // MARK: Connections with a session

  /// The latest of a peer's connections that carry several requests at once.
  func newestSession(_ upstream: Int, _ peer: Int) -> ConnectionPointer? {
    pools[entries[upstream].firstPeer + peer].sessions.first
  }

  /// Lists such a connection.
  func insertSession(_ connection: ConnectionPointer) {
    precondition(connection.pointee.session != nil, "insertSession: it has none")
    let upstream = Int(connection.pointee.origin)
    let peer = Int(connection.pointee.peerIndex)
    pools[entries[upstream].firstPeer + peer].sessions.insertFirst(connection)
  }

  /// Takes such a connection out.
  func removeSession(_ connection: ConnectionPointer) {
    let upstream = Int(connection.pointee.origin)
    let peer = Int(connection.pointee.peerIndex)
    let pool = pools + entries[upstream].firstPeer + peer
    precondition(pool.pointee.sessions.count > 0, "removeSession: there is none")
    pool.pointee.sessions.remove(connection)
  }

  /// How many requests a peer allowed on its last such connection; nil while that is not known.
  func streamLimit(_ upstream: Int, _ peer: Int) -> Int? {
    pools[entries[upstream].firstPeer + peer].streamLimit
  }

  func setStreamLimit(_ limit: Int, of connection: ConnectionPointer) {
    let upstream = Int(connection.pointee.origin)
    let peer = Int(connection.pointee.peerIndex)
    pools[entries[upstream].firstPeer + peer].streamLimit = limit
  }

  /// Any connection with a session to a peer of an upstream.
  func anySession(_ upstream: Int) -> ConnectionPointer? {
    for peer in 0..<entries[upstream].peerCount {
      if let session = newestSession(upstream, peer) { return session }
    }
    return nil
  }

  /// A connection with a session on which nothing runs; nil when there is none.
  func anyIdleSession(_ upstream: Int) -> ConnectionPointer? {
    for peer in 0..<entries[upstream].peerCount {
      var next = pools[entries[upstream].firstPeer + peer].sessions.last
      while let connection = next {
        if connection.pointee.session?.pointee.isListedIdle == true { return connection }
        next = connection.pointee.previous
      }
    }
    return nil
  }

  /// Counts a connection with a session that becomes idle, or ceases to be.
  func countIdleSession(_ connection: ConnectionPointer, by change: Int) {
    let upstream = Int(connection.pointee.origin)
    entries[upstream].idleSessionCount += change
    precondition(entries[upstream].idleSessionCount >= 0, "countIdleSession: none is idle")
  }

  /// Connections with a session to all peers of an upstream on which nothing runs.
  func idleSessionCount(of upstream: Int) -> Int { entries[upstream].idleSessionCount }

  /// Idle connections to all peers of an upstream.
  func idleCount(of upstream: Int) -> Int { entries[upstream].idleCount }

  /// The most recently used idle connection to a peer.
  func newestIdle(_ upstream: Int, _ peer: Int) -> ConnectionPointer? {
    pools[entries[upstream].firstPeer + peer].idle.first
  }

  /// The idle connection to a peer that was not used for the longest time.
  func oldestIdle(_ upstream: Int, _ peer: Int) -> ConnectionPointer? {
    pools[entries[upstream].firstPeer + peer].idle.last
  }

  /// Any idle connection of the upstream, the oldest of its peer.
  func anyIdle(_ upstream: Int) -> ConnectionPointer? {
    precondition(upstream < count, "anyIdle: no such upstream")
    for peer in 0..<entries[upstream].peerCount {
      if let oldest = oldestIdle(upstream, peer) { return oldest }
    }
    return nil
  }

  /// The same, found at once when there is none.
  func oldestOfAll(_ upstream: Int) -> ConnectionPointer? {
    entries[upstream].idleCount == 0 ? nil : anyIdle(upstream)
  }

  /// Puts a connection into its peer's pool.
  func insertIdle(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "insertIdle: it is not idle")
    let upstream = Int(connection.pointee.origin)
    let peer = Int(connection.pointee.peerIndex)
    pools[entries[upstream].firstPeer + peer].idle.insertFirst(connection)
    entries[upstream].idleCount &+= 1
  }

  /// Takes a connection out of its peer's pool.
  func removeIdle(_ connection: ConnectionPointer) {
    let upstream = Int(connection.pointee.origin)
    precondition(entries[upstream].idleCount > 0, "removeIdle: none is idle")
    let peer = Int(connection.pointee.peerIndex)
    pools[entries[upstream].firstPeer + peer].idle.remove(connection)
    entries[upstream].idleCount &-= 1
  }
}
