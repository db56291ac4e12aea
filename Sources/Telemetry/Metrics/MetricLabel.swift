/// A label and its value, in the form in which they are written: a page repeats them on many lines.
public struct MetricLabel: Equatable, Sendable {
  /// `name="value"`; in the value `\`, `"` and line ends are escaped.
  let text: [UInt8]
  let name: [UInt8]
  let value: [UInt8]

  /// The label given.
  public init(_ name: String, _ value: [UInt8]) {
    self.name = Array(name.utf8)
    self.value = value
    var text = self.name + Array("=\"".utf8)
    for byte in value {
      switch byte {
      case UInt8(ascii: "\\"): text += Array("\\\\".utf8)
      case UInt8(ascii: "\""): text += Array("\\\"".utf8)
      case UInt8(ascii: "\n"): text += Array("\\n".utf8)
      default: text.append(byte)
      }
    }
    self.text = text + [UInt8(ascii: "\"")]
  }

  /// The label given.
  public init(_ name: String, _ value: String) { self.init(name, Array(value.utf8)) }
}
