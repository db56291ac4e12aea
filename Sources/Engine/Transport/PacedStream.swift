// Bytes for a client whose response is paced (`limit_rate`): only so many leave as it may have.

import Platform

extension Worker where K: ~Copyable {
  /// Writes as much as the response's pace allows.
  mutating func transmitPaced(_ stream: StreamPointer, _ parts: WriteParts) -> WriteResult {
    precondition(stream.pointee.isPaced, "transmitPaced: it is not paced")
    let allowed = mayBeSent(stream)
    guard allowed > 0 else { return .wouldBlock }
    let connection = stream.pointee.connection
    let cut = parts.prefix(allowed)
    if let link = connection.pointee.tls { return sendSecured(connection, link, cut) }
    return kernel.write(connection.pointee.descriptor, cut)
  }
}

extension WriteParts {
  /// The first `count` bytes of all.
  fileprivate func prefix(_ count: Int) -> WriteParts {
    precondition(count > 0, "prefix: nothing is left")
    let second = max(0, min(self.second.count, count - first.count))
    let third = max(0, min(self.third.count, count - first.count - self.second.count))
    return WriteParts(
      UnsafeRawBufferPointer(rebasing: first[..<min(first.count, count)]),
      UnsafeRawBufferPointer(rebasing: self.second[..<second]),
      UnsafeRawBufferPointer(rebasing: self.third[..<third]))
  }
}
