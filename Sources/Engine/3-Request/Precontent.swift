// What is asked before a location does what it is there for: `internal`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Looks at `internal` and `try_files`, then does what the location is there for.
  @inline(never) mutating func lookAhead(_ exchange: ExchangePointer) {
    let isRedirected = (exchange.pointee.serving?.pointee.redirectCount ?? 0) > 0
    if exchange.pointee.plan.pointee.redirection.isInternal && !isRedirected {
      return refuse(exchange, 404, .noRoute, .completed)
    }
    act(exchange, exchange.pointee.plan.pointee.content)
  }
}
