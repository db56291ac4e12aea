import Basics
import HTTP

/// How a try failed, before anything of its response was passed on.
public enum TryFailure: Equatable, Sendable, BitwiseCopyable {
  /// No connection could be made: the peer has seen nothing.
  case connectFailed
  /// Connecting, sending or waiting for the head took too long.
  case timedOut
  /// The connection broke or was closed before the head was complete.
  case closedBeforeResponse
  /// The head was malformed.
  case invalidResponse
  /// The peer has said that it did not process the request (RFC 9113 section 8.7).
  case refused
  /// The response has this status code.
  case status(UInt16)

  /// True when `max_fails` counts it. A peer that says 403 or 404 does work: such a response goes
  /// to the next peer when `proxy_next_upstream` names it, but is held against nobody (nginx's
  /// rule).
  public var countsAgainstPeer: Bool { self != .status(403) && self != .status(404) }
}

/// Whether a request may go to the next peer (`proxy_next_upstream`).
extension RetryPolicy {
  /// True when the next peer may be tried.
  ///
  /// - requestSent: some byte of the request has been sent to the peer of the failed try, which
  ///   may have acted on it: then only an idempotent method may be sent again
  ///   (RFC 9110 section 9.2.2), unless `non_idempotent` allows it.
  /// - contentConsumed: content was taken from the client that is no longer held.
  /// - tries: the peers tried so far, at least 1.
  /// - peerCount: the peers of the upstream that are not `down`, backups included.
  /// - elapsed: the time since the first try began.
  public func allowsNextTry(
    after failure: TryFailure, method: Method, requestSent: Bool, contentConsumed: Bool, tries: Int,
    peerCount: Int, elapsed: Interval
  ) -> Bool {
    guard conditions.includes(failure), !contentConsumed else { return false }
    if requestSent && failure != .connectFailed && failure != .refused && !method.isIdempotent
      && !conditions.contains(.nonIdempotent)
    {
      return false
    }
    return tries < maximumTries(of: peerCount) && elapsed < timeout
  }

  /// No peer is tried twice, so there are never more tries than peers.
  private func maximumTries(of peerCount: Int) -> Int {
    let most = min(peerCount, Limits.tries)
    return maximumTries > 0 ? min(most, maximumTries) : most
  }
}

extension RetryConditions {
  /// True when the failure is one of these.
  fileprivate func includes(_ failure: TryFailure) -> Bool {
    switch failure {
    case .connectFailed, .closedBeforeResponse, .refused: return contains(.error)
    case .timedOut: return contains(.timeout)
    case .invalidResponse: return contains(.invalidHeader)
    case .status(let code):
      let condition = RetryConditions(status: code)
      return !condition.isEmpty && contains(condition)
    }
  }
}
