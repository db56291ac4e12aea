// The head of an HTTP/2 message as HTTP/1.1 writes it. What reads heads of HTTP/1.1 then reads and
// judges it: nothing gets past it that HTTP/1.1 could read otherwise.

/// Why a head is refused that nghttp2 has let pass.
public enum HTTP2HeadProblem: Error, Equatable, Sendable {
  /// More bytes than allowed, or than there is room for.
  case tooLarge
  /// More fields than allowed.
  case tooManyFields
  /// Host says something else than `:authority`.
  case hostDiffers
  /// `:scheme` is neither `http` nor `https`.
  case unknownScheme
}

/// Writes one head into memory that is large enough or is not.
struct HeadComposer {
  private let memory: UnsafeMutableRawBufferPointer
  private var count = 0
  private var overflowed = false

  private var method = UnsafeRawBufferPointer(start: nil, count: 0)
  private var path = UnsafeRawBufferPointer(start: nil, count: 0)
  private var authority = UnsafeRawBufferPointer(start: nil, count: 0)
  private var host = UnsafeRawBufferPointer(start: nil, count: 0)
  private var scheme = UnsafeRawBufferPointer(start: nil, count: 0)
  /// What an extended CONNECT asks for (RFC 8441 section 4).
  private var tunnelProtocol = UnsafeRawBufferPointer(start: nil, count: 0)
  private var cookieCount = 0

  init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

  /// Writes the head; returns its bytes.
  mutating func compose(
    _ place: HeadPlace, of arena: borrowing HeadArena
  ) throws(HTTP2HeadProblem) -> Int {
    if let status = place.status { return try composeResponse(status, place, of: arena) }
    try checkBounds(place)
    arena.forEach(in: place) { note($0, $1) }
    try judge()
    writeRequestLine()
    arena.forEach(in: place) { if !isSpecial($0) { write($0, $1) } }
    if cookieCount > 0 { writeCookies(place, of: arena) }
    append("\r\n")
    if overflowed { throw .tooLarge }
    return count
  }

  /// Writes a response's head.
  private mutating func composeResponse(
    _ status: Int, _ place: HeadPlace, of arena: borrowing HeadArena
  ) throws(HTTP2HeadProblem) -> Int {
    append("HTTP/1.1 ")
    arena.forEach(in: place) { if equals($0, ":status") { append($1) } }
    append(" \r\n")
    return try composeLines(place, of: arena)
  }

  /// Writes a trailer section, or the fields of a response; returns the bytes of all.
  mutating func composeLines(
    _ place: HeadPlace, of arena: borrowing HeadArena
  ) throws(HTTP2HeadProblem) -> Int {
    try checkBounds(place)
    arena.forEach(in: place) { if $0.first != UInt8(ascii: ":") { write($0, $1) } }
    append("\r\n")
    if overflowed { throw .tooLarge }
    return count
  }

  private func checkBounds(_ place: HeadPlace) throws(HTTP2HeadProblem) {
    if place.isTooLarge { throw .tooLarge }
    if place.hasTooManyFields { throw .tooManyFields }
  }

  private mutating func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    if equals(name, ":method") { method = value }
    if equals(name, ":path") { path = value }
    if equals(name, ":authority") { authority = value }
    if equals(name, ":scheme") { scheme = value }
    if equals(name, ":protocol") { tunnelProtocol = value }
    if equals(name, "host") { host = value }
    if equals(name, "cookie") { cookieCount += 1 }
  }

  private func judge() throws(HTTP2HeadProblem) {
    // CONNECT has none.
    let isKnown = scheme.isEmpty || equals(scheme, "https") || equals(scheme, "http")
    if !isKnown { throw .unknownScheme }
    let differs = !host.isEmpty && !authority.isEmpty && !host.elementsEqual(authority)
    if differs { throw .hostDiffers }
  }

  private mutating func writeRequestLine() {
    if tunnelProtocol.isEmpty { append(method) } else { append("GET") }
    append(" ")
    append(path.isEmpty ? authority : path)
    append(" HTTP/1.1\r\n")
    let named = authority.isEmpty ? host : authority
    append("host: ")
    append(named)
    append("\r\n")
    guard !tunnelProtocol.isEmpty else { return }
    // In HTTP/1.1 this is a request to switch protocols.
    append("connection: upgrade\r\nupgrade: ")
    append(tunnelProtocol)
    append("\r\n")
  }

  /// True for what does not stand among the fields as it has come. A key of WebSocket's is not the
  /// client's to choose here.
  private func isSpecial(_ name: UnsafeRawBufferPointer) -> Bool {
    name.first == UInt8(ascii: ":") || equals(name, "host") || equals(name, "cookie")
      || (!tunnelProtocol.isEmpty && equals(name, "sec-websocket-key"))
  }

  private mutating func write(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    append(name)
    append(": ")
    append(value)
    append("\r\n")
  }

  /// Several crumbs are one cookie (RFC 9113 section 8.2.3).
  private mutating func writeCookies(_ place: HeadPlace, of arena: borrowing HeadArena) {
    append("cookie: ")
    var isFirst = true
    arena.forEach(in: place) { name, value in
      guard equals(name, "cookie") else { return }
      if !isFirst { append("; ") }
      isFirst = false
      append(value)
    }
    append("\r\n")
  }

  private func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    bytes.elementsEqual(
      UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard count + bytes.count <= memory.count else { return overflowed = true }
    UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + bytes.count])
      .copyMemory(from: bytes)
    count += bytes.count
  }
}
