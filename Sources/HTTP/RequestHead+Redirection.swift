import Basics

/// A request that goes on with another path than the client asked for: an internal redirect.
extension RequestHead {
  /// Has `path` and `query` stand for those of the target, which stays as it came. Both are ranges
  /// of the head's bytes, behind which they may have been written.
  public mutating func redirect(path: ByteRange, query: ByteRange, hasQuery: Bool) {
    self.path = path
    self.query = query
    self.hasQuery = hasQuery
    if targetForm != .absolute && targetForm != .subrequest { targetForm = .redirected }
  }

  /// Makes the copy of a request's head that of a subrequest: a GET unless `keepsMethod`, without
  /// content; it expects nothing and asks for no other protocol. The request line stays as it came.
  public mutating func becomeSubrequest(keepsMethod: Bool = false) {
    precondition(byteCount > 0, "becomeSubrequest: the head is not complete")
    if !keepsMethod { method = .get }
    framing = .none
    expectsContinue = false
    requestsUpgrade = false
    if targetForm != .absolute { targetForm = .subrequest }
  }

  /// Turns all methods but HEAD into GET, as nginx does for the page of an error.
  public mutating func becomeGet() {
    if method != .head { method = .get }
  }
}
