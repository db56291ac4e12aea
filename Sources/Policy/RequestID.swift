import Basics
import HTTP

/// The ID of a request, as it stands in the header, the log and the error page.
public typealias RequestID = InlineBytes<255>

/// `request_id`: what is done about IDs.
public enum RequestIDMode: UInt8, Sendable, BitwiseCopyable {
  /// Keep a valid one from a trusted peer, else make one.
  case on
  /// Always make one.
  case generate
  /// Keep a valid one, never make one.
  case pass
  /// Do nothing: the field passes like any other, both ways.
  case off
}

/// `request_id_format`: how a made ID looks.
public enum RequestIDFormat: UInt8, Sendable, BitwiseCopyable {
  /// UUID version 4, 36 lowercase characters (RFC 9562 section 5.4).
  case uuid4
  /// UUID version 7, time-ordered (RFC 9562 section 5.7).
  case uuid7
  /// ULID, 26 characters of Crockford's base 32.
  case ulid
  /// 32 lowercase hexadecimal digits.
  case hex
  /// The same, and it is the number of the request's trace.
  case trace
}

/// Where a request's ID came from: `id_source` in the log.
public enum RequestIDSource: UInt8, Sendable, BitwiseCopyable {
  /// There is no ID (`request_id off`, or `pass` and none came).
  case none
  /// Made, because none came.
  case generated
  /// The client's own, kept.
  case client
  /// Made, because what came has a forbidden character or is too long.
  case invalid
  /// Made, because several different ones came.
  case duplicate
  /// Made, because the peer is not trusted.
  case untrusted
  /// The number of the trace that the client's `traceparent` names, because no ID came
  /// (`request_id_format trace`).
  case traceparent
}

/// `request_id_cors`: whether page scripts of other origins may read and send the ID.
public struct CrossOriginExposure: Sendable, BitwiseCopyable {
  /// True when the header's name is merged into the CORS fields of responses.
  public var isOn: Bool
  /// Origins for which Waybill's own errors carry Access-Control-Allow-Origin.
  public var origins: FrozenArray<FrozenBytes>

  /// The exposure given; off by default.
  public init(isOn: Bool = false, origins: FrozenArray<FrozenBytes> = .empty) {
    self.isOn = isOn
    self.origins = origins
  }
}

/// The merged `request_id*` directives of one place.
public struct RequestIDPolicy: Sendable, BitwiseCopyable {
  /// `request_id`
  public var mode: RequestIDMode
  /// `request_id_format`
  public var format: RequestIDFormat
  /// `request_id_invalid reject`: 400 instead of a new ID.
  public var rejectsInvalid: Bool
  /// `request_id_max_length`: 1 to 255.
  public var maximumLength: Int
  /// `request_id_trust`
  public var trust: PeerTrust
  /// `request_id_header`, as it is written on the wire.
  public var header: FrozenBytes
  /// `request_id_cors`
  public var crossOrigin: CrossOriginExposure

  /// True when more is to be done behind `decide` than keeping what it says: `settle`.
  public var needsSettling: Bool

  /// The policy given.
  public init(
    mode: RequestIDMode, format: RequestIDFormat, rejectsInvalid: Bool, maximumLength: Int,
    trust: PeerTrust, header: FrozenBytes, crossOrigin: CrossOriginExposure
  ) {
    self.mode = mode
    self.format = format
    self.rejectsInvalid = rejectsInvalid
    needsSettling = rejectsInvalid
    self.maximumLength = maximumLength
    self.trust = trust
    self.header = header
    self.crossOrigin = crossOrigin
  }

  /// True when `request_id_trust` includes a peer, which may have shown a certificate that holds.
  public func trusts(_ peer: PeerAddress, isVerified: Bool) -> Bool {
    trust.contains(peer) || (isVerified && trust.includesVerified)
  }
}
