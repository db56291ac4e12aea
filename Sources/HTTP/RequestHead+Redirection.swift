import Basics

/// A request that goes on with another path than the client asked for: an internal redirect.
extension RequestHead {
  /// Has `path` and `query` stand for those of the target, which stays as it came. Both are ranges
  /// of the head's bytes, behind which they may have been written.
  public mutating func redirect(path: ByteRange, query: ByteRange, hasQuery: Bool) {
    self.path = path
    self.query = query
    self.hasQuery = hasQuery
    if targetForm != .absolute { targetForm = .redirected }
  }

  /// Turns all methods but HEAD into GET, as nginx does for the page of an error.
  public mutating func becomeGet() {
    if method != .head { method = .get }
  }
}
