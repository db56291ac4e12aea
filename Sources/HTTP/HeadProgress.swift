import Basics

/// How far an incomplete head has been read; lets `parse` go on where it stopped.
///
/// A line that came in part is tried once from its start. After that only new bytes are searched,
/// for a line end or a control character, and the line is tried again when one has come: each
/// attempt but the first either completes the line or refuses it. So a head is read in linear time
/// whatever the pieces it comes in, and the outcome does not depend on them.
struct HeadProgress: Sendable, BitwiseCopyable {
  /// Offset of the first byte of the line that is not complete yet.
  var lineStart = 0
  /// Offset up to which that line is known to hold no line end.
  var scanned = 0
  /// True once the start line has been read.
  var hasStartLine = false
  /// Empty lines before the request line.
  var leadingEmptyLines: UInt8 = 0
  /// What the field lines so far say about framing.
  var framing = FramingFields()
  /// True once a Host line has come.
  var hasHost = false
  /// True once an Authorization or a Proxy-Authorization line has come.
  var hasAuthorization = false
  var hasProxyAuthorization = false
  /// True once an Upgrade line has come.
  var hasUpgrade = false
  /// Offset of an expectation that is not `100-continue`; -1 while there is none.
  var unsupportedExpectation = -1
}

/// The part of the bytes that the current line may take.
struct LineWindow {
  /// Where the line must have met its CR, at the latest.
  let scanEnd: Int
  /// Behind the last byte that has come and that the head may hold.
  let visible: Int

  /// True when CR LF stands at `offset`; false when the LF has not come yet. Anything else there is
  /// an error: of `kind`, unless it is half a line end.
  @inline(__always)
  func hasLineEnd(
    _ bytes: Span<UInt8>, at offset: Int, otherwise kind: HTTP1Error.Kind
  ) throws(HTTP1Error) -> Bool {
    guard bytes[offset] == ASCII.carriageReturn else {
      throw HTTP1Error(bytes[offset] == ASCII.lineFeed ? .bareLineEnd : kind, at: offset)
    }
    guard offset &+ 1 < visible else { return false }
    guard bytes[offset &+ 1] == ASCII.lineFeed else { throw HTTP1Error(.bareLineEnd, at: offset) }
    return true
  }
}

extension HeadProgress {
  /// What reading one line of the field section came to.
  enum Step {
    /// The line's end has not come yet.
    case incomplete
    /// This field line was appended.
    case line(FieldLine)
    /// The empty line behind the last field line.
    case end
  }

  /// Moves `window`, which may still be an earlier line's, to the current line. False when it is
  /// the current line's already, so that reading the line again could not tell more.
  func advance(_ window: inout LineWindow, _ bytes: Span<UInt8>, _ limits: HeadLimits) -> Bool {
    let own = self.window(bytes, limits)
    let isNew = own.scanEnd > window.scanEnd
    window = own
    return isNew
  }

  /// The current line's window: all that has come, cut at the limits.
  @inline(__always)
  func window(_ bytes: Span<UInt8>, _ limits: HeadLimits) -> LineWindow {
    let visible = min(bytes.count, limits.maximumHeadBytes)
    let isLong = visible &- lineStart > limits.maximumLineBytes
    let scanEnd = isLong ? lineStart &+ limits.maximumLineBytes &+ 1 : visible
    return LineWindow(scanEnd: scanEnd, visible: visible)
  }

  /// False while trying the current line again could not tell more than the last time. Asked once
  /// in each call, for the line that the last call left.
  @inline(__always)
  func isWorthReading(_ bytes: Span<UInt8>, _ window: LineWindow, _ limits: HeadLimits) -> Bool {
    scanned <= lineStart || isAtLimit(window, limits)
      || HeadProgress.hasNews(bytes, window, from: scanned)
  }

  /// True when the line fills its window, so that this is the last time it is tried: what is wrong
  /// in it must be told now, as it would have been had all of it come at once.
  private func isAtLimit(_ window: LineWindow, _ limits: HeadLimits) -> Bool {
    window.scanEnd &- lineStart > limits.maximumLineBytes
      || window.visible >= limits.maximumHeadBytes
  }

  /// False while nothing behind `scanned` could end the line.
  private static func hasNews(
    _ bytes: Span<UInt8>, _ window: LineWindow, from scanned: Int
  ) -> Bool {
    let stop = WordScan.firstControl(in: bytes, from: scanned, to: window.scanEnd)
    guard stop < window.scanEnd else { return false }
    return bytes[stop] != ASCII.carriageReturn || stop &+ 1 < window.visible
  }

  /// Notes that the current line's end has not come; throws when it can't come within the limits.
  mutating func awaitMore(
    _ bytes: Span<UInt8>, _ window: LineWindow, _ limits: HeadLimits, tooLong: HTTP1Error.Kind
  ) throws(HTTP1Error) {
    let end = window.scanEnd
    let awaitsLineFeed = end > lineStart && bytes[end &- 1] == ASCII.carriageReturn
    guard awaitsLineFeed || end &- lineStart <= limits.maximumLineBytes else {
      throw HTTP1Error(tooLong, at: end &- 1)
    }
    guard window.visible < limits.maximumHeadBytes else { throw HTTP1Error(tooLong, at: end) }
    scanned = awaitsLineFeed ? end &- 1 : end
  }

  /// Reads the line at `lineStart` as a field line or as the end of the section.
  @inline(__always)
  mutating func readFieldLine(
    _ bytes: Span<UInt8>, _ window: LineWindow, maximumCount: Int, into fields: inout FieldSection
  ) throws(HTTP1Error) -> Step {
    guard lineStart < window.scanEnd else { return .incomplete }
    let first = bytes[lineStart]
    if first == ASCII.carriageReturn || first == ASCII.lineFeed {
      guard try window.hasLineEnd(bytes, at: lineStart, otherwise: .bareLineEnd) else {
        return .incomplete
      }
      lineStart &+= 2
      return .end
    }
    guard
      let read = try fields.appendLine(bytes, at: lineStart, window, maximumCount: maximumCount)
    else { return .incomplete }
    lineStart = read.next
    return .line(read.line)
  }
}
