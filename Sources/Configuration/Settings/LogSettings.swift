import Basics
import HTTP
import Telemetry

/// What one level says of logs; nil where it says nothing. An inner level replaces the outer one's.
struct LogSettings {
  /// `access_log`, none for `off`.
  var access: [AccessLogSetting]?
  /// True once `access_log off` was seen on this level.
  var accessIsOff = false
  /// `error_log`
  var errors: [ErrorLogSetting]?
  /// `slow_log`; endless for `off`.
  var slowerThan: Interval?
  /// `debug_request`
  var watched: WatchedRequests?
  /// `log_subrequest`
  var logsSubrequests: Bool?

  func inheriting(_ outer: LogSettings) -> LogSettings {
    LogSettings(
      access: access ?? outer.access, accessIsOff: access == nil ? outer.accessIsOff : accessIsOff,
      errors: errors ?? outer.errors, slowerThan: slowerThan ?? outer.slowerThan,
      watched: watched ?? outer.watched, logsSubrequests: logsSubrequests ?? outer.logsSubrequests)
  }
}

/// Where log lines go.
enum LogDestination: Hashable {
  case file(String)
  case stdout
  case stderr
  case syslog(SyslogSetting)
}

/// `syslog:server=ADDRESS,facility=NAME,severity=NAME,tag=TEXT,nohostname,rfc5424`
struct SyslogSetting: Hashable {
  var server = PeerAddress.unix
  /// The path of a unix socket; empty else.
  var serverPath = ""
  /// What messages call it.
  var name = ""
  var facility: UInt8 = 23
  var severity: UInt8 = 6
  var tag = "waybill"
  var hasHost = true
  var isRFC5424 = false
}

/// `rotate=SIZE keep=N gzip`
struct LogRotationSetting: Equatable {
  /// 0 when nothing was said.
  var bytes: UInt64 = 0
  var keep = 10
  var packs = false
}

/// An `access_log`.
struct AccessLogSetting {
  var destination: LogDestination
  var place: Place
  /// The format's name; nil for the default.
  var format: Word?
  var bufferBytes: Int
  var flushInterval: Interval
  var condition: Template
  var rotation: LogRotationSetting?
  /// `sync=response`
  var isAhead = false
}

/// An `error_log`.
struct ErrorLogSetting {
  var destination: LogDestination
  var place: Place
  var level: LogLevel
  var isJSON = false
  var rotation: LogRotationSetting?
}

/// The requests that `debug_request` names.
struct WatchedRequests {
  var requestIDs: [String] = []
  var clients = TrustSetting()
}
