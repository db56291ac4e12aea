/// What a location does.
public enum LocationAction: UInt8, Sendable, BitwiseCopyable {
  /// Nothing is configured: 404.
  case none
  /// `proxy_pass`
  case proxy
  /// `return`
  case answer
  /// `health`: what `answer` would, until Waybill was told to end.
  case health
  /// `metrics`: the page of metrics as text.
  case metrics
  /// `status`: the same as JSON.
  case status
  /// `stub_status`: what nginx counts, as nginx writes it.
  case stubStatus
  /// Files of a folder: `root`, `alias`.
  case files
  /// What `content` says, once `internal` and `try_files` have been looked at.
  case precontent
  /// What `rewritten` says, once `rewriting` has been executed, unless that leads elsewhere.
  case rewriting
  /// What `traced` says, once it is known which trace the request belongs to.
  case traced

  /// True for those that answer with the page of metrics.
  @inlinable public var isPage: Bool {
    self == .metrics || self == .status || self == .stubStatus
  }
}
