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
    let isStatus = exchange.pointee.plan.pointee.contentAction == .status
    let format: MetricsFormat = isStatus ? .json : wantedFormat(exchange)
    let page = metrics.share.metrics.page(format)
    // A large page takes its time, which belongs to this turn.
    now = kernel.now()
    respond(exchange, page: page, type: format.contentType)
  }

  private mutating func wantedFormat(_ exchange: ExchangePointer) -> MetricsFormat {
    guard let index = exchange.pointee.head.fields.firstIndex(of: .accept) else {
      return .prometheus
    }
    let value = exchange.pointee.head.fields[index].value
    return MetricsFormat(accept: exchange.pointee.headBytes.span.extracting(value.offsets))
  }
}
