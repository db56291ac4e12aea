import Basics
import Platform

/// Which events the program gets, by epoll's rules.
///
/// Edge-triggered: whatever happens to an endpoint puts its descriptor on a list, once. A wait
/// takes it off the list and reports what the socket is ready for *then*, if anything: two arrivals
/// make one event, and one whose bytes were read meanwhile still reports that there is room. Linux
/// does the same (`ep_poll_callback`, `ep_send_events`). Level-triggered: a listener is asked at
/// each wait.
extension SimulatedWorld {
  func watch(_ descriptor: Descriptor, token: UInt64, _ program: Int) -> KernelError? {
    let id = endpoint(of: descriptor, "watch")
    if strikes(.failedWatches, faults.failedWatches) { return .outOfMemory }
    setToken(token, descriptor, program)
    admit(id, program)
    wake(id)
    return nil
  }

  func watchListener(
    _ descriptor: Descriptor, token: UInt64, _ program: Int
  ) -> KernelError? {
    guard case .listener = kind(of: descriptor, "watchListener") else {
      preconditionFailure("watchListener: descriptor \(descriptor.number) is no listener")
    }
    setToken(token, descriptor, program)
    watchedListeners.append(Int(descriptor.number))
    return nil
  }

  func unwatch(_ descriptor: Descriptor) {
    _ = kind(of: descriptor, "unwatch")
    descriptors[Int(descriptor.number)]?.token = nil
    descriptors[Int(descriptor.number)]?.isEnlisted = false
    readyDescriptors.removeAll { $0 == Int(descriptor.number) }
    watchedListeners.removeAll { $0 == Int(descriptor.number) }
  }

  /// Tells whoever holds an endpoint that something has happened to it.
  func wake(_ id: Endpoint.ID) {
    switch endpoints[id].owner {
    case .program(let descriptor): enlist(Int(descriptor.number))
    case .peer(let peer): schedulePeer(peer)
    case .listener, .nobody: break
    }
  }

  /// True when a wait would return at once.
  var hasReports: Bool {
    programs.contains(where: \.hasWakeEvent)
      || readyDescriptors.contains { !readiness(of: $0).isEmpty }
      || watchedListeners.contains { !readiness(of: $0).isEmpty }
  }

  /// Stores the events that there are for a program; returns their number.
  func report(
    into events: UnsafeMutableBufferPointer<KernelEvent>, _ program: Int
  ) -> Int {
    precondition(!events.isEmpty, "wait: no room for events")
    var count = 0
    if programs[program].hasWakeEvent {
      programs[program].hasWakeEvent = false
      events[count] = KernelEvent(token: KernelEvent.wakeToken, readiness: .readable)
      count += 1
    }
    if strikes(.reorderedEvents, faults.reorderedEvents) { chance.shuffle(&readyDescriptors) }
    reportConnections(into: events, count: &count, program)
    for number in watchedListeners where count < events.count && isWatched(number, program) {
      append(number, into: events, count: &count)
    }
    reportSpuriously(into: events, count: &count, program)
    return count
  }

  private func reportConnections(
    into events: UnsafeMutableBufferPointer<KernelEvent>, count: inout Int, _ program: Int
  ) {
    let own = readyDescriptors.filter { isWatched($0, program) }
    // As when more is ready than a wait takes: at least one is reported, the rest the next time.
    let isShort = own.count > 1 && strikes(.withheldEvents, faults.withheldEvents)
    let most = isShort ? 1 + chance.below(own.count - 1) : own.count
    for number in own.prefix(most) where count < events.count {
      descriptors[number]?.isEnlisted = false
      readyDescriptors.removeAll { $0 == number }
      append(number, into: events, count: &count)
    }
  }

  private func isWatched(_ number: Int, _ program: Int) -> Bool {
    descriptors[number]?.program == program
  }

  private func append(
    _ number: Int, into events: UnsafeMutableBufferPointer<KernelEvent>, count: inout Int
  ) {
    let readiness = readiness(of: number)
    guard !readiness.isEmpty, let token = descriptors[number]?.token else { return }
    awaitRoom(number, readiness)
    events[count] = KernelEvent(token: token, readiness: readiness)
    count += 1
  }

  /// A poll that finds too little room asks for an event when it comes back, as `tcp_poll` does.
  private func awaitRoom(_ number: Int, _ readiness: KernelEvent.Readiness) {
    guard case .connection(let id)? = descriptors[number]?.kind else { return }
    if !endpoints[id].received.isEmpty { endpoints[id].hasReportedUnread = true }
    if !readiness.contains(.writable) { endpoints[id].awaitsRoom = true }
  }

  /// Says of some established connection that it is readable and writable, be it or not.
  private func reportSpuriously(
    into events: UnsafeMutableBufferPointer<KernelEvent>, count: inout Int, _ program: Int
  ) {
    guard count < events.count, strikes(.spuriousEvents, faults.spuriousEvents) else { return }
    let candidates = descriptors.compactMap { entry -> UInt64? in
      guard case .connection(let id)? = entry?.kind, entry?.program == program else { return nil }
      return endpoints[id].stage == .established ? entry?.token : nil
    }
    guard !candidates.isEmpty else { return }
    let token = candidates[chance.below(candidates.count)]
    events[count] = KernelEvent(token: token, readiness: [.readable, .writable])
    count += 1
  }

  private func readiness(of number: Int) -> KernelEvent.Readiness {
    switch descriptors[number]?.kind {
    case .connection(let id): endpoints[id].readiness
    case .listener(let listener): listeners[listener].queue.isEmpty ? [] : .readable
    case .log, .file, .temporaryFile, nil: []
    }
  }

  /// Counts a connection of a client: the program goes on with it.
  private func admit(_ id: Endpoint.ID, _ program: Int) {
    guard endpoints[id].wasAccepted, endpoints[id].admission == nil else { return }
    endpoints[id].admission = Admission(program: program, place: programs[program].admittedCount)
    if programs[program].admittedCount == 0 { admittingPrograms.append(program) }
    programs[program].admittedCount += 1
  }

  private func setToken(_ token: UInt64, _ descriptor: Descriptor, _ program: Int) {
    let number = Int(descriptor.number)
    precondition(descriptors[number]?.token == nil, "watch: \(number) is watched already (EEXIST)")
    descriptors[number]?.token = token
    descriptors[number]?.program = program
  }

  private func enlist(_ number: Int) {
    guard let entry = descriptors[number], entry.token != nil, !entry.isEnlisted else { return }
    descriptors[number]?.isEnlisted = true
    readyDescriptors.append(number)
  }
}
