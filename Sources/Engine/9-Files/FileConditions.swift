// Conditional requests and ranges for files (RFC 9110 sections 13 and 14), as nginx judges them.

import Basics
import HTTP
import Plan
import Platform
import Telemetry

/// What is sent of a file.
enum FileVerdict: Equatable, BitwiseCopyable {
  /// The file, or what its Range field asks for.
  case content(RangeJudgement)
  /// 304
  case notModified
  /// 412
  case preconditionFailed
}

/// The fields of a request that are about what is sent of a file.
struct ConditionFields: BitwiseCopyable {
  var ifMatch: ByteRange?
  var ifNoneMatch: ByteRange?
  var ifModifiedSince: ByteRange?
  var ifUnmodifiedSince: ByteRange?
  var ifRange: ByteRange?
  var range: ByteRange?
  /// One of those of which there may be one only came twice: nginx refuses that.
  var isRepeated = false

  /// None.
  init() {}

  init(_ exchange: ExchangePointer) {
    let bytes = exchange.pointee.headBytes.span
    for index in 0..<exchange.pointee.head.fields.count {
      let line = exchange.pointee.head.fields[index]
      guard line.known == .other else { continue }
      note(bytes.extracting(line.name.offsets), line.value)
    }
  }

  private mutating func note(_ name: Span<UInt8>, _ value: ByteRange) {
    var comesAgain = false
    switch name.count {
    case 5: _ = Self.take(&range, name, "Range", value)
    case 8:
      comesAgain =
        Self.take(&ifMatch, name, "If-Match", value)
        || Self.take(&ifRange, name, "If-Range", value)
    case 13: comesAgain = Self.take(&ifNoneMatch, name, "If-None-Match", value)
    case 17: comesAgain = Self.take(&ifModifiedSince, name, "If-Modified-Since", value)
    case 19: comesAgain = Self.take(&ifUnmodifiedSince, name, "If-Unmodified-Since", value)
    default: break
    }
    if comesAgain { isRepeated = true }
  }

  /// Keeps a field's first value if it has the name wanted; true when it had come before.
  private static func take(
    _ place: inout ByteRange?, _ name: Span<UInt8>, _ wanted: StaticString, _ value: ByteRange
  ) -> Bool {
    guard FieldNameMatch.equalIgnoringCase(name, wanted) else { return false }
    if place != nil { return true }
    place = value
    return false
  }
}

extension Worker where K: ~Copyable {
  /// Judges a request for a file with entity tag `tag`, which is empty without one.
  mutating func judge(
    _ exchange: ExchangePointer, _ status: FileStatus, tag: Span<UInt8>,
    _ fields: ConditionFields
  ) -> FileVerdict {
    let bytes = exchange.pointee.headBytes.span
    if let value = fields.ifUnmodifiedSince {
      let date = HTTPDate.seconds(bytes.extracting(value.offsets))
      guard let date, date >= status.modified else { return .preconditionFailed }
    }
    if let value = fields.ifMatch,
      !EntityTagList.contains(tag, in: bytes.extracting(value.offsets), isWeak: false)
    {
      return .preconditionFailed
    }
    if fields.ifModifiedSince != nil || fields.ifNoneMatch != nil,
      isUnchanged(exchange, status, tag, fields)
    {
      return .notModified
    }
    return .content(judgeRange(exchange, status, tag, fields))
  }

  /// True when all that the client says of its copy fits the file. nginx asks for both where both
  /// are sent.
  private mutating func isUnchanged(
    _ exchange: ExchangePointer, _ status: FileStatus, _ tag: Span<UInt8>,
    _ fields: ConditionFields
  ) -> Bool {
    let bytes = exchange.pointee.headBytes.span
    if let value = fields.ifModifiedSince {
      let date = HTTPDate.seconds(bytes.extracting(value.offsets))
      guard let date else { return false }
      switch exchange.pointee.plan.pointee.files.dateRule {
      case .off: return false
      case .exact: if date != status.modified { return false }
      case .before: if date < status.modified { return false }
      }
    }
    guard let value = fields.ifNoneMatch else { return true }
    return EntityTagList.contains(tag, in: bytes.extracting(value.offsets), isWeak: true)
  }

  private mutating func judgeRange(
    _ exchange: ExchangePointer, _ status: FileStatus, _ tag: Span<UInt8>,
    _ fields: ConditionFields
  ) -> RangeJudgement {
    let packing = exchange.pointee.serving?.pointee.packing ?? ResponseCoding.none
    guard let range = fields.range, packing == ResponseCoding.none,
      exchange.pointee.plan.pointee.files.maximumRanges > 0
    else { return .whole }
    let bytes = exchange.pointee.headBytes.span
    if let value = fields.ifRange {
      let validator = bytes.extracting(value.offsets)
      if validator.count >= 2, validator[validator.count - 1] == UInt8(ascii: "\"") {
        guard !tag.isEmpty, EntityTagList.isEqual(validator, tag) else { return .whole }
      } else if HTTPDate.seconds(validator) != status.modified {
        return .whole
      }
    }
    return RangeReader.judge(
      bytes.extracting(range.offsets), size: status.size,
      maximumCount: exchange.pointee.plan.pointee.files.maximumRanges)
  }
}
