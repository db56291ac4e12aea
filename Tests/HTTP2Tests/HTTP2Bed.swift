import CNghttp2

@testable import HTTP2

/// A client of nghttp2's before an `HTTP2Server`: what one sends is handed to the other.
final class HTTP2Bed {
  let server: HTTP2Server
  private var client: OpaquePointer?
  /// What the server has told, but for content's bytes, which are in `content`.
  private(set) var events: [HTTP2Event] = []
  private(set) var content: [UInt32: [UInt8]] = [:]
  /// What the client has got.
  var answers: [Int32: Answer] = [:]
  var goneAway: [UInt32] = []

  struct Answer: Equatable {
    var fields: [String] = []
    var body: [UInt8] = []
    var hasEnded = false
    var reset: UInt32?
  }

  static var settings: HTTP2Settings {
    HTTP2Settings(
      concurrentStreams: 8, streamWindow: 65_535, connectionWindow: 1 << 20, headBytes: 4_096,
      fieldCount: 20, resetBurst: 5, resetRate: 1, provokedResets: 5, controlFrames: 50,
      controlFramesPerRequest: 10, controlFramesPerContent: 10,
      contentBytesPerControlFrame: 256, controlFramesPerSecond: 10)
  }

  init(window: UInt32 = 65_535) {
    server = HTTP2Server(Self.settings)
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    defer { nghttp2_session_callbacks_del(callbacks) }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, context in
      let bed = HTTP2Bed.bed(context)
      let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
      let value = String(
        decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
      bed.answers[frame!.pointee.hd.stream_id, default: Answer()].fields.append("\(name)=\(value)")
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, number, bytes, count, context in
      HTTP2Bed.bed(context).answers[number, default: Answer()].body += UnsafeBufferPointer(
        start: bytes, count: count)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      let frame = frame!.pointee
      let bed = HTTP2Bed.bed(context)
      if frame.hd.type == UInt8(NGHTTP2_GOAWAY.rawValue) {
        bed.goneAway.append(frame.goaway.error_code)
      } else if frame.hd.type == UInt8(NGHTTP2_RST_STREAM.rawValue) {
        bed.answers[frame.hd.stream_id, default: Answer()].reset = frame.rst_stream.error_code
      } else if frame.hd.stream_id > 0,
        frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
      {
        bed.answers[frame.hd.stream_id, default: Answer()].hasEnded = true
      }
      return 0
    }
    let context = Unmanaged.passUnretained(self).toOpaque()
    var options: OpaquePointer?
    nghttp2_option_new(&options)
    defer { nghttp2_option_del(options) }
    // The server is sent more only as `widen` says.
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_session_client_new2(&client, callbacks, context, options)
    var entry = nghttp2_settings_entry(
      settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: window)
    nghttp2_submit_settings(client, 0, &entry, 1)
    carry()
  }

  deinit { nghttp2_session_del(client) }

  private static func bed(_ context: UnsafeMutableRawPointer?) -> HTTP2Bed {
    Unmanaged<HTTP2Bed>.fromOpaque(context!).takeUnretainedValue()
  }

  // MARK: The client

  /// Begins a request; without content unless there is some, or it goes on.
  @discardableResult func ask(
    _ fields: [(String, String)], content: [UInt8]? = nil
  ) -> UInt32 {
    let source = content.map { ContentSource($0) }
    let provider = nghttp2_data_provider(
      source: nghttp2_data_source(ptr: source.map { Unmanaged.passRetained($0).toOpaque() })
    ) { _, _, memory, most, flags, source, _ in
      let content = Unmanaged<ContentSource>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
      let count = min(most, content.rest.count)
      for (index, byte) in content.rest.prefix(count).enumerated() { memory![index] = byte }
      content.rest.removeFirst(count)
      if content.rest.isEmpty { flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
      return count
    }
    var number: Int32 = 0
    withFields(fields) { list, count in
      number = withUnsafePointer(to: provider) { provider in
        nghttp2_submit_request(client, nil, list, count, source == nil ? nil : provider, nil)
      }
    }
    carry()
    return UInt32(number)
  }

  static func get(_ path: String, _ more: [(String, String)] = []) -> [(String, String)] {
    [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a.example")] + more
  }

  func resetByClient(_ number: UInt32) {
    nghttp2_submit_rst_stream(client, 0, Int32(number), NGHTTP2_CANCEL.rawValue)
    carry()
  }

  func pingByClient() {
    nghttp2_submit_ping(client, 0, nil)
    carry()
  }

  /// Lets the client be sent more of one stream and of all.
  func widen(_ number: UInt32, by count: Int32) {
    nghttp2_submit_window_update(client, 0, Int32(number), count)
    nghttp2_submit_window_update(client, 0, 0, count)
    carry()
  }

  private func withFields(
    _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void
  ) {
    var list = HTTP2FieldList()
    for (name, value) in fields {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { value in list.append(name, value) }
      }
    }
    list.withFields(body)
  }

  // MARK: The server

  /// Hands over what waits on either side until there is nothing more.
  func carry() {
    var moved = true
    while moved {
      moved = false
      var bytes: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(client, &bytes)
      if count > 0 {
        moved = true
        take(UnsafeRawBufferPointer(start: bytes, count: count))
      }
      let output = Array(server.output)
      if !output.isEmpty {
        moved = true
        server.dropOutput(output.count)
        _ = nghttp2_session_mem_recv(client, output, output.count)
      }
      if server.hasEvents { take(UnsafeRawBufferPointer(start: nil, count: 0)) }
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while true {
      let event = server.next(&rest)
      switch event {
      case .nothing: return
      case .content(let number, let bytes, _): content[number, default: []] += bytes
      default: break
      }
      events.append(event)
    }
  }

  /// What a head is as HTTP/1.1; taken when the event has just come.
  func respond(_ number: UInt32, _ fields: [(String, String)], ends: Bool) {
    server.beginFields()
    for (name, value) in fields {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { value in server.addField(name, value) }
      }
    }
    server.sendFields(number, ends: ends)
  }

  func send(_ number: UInt32, _ bytes: [UInt8], ends: Bool) -> Int {
    bytes.withUnsafeBytes { server.sendContent(number, $0, ends: ends) }
  }

  func answer(_ number: UInt32) -> Answer { answers[Int32(number)] ?? Answer() }
}

private final class ContentSource {
  var rest: [UInt8]
  init(_ rest: [UInt8]) { self.rest = rest }
}
