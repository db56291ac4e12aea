/// `include mime.types` where nginx's file of that name is not there: the system's table, or a few
/// types without which no site works.
extension ConfigurationBuilder {
  /// Where Debian, Fedora and others keep the media types by their extensions.
  private static let systemPath = "/etc/mime.types"

  /// True when the system's media types have taken the place of the file that `word` names.
  func includesMediaTypes(_ word: Word) -> Bool {
    guard word.text == "mime.types" || word.text.hasSuffix("/mime.types"),
      !context.isDisjoint(with: .everyLevel),
      case .failure = environment.readFile(absolute(word.text))
    else { return false }
    let types = settings.mediaTypes ?? MediaTypes()
    settings.mediaTypes = types
    var found = Self.webTypes
    if case .success(let bytes) = environment.readFile(Self.systemPath) {
      let system = Self.parse(bytes)
      if !system.isEmpty { found = system }
    }
    types.byExtension.merge(found) { _, new in new }
    return true
  }

  /// The types of a file whose lines are a media type and its extensions. A `#` begins a comment.
  private static func parse(_ bytes: [UInt8]) -> [String: String] {
    var types: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let text = line.prefix { $0 != "#" }
      let words = text.split { $0 == " " || $0 == "\t" || $0 == "\r" }
      guard let type = words.first, type.contains("/"), type.utf8.allSatisfy(isVisible) else {
        continue
      }
      for word in words.dropFirst() where types[word.lowercased()] == nil {
        types[word.lowercased()] = String(type)
      }
    }
    return types
  }

  private static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

  /// What pages are made of.
  private static var webTypes: [String: String] {
    [
      "html": "text/html", "htm": "text/html", "css": "text/css", "txt": "text/plain",
      "js": "text/javascript", "mjs": "text/javascript", "json": "application/json",
      "xml": "text/xml", "pdf": "application/pdf", "wasm": "application/wasm",
      "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
      "gif": "image/gif", "webp": "image/webp", "avif": "image/avif",
      "ico": "image/vnd.microsoft.icon", "woff": "font/woff", "woff2": "font/woff2",
      "ttf": "font/ttf", "otf": "font/otf", "mp3": "audio/mpeg", "ogg": "audio/ogg",
      "mp4": "video/mp4", "webm": "video/webm", "zip": "application/zip",
      "gz": "application/gzip",
    ]
  }
}
