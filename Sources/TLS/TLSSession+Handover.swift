// A session goes from one thread to another: the worker that holds its connection is replaced.

import COpenSSL

extension TLSSession {
  /// Lets go of the transport of the thread that has used the session so far. Until `attach`
  /// nothing but that and `free` may be called.
  public func detach() { SSL_set_bio(handle, nil, nil) }

  /// Goes on with the transport of the calling thread; false when memory has run out.
  public func attach(_ transport: TLSTransportPointer) -> Bool {
    guard let bio = TransportBIO.shared(transport) else { return false }
    SSL_set_bio(handle, bio, bio)
    return true
  }
}
