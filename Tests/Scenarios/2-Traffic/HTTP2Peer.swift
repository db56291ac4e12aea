// A client of HTTP/2 for scripts that speak HTTP/1.1: each request becomes a stream, however many
// are under way, and responses are shown in the order of their requests. So whatever is judged of
// clients is judged of these, too. nghttp2 judges what comes.

import CNghttp2
import Simulation

/// One connection's frames, between a script and its connection.
final class HTTP2Peer: PeerSecurity {
  private var session: OpaquePointer?
  private var output: [UInt8] = []
  private var exchanges: [HTTP2Exchange] = []
  /// How many responses have been shown whole.
  private var shownCount = 0
  private var reader = HTTP1RequestReader()
  private let abandons: @Sendable (Int) -> HTTP2Exchange.Abandonment?
  private var isLeaving = false

  private(set) var hasEnd = false
  private(set) var failure: String?
  let farewell = PeerFarewell.both
  var isEstablished: Bool { true }

  /// A client that gives up those of its requests, counted from 0, that `abandons` names. Streams
  /// may be sent `window` bytes at a time.
  init(window: UInt32, abandons: @escaping @Sendable (Int) -> HTTP2Exchange.Abandonment?) {
    self.abandons = abandons
    var callbacks: OpaquePointer?
    precondition(nghttp2_session_callbacks_new(&callbacks) == 0, "nghttp2: no memory")
    defer { nghttp2_session_callbacks_del(callbacks) }
    HTTP2PeerCallbacks.install(in: callbacks)
    let context = Unmanaged.passUnretained(self).toOpaque()
    precondition(nghttp2_session_client_new(&session, callbacks, context) == 0, "no memory")
    var entry = nghttp2_settings_entry(
      settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: window)
    nghttp2_submit_settings(session, 0, &entry, 1)
  }

  deinit { nghttp2_session_del(session) }

  func begin() {}

  func receive(_ bytes: [UInt8]) {
    guard failure == nil, !bytes.isEmpty else { return }
    let count = nghttp2_session_mem_recv(session, bytes, bytes.count)
    if count < 0 { failure = "HTTP/2: \(String(cString: nghttp2_strerror(Int32(count))))" }
  }

  func takeContent() -> [UInt8] {
    var content: [UInt8] = []
    while shownCount < exchanges.count, !hasEnd {
      let exchange = exchanges[shownCount]
      content += exchange.shown
      exchange.shown = []
      if exchange.isCut { hasEnd = true }
      guard exchange.isComplete else { break }
      shownCount += 1
    }
    return content
  }

  func send(_ content: [UInt8]) {
    for part in reader.read(content) {
      switch part {
      case .head(let fields, let hasContent): ask(fields, hasContent: hasContent)
      case .content(let bytes): add(bytes, ends: false)
      case .end: add([], ends: true)
      }
    }
  }

  func end() {
    isLeaving = true
    nghttp2_session_terminate_session(session, 0)
  }

  func takeOutput() -> [UInt8] {
    fill()
    defer { output = [] }
    return output
  }

  private func fill() {
    var bytes: UnsafePointer<UInt8>?
    while true {
      let count = nghttp2_session_mem_send(session, &bytes)
      guard count > 0 else { return }
      output += UnsafeBufferPointer(start: bytes, count: count)
    }
  }

  // MARK: Requests

  private func ask(_ fields: [(String, String)], hasContent: Bool) {
    let exchange = HTTP2Exchange(
      method: fields[0].1, abandonment: abandons(exchanges.count))
    exchanges.append(exchange)
    let number = HTTP2Exchange.withFields(fields) { list, count in
      guard hasContent else {
        return nghttp2_submit_request(session, nil, list, count, nil, nil)
      }
      var provider = exchange.provider
      return nghttp2_submit_request(session, nil, list, count, &provider, nil)
    }
    guard number > 0 else { return exchange.cut() }
    exchange.number = number
    if exchange.abandonment == .atOnce && !hasContent { abandon(exchange) }
  }

  private func add(_ bytes: [UInt8], ends: Bool) {
    guard let exchange = exchanges.last else { return }
    exchange.content += bytes
    exchange.hasWhole = ends
    if exchange.number > 0 { nghttp2_session_resume_data(session, exchange.number) }
    if exchange.abandonment == .atOnce { abandon(exchange) }
  }

  /// Resets a stream, once what came before has been sent.
  fileprivate func abandon(_ exchange: HTTP2Exchange) {
    guard !exchange.isComplete, !exchange.isCut, exchange.number > 0 else { return }
    fill()
    exchange.abandon()
    nghttp2_submit_rst_stream(
      session, 0, exchange.number, UInt32(NGHTTP2_CANCEL.rawValue))
  }

  fileprivate func find(_ number: Int32) -> HTTP2Exchange? {
    exchanges.last { $0.number == number }
  }

  fileprivate func noteGoAway() {
    if !isLeaving { for exchange in exchanges where exchange.number == 0 { exchange.cut() } }
  }
}

/// A request of such a client, and what has come of its response.
final class HTTP2Exchange {
  /// When a request is given up.
  enum Abandonment: Sendable {
    /// As soon as the beginning of it has been sent.
    case atOnce
    /// When the response begins.
    case answered
  }

  /// The status that a script is shown for a request that was given up.
  static let abandonedStatus = 599

  let abandonment: Abandonment?
  private let method: String
  fileprivate var number: Int32 = 0
  /// Content that has not been sent.
  fileprivate var content: [UInt8] = []
  fileprivate var hasWhole = false
  /// The response as HTTP/1.1 says it, as far as nobody has been shown it.
  fileprivate var shown: [UInt8] = []
  private(set) var isComplete = false
  private(set) var isCut = false
  private var fields: [(name: String, value: String)] = []
  private var isChunked = false

  fileprivate init(method: String, abandonment: Abandonment?) {
    self.method = method
    self.abandonment = abandonment
  }

  fileprivate static func withFields(
    _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32
  ) -> Int32 {
    var bytes = fields.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
    return bytes.withUnsafeMutableBufferPointer { bytes in
      guard var next = bytes.baseAddress else { return body(nil, 0) }
      let list = fields.map { name, value in
        let start = next
        next += name.utf8.count + value.utf8.count
        return nghttp2_nv(
          name: start, value: start + name.utf8.count, namelen: name.utf8.count,
          valuelen: value.utf8.count, flags: 0)
      }
      return list.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
  }

  /// Where the request's content comes from.
  fileprivate var provider: nghttp2_data_provider {
    let source = Unmanaged.passUnretained(self).toOpaque()
    return nghttp2_data_provider(source: nghttp2_data_source(ptr: source)) {
      _, _, memory, most, flags, source, _ in
      let exchange = Unmanaged<HTTP2Exchange>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
      let count = min(most, exchange.content.count)
      for (index, byte) in exchange.content.prefix(count).enumerated() { memory![index] = byte }
      exchange.content.removeFirst(count)
      if exchange.hasWhole && exchange.content.isEmpty {
        flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      } else if count == 0 {
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
      }
      return count
    }
  }

  // MARK: The response

  fileprivate func cut() { if !isComplete { isCut = true } }

  fileprivate func abandon() {
    shown += "HTTP/1.1 \(HTTP2Exchange.abandonedStatus) Abandoned\r\nContent-Length: 0\r\n\r\n".utf8
    isComplete = true
  }

  fileprivate func addField(_ name: String, _ value: String) { fields.append((name, value)) }

  /// The fields are whole; true when the request is to be given up now.
  fileprivate func endFields(ends: Bool) -> Bool {
    defer { fields = [] }
    guard !isComplete else { return false }
    guard let status = fields.first(where: { $0.name == ":status" })?.value else {
      if ends { endContent(trailers: fields) }
      return false
    }
    let isInterim = status.hasPrefix("1")
    if !isInterim && abandonment == .answered { return true }
    var lines = fields.dropFirst().map { "\($0.name): \($0.value)\r\n" }
    let isBodiless = method == "HEAD" || isInterim || status == "204" || status == "304"
    if !isBodiless && !fields.contains(where: { $0.name == "content-length" }) {
      isChunked = true
      lines.append("transfer-encoding: chunked\r\n")
    }
    shown += "HTTP/1.1 \(status) Shown\r\n\(lines.joined())\r\n".utf8
    if ends { endContent(trailers: []) }
    return false
  }

  fileprivate func addContent(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard !isComplete, !bytes.isEmpty else { return }
    if isChunked { shown += "\(String(bytes.count, radix: 16))\r\n".utf8 }
    shown += bytes
    if isChunked { shown += "\r\n".utf8 }
  }

  fileprivate func endContent(trailers: [(name: String, value: String)]) {
    guard !isComplete else { return }
    if isChunked {
      shown += "0\r\n\(trailers.map { "\($0.name): \($0.value)\r\n" }.joined())\r\n".utf8
    }
    isComplete = true
  }
}

/// What nghttp2 calls.
private enum HTTP2PeerCallbacks {
  static func install(in callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, context in
      let name = UnsafeBufferPointer(start: name, count: nameCount)
      let value = UnsafeBufferPointer(start: value, count: valueCount)
      HTTP2PeerCallbacks.peer(context).find(frame!.pointee.hd.stream_id)?.addField(
        String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, number, bytes, count, context in
      HTTP2PeerCallbacks.peer(context).find(number)?.addContent(
        UnsafeBufferPointer(start: bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      let peer = HTTP2PeerCallbacks.peer(context)
      let header = frame!.pointee.hd
      if header.type == UInt8(NGHTTP2_GOAWAY.rawValue) { peer.noteGoAway() }
      guard let exchange = peer.find(header.stream_id) else { return 0 }
      let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
      if header.type == UInt8(NGHTTP2_HEADERS.rawValue) {
        if exchange.endFields(ends: ends) { peer.abandon(exchange) }
      } else if header.type == UInt8(NGHTTP2_DATA.rawValue) && ends {
        exchange.endContent(trailers: [])
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, context in
      HTTP2PeerCallbacks.peer(context).find(frame!.pointee.hd.stream_id)?.cut()
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, _, context in
      HTTP2PeerCallbacks.peer(context).find(number)?.cut()
      return 0
    }
  }

  private static func peer(_ context: UnsafeMutableRawPointer?) -> HTTP2Peer {
    Unmanaged<HTTP2Peer>.fromOpaque(context!).takeUnretainedValue()
  }
}
