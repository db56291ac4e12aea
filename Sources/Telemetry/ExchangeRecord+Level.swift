import Basics

/// What a log says of an exchange as a whole: how bad it was, when, and where its ID came from.
extension ExchangeRecord {
  /// The level of its line: ERROR for 5xx, for a client that left (499) and for what was cut short
  /// after (or without) a status that promised better; WARN for other 4xx; INFO else.
  @inlinable @inline(__always) public var level: LogLevel {
    if status >= 499 { return .error }
    if status >= 400 { return .warn }
    return isTerminated ? .error : .info
  }

  /// True when somebody ended it before its time.
  @inlinable @inline(__always) var isTerminated: Bool { termination.party != .nobody }

  /// When the line is written; for a header of the running exchange, when it began.
  var lineTime: Timestamp {
    Timestamp(microseconds: endTime > 0 ? endTime : startTime, utcOffset: utcOffset)
  }

  /// How many elements of `tries` are valid.
  var keptTryCount: Int { min(tryCount, tries.count) }
}

extension LogEvent {
  /// The name in the log; empty for `end`.
  var name: StaticString {
    switch self {
    case .end: ""
    case .upgrade: "upgrade"
    case .subrequest: "subrequest"
    }
  }
}
