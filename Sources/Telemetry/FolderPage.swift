import Basics
import HTTP

/// The list of a folder's files (`autoindex`), in nginx's two usual forms.
public struct FolderPage: Sendable {
  /// The form of the list.
  public enum Format: UInt8, Sendable, BitwiseCopyable {
    /// A page for people.
    case html
    /// An array of objects.
    case json
  }

  /// A file or a folder.
  public struct Entry: Equatable, Sendable {
    /// Its name.
    public var name: [UInt8]
    /// True for a folder.
    public var isFolder: Bool
    /// True for a regular file.
    public var isFile: Bool
    /// Its bytes.
    public var size: UInt64
    /// When it was last modified, in seconds since 1970-01-01 UTC; not negative.
    public var modified: UInt64

    /// The entry given.
    public init(name: [UInt8], isFolder: Bool, isFile: Bool, size: UInt64, modified: UInt64) {
      self.name = name
      self.isFolder = isFolder
      self.isFile = isFile
      self.size = size
      self.modified = modified
    }
  }

  /// The form of the list.
  public var format: Format
  /// `autoindex_exact_size`: sizes in bytes, else rounded.
  public var isExact = true
  /// `autoindex_localtime`: seconds that the times on the page are ahead of UTC.
  public var timeOffset: Int64 = 0
  private var entries: [Entry] = []

  /// A list without entries.
  public init(format: Format) { self.format = format }

  /// How many entries there are.
  public var count: Int { entries.count }

  /// Adds an entry.
  public mutating func add(_ entry: Entry) { entries.append(entry) }

  /// The media type of the page.
  public var contentType: StaticString {
    switch format {
    case .html: "text/html"
    case .json: "application/json"
    }
  }

  /// The page for the folder at a decoded path. Folders come first, then by name.
  public func text(path: [UInt8]) -> [UInt8] {
    let sorted = entries.sorted { one, other in
      if one.isFolder != other.isFolder { return one.isFolder }
      return one.name.lexicographicallyPrecedes(other.name)
    }
    return format == .html ? html(sorted, path) : json(sorted)
  }

  // MARK: HTML

  /// Characters of a name that are shown at most.
  private static var nameColumns: Int { 50 }

  private func html(_ entries: [Entry], _ path: [UInt8]) -> [UInt8] {
    let title = Self.escaped(path)
    var page = Array("<html>\r\n<head><title>Index of ".utf8) + title
    page += "</title></head>\r\n<body>\r\n<h1>Index of ".utf8 + title
    page += "</h1><hr><pre><a href=\"../\">../</a>\r\n".utf8
    for entry in entries { page += line(entry) }
    page += "</pre><hr></body>\r\n</html>\r\n".utf8
    return page
  }

  private func line(_ entry: Entry) -> [UInt8] {
    var line = Array("<a href=\"".utf8) + Self.encoded(entry.name)
    if entry.isFolder { line.append(ASCII.slashByte) }
    line += "\">".utf8
    let characters = Self.characters(entry.name)
    if characters.count > Self.nameColumns {
      line += Self.escaped(characters.prefix(Self.nameColumns - 3).flatMap { $0 })
      line += "..&gt;</a>".utf8
    } else {
      line += Self.escaped(entry.name)
      var width = characters.count
      if entry.isFolder && width < Self.nameColumns {
        line.append(ASCII.slashByte)
        width += 1
      }
      line += "</a>".utf8
      line += Array(repeating: 0x20, count: Self.nameColumns - width)
    }
    line += " ".utf8 + time(entry.modified) + " ".utf8
    return line + size(entry) + "\r\n".utf8
  }

  /// `06-Nov-1994 08:49`
  private func time(_ modified: UInt64) -> [UInt8] {
    let local = max(0, Int64(clamping: modified) + timeOffset)
    let date = CivilDate(daysSince1970: Int(local / 86_400))
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let minute = local % 86_400 / 60
    let text =
      Self.padded("\(date.day)", 2, "0") + "-\(months[date.month - 1])-\(date.year) "
      + Self.padded("\(minute / 60)", 2, "0") + ":" + Self.padded("\(minute % 60)", 2, "0")
    return Array(text.utf8)
  }

  private func size(_ entry: Entry) -> [UInt8] {
    if isExact {
      return Array(Self.padded(entry.isFolder ? "-" : "\(entry.size)", 19, " ").utf8)
    }
    if entry.isFolder { return Array("      -".utf8) }
    var text = " " + Self.padded("\(entry.size)", 6, " ")
    let units: [(name: String, bytes: UInt64, from: UInt64)] = [
      ("G", 1 << 30, 1 << 30), ("M", 1 << 20, 1 << 20), ("K", 1 << 10, 10_000),
    ]
    if let unit = units.first(where: { entry.size >= $0.from }) {
      text = Self.padded("\((entry.size + unit.bytes / 2) / unit.bytes)", 6, " ") + unit.name
    }
    return Array(text.utf8)
  }

  private static func padded(_ text: String, _ width: Int, _ filler: Character) -> String {
    String(repeating: filler, count: max(0, width - text.utf8.count)) + text
  }

  /// The bytes of each character of UTF-8; a byte that is none stands alone.
  private static func characters(_ name: [UInt8]) -> [[UInt8]] {
    var characters: [[UInt8]] = []
    for byte in name {
      if byte & 0xC0 == 0x80, !characters.isEmpty {
        characters[characters.count - 1].append(byte)
      } else {
        characters.append([byte])
      }
    }
    return characters
  }

  private static func escaped(_ text: [UInt8]) -> [UInt8] {
    text.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: "<"): Array("&lt;".utf8)
      case UInt8(ascii: ">"): Array("&gt;".utf8)
      case UInt8(ascii: "&"): Array("&amp;".utf8)
      case UInt8(ascii: "\""): Array("&quot;".utf8)
      default: [byte]
      }
    }
  }

  /// A name as a part of a URI: letters, digits and `-._~` stay.
  private static func encoded(_ name: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return name.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        [byte]
      default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }

  // MARK: JSON

  private func json(_ entries: [Entry]) -> [UInt8] {
    var page = Array("[".utf8)
    for (index, entry) in entries.enumerated() {
      page += (index == 0 ? "\r\n" : ",\r\n").utf8
      page += "{ \"name\":\"".utf8 + Self.jsonEscaped(entry.name)
      let type = entry.isFolder ? "directory" : entry.isFile ? "file" : "other"
      page += "\", \"type\":\"\(type)\", \"mtime\":\"".utf8 + Self.date(entry.modified) + "\"".utf8
      if entry.isFile { page += ", \"size\":\(entry.size)".utf8 }
      page += " }".utf8
    }
    page += "\r\n]".utf8
    return page
  }

  private static func date(_ modified: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: IMFDate.byteCount) { memory in
      // Safe: the writer does not outlive the memory.
      var writer = unsafe ByteWriter(memory)
      IMFDate.write(secondsSince1970: modified, into: &writer)
      for index in 0..<writer.count { bytes.append(writer.span[index]) }
    }
    return bytes
  }

  private static func jsonEscaped(_ name: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return name.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
      case 0x08: Array("\\b".utf8)
      case 0x09: Array("\\t".utf8)
      case 0x0A: Array("\\n".utf8)
      case 0x0C: Array("\\f".utf8)
      case 0x0D: Array("\\r".utf8)
      case 0..<0x20:
        Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: [byte]
      }
    }
  }
}

private enum ASCII {
  static var slashByte: UInt8 { UInt8(ascii: "/") }
}
