// `proxy_pass` with variables: which backend it means for a request. A declared upstream comes
// first, as in nginx, then an address, then a name.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What a request that is passed on by variables has besides.
struct PassState: BitwiseCopyable {
  /// Path and query of the URL; absent when it has neither.
  var target = ByteRange.absent
  /// The port; 0 for none yet.
  var port: UInt16 = 0
  /// The backend is not spoken to over TLS, whatever the location could.
  var isPlain = false
  /// The computed upstreams that the exchange has used.
  var upstreams = InlineArray<11, Int32>(repeating: 0)
  var upstreamCount = 0

  /// Forgets what the variables of one location came to: another one may have TLS, and a port of
  /// its own.
  mutating func leaveLocation() {
    target = .absent
    port = 0
    isPlain = false
  }
}

extension Worker where K: ~Copyable {
  /// Decides which upstream a `proxy_pass` with variables means; false when the request has been
  /// answered.
  @inline(never) mutating func choosesUpstream(_ exchange: ExchangePointer) -> Bool {
    let plan = exchange.pointee.plan
    let url = keep(plan.pointee.passURL, exchange)
    let text = kept(url, exchange)
    let isGRPC = plan.pointee.speaksGRPC
    guard let parsed = PassURL(parsing: text.span, isGRPC: isGRPC),
      !isGRPC || parsed.target.isEmpty
    else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append(isGRPC ? "grpc_pass comes to \"" : "proxy_pass comes to \"")
        line.appendEscaped(text.span, .standard)
        line.append("\", which is no URL that begins with ")
        line.append(isGRPC ? "grpc:// or grpcs:// and has no path" : "http:// or https://")
      }
      refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
      return false
    }
    if parsed.isSecure && plan.pointee.backendTLS < 0 {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append(
          isGRPC
            ? "grpc_pass comes to grpcs://, but it is written with grpc://"
            : "proxy_pass comes to https://, but it is written with http://")
      }
      refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
      return false
    }
    let state = computingState(exchange)
    state.pointee.pass.isPlain = !parsed.isSecure
    state.pointee.pass.port = parsed.isUnix ? 0 : parsed.effectivePort
    state.pointee.pass.target =
      parsed.target.isEmpty
      ? .absent
      : ByteRange(start: Int(url.start + parsed.target.start), count: Int(parsed.target.count))
    return chooseUpstream(exchange, parsed, at: url)
  }

  private mutating func chooseUpstream(
    _ exchange: ExchangePointer, _ url: PassURL, at range: ByteRange
  ) -> Bool {
    let host = kept(range, exchange).span.extracting(url.host.offsets)
    if !url.isUnix && url.port == nil {
      let declared = tables.upstreamNames.find(host)
      if declared >= 0 { return use(declared, exchange) }
    }
    let name = ByteRange(start: Int(range.start + url.host.start), count: Int(url.host.count))
    if url.isUnix { return useUnixSocket(exchange, name) }
    if let known = knownHost(url, host) { return use(known, exchange) }
    var bytes = host
    let isBracketed = host.count > 2 && host[0] == UInt8(ascii: "[")
    if isBracketed { bytes = host.extracting(1..<(host.count - 1)) }
    guard var address = PeerAddress(parsing: bytes), address.family != .unix,
      address.family == .ipv4 || isBracketed
    else { return useName(exchange, url, name) }
    address.port = url.effectivePort
    return useAddresses(exchange, name, port: url.effectivePort) { peers, _ in
      peers[0] = Self.peer(address, in: peers[0])
      return 1
    }
  }

  /// The upstream of a `proxy_pass` without variables that names the same host, whose addresses are
  /// known from the start.
  private mutating func knownHost(_ url: PassURL, _ host: Span<UInt8>) -> Int? {
    guard host.count <= Limits.computedNameBytes - 6 else { return nil }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.computedNameBytes) {
      memory in
      var writer = ByteWriter(memory)
      writer.append(host)
      writer.append(UInt8(ascii: ":"))
      writer.append(decimal: UInt64(url.effectivePort))
      let found = tables.upstreamNames.find(writer.written.span)
      return found >= 0 ? found : nil
    }
  }

  /// A name that is neither that of an upstream nor an address.
  private mutating func useName(
    _ exchange: ExchangePointer, _ url: PassURL, _ name: ByteRange
  ) -> Bool {
    let host = kept(name, exchange)
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("proxy_pass comes to the host \"")
      line.appendEscaped(host.span, .standard)
      line.append("\", which is neither an upstream nor an address, and was not known at the start")
    }
    refuse(exchange, 502, .nameError, Termination(.proxy, .route))
    return false
  }

  private mutating func useUnixSocket(_ exchange: ExchangePointer, _ path: ByteRange) -> Bool {
    guard path.count <= Limits.computedPeerNameBytes - 5 else {
      refuse(exchange, 502, .nameError, Termination(.proxy, .route))
      return false
    }
    let start: StaticString = "unix:"
    let prefix = UnsafeBufferPointer(start: start.utf8Start, count: start.utf8CodeUnitCount)
    return useAddresses(exchange, path, port: 0) { peers, path in
      let room = peers[0].name
      var writer = ByteWriter(
        UnsafeMutableBufferPointer(
          start: UnsafeMutablePointer(mutating: room.address(of: 0)), count: room.count))
      writer.append(prefix.span)
      writer.append(path.span)
      peers[0] = Peer(
        address: .unix, unixPath: room.prefix(writer.count).suffix(from: 5),
        name: room.prefix(writer.count))
      return 1
    }
  }

  /// A peer at an address, with the address for its name.
  static func peer(_ address: PeerAddress, in place: Peer) -> Peer {
    let room = place.name
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(
        start: UnsafeMutablePointer(mutating: room.address(of: 0)), count: room.count))
    address.writeWithPort(into: &writer)
    return Peer(address: address, unixPath: .empty, name: room.prefix(writer.count))
  }

  /// Has an exchange use the computed upstream of a host, a new one when there is none yet, whose
  /// peers `peers` fills in and counts.
  mutating func useAddresses(
    _ exchange: ExchangePointer, _ name: ByteRange, port: UInt16,
    peers: (UnsafeMutablePointer<Peer>, UnsafeBufferPointer<UInt8>) -> Int
  ) -> Bool {
    let metrics = tables.upstreams[exchange.pointee.plan.pointee.upstream].metrics
    let bytes = kept(name, exchange)
    let secure = exchange.pointee.serving?.pointee.pass.isPlain == false
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.computedNameBytes) {
      memory in
      var writer = ByteWriter(memory)
      // The name as `$proxy_host` has it.
      writer.append(bytes.span)
      if port != 0 && port != (secure ? 443 : 80) {
        writer.append(UInt8(ascii: ":"))
        writer.append(decimal: UInt64(port))
      }
      guard !writer.overflowed else {
        refuse(exchange, 502, .nameError, Termination(.proxy, .route))
        return false
      }
      let shown = writer.written.span
      if let known = computedUpstreams.find(shown, port: port, metrics: metrics, tables) {
        return use(known, exchange)
      }
      guard let place = computedUpstreams.free() else {
        report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
          line.append("requests are passed to more than ")
          line.append(decimal: UInt64(Limits.computedUpstreams))
          line.append(" hosts at once that only variables name")
        }
        refuse(exchange, 502, .proxyOverloaded, Termination(.proxy, .route))
        return false
      }
      empty(place)
      computedUpstreams.assign(place, name: shown, port: port, metrics: metrics, tables) {
        room, _ in
        peers(room, bytes)
      }
      restart(place)
      return use(place, exchange)
    }
  }

  /// Closes what is left of the backend that an upstream stood for.
  mutating func empty(_ upstream: Int) {
    while let idle = upstreams.anyIdle(upstream) { closePooled(idle) }
    while let session = upstreams.anySession(upstream) { closeBackend(session) }
  }

  /// Forgets what is known of an upstream's peers, which are others now.
  private mutating func restart(_ upstream: Int) {
    upstreams.restart(upstream, tables.upstreams[upstream].peers)
    metrics.setUpstream(upstream, tables.upstreams[upstream].metrics)
  }

  private mutating func use(_ upstream: Int, _ exchange: ExchangePointer) -> Bool {
    let state = computingState(exchange)
    exchange.pointee.upstreamIndex = upstream
    if upstream >= computedUpstreams.first {
      let count = state.pointee.pass.upstreamCount
      guard count < state.pointee.pass.upstreams.count else {
        refuseUnconditionally(exchange, 500)
        return false
      }
      state.pointee.pass.upstreams[count] = Int32(upstream)
      state.pointee.pass.upstreamCount = count + 1
      computedUpstreams.retain(upstream)
    }
    exchange.pointee.record.proxyHost = tables.upstreams[upstream].name
    return true
  }

  /// Lets go of the computed upstreams of an exchange that ends.
  mutating func releaseUpstreams(_ state: ServingStatePointer) {
    for index in 0..<state.pointee.pass.upstreamCount {
      computedUpstreams.release(Int(state.pointee.pass.upstreams[index]))
    }
  }
}
