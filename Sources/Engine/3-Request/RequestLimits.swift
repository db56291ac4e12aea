// `limit_req` and `limit_conn`: how many requests of one key may come in a second, and how many may
// be under way.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// True when a request is within the limits of its location. False when it was refused, or has to
  /// wait. Each kind of limit counts a request once, however often it is redirected internally: in
  /// the first location where it has a key for one of the zones.
  mutating func passesLimits(_ exchange: ExchangePointer) -> Bool {
    guard !exchange.pointee.plan.pointee.admission.limits.isEmpty else { return true }
    let state = servingState(exchange)
    if exchange.pointee.record.limitRequestStatus == .none {
      guard let delay = rateDelay(exchange) else { return false }
      if delay > 0 {
        suspend(exchange, for: .admission, atMost: Interval(nanoseconds: delay * 1_000_000))
        return false
      }
    }
    guard exchange.pointee.record.limitConnectionStatus == .none else { return true }
    return entersConnections(exchange, state)
  }

  // MARK: limit_req

  /// Counts a request in all its zones; returns how many milliseconds it has to wait. Nil when it
  /// came too early for one of them: then it has been answered, and is counted in none.
  private mutating func rateDelay(_ exchange: ExchangePointer) -> UInt64? {
    let limits = exchange.pointee.plan.pointee.admission.limits.requests
    let refusal = exchange.pointee.plan.pointee.admission.limits.requestRefusal
    let milliseconds = now.nanoseconds / 1_000_000
    var longest: UInt64 = 0
    var slowest = 0
    var excess: UInt64 = 0
    var isCounted = false
    for index in limits.indices {
      let zone = tables.limitZones[limits[index].zone]
      guard let hash = zoneKey(exchange, limits[index].zone, isRate: true) else { continue }
      guard let early = count(hash, limits[index], rate: zone.rate, at: milliseconds) else {
        takeBack(exchange, before: index)
        return refuseRate(exchange, limits[index], refusal)
      }
      isCounted = true
      let delay = RequestRate.delay(
        excess: early, undelayed: limits[index].undelayed, rate: zone.rate)
      if delay > longest { (longest, slowest, excess) = (delay, index, early) }
    }
    guard longest > 0 else {
      if isCounted { exchange.pointee.record.limitRequestStatus = .passed }
      return 0
    }
    let name = tables.limitZones[limits[slowest].zone].name
    report(refusal.level.lower, "limit", exchange, exchange.pointee.downstream) { line in
      line.append(refusal.isDryRun ? "delaying request, dry run, " : "delaying request, ")
      line.append("excess: ")
      line.append(decimal: excess / 1000)
      line.append(".")
      line.append(decimal: excess % 1000, width: 3)
      line.append(", by zone \"")
      line.append(name.span)
      line.append("\"")
    }
    exchange.pointee.record.limitRequestStatus = refusal.isDryRun ? .delayedDryRun : .delayed
    return refusal.isDryRun ? 0 : longest
  }

  /// Counts a request of a key. Returns how early it came; nil when that is too early.
  private mutating func count(
    _ hash: UInt64, _ limit: RequestLimit, rate: UInt64, at milliseconds: UInt64
  ) -> UInt64? {
    limitZones.withRates(limit.zone) { zone in
      var excess: UInt64?
      let isKept = zone.change(hash) { state in
        guard var known = state else {
          state = CountedRate(rate: RequestRate(firstAt: milliseconds))
          excess = 0
          return
        }
        guard known.rate.count(at: milliseconds, rate: rate, burst: limit.burst) else { return }
        state = known
        excess = known.rate.excess
      }
      return isKept ? excess : nil
    }
  }

  /// Takes a request back from the zones that it was counted in before another one refused it.
  private mutating func takeBack(_ exchange: ExchangePointer, before end: Int) {
    let limits = exchange.pointee.plan.pointee.admission.limits.requests
    for index in 0..<end {
      guard let hash = zoneKey(exchange, limits[index].zone, isRate: true) else { continue }
      limitZones.withRates(limits[index].zone) { zone in
        _ = zone.change(hash) { state in state?.rate.takeBack() }
      }
    }
  }

  /// Refuses a request that came too early; with a dry run it need not wait.
  private mutating func refuseRate(
    _ exchange: ExchangePointer, _ limit: RequestLimit, _ refusal: LimitRefusal
  ) -> UInt64? {
    let name = tables.limitZones[limit.zone].name
    report(refusal.level, "limit", exchange, exchange.pointee.downstream) { line in
      line.append(refusal.isDryRun ? "limiting requests, dry run, " : "limiting requests, ")
      line.append("by zone \"")
      line.append(name.span)
      line.append("\"")
    }
    exchange.pointee.record.limitRequestStatus = refusal.isDryRun ? .rejectedDryRun : .rejected
    guard !refusal.isDryRun else { return 0 }
    refuse(exchange, refusal.status, .httpRequestDenied, Termination(.proxy, .route))
    return nil
  }

  // MARK: limit_conn

  /// Enters a request into all its zones, which it leaves when it ends. False when one of them was
  /// full: then it has been answered.
  private mutating func entersConnections(
    _ exchange: ExchangePointer, _ state: ServingStatePointer
  ) -> Bool {
    let limits = exchange.pointee.plan.pointee.admission.limits.connections
    let refusal = exchange.pointee.plan.pointee.admission.limits.connectionRefusal
    for index in limits.indices {
      guard let hash = zoneKey(exchange, limits[index].zone, isRate: false) else { continue }
      if enter(hash, limits[index]) {
        state.pointee.entered.append(zone: limits[index].zone, hash: hash)
        exchange.pointee.record.limitConnectionStatus = .passed
        continue
      }
      let name = tables.limitZones[limits[index].zone].name
      report(refusal.level, "limit", exchange, exchange.pointee.downstream) { line in
        line.append(
          refusal.isDryRun ? "limiting connections, dry run, " : "limiting connections, ")
        line.append("by zone \"")
        line.append(name.span)
        line.append("\"")
      }
      exchange.pointee.record.limitConnectionStatus =
        refusal.isDryRun ? .rejectedDryRun : .rejected
      if refusal.isDryRun { return true }
      refuse(exchange, refusal.status, .httpRequestDenied, Termination(.proxy, .route))
      return false
    }
    return true
  }

  private mutating func enter(_ hash: UInt64, _ limit: ConnectionLimit) -> Bool {
    limitZones.withRequests(limit.zone) { zone in
      var isIn = false
      let isKept = zone.change(hash) { state in
        let count = state?.count ?? 0
        guard count < limit.maximum else { return }
        state = CountedRequests(count: count + 1)
        isIn = true
      }
      return isIn && isKept
    }
  }

  /// Leaves the zones that a request has entered.
  mutating func leaveZones(_ state: ServingStatePointer) {
    for index in 0..<state.pointee.entered.count {
      let (zone, hash) = state.pointee.entered[index]
      limitZones.withRequests(zone) { zone in
        _ = zone.change(hash) { state in
          guard let count = state?.count, count > 0 else {
            preconditionFailure("leaveZones: more requests leave than entered")
          }
          state = count > 1 ? CountedRequests(count: count - 1) : nil
        }
      }
    }
    state.pointee.entered.removeAll()
  }

  // MARK: Keys

  /// The hash of a request's key in a zone; nil for one that is not counted, because the key is
  /// empty or too long.
  private mutating func zoneKey(_ exchange: ExchangePointer, _ zone: Int, isRate: Bool) -> UInt64? {
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.zoneKeyBytes]))
    let key = tables.limitZones[zone].key
    let bytes = ExchangeBytes(
      head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
      captured: exchange.pointee.capturedBytes.span)
    key.writeKey(
      exchange.pointee.record, head: exchange.pointee.head, bytes: bytes, into: &writer)
    guard writer.count > 0, !writer.overflowed else { return nil }
    return isRate
      ? limitZones.withRates(zone) { $0.hash(writer.span) }
      : limitZones.withRequests(zone) { $0.hash(writer.span) }
  }
}

extension LogLevel {
  /// One level less severe.
  fileprivate var lower: LogLevel {
    switch self {
    case .debug, .info: .info
    case .notice: .info
    case .warn: .notice
    case .error, .critical, .alert, .emergency: .warn
    }
  }
}

/// The zones of `limit_conn` that a request has entered.
struct EnteredZones: BitwiseCopyable {
  private(set) var count = 0
  private var zones = InlineArray<8, UInt32>(repeating: 0)
  private var hashes = InlineArray<8, UInt64>(repeating: 0)

  subscript(index: Int) -> (zone: Int, hash: UInt64) { (Int(zones[index]), hashes[index]) }

  mutating func append(zone: Int, hash: UInt64) {
    precondition(
      count < Limits.connectionLimits, "EnteredZones: a location has more limits than it may")
    zones[count] = UInt32(zone)
    hashes[count] = hash
    count += 1
  }

  mutating func removeAll() { count = 0 }
}
