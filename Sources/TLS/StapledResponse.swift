import COpenSSL

/// An OCSP response that each session of a context sends with its certificate (RFC 6066 section 8).
final class StapledResponse: Sendable {
  private let bytes: [UInt8]
  private static let share = ContextShare()

  /// The response in the bytes of a file; throws when they are something else.
  init(_ bytes: [UInt8]) throws(TLSProblem) {
    guard copenssl_is_ocsp_response(bytes, bytes.count) == 1 else {
      ERR_clear_error()
      throw TLSProblem("the file has no OCSP response in DER format")
    }
    self.bytes = bytes
  }

  /// Has each session of a context send it.
  func install(in context: OpaquePointer) {
    let held = Self.share.give(self, to: context)
    copenssl_set_status_callback(
      context,
      { session, held in
        guard let session, let held else { return SSL_TLSEXT_ERR_NOACK }
        return Unmanaged<StapledResponse>.fromOpaque(held).takeUnretainedValue().staple(session)
      }, held)
  }

  private func staple(_ session: OpaquePointer) -> Int32 {
    guard let copy = copenssl_duplicate(bytes, bytes.count) else { return SSL_TLSEXT_ERR_NOACK }
    copenssl_staple(session, copy.assumingMemoryBound(to: UInt8.self), bytes.count)
    return SSL_TLSEXT_ERR_OK
  }
}
