// Which trace a request belongs to (W3C Trace Context): one that a trusted client names, or a new
// one. Only requests of locations with `otel_trace` or `otel_trace_context` come here; what is sent
// on are fields that the plan adds to such locations.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Finds out which trace a request belongs to, then does what its location is there for.
  @inline(never) mutating func beginTraced(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "beginTraced: a response has begun")
    precondition(
      exchange.pointee.plan.pointee.traced != .traced, "beginTraced: it would never end")
    decideTrace(exchange)
    goOn(exchange, exchange.pointee.plan.pointee.traced)
  }

  /// Decides which trace a request belongs to and whether it is sampled, unless that is final: as
  /// in nginx, internal redirects change nothing. Until then the location may be another one.
  @inline(never) mutating func decideTrace(_ exchange: ExchangePointer, isFinal: Bool = true) {
    precondition(exchange.isLive, "decideTrace: the exchange has ended")
    let plan = exchange.pointee.plan
    precondition(plan.pointee.tracing.isOn, "decideTrace: the location has no traces")
    let isKnown = exchange.pointee.record.parts.contains(.trace)
    if isKnown && exchange.pointee.record.trace.isFinal { return }
    var trace = RequestTrace(traceBits: random.next(&kernel), spanBits: random.next(&kernel))
    if isKnown { trace.keepNumbers(of: exchange.pointee.record.trace) }
    trace.isFinal = isFinal
    trace.isTrusted = plan.pointee.requestID.trusts(
      nearestPeer(exchange), isVerified: isVerified(exchange))
    if plan.pointee.tracing.extracts && trace.isTrusted, let parent = receivedParent(exchange) {
      trace.continueTrace(of: parent)
      adoptTraceID(trace, exchange)
    } else {
      nameTrace(&trace, exchange)
    }
    exchange.pointee.record.trace = trace
    exchange.pointee.record.parts.insert(.trace)
    let isSampled = samplingRule(exchange).samples(trace)
    exchange.pointee.record.trace.setSampled(isSampled)
  }

  /// Not inlined: the request's head would be copied.
  @inline(never) private mutating func receivedParent(_ exchange: ExchangePointer) -> TraceParent? {
    TraceFields.parent(in: exchange.pointee.head, exchange.pointee.headBytes.span)
  }

  /// What `otel_trace` says for a request; its variables may ask for the trace's number.
  private mutating func samplingRule(_ exchange: ExchangePointer) -> SamplingRule {
    let tracing = exchange.pointee.plan.pointee.tracing
    guard !tracing.decision.isEmpty else { return tracing.sampling }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.samplingTextBytes) {
      memory in
      var writer = ByteWriter(memory)
      writeRaw(tracing.decision, exchange, into: &writer)
      if writer.overflowed { return .off }
      return SamplingRule(parsing: writer.span) ?? .off
    }
  }

  /// `request_id_format trace`: a new trace has the ID as its number, if that can be one.
  private mutating func nameTrace(_ trace: inout RequestTrace, _ exchange: ExchangePointer) {
    guard exchange.pointee.plan.pointee.requestID.format == .trace,
      let traceID = exchange.pointee.record.requestID.traceID()
    else { return }
    trace.traceID = traceID
    if exchange.pointee.record.idSource == .client { trace.flags.remove(.random) }
  }

  /// `request_id_format trace`: a request that continues a trace and sent no ID has the trace's
  /// number as its own. An ID that it sent stays, and one that has been in use does.
  private mutating func adoptTraceID(_ trace: RequestTrace, _ exchange: ExchangePointer) {
    let policy = exchange.pointee.plan.pointee.requestID
    let source = exchange.pointee.record.idSource
    let isInUse =
      exchange.pointee.client.pointee.isSubrequest
      || (exchange.pointee.serving?.pointee.redirectCount ?? 0) > 0
    guard policy.format == .trace, policy.mode == .on, source != .client, source != .none, !isInUse
    else { return }
    exchange.pointee.record.requestID.assign(trace.traceID)
    if source == .generated { exchange.pointee.record.idSource = .traceparent }
  }

  /// Forgets what was decided for the sake of the server's steps, if the location has no traces.
  mutating func forgetUndecidedTrace(_ exchange: ExchangePointer) {
    guard exchange.pointee.record.parts.contains(.trace), !exchange.pointee.record.trace.isFinal
    else { return }
    exchange.pointee.record.parts.remove(.trace)
  }

  /// Gives a subrequest a span of its own in the trace of the request that it is made for.
  mutating func passTrace(of parent: ExchangePointer, to subrequest: ExchangePointer) {
    precondition(subrequest.pointee.client.pointee.isSubrequest, "passTrace: not a subrequest")
    precondition(
      !subrequest.pointee.record.parts.contains(.trace), "passTrace: it has a span already")
    subrequest.pointee.record.trace = parent.pointee.record.trace.subrequest(
      spanBits: random.next(&kernel))
    subrequest.pointee.record.parts.insert(.trace)
  }

  // MARK: What backends get

  /// Writes a field of the context, if the request belongs to a trace and there is something to
  /// tell.
  @inline(never) mutating func writeTraceField(
    _ source: FieldSource, _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    guard exchange.pointee.record.parts.contains(.trace) else { return }
    switch source {
    case .traceContext:
      writer.beginField("traceparent")
      exchange.pointee.record.trace.context(ofTry: exchange.pointee.record.tryCount)
        .write(into: &writer.lines)
      writer.endField()
    case .traceState where exchange.pointee.record.trace.isContinued:
      passList("tracestate", exchange, into: &writer) { head, bytes, lines in
        TraceState.write(from: head, bytes, into: &lines)
      }
    case .baggage where exchange.pointee.record.trace.isTrusted:
      passList("baggage", exchange, into: &writer) { head, bytes, lines in
        TraceFields.writeBaggage(of: head, bytes, into: &lines)
      }
    default: break
    }
  }

  /// Writes a list of the client's as far as it may pass; nothing when that comes out empty.
  @inline(__always) private mutating func passList(
    _ name: StaticString, _ exchange: ExchangePointer, into writer: inout HeadWriter,
    _ write: (borrowing RequestHead, Span<UInt8>, inout ByteWriter) -> Void
  ) {
    let count = name.utf8CodeUnitCount
    guard exchange.pointee.head.fields.firstIndex(ofNameCount: count) != nil else { return }
    let start = writer.count
    let valueStart = writer.beginField(name)
    write(exchange.pointee.head, exchange.pointee.headBytes.span, &writer.lines)
    if writer.count == valueStart {
      guard !writer.overflowed else { return }
      return writer.truncate(to: start)
    }
    writer.endField()
  }
}
