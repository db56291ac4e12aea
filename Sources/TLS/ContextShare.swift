// Objects that a context needs for as long as it lives, whoever else has let go of them: sessions
// that run hold references to it.

import COpenSSL

/// A place in each context for one object of a kind; the context's end lets go of it.
struct ContextShare: Sendable {
  private let number = CRYPTO_get_ex_new_index(
    CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil,
    { _, held, _, _, _, _ in
      if let held { Unmanaged<AnyObject>.fromOpaque(held).release() }
    })

  /// Gives a context its share of `object`; called once for each context. Returns what C code may
  /// be given to find the object by.
  func give(_ object: AnyObject, to context: OpaquePointer) -> UnsafeMutableRawPointer {
    let held = Unmanaged.passRetained(object).toOpaque()
    SSL_CTX_set_ex_data(context, number, held)
    return held
  }

  /// What a context holds here.
  func held(by context: OpaquePointer?) -> UnsafeMutableRawPointer? {
    SSL_CTX_get_ex_data(context, number)
  }
}
