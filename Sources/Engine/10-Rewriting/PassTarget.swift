// `proxy_pass` with variables: which backend it means for a request. A declared upstream comes
// first, as in nginx, then an address, then a name.

import Basics
import HTTP
import Names
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
    return useAddress(exchange, name, port: url.effectivePort, address, path: false)
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

  private mutating func useUnixSocket(_ exchange: ExchangePointer, _ path: ByteRange) -> Bool {
    guard path.count <= Limits.computedPeerNameBytes - 5 else {
      refuse(exchange, 502, .nameError, Termination(.proxy, .route))
      return false
    }
    return useAddress(exchange, path, port: 0, .unix, path: true)
  }

  /// Has an exchange use the computed upstream of one address, or of the unix socket whose path is
  /// the name.
  private mutating func useAddress(
    _ exchange: ExchangePointer, _ name: ByteRange, port: UInt16, _ address: PeerAddress,
    path isPath: Bool
  ) -> Bool {
    if let known = findComputed(exchange, name, port: port, resolver: -1) {
      return use(known, exchange)
    }
    guard let place = newComputed(exchange, name, port: port, resolver: -1) else { return false }
    let path = isPath ? kept(name, exchange) : UnsafeBufferPointer(start: nil, count: 0)
    setOnlyPeer(place, address, path: path.span)
    return use(place, exchange)
  }

  // MARK: Names

  /// A name that is neither that of an upstream nor an address.
  private mutating func useName(
    _ exchange: ExchangePointer, _ url: PassURL, _ name: ByteRange
  ) -> Bool {
    let (resolver, port) = (exchange.pointee.plan.pointee.resolver, url.effectivePort)
    if let known = findComputed(exchange, name, port: port, resolver: resolver) {
      guard let server = changing.upstreams[known]?.servers.first else {
        preconditionFailure("useName: the upstream of a name has no server")
      }
      guard server.hold.name.version != server.version else {
        server.hold.name.noteUse()
        return use(known, exchange)
      }
      guard let found = lookUp(server.hold.name, exchange) else { return false }
      take(found.addresses, found.version, known, server: 0)
      return use(known, exchange)
    }
    let host = kept(name, exchange).span
    guard let resolved = resolvedName(exchange, host, resolver) else { return false }
    guard let found = lookUp(resolved, exchange),
      let place = newComputed(exchange, name, port: port, resolver: resolver)
    else { return false }
    holdServer(resolved, place, port: port)
    take(found.addresses, found.version, place, server: 0)
    return use(place, exchange)
  }

  private mutating func lookUp(
    _ name: ResolvedName, _ exchange: ExchangePointer
  ) -> (addresses: [NameAddress], version: UInt64)? {
    lookUp(name, for: exchange, atMost: exchange.pointee.plan.pointee.resolverTimeout)
  }

  /// The name in the directory; nil when the request was answered.
  private mutating func resolvedName(
    _ exchange: ExchangePointer, _ host: Span<UInt8>, _ resolver: Int
  ) -> ResolvedName? {
    guard NameQuestion.isName(host), let directory = settings.names else {
      refuse(exchange, host: host, .failed(.invalid))
      return nil
    }
    var name: [UInt8] = []
    for index in host.indices {
      let byte = host[index]
      name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
    }
    let question = NameQuestion(name: name, resolver: resolvers[resolver])
    guard let resolved = directory.find(question) else {
      refuse(exchange, host: host, .failed(.tooMany))
      return nil
    }
    return resolved
  }

  private mutating func holdServer(_ name: ResolvedName, _ upstream: Int, port: UInt16) {
    guard let directory = settings.names else { return }
    let hold = directory.hold(name, isPinned: false, at: now)
    let template = Peer(address: .unix, unixPath: .empty, name: .empty)
    changing.upstreams[upstream]?.servers = [
      ResolvedServer(
        hold: hold, template: template, port: port, timeout: Limits.resolverTimeout)
    ]
  }

  // MARK: Computed upstreams

  /// The name of a computed upstream, as `$proxy_host` has it; nil when it is too long.
  private mutating func shownName(
    _ exchange: ExchangePointer, _ name: ByteRange, port: UInt16,
    in memory: UnsafeMutableBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    var writer = ByteWriter(memory)
    writer.append(kept(name, exchange).span)
    let isPlain = exchange.pointee.serving?.pointee.pass.isPlain != false
    if port != 0 && port != (isPlain ? 80 : 443) {
      writer.append(UInt8(ascii: ":"))
      writer.append(decimal: UInt64(port))
    }
    return writer.overflowed ? nil : writer.written
  }

  /// The computed upstream of a host; nil when there is none yet.
  private mutating func findComputed(
    _ exchange: ExchangePointer, _ name: ByteRange, port: UInt16, resolver: Int
  ) -> Int? {
    let metrics = tables.upstreams[exchange.pointee.plan.pointee.upstream].metrics
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.computedNameBytes) {
      memory in
      guard let shown = shownName(exchange, name, port: port, in: memory) else { return nil }
      return computedUpstreams.find(
        shown.span, port: port, metrics: metrics, resolver: resolver, tables)
    }
  }

  /// A new computed upstream for a host, without peers; nil when the request was answered.
  private mutating func newComputed(
    _ exchange: ExchangePointer, _ name: ByteRange, port: UInt16, resolver: Int
  ) -> Int? {
    let metrics = tables.upstreams[exchange.pointee.plan.pointee.upstream].metrics
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.computedNameBytes) {
      memory in
      guard let shown = shownName(exchange, name, port: port, in: memory) else {
        refuse(exchange, 502, .nameError, Termination(.proxy, .route))
        return nil
      }
      guard let place = computedUpstreams.free() else {
        report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
          line.append("requests are passed to more than ")
          line.append(decimal: UInt64(Limits.computedUpstreams))
          line.append(" hosts at once that only variables name")
        }
        refuse(exchange, 502, .proxyOverloaded, Termination(.proxy, .route))
        return nil
      }
      empty(place)
      changing.upstreams[place]?.servers = []
      computedUpstreams.assign(
        place, name: shown.span, port: port, metrics: metrics, resolver: resolver, tables)
      restart(place)
      return place
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
