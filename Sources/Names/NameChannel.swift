// c-ares: one channel for each list of name servers. c-ares opens its sockets itself; a thread
// waits for them and for its timeouts.

import Basics
import CCares
import Glibc
import HTTP
import Platform
import Policy

/// The sockets that c-ares has opened, and what it waits for.
private final class ChannelSockets {
  var interests: [Int32: DescriptorInterest] = [:]
}

/// Name servers that are asked by c-ares. Used by one thread.
final class NameChannel {
  /// The system's configuration, as it was when the channel was opened.
  private let configuration: FileVersion?
  private let sockets = ChannelSockets()
  private var handle: ares_channel?
  /// What it waits for, by descriptor.
  var interests: [Int32: DescriptorInterest] { sockets.interests }
  /// Questions that have no answer yet.
  private(set) var runningCount = 0

  private static let systemConfiguration = "/etc/resolv.conf"

  /// A channel to these servers; to those of the system when there are none.
  init?(_ servers: [PeerAddress]) {
    configuration = servers.isEmpty ? FileVersion(ofPath: Self.systemConfiguration) : nil
    let list = servers.map(\.text).joined(separator: ",")
    // It lives as long as the handle, which is destroyed before it.
    let place = Unmanaged.passUnretained(sockets).toOpaque()
    let status = list.withCString { text in
      ccares_open(
        &handle, servers.isEmpty ? nil : text,
        Int32(Limits.nameServerTime.microseconds / 1_000), Int32(Limits.nameServerTries),
        { place, number, reads, writes in
          let sockets = Unmanaged<ChannelSockets>.fromOpaque(place!).takeUnretainedValue()
          let interest = DescriptorInterest(
            number: number, reads: reads != 0, writes: writes != 0)
          sockets.interests[number] = interest.reads || interest.writes ? interest : nil
        }, place)
    }
    guard status == ARES_SUCCESS else { return nil }
  }

  deinit {
    if let handle { ares_destroy(handle) }
  }

  /// True when the system's configuration has changed since the channel was opened.
  var isOutdated: Bool {
    guard let now = FileVersion(ofPath: Self.systemConfiguration) else { return false }
    return now != configuration
  }

  /// How long it may be left alone; nil when it waits for nothing.
  var timeout: Interval? {
    guard runningCount > 0, let handle else { return nil }
    var time = timeval()
    guard let next = ares_timeout(handle, nil, &time) else { return nil }
    let (seconds, microseconds) = (next.pointee.tv_sec, next.pointee.tv_usec)
    return Interval(
      nanoseconds: UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, microseconds)) * 1_000)
  }

  /// Carries on with what is ready, and with what has waited for too long.
  func process(_ ready: [DescriptorInterest]) {
    guard let handle else { return }
    for one in ready where interests[one.number] != nil {
      ccares_process(handle, one.reads ? one.number : -1, one.writes ? one.number : -1)
    }
    ccares_process(handle, -1, -1)
  }

  // MARK: Questions

  /// Asks for the addresses of a host.
  func askForAddresses(
    _ name: String, _ kind: RecordKind, _ completion: @escaping (NameOutcome) -> Void
  ) {
    guard let handle else { return completion(.failed(.other)) }
    var hints = ares_addrinfo_hints()
    hints.ai_family = kind == .ipv6 ? AF_INET6 : AF_INET
    hints.ai_flags = Int32(1) << 7  // ARES_AI_NOSORT: the balancer decides
    let running = Unmanaged.passRetained(RunningQuestion(self, completion))
    runningCount += 1
    ares_getaddrinfo(
      handle, name, nil, &hints,
      { place, status, _, found in
        defer { ares_freeaddrinfo(found) }
        let running = Unmanaged<RunningQuestion>.fromOpaque(place!).takeRetainedValue()
        running.end(
          status == ARES_SUCCESS
            ? NameChannel.outcome(found) : NameChannel.outcome(ofStatus: status))
      }, running.toOpaque())
  }

  /// Asks for the SRV records of a service.
  func askForServices(
    _ name: String, _ completion: @escaping (Result<ServiceRecords, ServiceProblem>) -> Void
  ) {
    guard let handle else {
      return completion(.failure(ServiceProblem(outcome: .failed(.other))))
    }
    let running = Unmanaged.passRetained(RunningServiceQuestion(self, completion))
    runningCount += 1
    ccares_query_services(
      handle, name,
      { place, status, _, answer, count in
        let running = Unmanaged<RunningServiceQuestion>.fromOpaque(place!).takeRetainedValue()
        running.end(NameChannel.services(status, answer, count))
      }, running.toOpaque())
  }

  /// Notes that a question has its answer.
  func noteEnd() {
    precondition(runningCount > 0, "noteEnd: no question is running")
    runningCount -= 1
  }

  // MARK: Answers

  private static func outcome(_ found: UnsafeMutablePointer<ares_addrinfo>?) -> NameOutcome {
    guard let found else { return .absent }
    var addresses: [NameAddress] = []
    var seconds = Int32.max
    var node = found.pointee.nodes
    while let current = node {
      node = current.pointee.ai_next
      guard let address = address(of: current.pointee) else { continue }
      seconds = min(seconds, current.pointee.ai_ttl)
      addresses.append(NameAddress(address))
    }
    var alias = found.pointee.cnames
    while let current = alias {
      alias = current.pointee.next
      seconds = min(seconds, current.pointee.ttl)
    }
    guard !addresses.isEmpty else { return .absent }
    return .addresses(addresses, .seconds(UInt64(max(0, seconds))))
  }

  private static func address(of node: ares_addrinfo_node) -> PeerAddress? {
    guard let place = node.ai_addr else { return nil }
    let bytes = UnsafeRawBufferPointer(start: place, count: Int(node.ai_addrlen))
    switch node.ai_family {
    case AF_INET where bytes.count >= 8:
      let low = bytes[4..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return PeerAddress(family: .ipv4, high: 0, low: low, port: 0)
    case AF_INET6 where bytes.count >= 24:
      let high = bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let low = bytes[16..<24].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return PeerAddress(internet6High: high, low: low, port: 0)
    default: return nil
    }
  }

  private static func outcome(ofStatus status: Int32) -> NameOutcome {
    switch status {
    case ARES_ENODATA, ARES_ENOTFOUND: .absent
    case ARES_ETIMEOUT: .failed(.timedOut)
    case ARES_ESERVFAIL: .failed(.serverFailure)
    case ARES_EREFUSED: .failed(.refused)
    case ARES_ECONNREFUSED: .failed(.unreachable)
    case ARES_EBADNAME: .failed(.invalid)
    case ARES_EFORMERR, ARES_ENOTIMP, ARES_EBADRESP: .failed(.malformed)
    default: .failed(.other)
    }
  }

  private static func services(
    _ status: Int32, _ answer: UnsafeMutablePointer<UInt8>?, _ count: Int32
  ) -> Result<ServiceRecords, ServiceProblem> {
    guard status == ARES_SUCCESS else {
      return .failure(ServiceProblem(outcome: outcome(ofStatus: status)))
    }
    var first: UnsafeMutablePointer<ares_srv_reply>?
    let parsed = ccares_services(answer, count, &first)
    defer { if let first { ares_free_data(first) } }
    guard parsed == ARES_SUCCESS else {
      return .failure(ServiceProblem(outcome: outcome(ofStatus: parsed)))
    }
    var records = ServiceRecords()
    records.time = .seconds(UInt64(max(0, ccares_shortest_ttl(answer, count))))
    var next = first
    while let record = next, records.hosts.count < Limits.serviceHosts {
      next = record.pointee.next
      guard let host = record.pointee.host.map({ String(cString: $0) }), !host.isEmpty,
        host != "."
      else { continue }
      records.hosts.append(
        ServiceHost(
          name: host, port: record.pointee.port, weight: record.pointee.weight,
          priority: record.pointee.priority))
    }
    return .success(records)
  }
}
