import Basics

/// A label and its value, in the form in which they are written: a page repeats them on many lines.
public struct MetricLabel: Equatable, Sendable {
  /// `name="value"`; in the value `\`, `"` and line ends are escaped, and other invisible
  /// characters are written as `\xHH` or `\u{hhhh}`, for which the format has nothing.
  let text: [UInt8]
  let name: [UInt8]
  let value: [UInt8]

  /// The label given.
  public init(_ name: String, _ value: [UInt8]) {
    self.name = Array(name.utf8)
    self.value = value
    var text = self.name + Array("=\"".utf8)
    for scalar in String(decoding: value, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\\": text += Array("\\\\".utf8)
      case "\"": text += Array("\\\"".utf8)
      case "\n": text += Array("\\n".utf8)
      case _ where scalar.isInvisible: text += Array("\\\(scalar.visibleEscape)".utf8)
      default: text += Array(String(scalar).utf8)
      }
    }
    self.text = text + [UInt8(ascii: "\"")]
  }

  /// The label given.
  public init(_ name: String, _ value: String) { self.init(name, Array(value.utf8)) }
}
