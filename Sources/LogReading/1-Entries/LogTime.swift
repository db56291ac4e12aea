import Basics

/// What a reader of time stamps must know of the machine that it runs on.
public struct LocalTime: Sendable {
  /// Microseconds since 1970-01-01 UTC.
  public let now: UInt64
  /// Seconds that local time is ahead of UTC when the local clocks show so many seconds since 1970.
  public let offset: @Sendable (Int64) -> Int64

  /// The clock and the zone given.
  public init(now: UInt64, offset: @escaping @Sendable (Int64) -> Int64) {
    self.now = now
    self.offset = offset
  }
}

/// Reads the usual time stamps: RFC 3339 and its relatives with a space or a comma, nginx's
/// `22/Nov/2026:23:49:18 +0000` and `2026/11/22 23:49:18`, PHP's and Tomcat's
/// `22-Nov-2026 23:49:18`, klog's `I1122 23:49:18`, syslog's `Nov 22 23:49:18`, and seconds since
/// 1970. Colours before them do no harm.
///
/// A stamp without a zone is local time, as Python's logging, nginx's error log and syslog write
/// it. Only one with dashes, a space, a point and six decimals is UTC: Waybill's own. Ruby's logger
/// writes six decimals too, in local time, but a `T` before the hour; Go's has slashes.
public struct LogTime: Sendable {
  private let local: LocalTime

  /// A reader on the machine described.
  public init(_ local: LocalTime) { self.local = local }

  /// What a time stamp says.
  public struct Stamp: Sendable, Equatable {
    /// Microseconds since 1970: the earliest time that it may stand for.
    public var time: UInt64
    /// How many microseconds it may stand for, by its number of decimals: 1, 1,000 for milliseconds
    /// or 1,000,000 for whole seconds, for example.
    public var precision: UInt64

    /// The stamp given.
    public init(time: UInt64, precision: UInt64) {
      self.time = time
      self.precision = precision
    }
  }

  /// The first time stamp near the beginning of a line, in microseconds since 1970.
  public func find(in line: Span<UInt8>) -> UInt64? { stamp(in: line)?.time }

  /// The first time stamp near the beginning of a line.
  public func stamp(in line: Span<UInt8>) -> Stamp? {
    if line.count > 1, line[0] == UInt8(ascii: "{"), let stamp = findMember(line) { return stamp }
    for position in 0..<min(line.count, 200) where LogTime.begins(line, position) {
      if let stamp = date(line, at: position) { return stamp }
      // A number elsewhere may be anything.
      if position <= 1, let stamp = LogTime.sinceEpoch(line, at: position) { return stamp }
    }
    return nil
  }

  /// The time stamp that begins at `position`, in microseconds since 1970.
  public func read(_ line: Span<UInt8>, at position: Int) -> UInt64? {
    stamp(line, at: position)?.time
  }

  /// The time stamp that begins at `position`.
  public func stamp(_ line: Span<UInt8>, at position: Int) -> Stamp? {
    date(line, at: position) ?? LogTime.sinceEpoch(line, at: position)
  }

  /// The time stamp that all of `text` is; nil when something is left over. Here seconds may be
  /// missing, and the time of the day, which then is midnight.
  func whole(_ text: Span<UInt8>) -> UInt64? {
    for hasClock in [true, false] {
      var cursor = Cursor(position: 0, needsSeconds: false, needsClock: hasClock)
      if let stamp = numeric(text, &cursor), cursor.position == text.count { return stamp.time }
    }
    var cursor = Cursor(position: 0)
    if let stamp = common(text, &cursor), cursor.position == text.count { return stamp.time }
    cursor = Cursor(position: 0)
    if let stamp = syslog(text, &cursor), cursor.position == text.count { return stamp.time }
    let isNumber = (0..<text.count).allSatisfy { text[$0] &- 0x30 <= 9 || text[$0] == 0x2E }
    return isNumber ? LogTime.sinceEpoch(text, at: 0)?.time : nil
  }

  private func date(_ line: Span<UInt8>, at position: Int) -> Stamp? {
    var cursor = Cursor(position: position)
    if let stamp = numeric(line, &cursor) { return stamp }
    cursor = Cursor(position: position)
    if let stamp = common(line, &cursor) { return stamp }
    cursor = Cursor(position: position)
    if let stamp = klog(line, &cursor) { return stamp }
    cursor = Cursor(position: position)
    return syslog(line, &cursor)
  }

  /// A member of a JSON line that is named as time stamps are.
  private func findMember(_ line: Span<UInt8>) -> Stamp? {
    var members = JSONMembers(at: 0)
    while members.next(in: line) {
      let name = line.extracting(members.name)
      guard
        name.equals("time") || name.equals("ts") || name.equals("timestamp")
          || name.equals("@timestamp") || name.equals("asctime") || name.equals("date")
          || name.equals("__REALTIME_TIMESTAMP"), members.kind != .nested
      else { continue }
      if let stamp = stamp(line, at: members.value.lowerBound) { return stamp }
    }
    return nil
  }

  /// Stamps begin at the beginning of a word.
  private static func begins(_ line: Span<UInt8>, _ position: Int) -> Bool {
    guard isWordByte(line[position]) else { return false }
    return position == 0 || !isWordByte(line[position &- 1]) || isColour(line, before: position)
  }

  /// Whether a sequence that sets the colour ends there: `ESC [ 32 m`.
  private static func isColour(_ line: Span<UInt8>, before position: Int) -> Bool {
    guard line[position &- 1] == UInt8(ascii: "m") else { return false }
    var start = position &- 2
    while start > 0, line[start] &- 0x30 <= 9 || line[start] == UInt8(ascii: ";") { start &-= 1 }
    return start > 0 && line[start] == UInt8(ascii: "[") && line[start &- 1] == 0x1B
  }

  fileprivate static func isWordByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 26
  }

  /// `2026-11-22T21:58:36.123456Z` and all that looks like it.
  private func numeric(_ line: Span<UInt8>, _ cursor: inout Cursor) -> Stamp? {
    guard let year = cursor.number(line, 4), let dash = cursor.byte(line),
      dash == UInt8(ascii: "-") || dash == UInt8(ascii: "/"), let month = cursor.number(line, 2),
      cursor.byte(line) == dash, let day = cursor.number(line, 2),
      let date = LogTime.days(year: year, month: month, day: day)
    else { return nil }
    if !cursor.needsClock { return stamp(date * 86_400, zone: nil, Fraction()) }
    guard let gap = cursor.byte(line),
      gap == UInt8(ascii: "T") || gap == UInt8(ascii: " ") || gap == UInt8(ascii: "t"),
      let seconds = cursor.clock(line)
    else { return nil }
    let fraction = cursor.fraction(line)
    let isOwn = fraction.isOwn && gap == UInt8(ascii: " ") && dash == UInt8(ascii: "-")
    let zone = cursor.zone(line) ?? (isOwn ? 0 : nil)
    return stamp(date * 86_400 + seconds, zone: zone, fraction)
  }

  /// `22/Nov/2026:21:58:36 +0100`, and `22-Nov-2026 21:58:36.123`, as PHP and Tomcat write it.
  private func common(_ line: Span<UInt8>, _ cursor: inout Cursor) -> Stamp? {
    guard let day = cursor.number(line, 2), let mark = cursor.byte(line),
      mark == UInt8(ascii: "/") || mark == UInt8(ascii: "-"),
      let month = cursor.month(line), cursor.byte(line) == mark,
      let year = cursor.number(line, 4),
      cursor.byte(line) == (mark == UInt8(ascii: "/") ? UInt8(ascii: ":") : UInt8(ascii: " ")),
      let seconds = cursor.clock(line),
      let date = LogTime.days(year: year, month: month, day: day)
    else { return nil }
    let fraction = cursor.fraction(line)
    return stamp(date * 86_400 + seconds, zone: cursor.zone(line), fraction)
  }

  /// `E1122 21:58:36.123456`, as klog writes it: the level, month and day.
  private func klog(_ line: Span<UInt8>, _ cursor: inout Cursor) -> Stamp? {
    guard let level = cursor.byte(line), "IWEF".utf8.contains(level),
      let month = cursor.number(line, 2), let day = cursor.number(line, 2),
      cursor.byte(line) == UInt8(ascii: " "), let seconds = cursor.clock(line)
    else { return nil }
    return latest(month: month, day: day, seconds, cursor.fraction(line))
  }

  /// `Nov 22 21:58:36` of the year that brings it nearest to now without leading into the future.
  private func syslog(_ line: Span<UInt8>, _ cursor: inout Cursor) -> Stamp? {
    guard let month = cursor.month(line), cursor.byte(line) == UInt8(ascii: " ") else { return nil }
    if cursor.peek(line) == UInt8(ascii: " ") { _ = cursor.byte(line) }
    guard let day = cursor.number(line, 2) ?? cursor.number(line, 1),
      cursor.byte(line) == UInt8(ascii: " "), let seconds = cursor.clock(line)
    else { return nil }
    return latest(month: month, day: day, seconds, cursor.fraction(line))
  }

  /// A date without a year: the latest one that does not lead into the future.
  private func latest(month: Int, day: Int, _ seconds: Int, _ fraction: Fraction) -> Stamp? {
    let thisYear = 1970 + Int(local.now / 31_556_952_000_000)
    let tomorrow = local.now + 86_400_000_000
    for year in [thisYear + 1, thisYear, thisYear - 1] {
      guard let date = LogTime.days(year: year, month: month, day: day),
        let moment = stamp(date * 86_400 + seconds, zone: nil, fraction)
      else { continue }
      if moment.time <= tomorrow { return moment }
    }
    return nil
  }

  /// The time of a record of journald's export format: what precedes its MESSAGE, of which there
  /// may be more than this record.
  public static func ofJournal(before message: Span<UInt8>) -> UInt64? {
    let name: StaticString = "__REALTIME_TIMESTAMP="
    var position = message.count - 1
    while position >= 0 {
      if message[position] == UInt8(ascii: "\n"), message.has("\n\n", at: position) { return nil }
      if message[position] == UInt8(ascii: "_"), message.has(name, at: position) {
        return sinceEpoch(message, at: position + name.utf8CodeUnitCount)?.time
      }
      position -= 1
    }
    return nil
  }

  /// `1795384716.123`: seconds, or milli-, micro-, nanoseconds by their size. Years 2001 to 2286.
  private static func sinceEpoch(_ line: Span<UInt8>, at position: Int) -> Stamp? {
    var end = position
    while end < line.count, line[end] &- 0x30 <= 9 { end &+= 1 }
    guard let whole = DecimalReading.integer(line, position..<end) else { return nil }
    switch end - position {
    case 10:
      guard end < line.count, line[end] == UInt8(ascii: ".") else {
        return Stamp(time: whole * 1_000_000, precision: 1_000_000)
      }
      let start = end
      repeat { end &+= 1 } while end < line.count && line[end] &- 0x30 <= 9
      let fraction = DecimalReading.microseconds(line, start..<end) ?? 0
      return Stamp(
        time: whole * 1_000_000 + fraction, precision: Fraction.precision(digits: end - start - 1))
    case 13: return Stamp(time: whole * 1_000, precision: 1_000)
    case 16: return Stamp(time: whole, precision: 1)
    case 19: return Stamp(time: whole / 1_000, precision: 1)
    default: return nil
    }
  }

  private func stamp(_ seconds: Int, zone: Int?, _ fraction: Fraction) -> Stamp? {
    let ahead = zone ?? Int(local.offset(Int64(seconds)))
    guard seconds >= ahead else { return nil }
    return Stamp(
      time: UInt64(seconds - ahead) * 1_000_000 + fraction.microseconds,
      precision: fraction.precision)
  }

  /// Days from 1970-01-01 to a date; nil for one that does not exist or lies before.
  static func days(year: Int, month: Int, day: Int) -> Int? {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard year >= 1970, year <= 9999, (1...12).contains(month),
      day >= 1, day <= lengths[month - 1]
    else { return nil }
    let before = year - 1
    let leapDays = before / 4 - before / 100 + before / 400 - 477
    return (year - 1970) * 365 + leapDays + lengths[..<(month - 1)].reduce(0, +) + day - 1
  }
}

/// The decimals of the seconds.
private struct Fraction {
  var microseconds: UInt64 = 0
  /// In microseconds; those of whole seconds.
  var precision: UInt64 = 1_000_000
  /// As Waybill writes them: a point and six digits.
  var isOwn = false

  static func precision(digits: Int) -> UInt64 {
    (0..<min(digits, 6)).reduce(1_000_000) { precision, _ in precision / 10 }
  }
}

/// A place in a line that moves on as parts of a time stamp are read.
private struct Cursor {
  var position: Int
  var needsSeconds = true
  var needsClock = true

  func peek(_ line: Span<UInt8>) -> UInt8? { position < line.count ? line[position] : nil }

  mutating func byte(_ line: Span<UInt8>) -> UInt8? {
    guard position < line.count else { return nil }
    position += 1
    return line[position - 1]
  }

  /// Exactly `digits` digits; the cursor stays when there are fewer.
  mutating func number(_ line: Span<UInt8>, _ digits: Int) -> Int? {
    guard position + digits <= line.count,
      let value = DecimalReading.integer(line, position..<(position + digits))
    else { return nil }
    position += digits
    return Int(value)
  }

  /// `21:58:36`, as seconds of the day.
  mutating func clock(_ line: Span<UInt8>) -> Int? {
    guard let hour = number(line, 2), byte(line) == UInt8(ascii: ":"),
      let minute = number(line, 2), hour < 24, minute < 60
    else { return nil }
    if !needsSeconds, peek(line) != UInt8(ascii: ":") { return hour * 3600 + minute * 60 }
    guard byte(line) == UInt8(ascii: ":"), let second = number(line, 2), second <= 60 else {
      return nil
    }
    return hour * 3600 + minute * 60 + second
  }

  /// `.123456` or `,123`.
  mutating func fraction(_ line: Span<UInt8>) -> Fraction {
    guard let mark = peek(line), mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",") else {
      return Fraction()
    }
    var value: UInt64 = 0
    var count = 0
    while position + 1 + count < line.count, line[position + 1 + count] &- 0x30 <= 9 {
      if count < 6 { value = value * 10 + UInt64(line[position + 1 + count] &- 0x30) }
      count += 1
    }
    position += count + 1
    let precision = Fraction.precision(digits: count)
    return Fraction(
      microseconds: value * precision, precision: precision,
      isOwn: mark == UInt8(ascii: ".") && count == 6)
  }

  /// `Z`, `UTC`, `+0100`, `+01:00`, after a space or not, or `+01` without one: seconds ahead of
  /// UTC. It must be a whole word: a module's name, which often follows, may begin so. The cursor
  /// stays when there is none.
  mutating func zone(_ line: Span<UInt8>) -> Int? {
    var rest = self
    let hasGap = peek(line) == UInt8(ascii: " ")
    if hasGap { rest.position += 1 }
    guard let seconds = rest.name(line) ?? rest.difference(line, needsMinutes: hasGap) else {
      return nil
    }
    if let next = rest.peek(line), LogTime.isWordByte(next) || next == UInt8(ascii: "_") {
      return nil
    }
    self = rest
    return seconds
  }

  private mutating func name(_ line: Span<UInt8>) -> Int? {
    let isLong = line.has("UTC", at: position) || line.has("GMT", at: position)
    guard isLong || peek(line).map({ $0 | 0x20 }) == UInt8(ascii: "z") else { return nil }
    position += isLong ? 3 : 1
    return 0
  }

  /// RFC 3339 section 5.6: at most 23:59.
  private mutating func difference(_ line: Span<UInt8>, needsMinutes: Bool) -> Int? {
    guard let sign = peek(line), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
      return nil
    }
    position += 1
    guard let hours = number(line, 2) else { return nil }
    let hasColon = peek(line) == UInt8(ascii: ":")
    if hasColon { position += 1 }
    let minutes = number(line, 2) ?? (needsMinutes || hasColon ? nil : 0)
    guard let minutes, hours < 24, minutes < 60 else { return nil }
    let seconds = hours * 3600 + minutes * 60
    return sign == UInt8(ascii: "-") ? -seconds : seconds
  }

  /// `Nov`, as 11.
  mutating func month(_ line: Span<UInt8>) -> Int? {
    let names: [StaticString] = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard let index = names.firstIndex(where: { line.has($0, at: position) }) else { return nil }
    position += 3
    return index + 1
  }
}
