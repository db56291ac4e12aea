/// Telling methods, which are case-sensitive (RFC 9110 section 9.1).
extension Method {
  /// The most bytes that a method may have.
  static var maximumLength: Int { 32 }

  /// The method whose `count` bytes were packed into a word, the last one lowest. A longer token
  /// has lost its first bytes there: `count` keeps it from looking like a shorter method.
  @inline(__always) init(packed: UInt64, count: Int) {
    guard count <= 7 else {
      self = .other
      return
    }
    switch packed {
    case 0x47_4554: self = .get
    case 0x4845_4144: self = .head
    case 0x504F_5354: self = .post
    case 0x50_5554: self = .put
    case 0x4445_4C45_5445: self = .delete
    case 0x43_4F4E_4E45_4354: self = .connect
    case 0x4F_5054_494F_4E53: self = .options
    case 0x54_5241_4345: self = .trace
    case 0x50_4154_4348: self = .patch
    default: self = .other
    }
  }
}
