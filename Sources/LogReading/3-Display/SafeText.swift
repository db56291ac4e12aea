/// Text from logs for terminals: what somebody logged must not move the cursor, change colours, or
/// turn the direction of writing.
public enum SafeText {
  /// Appends `bytes` with everything that is not visible as `\xHH` or `\u{HHHH}`, and what is no
  /// UTF-8 as U+FFFD.
  public static func append(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
    if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
      text += bytes
      return
    }
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
        text += escape(scalar).utf8
      default: text += UTF8.encode(scalar)!
      }
    }
  }

  /// The text as a JSON string, quotes included: always valid, whatever the bytes.
  public static func appendJSON(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"", "\\":
        text.append(UInt8(ascii: "\\"))
        text += UTF8.encode(scalar)!
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        text += ("\\u00" + hexadecimal(scalar)).utf8
      default: text += UTF8.encode(scalar)!
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    scalar.value < 0x80
      ? "\\x" + hexadecimal(scalar) : "\\u{" + String(scalar.value, radix: 16) + "}"
  }

  private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return digits.count < 2 ? "0" + digits : digits
  }
}
