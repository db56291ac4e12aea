// Where lines go, how they look, and when a file of them is put aside.

import Basics
import HTTP
import Policy
import Telemetry

/// Where log lines go.
public struct LogSinkPlan: Sendable, BitwiseCopyable {
  /// The kind of destination.
  public enum Destination: UInt8, Sendable, BitwiseCopyable { case file, stdout, stderr, syslog }

  /// The kind of destination.
  public var destination: Destination
  /// The file's path; for messages, `syslog:` and the server's name, `stdout` or `stderr`.
  public var path: FrozenBytes
  /// `buffer=`: bytes collected before a write; 0 writes at the end of each turn.
  public var bufferBytes: Int
  /// `flush=`: how long buffered lines wait at most; endless without it.
  public var flushInterval: Interval
  /// `rotate=`, `keep=` and `gzip`
  public var rotation = LogRotationPlan()
  /// True when a line that names it has `sync=response`.
  public var isAhead = false
  /// The syslog server.
  public var server = PeerAddress.unix
  /// Its socket's path when it is on this machine; empty else.
  public var serverPath = FrozenBytes.empty
  /// What stands before each message to it.
  public var header = SyslogHeader()

  /// The sink given.
  public init(
    destination: Destination, path: FrozenBytes, bufferBytes: Int, flushInterval: Interval
  ) {
    self.destination = destination
    self.path = path
    self.bufferBytes = bufferBytes
    self.flushInterval = flushInterval
  }
}

/// When a log file is put aside, and what becomes of it.
public struct LogRotationPlan: Sendable, BitwiseCopyable {
  /// `rotate=`: the size from which on the file is put aside; 0 for never.
  public var bytes: UInt64 = 0
  /// `keep=`: how many files that were put aside are kept.
  public var keep = 0
  /// `gzip`: they are packed.
  public var packs = false

  /// No rotation.
  public init() {}
}

/// An `access_log`.
public struct AccessLogPlan: Sendable, BitwiseCopyable {
  /// Index into `sinks`.
  public var sink: Int
  /// How a line looks.
  public var format: LogFormat
  /// `if=`: no line when this comes out empty or `0`; empty template: always a line.
  public var condition: Template

  /// The log given.
  public init(sink: Int, format: LogFormat, condition: Template) {
    self.sink = sink
    self.format = format
    self.condition = condition
  }
}

/// An `error_log`.
public struct ErrorLogPlan: Sendable, BitwiseCopyable {
  /// Index into `sinks`.
  public var sink: Int
  /// The least severe level written.
  public var level: LogLevel
  /// `json`: lines are JSON objects.
  public var isJSON: Bool

  /// The log given.
  public init(sink: Int, level: LogLevel, isJSON: Bool = false) {
    self.sink = sink
    self.level = level
    self.isJSON = isJSON
  }
}
