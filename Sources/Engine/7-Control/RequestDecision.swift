// What was decided about a request, for `waybill explain`: it lets a worker serve one request on a
// kernel where nothing is real, and looks at the exchange. So there is no second implementation of
// these decisions that could tell another story.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The decisions about one request.
public struct RequestDecision: Sendable {
  /// Index of its server in the plan.
  public var server: Int
  /// Index of its location in the plan.
  public var location: Int
  /// The client, after `real_ip_header`.
  public var client: PeerAddress
  /// True when `set_real_ip_from` trusts the socket's peer.
  public var trustsForwardedFields: Bool
  /// The ID.
  public var requestID: [UInt8]
  /// Where it came from.
  public var idSource: RequestIDSource
  /// The ID that came and was not kept.
  public var receivedID: [UInt8]
  /// The status of Waybill's own answer; 0 while a backend's is awaited.
  public var status: UInt16
  /// Why it was refused.
  public var error: ErrorType
  /// Who ended it before its time.
  public var termination: Termination
  /// What is malformed in it.
  public var fault: HTTP1Error?
  /// The steps of rewriting that were executed, as histories have them.
  public var rewriting: [String] = []
  /// The path that they have led to; empty when it is the client's.
  public var path = ""
  /// Index of the location that `auth_request` has asked; nil when it has asked none.
  public var authorizingLocation: Int?
  /// True while its answer is awaited.
  public var awaitsAuthorization = false
}

extension Worker where K: ~Copyable {
  /// The decisions about the first request of this worker, under way or just ended: a slot that was
  /// given back holds what it held. Nil when there was none.
  public var firstDecision: RequestDecision? {
    guard let exchange = exchanges.element(at: 0), !tables.locations.isEmpty else { return nil }
    let first = tables.locations.address(of: 0)
    var decision = RequestDecision(
      server: exchange.pointee.server, location: exchange.pointee.plan - first,
      client: exchange.pointee.record.client,
      trustsForwardedFields: exchange.pointee.trustsForwardedFields,
      requestID: bytes(exchange.pointee.record.requestID),
      idSource: exchange.pointee.record.idSource,
      receivedID: bytes(exchange.pointee.record.clientRequestID),
      status: exchange.pointee.record.status, error: exchange.pointee.record.error,
      termination: exchange.pointee.record.termination,
      fault: exchange.pointee.history.requestFault)
    decision.rewriting = exchange.pointee.history.rewriting(titles: tables.rewriteTitles)
    let isUnderWay = exchange.pointee.downstream.pointee.exchange == exchange
    if isUnderWay, exchange.pointee.serving?.pointee.isRewritten == true {
      decision.path = String(decoding: exchange.pointee.pathBytes, as: UTF8.self)
    }
    if subrequests.touched.count > 0, let asked = exchanges.element(at: 1) {
      decision.authorizingLocation = asked.pointee.plan - first
    }
    decision.awaitsAuthorization = isUnderWay && exchange.pointee.serving?.pointee.subrequest != nil
    return decision
  }

  private func bytes<let capacity: Int>(_ id: borrowing InlineBytes<capacity>) -> [UInt8] {
    id.span.indices.map { id.span[$0] }
  }
}
