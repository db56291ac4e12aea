// The zones of `limit_req` and `limit_conn`: made once, used by the workers of all configurations
// that name them.

import Basics
import Plan
import Platform
import Policy

/// What is counted of a key in a `limit_req_zone`.
struct CountedRate: CountedState {
  var rate: RequestRate
  /// The oldest key goes, whatever is known of it: nginx's way, too.
  var mayGo: Bool { true }
}

/// What is counted of a key in a `limit_conn_zone`.
struct CountedRequests: CountedState {
  var count: UInt32
  var mayGo: Bool { false }
}

/// All zones of a process.
public final class LimitZones: Sendable {
  private struct Identity: Hashable, Sendable {
    var name: [UInt8]
    var key: [UInt8]
    var bytes: UInt64
    var isRate: Bool
  }

  private struct Content: Sendable {
    var rates: [Identity: LimitZone<CountedRate>] = [:]
    var requests: [Identity: LimitZone<CountedRequests>] = [:]
  }

  private let content = Guarded(Content())

  /// None yet.
  public init() {}

  /// The zones of a plan: those that are there already, and new ones.
  func zones(of plan: FrozenArray<LimitZonePlan>) -> LimitZoneTable {
    var table = LimitZoneTable(count: plan.count)
    for index in plan.indices {
      let identity = Identity(
        name: plan[index].name.bytes, key: plan[index].keyText.bytes, bytes: plan[index].bytes,
        isRate: plan[index].rate > 0)
      if identity.isRate {
        table.set(index, rates(identity))
      } else {
        table.set(index, requests(identity))
      }
    }
    return table
  }

  private func rates(_ identity: Identity) -> LimitZone<CountedRate> {
    content.withLock { content in
      let zone = content.rates[identity] ?? LimitZone(bytes: identity.bytes)
      content.rates[identity] = zone
      return zone
    }
  }

  private func requests(_ identity: Identity) -> LimitZone<CountedRequests> {
    content.withLock { content in
      let zone = content.requests[identity] ?? LimitZone(bytes: identity.bytes)
      content.requests[identity] = zone
      return zone
    }
  }

  /// Forgets the zones that a plan does not name. Who uses one keeps it until then.
  public func keepOnly(_ plan: Plan) {
    let zones = plan.tables.limitZones
    let names = Set(zones.indices.map { zones[$0].name.bytes })
    content.withLock { content in
      content.rates = content.rates.filter { names.contains($0.key.name) }
      content.requests = content.requests.filter { names.contains($0.key.name) }
    }
  }
}

extension FrozenArray where Element == UInt8 {
  fileprivate var bytes: [UInt8] { indices.map { self[$0] } }
}

/// A worker's hold on the zones of its plan.
struct LimitZoneTable: ~Copyable {
  private var objects: [AnyObject] = []
  private let rates: UnsafeMutablePointer<Unmanaged<LimitZone<CountedRate>>?>
  private let requests: UnsafeMutablePointer<Unmanaged<LimitZone<CountedRequests>>?>

  init(count: Int) {
    rates = .allocate(capacity: count)
    rates.initialize(repeating: nil, count: count)
    requests = .allocate(capacity: count)
    requests.initialize(repeating: nil, count: count)
  }

  deinit {
    rates.deallocate()
    requests.deallocate()
  }

  fileprivate mutating func set(_ index: Int, _ zone: LimitZone<CountedRate>) {
    objects.append(zone)
    rates[index] = Unmanaged.passUnretained(zone)
  }

  fileprivate mutating func set(_ index: Int, _ zone: LimitZone<CountedRequests>) {
    objects.append(zone)
    requests[index] = Unmanaged.passUnretained(zone)
  }

  /// The zone of that index, without a count of references.
  func withRates<Result>(
    _ index: Int, _ body: (LimitZone<CountedRate>) -> Result
  ) -> Result {
    guard let zone = rates[index] else { preconditionFailure("withRates: no such zone") }
    return zone._withUnsafeGuaranteedRef(body)
  }

  func withRequests<Result>(
    _ index: Int, _ body: (LimitZone<CountedRequests>) -> Result
  ) -> Result {
    guard let zone = requests[index] else { preconditionFailure("withRequests: no such zone") }
    return zone._withUnsafeGuaranteedRef(body)
  }
}
