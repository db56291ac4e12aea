import Basics
import Plan
import Policy

/// `proxy_buffering` and what bounds it.
extension DirectiveCatalog {
  static let responseBuffering: [Directive] = [
    .flag(
      "proxy_buffering", in: .everyLevel, default: "on", \.proxy.buffersResponses,
      """
      `on`: what a client does not take in time is kept, in memory and then in a file, so that a \
      slow client does not occupy a backend. Everything else is passed on as it arrives: no buffer \
      is filled first. `off`, or `X-Accel-Buffering: no` in a response: the backend is read no \
      faster than the client reads. Responses of gRPC and upgraded connections are never kept.
      """),
    Directive(
      "proxy_buffer_size", in: .everyLevel, "SIZE", default: "4k",
      """
      How much of a response is kept in memory besides `proxy_buffers`. (In nginx, it also limits \
      response heads, for which Waybill has `proxy_response_head_size`.)
      """
    ) { builder, use in
      guard builder.size(use.arguments[0]), let bytes = builder.bytes(use.arguments[0]) else {
        return
      }
      builder.settings.proxy.buffers.first = PlacedSetting(value: bytes, place: use.name.place)
    },
    Directive(
      "proxy_buffers", in: .everyLevel, "NUMBER SIZE", count: 2...2, default: "8 4k",
      """
      How much of a response is kept in memory for a client that does not take it: NUMBER times \
      SIZE, with `proxy_buffer_size` at most 128k. More is stored in a file.
      """
    ) { builder, use in
      guard let number = builder.number(use.arguments[0], 1...UInt64(Int32.max)),
        let bytes = builder.bufferBytes(use.arguments[1])
      else { return }
      let buffers = BufferList(number: number, bytes: bytes)
      builder.settings.proxy.buffers.list = PlacedSetting(value: buffers, place: use.name.place)
    },
    Directive(
      "proxy_max_temp_file_size", in: .everyLevel, "SIZE", default: "1024m",
      """
      The maximum size of the file that a response is kept in; 0: there is none. Beyond it, the \
      backend is read no faster than the client reads. `temp_space` limits all files together.
      """
    ) { builder, use in
      guard builder.size(use.arguments[0]), let bytes = builder.bytes(use.arguments[0]) else {
        return
      }
      builder.settings.proxy.buffers.file = PlacedSetting(value: bytes, place: use.name.place)
    },
    Directive(
      "proxy_temp_path", in: .everyLevel, "FOLDER [LEVEL [LEVEL [LEVEL]]]", count: 1...4,
      default: Limits.temporaryFolder,
      """
      The directory for responses that are too large for memory, which are stored in files without \
      names. The levels of nginx's subdirectories have no effect.
      """
    ) { builder, use in
      builder.settings.proxy.buffers.folder =
        builder.contentFolder(use) ?? builder.settings.proxy.buffers.folder
    },
    .checkedBuffer(
      "proxy_busy_buffers_size", "What a client has not taken is never written anew.",
      \.proxy.buffers.busy),
    .checkedBuffer(
      "proxy_temp_file_write_size", "Each piece is written as it arrives.",
      \.proxy.buffers.write),
  ]
}

extension Directive {
  /// A size that nginx compares with those of buffers, and that has no effect here.
  fileprivate static func checkedBuffer(
    _ name: String, _ reason: String,
    _ setting: any WritableKeyPath<Settings, PlacedSetting<UInt64>?> & Sendable
  ) -> Directive {
    Directive(name, in: .everyLevel, "SIZE", "Has no effect but its check. " + reason) {
      builder, use in
      guard builder.size(use.arguments[0]), let bytes = builder.bytes(use.arguments[0]) else {
        return
      }
      builder.note(use, .needless, reason)
      builder.settings[keyPath: setting] = PlacedSetting(value: bytes, place: use.name.place)
    }
  }
}

extension ConfigurationBuilder {
  /// The size of a buffer, which must hold something.
  fileprivate func bufferBytes(_ word: Word) -> UInt64? {
    guard size(word), let bytes = bytes(word) else { return nil }
    guard bytes > 0 else {
      reporter.error(word.place, "the buffer must not be empty", expected: "a size from 1")
      return nil
    }
    return bytes
  }

  /// The folder for temporary files that a directive names; nil after an error.
  func contentFolder(_ use: DirectiveUse) -> String? {
    for level in use.arguments.dropFirst() where number(level, 1...3) == nil { return nil }
    let path = use.arguments[0].text
    if !process.contentFolders.contains(where: { $0.path == path }) {
      process.contentFolders.append(ContentFolderPlan(path: path, directive: use.name.text))
    }
    return path
  }
}
