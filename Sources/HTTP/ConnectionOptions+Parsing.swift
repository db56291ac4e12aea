import Basics

/// Reading Connection field lines (RFC 9110 section 7.6.1).
extension ConnectionOptions {
  /// Adds what one Connection line lists.
  mutating func add(_ bytes: Span<UInt8>, _ value: ByteRange) {
    let whole = bytes.extracting(value.offsets)
    if FieldNameMatch.equalIgnoringCase(whole, "keep-alive") {
      formUnion(.keepAlive)
      return
    }
    var list = ListElements(bytes, value)
    while let element = list.next() {
      formUnion(ConnectionOptions(option: bytes.extracting(element.offsets)))
    }
  }

  private init(option: Span<UInt8>) {
    if FieldNameMatch.equalIgnoringCase(option, "close") {
      self = .close
    } else if FieldNameMatch.equalIgnoringCase(option, "keep-alive") {
      self = .keepAlive
    } else if FieldNameMatch.equalIgnoringCase(option, "upgrade") {
      self = .upgrade
    } else {
      self = .fieldNames
    }
  }
}
