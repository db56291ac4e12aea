// Rules that hold for every input of a parser or a writer, whatever its bytes. The fuzzers
// (Tests/Fuzz) look for inputs that break one; the replay (Tests/CorpusTests) runs the kept inputs
// (Tests/Corpora) through the same code in each test run.

/// A rule that an input has broken.
public struct Violation: Error, CustomStringConvertible {
  /// The rule, as a sentence.
  public let rule: StaticString

  /// The rule by its text.
  public var description: String { "\(rule)" }
}

/// What is claimed about one part of Waybill. An object may keep memory from one input to the next,
/// but no input may change what comes of another one.
public protocol Property: AnyObject {
  /// A claim with its memory.
  init()
  /// Runs one input; throws the first rule that it breaks. A trap in the code under test is a
  /// finding, too.
  func check(_ input: Span<UInt8>) throws(Violation)
}

/// Throws unless the rule is kept.
@inline(__always)
func expect(_ isKept: Bool, _ rule: StaticString) throws(Violation) {
  if !isKept { throw Violation(rule: rule) }
}

/// The properties by the names of their corpora.
public enum PropertyCatalog {
  /// All of them, the cheap ones first.
  public static let all: [(name: String, make: @Sendable () -> any Property)] = [
    ("request-head", { RequestHeadProperty() }),
    ("chunked", { ChunkedProperty() }),
    ("response-head", { ResponseHeadProperty() }),
    ("proxy-header", { ProxyHeaderProperty() }),
    ("trace-context", { TraceContextProperty() }),
    ("escaping", { EscapingProperty() }),
    ("log-format", { LogFormatProperty() }),
    ("configuration", { ConfigurationProperty() }),
    ("connection", { ConnectionProperty() }),
    ("tls", { SecureProperty() }),
    ("stages", { StagesProperty() }),
    ("http2-server", { HTTP2ServerProperty() }),
    ("http2", { HTTP2Property() }),
  ]
}
