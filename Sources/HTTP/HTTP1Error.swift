/// Why a message was refused, and where. Small and trivial: throwing one allocates nothing.
public struct HTTP1Error: Error, Equatable, Sendable {
  /// What is wrong.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// The request line is not `method SP target SP version` (RFC 9112 section 3).
    case malformedRequestLine
    /// The method holds a byte that no token has, or is longer than 32 bytes.
    case invalidMethod
    /// The target is in none of the four forms, or holds a forbidden byte (RFC 9112 section 3.2).
    case invalidTarget
    /// The request line is longer than the limit: 414.
    case targetTooLong
    /// A version that is not HTTP/1.x: 505.
    case unsupportedVersion
    /// The status line is malformed (RFC 9112 section 4).
    case malformedStatusLine
    /// CR without LF, or LF without CR (RFC 9112 section 2.2).
    case bareLineEnd
    /// A field name that is empty or holds a byte that no token has (RFC 9110 section 5.1).
    case invalidFieldName
    /// White space between a field name and the colon (RFC 9112 section 5.1).
    case whitespaceBeforeColon
    /// A folded field line (RFC 9112 section 5.2).
    case obsoleteFolding
    /// A control character in a field value (RFC 9110 section 5.5).
    case invalidFieldValue
    /// A field line or the whole head is longer than the limit: 431.
    case headTooLarge
    /// More field lines than the limit: 431.
    case tooManyFields
    /// No Host on HTTP/1.1, several, or one that is no authority (RFC 9112 section 3.2).
    case invalidHost
    /// Content-Length that is no number, overflows, or differs from another one (RFC 9112 section
    /// 6.3).
    case invalidContentLength
    /// Both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).
    case conflictingFraming
    /// Transfer-Encoding that is not exactly `chunked`, or in HTTP/1.0 (RFC 9112 section 6.1).
    case invalidTransferEncoding
    /// A transfer coding that is known but not served: 501.
    case unsupportedTransferEncoding
    /// A chunk size that is no hexadecimal number, overflows 63 bits, or an extension over the
    /// limit (RFC 9112 section 7.1).
    case invalidChunk
    /// A trailer section that is malformed or over the limit (RFC 9112 section 7.1.2).
    case invalidTrailer
    /// An Expect other than `100-continue`: 417 (RFC 9110 section 10.1.1).
    case unsupportedExpectation
    /// A PROXY protocol header that is malformed.
    case invalidProxyHeader
    /// A second Authorization or Proxy-Authorization line: recipients could believe different ones.
    case repeatedAuthorization
    /// Fields of an HTTP/2 request that break RFC 9113 section 8.
    case malformedFields
  }

  /// What is wrong.
  public let kind: Kind
  /// Offset of the offending byte in the buffer that was parsed.
  public let offset: UInt32

  /// An error of `kind` found at `offset`.
  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = UInt32(truncatingIfNeeded: offset)
  }

  /// The status code that answers a request with this fault.
  public var requestStatus: UInt16 {
    switch kind {
    case .targetTooLong: 414
    case .headTooLarge, .tooManyFields: 431
    case .unsupportedVersion: 505
    case .unsupportedTransferEncoding: 501
    case .unsupportedExpectation: 417
    default: 400
    }
  }

  /// One sentence for the error log, without a full stop.
  public var reason: StaticString {
    switch kind {
    case .malformedRequestLine: "the request line is not method, target and version"
    case .invalidMethod: "the method is not a token of at most 32 bytes"
    case .invalidTarget: "the request target is malformed"
    case .targetTooLong: "the request line is longer than the limit"
    case .unsupportedVersion: "the version is not HTTP/1.0 or HTTP/1.1"
    case .malformedStatusLine: "the status line is malformed"
    case .bareLineEnd: "a line does not end with CR LF"
    case .invalidFieldName: "a field name is not a token"
    case .whitespaceBeforeColon: "there is whitespace between a field name and the colon"
    case .obsoleteFolding: "a field line is folded"
    case .invalidFieldValue: "a field value contains a control character"
    case .headTooLarge: "the head is larger than the limit"
    case .tooManyFields: "there are more fields than the limit"
    case .invalidHost: "Host is missing, repeated or malformed"
    case .invalidContentLength: "Content-Length is malformed or repeated"
    case .conflictingFraming: "Transfer-Encoding and Content-Length are both present"
    case .invalidTransferEncoding: "Transfer-Encoding is not exactly chunked"
    case .unsupportedTransferEncoding: "the transfer coding is not supported"
    case .invalidChunk: "a chunk is malformed"
    case .invalidTrailer: "the trailer section is malformed or larger than the limit"
    case .unsupportedExpectation: "the expectation is not 100-continue"
    case .invalidProxyHeader: "the PROXY protocol header is malformed"
    case .repeatedAuthorization: "there are several Authorization or Proxy-Authorization lines"
    case .malformedFields: "the fields break the rules of HTTP/2"
    }
  }
}
