import Basics
import Policy
import Telemetry

/// Logs: where lines go and how they look.
extension DirectiveCatalog {
  static let logs: [Directive] = [
    Directive(
      "access_log", in: .levelsAndLocationIf,
      "PATH | stdout | stderr | syslog:server=ADDRESS,… [FORMAT] [buffer=SIZE] [flush=TIME] "
        + "[rotate=SIZE] [keep=NUMBER] [gzip] [sync=response] [if=TEXT] | off",
      count: .atLeast(1), default: "stdout json", isRepeatable: true,
      """
      Where access log lines go, one per request; any number of logs. FORMAT: `json` (the \
      default), `combined` (the default with `nginx_defaults`, then without the ID), `verbose`, \
      `simple` or the name of a `log_format`. Without `buffer=`, a line is written as soon as its \
      request has ended; with it, once SIZE bytes have accumulated or `flush=` has passed. \
      `rotate=`: a file that has reached SIZE is renamed to PATH.1, the one before it to PATH.2, \
      and so on; `keep=` (10) of them are kept, and `gzip` compresses them. `syslog:` sends each \
      line to the server at ADDRESS (`10.0.0.5:514`, `unix:/dev/log`), with nginx's `facility=` \
      (local7), `severity=` (info), `tag=` (waybill) and `nohostname`, and with `rfc5424` in that \
      format, separated by commas. `sync=response`: a line is in its file before the last bytes of \
      its response are sent. `if=`: no line if the text, usually a variable, is empty or `0`. The \
      lines of an inner level replace those of the outer one; `off` means none. A relative path is \
      relative to the directory in which Waybill was started.
      """
    ) { $0.accessLog($1) },
    Directive(
      "log_format", in: .top, "NAME [escape=default|json|none] TEXT …", count: .atLeast(2),
      isRepeatable: true,
      """
      A format for `access_log`: the texts, joined, with variables. `escape`: how values are \
      escaped. `default` writes quotes, backslashes and anything that is not printable ASCII as \
      `\\xHH` and a missing value as `-`; `json` escapes as in a JSON string; `none` replaces only \
      control characters. A format named `json`, `verbose` or `simple` replaces the built-in one.
      """
    ) { $0.logFormat($1) },
    Directive(
      "error_log", in: [.main, .everyLevel],
      "PATH | stderr | stdout | syslog:server=ADDRESS,… [LEVEL] [json] [rotate=SIZE] "
        + "[keep=NUMBER] [gzip]",
      count: 1...6, default: "stderr notice", isRepeatable: true,
      """
      Where messages of LEVEL and above go: `debug`, `info`, `notice`, `warn`, `error` (the \
      default if a destination is given), `crit`, `alert`, `emerg`. `json`: each line is a JSON \
      object. `syslog:`, `rotate=`, `keep=` and `gzip` as for `access_log`; a message's severity \
      is its level. Any number of logs; the lines of an inner level replace those of the outer \
      one.
      """
    ) { $0.errorLog($1) },
    Directive(
      "log_queue", in: [.main, .top], "SIZE", default: "1m",
      """
      How many bytes of lines each worker queues for a log that can't be written (a full disk, a \
      pipe that nobody reads), from 256k to 1g. Further lines are lost and counted; when writing \
      works again, one line in the error log gives their number.
      """
    ) { $0.logQueue($1) },
    Directive(
      "log_value_length", in: [.main, .top], "SIZE", default: "8k",
      """
      The maximum length of a value in a log line (a URI, a user agent), as written, from 1k to \
      128k; a line may be at most twice as long. The longest values are shortened to fit, and the \
      line says so, in JSON with `"cut":true`, in text with `...[cut]` at the end of the value. \
      IDs are never shortened. Note that Docker splits lines at 16 KiB without notice.
      """
    ) { $0.logValueLength($1) },
    Directive(
      "slow_log", in: .everyLevel, "TIME | off", default: "off",
      """
      Requests that take longer have their history in the error log, regardless of its level: what \
      happened, when, and with which peer. Requests that end early always have it.
      """
    ) { $0.slowLog($1) },
    Directive(
      "debug_request", in: .everyLevel, "ID | ADDRESS | CIDR | unix: …", count: .atLeast(1),
      """
      Requests with this ID (their own or the one that the client sent), or from these clients, \
      have their history in the error log, regardless of its level. An inner level's values \
      replace those of the outer one.
      """
    ) { $0.debugRequest($1) },
  ]

  /// The words of `error_log`.
  fileprivate static let levels: KeyValuePairs<String, LogLevel> = [
    "debug": .debug, "info": .info, "notice": .notice, "warn": .warn, "error": .error,
    "crit": .critical, "alert": .alert, "emerg": .emergency,
  ]
}

extension ConfigurationBuilder {
  fileprivate func errorLog(_ use: DirectiveUse) {
    let place = use.arguments[0].place
    guard let destination = logDestination(use.arguments[0], "error_log") else { return }
    var log = ErrorLogSetting(destination: destination, place: place, level: .error)
    var options = use.arguments.dropFirst()
    guard takeRotation(&options, destination, &log.rotation) else { return }
    if options.last?.text == "json" {
      log.isJSON = true
      options.removeLast()
    }
    if let word = options.popFirst() {
      guard let level = choice(word, DirectiveCatalog.levels) else { return }
      log.level = level
    }
    if let word = options.first {
      return reporter.error(
        word.place, "invalid parameter \"\(word.text)\"",
        expected: "a level, json, rotate=SIZE, keep=NUMBER or gzip")
    }
    settings.logs.errors = settings.logs.errors ?? []
    settings.logs.errors?.append(log)
  }

  fileprivate func logQueue(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let size = bytes(word) else { return }
    guard size <= UInt64(Int.max), Limits.logQueueRange.contains(Int(size)) else {
      return reporter.error(
        word.place, "invalid queue size \"\(word.text)\"", expected: "a size from 256k to 1g")
    }
    process.logQueueBytes = Int(size)
  }

  fileprivate func logValueLength(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let size = bytes(word) else { return }
    guard size <= UInt64(Int.max), Limits.logValueRange.contains(Int(size)) else {
      return reporter.error(
        word.place, "invalid length \"\(word.text)\"", expected: "a size from 1k to 128k")
    }
    process.logValueBytes = Int(size)
  }

  fileprivate func slowLog(_ use: DirectiveUse) {
    let word = use.arguments[0]
    if word.text == "off" {
      settings.logs.slowerThan = .endless
    } else if let time = time(word.text, at: word.place) {
      settings.logs.slowerThan = time
    }
  }

  fileprivate func debugRequest(_ use: DirectiveUse) {
    var watched = WatchedRequests()
    for word in use.arguments {
      let bytes = Array(word.text.utf8)
      if word.text == "unix:" {
        watched.clients.includesUnix = true
      } else if let network = Network(parsing: bytes.span) {
        watched.clients.networks.append(network)
      } else if RequestIDPolicy.isValid(bytes.span, maximumLength: Limits.requestIDBytes) {
        watched.requestIDs.append(word.text)
      } else {
        return reporter.error(
          word.place, "\"\(word.text)\" is neither a request ID nor an address or range",
          expected: "an ID, an address, a range such as 10.0.0.0/8, or unix:")
      }
    }
    settings.logs.watched = watched
  }

  fileprivate func accessLog(_ use: DirectiveUse) {
    let word = use.arguments[0]
    if word.text == "off", !word.isQuoted {
      guard use.arguments.count == 1 else {
        reporter.error(use.arguments[1].place, "\"access_log off\" takes no other arguments")
        return
      }
      settings.logs.accessIsOff = true
      settings.logs.access = settings.logs.access ?? []
      return
    }
    guard let destination = logDestination(word, "access_log") else { return }
    var log = AccessLogSetting(
      destination: destination, place: word.place, format: nil, bufferBytes: 0,
      flushInterval: .endless, condition: Template(parts: .empty))
    var flushPlace: Place?
    var options = use.arguments.dropFirst()
    guard takeRotation(&options, destination, &log.rotation) else { return }
    for (index, option) in options.enumerated() {
      if option.text.hasPrefix("flush=") { flushPlace = option.place }
      guard accessLogOption(option, isFirst: index == 0, &log) else { return }
    }
    if log.isAhead, log.bufferBytes > 0 {
      reporter.error(word.place, "\"sync=response\" can't be combined with \"buffer=\"")
      return
    }
    if let flushPlace, log.bufferBytes == 0 {
      reporter.error(flushPlace, "\"flush=\" has no effect without \"buffer=\"")
      return
    }
    settings.logs.access = settings.logs.access ?? []
    settings.logs.access?.append(log)
  }

  private func accessLogOption(_ word: Word, isFirst: Bool, _ log: inout AccessLogSetting) -> Bool {
    if let (text, place) = parameter("buffer", word) {
      guard let size = bytes(text, at: place) else { return false }
      guard size > 0, size <= Limits.logQueueBytes else {
        reporter.error(
          place, "invalid buffer size \"\(text)\"",
          expected: "at most \(Limits.logQueueBytes / 1024)k")
        return false
      }
      log.bufferBytes = Int(size)
    } else if let (text, place) = parameter("flush", word) {
      guard let time = time(text, at: place) else { return false }
      log.flushInterval = time
    } else if let (text, place) = parameter("if", word) {
      let condition = template(text) { offset, count in
        word.isVerbatim ? place.part(from: offset, count: count) : place
      }
      guard let condition else { return false }
      log.condition = condition
    } else if let (text, place) = parameter("sync", word) {
      guard text == "response", case .file = log.destination else {
        let reason = text == "response" ? "\"sync=response\" requires a file" : "unknown sync mode"
        reporter.error(place, reason, expected: "a file with sync=response")
        return false
      }
      log.isAhead = true
    } else if isFirst, !word.text.contains("=") {
      log.format = word
    } else {
      invalidLogOption(word)
      return false
    }
    return true
  }

  private func invalidLogOption(_ word: Word) {
    let name = String(word.text.prefix { $0 != "=" })
    let known = ["buffer", "flush", "if", "rotate", "keep", "sync"]
    reporter.error(
      word.place, "invalid parameter \"\(word.text)\"",
      expected: "a format as the second word, then buffer=SIZE, flush=TIME, if=TEXT, rotate=SIZE,"
        + " keep=NUMBER, gzip or sync=response",
      suggestion: Suggestion.nearest(to: name, among: known).map { "\($0)=" })
  }

  private func logDestination(_ word: Word, _ directive: String) -> LogDestination? {
    switch word.text {
    // The paths mean the same open files: opened anew, a file would be written at another place.
    case "stdout", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1": return .stdout
    case "stderr", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2": return .stderr
    case "off":
      reporter.warning(
        word.place, "\"\(directive) off\" writes a file named \"off\", as in nginx",
        expected: "\(directive) /dev/null; to write nothing")
      return .file(word.text)
    case let path where path.hasPrefix("syslog:"):
      return syslogSetting(word).map { .syslog($0) }
    case let path where path.contains("$"):
      reporter.error(word.place, "Waybill does not support variables in log paths")
      return nil
    case let path where path.isEmpty || path.utf8.contains(0):
      reporter.error(word.place, "invalid path", expected: "the path of a file, stdout or stderr")
      return nil
    default:
      claim(word.text, for: .log, at: word.place)
      return .file(word.text)
    }
  }

  fileprivate func logFormat(_ use: DirectiveUse) {
    let name = use.arguments[0]
    var texts = use.arguments.dropFirst()
    var escape = LogEscape.standard
    if let (text, place) = parameter("escape", texts[1]) {
      let modes: KeyValuePairs<String, LogEscape> = [
        "default": .standard, "json": .json, "none": .none,
      ]
      let word = Word(
        text: text, place: place, isQuoted: false, isVerbatim: false, startsLine: false)
      guard let mode = choice(word, modes) else { return }
      escape = mode
      texts = texts.dropFirst()
    }
    guard !texts.isEmpty else {
      return reporter.error(name.place, "the format has no text")
    }
    // nginx knows this one only, and refuses it, too; the others are free for files that it reads.
    guard name.text != "combined" else {
      return reporter.error(name.place, "the format \"\(name.text)\" is built in")
    }
    if let twin = logFormatIndices[name.text] {
      let line = reporter.describe(logFormats[twin].name.place, from: name.place)
      return reporter.error(
        name.place, "the format \"\(name.text)\" is already declared at \(line)")
    }
    // Errors are found word by word, where they stand; the template is made of all of them.
    let parts = texts.compactMap { template($0) }
    guard parts.count == texts.count, let whole = template(joined(texts)) else { return }
    logFormatIndices[name.text] = logFormats.count
    logFormats.append(
      LogFormatDeclaration(
        name: name, format: LogFormat(kind: .template, template: whole, escape: escape)))
  }

  private func joined(_ words: ArraySlice<Word>) -> Word {
    Word(
      text: words.map(\.text).joined(), place: words[words.startIndex].place, isQuoted: false,
      isVerbatim: false, startsLine: false)
  }
}
