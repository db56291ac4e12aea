import Basics
import HTTP

/// Whose ID a request gets: the one place where a client's ID is kept or refused.
extension RequestIDPolicy {
  /// Decides about the ID of a request whose head has been parsed from `bytes`.
  ///
  /// On entry `id` holds a new ID; it stays unless the client's is kept (`.client`, byte for byte)
  /// or none is to be had (`.none` and mode `pass`: empty). `received` gets the first 256 bytes of
  /// what came but was not kept, several different lines joined by `, `, and is empty otherwise.
  ///
  /// An empty value counts as absent and equal lines count as one. Lines of other spellings of the
  /// name, which `isField` also knows, are never read as the ID. `isVerified` says that the peer
  /// has shown a certificate that holds. `head` is `inout` to be read in place: a borrowed one
  /// would be copied.
  public func decide(
    head: inout RequestHead, bytes: Span<UInt8>, peer: PeerAddress, isVerified: Bool = false,
    id: inout RequestID, received: inout InlineBytes<256>
  ) -> RequestIDSource {
    received.removeAll()
    guard mode != .off else {
      id.removeAll()
      return .none
    }
    let arrival = arrival(in: head, bytes)
    guard !arrival.value.isEmpty else {
      if mode == .pass { id.removeAll() }
      return mode == .pass ? .none : .generated
    }
    let value = bytes.extracting(arrival.value.offsets)
    let isTrusted = trusts(peer, isVerified: isVerified)
    let source = arrival.hasDifferent ? .duplicate : judge(value, isTrusted: isTrusted)
    if source == .client && mode != .generate {
      id.assign(value)
      return .client
    }
    if arrival.hasDifferent {
      joinLines(of: head, bytes, into: &received)
    } else {
      received.assign(value)
    }
    if mode == .pass { id.removeAll() }
    return mode == .generate ? .generated : source
  }

  /// True when a field of this name must not reach the backend beside the ID: the name of
  /// `request_id_header` itself in any case, or one that CGI-style backends fold into the same
  /// variable (`X_Request_ID`).
  @inlinable public func isField(_ name: Span<UInt8>) -> Bool {
    guard name.count == header.count else { return false }
    // The exact name is the usual case, and quickly found.
    return FieldNameMatch.equalIgnoringCase(name, header.span)
      || FieldNameMatch.foldsAlike(name, header.span)
  }

  /// True when a request whose ID came out as `source` is to be answered with 400
  /// (`request_id_invalid reject`).
  @inlinable @inline(__always) public func rejects(_ source: RequestIDSource) -> Bool {
    rejectsInvalid && (source == .invalid || source == .duplicate)
  }

  /// What the lines of the header say together.
  private struct Arrival {
    /// The first value that is not empty; empty when there is none.
    var value = ByteRange.empty
    /// True when another line has another value.
    var hasDifferent = false
  }

  private func arrival(in head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Arrival {
    var arrival = Arrival()
    var candidate = head.fields.firstIndex(ofNameCount: header.count)
    while let index = candidate {
      candidate = head.fields.firstIndex(ofNameCount: header.count, from: index &+ 1)
      let line = head.fields[index]
      guard isID(line, bytes) else { continue }
      if arrival.value.isEmpty {
        arrival.value = line.value
      } else if !areEqual(arrival.value, line.value, bytes) {
        arrival.hasDifferent = true
      }
    }
    return arrival
  }

  /// True for a line that carries an ID: the exact name in any case, and a value.
  @inline(__always) private func isID(_ line: FieldLine, _ bytes: Span<UInt8>) -> Bool {
    Int(line.nameCount) == header.count && line.valueCount > 0
      && FieldNameMatch.equalIgnoringCase(bytes.extracting(line.name.offsets), header.span)
  }

  private func areEqual(_ left: ByteRange, _ right: ByteRange, _ bytes: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<Int(left.count)
    where bytes[Int(left.start) + index] != bytes[Int(right.start) + index] {
      return false
    }
    return true
  }

  /// Where a single value would come from if it were kept.
  private func judge(_ value: Span<UInt8>, isTrusted: Bool) -> RequestIDSource {
    let longest = min(maximumLength, Limits.requestIDBytes)
    switch RequestIDAlphabet.judge(value, maximumLength: longest) {
    case .valid: return isTrusted ? .client : .untrusted
    case .malformed: return .invalid
    case .list: return .duplicate
    }
  }

  private func joinLines(
    of head: borrowing RequestHead, _ bytes: Span<UInt8>, into received: inout InlineBytes<256>
  ) {
    for index in 0..<head.fields.count {
      let line = head.fields[index]
      guard isID(line, bytes) else { continue }
      if !received.isEmpty {
        received.append(UInt8(ascii: ","))
        received.append(UInt8(ascii: " "))
      }
      received.append(bytes.extracting(line.value.offsets))
    }
  }
}
