// What locations with `metrics` and `status` answer. The page is of all workers, whichever answers.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers with the page of metrics, in the format that the location or the client chooses.
  mutating func answerMetrics(_ exchange: ExchangePointer) {
    guard exchange.pointee.head.method == .get || exchange.pointee.head.method == .head else {
      return refuse(exchange, 405, .httpRequestDenied, Termination(.proxy, .route))
    }
    if exchange.pointee.plan.pointee.contentAction == .stubStatus {
      countIdleClients()
      return respond(exchange, page: metrics.share.metrics.stubStatus(), type: "text/plain")
    }
    let isStatus = exchange.pointee.plan.pointee.contentAction == .status
    let format: MetricsFormat = isStatus ? .json : wantedFormat(exchange)
    servingState(exchange).pointee.metricsPage = Unmanaged.passRetained(
      metrics.share.metrics.begin(format))
    carryOnPage(exchange)
  }

  /// Carries the page of an exchange on by the rows that are left for this turn, and sends it when
  /// it is complete; else the next turn goes on. So others wait for some rows and never for a page.
  mutating func carryOnPage(_ exchange: ExchangePointer) {
    guard let page = exchange.pointee.serving?.pointee.metricsPage?.takeUnretainedValue() else {
      preconditionFailure("carryOnPage: the exchange has no page")
    }
    let isComplete = page.carryOn(rows: &metrics.pageRowsLeft)
    // What it took belongs to this turn.
    now = kernel.now()
    guard isComplete else { return enqueue(exchange.pointee.client) }
    respond(exchange, page)
  }

  /// Leaves the next piece of a page to the next turn, so that a client that takes much does not
  /// keep others waiting. False when all of it has been sent.
  mutating func sendsMoreOfPage(_ exchange: ExchangePointer) -> Bool {
    guard let page = exchange.pointee.serving?.pointee.metricsPage?.takeUnretainedValue() else {
      return false
    }
    let piece = page.takePiece(atMost: Limits.pagePieceBytes)
    guard !piece.isEmpty else { return false }
    let client = exchange.pointee.client
    if client.pointee.wait == .clientSend { stopWaiting(client) }
    client.pointee.output.setPayload(piece)
    enqueue(client)
    return true
  }

  /// True when the exchange's page has more than the piece that is being sent.
  func hasMoreOfPage(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.serving?.pointee.metricsPage?.takeUnretainedValue().hasMore == true
  }

  private mutating func wantedFormat(_ exchange: ExchangePointer) -> MetricsFormat {
    guard let index = exchange.pointee.head.fields.firstIndex(of: .accept) else {
      return .prometheus
    }
    let value = exchange.pointee.head.fields[index].value
    return MetricsFormat(accept: exchange.pointee.headBytes.span.extracting(value.offsets))
  }
}
