// What a session keeps of a stream.

import CNghttp2

/// One request and its response. It lives until both nghttp2 and the session's user have let go.
struct HTTP2Stream {
  var number: UInt32
  /// Content that has been handed out and for which the peer has no credit yet.
  var uncredited = 0

  /// The user has been told of it.
  var isKnown = false
  /// The user has let go.
  var isReleased = false
  /// nghttp2 has let go.
  var isClosed = false
  /// Nothing more comes of it.
  var hasEnded = false
  /// Its peer has sent more than it had credit for: its end is not to be believed.
  var isOverrun = false

  /// Its final head has come: what comes behind the content is a trailer section.
  var headHasCome = false
  /// The code that the peer has reset it with.
  var peerReset: UInt32?
  /// Its head could not be sent, for this reason of nghttp2's.
  var unsentReason: Int32 = 0

  /// The request's head, or that of the final response, has been sent.
  var hasSentHead = false
  /// Content to be sent next, while `sendContent` runs.
  var source = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Nothing follows `source`, but trailers if there are any.
  var ends = false
  /// The last content has been framed.
  var endIsSent = false
  /// nghttp2 asks for content again once it is told that there is some.
  var isDeferred = false
  var trailers: UnsafeMutablePointer<HTTP2FieldList>?

  var next: UnsafeMutablePointer<HTTP2Stream>?
  var previous: UnsafeMutablePointer<HTTP2Stream>?

  init(_ number: UInt32) { self.number = number }
}

/// Where the fields of a head, or of a trailer section, lie in `HeadArena`.
struct HeadPlace: BitwiseCopyable {
  var start = 0
  var count = 0
  /// Its size by RFC 9113 section 6.5.2.
  var listSize = 0
  var fieldCount = 0
  /// Of a response: what its first field says.
  var status: Int?
  /// It exceeds a bound: what came behind that was not kept.
  var isTooLarge = false
  var hasTooManyFields = false
}

/// Fields that are to be sent, kept until nghttp2 copies them.
struct HTTP2FieldList {
  private var bytes: [UInt8] = []
  private var lengths: [(name: Int, value: Int)] = []

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
  }

  mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    bytes += name
    bytes += value
    lengths.append((name.count, value.count))
  }

  var isEmpty: Bool { lengths.isEmpty }

  /// The status of a response, whose first field it is; nil for other sections.
  var status: Int? {
    guard let first = lengths.first, first.name == 7, first.value == 3 else { return nil }
    return bytes.withUnsafeBytes {
      Self.status(
        UnsafeRawBufferPointer(rebasing: $0[..<7]), UnsafeRawBufferPointer(rebasing: $0[7..<10]))
    }
  }

  /// The status that a field of seven and three bytes says; nil for another one.
  static func status(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Int? {
    guard name.elementsEqual(":status".utf8) else { return nil }
    return value.reduce(0) { $0 * 10 + Int($1) - 48 }
  }

  /// The fields as nghttp2 takes them; valid during `body`.
  mutating func withFields<Result>(
    _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
  ) -> Result {
    bytes.withUnsafeMutableBufferPointer { bytes in
      var start = 0
      let fields = lengths.map { length in
        let base = bytes.baseAddress
        defer { start += length.name + length.value }
        return nghttp2_nv(
          name: base.map { $0 + start }, value: base.map { $0 + start + length.name },
          namelen: length.name, valuelen: length.value, flags: 0)
      }
      return fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
  }
}
