// Responses on a connection to a backend that carries many exchanges at once: put where those of
// HTTP/1 are read, and what becomes of a try whose stream has failed.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Puts a response's head, be it an interim one, where those of HTTP/1 are read.
  mutating func takeResponseHead(
    _ link: SessionLinkPointer, _ number: UInt32, ends: Bool
  ) {
    guard let place = find(number, link), place.pointee.failure == .none,
      let exchange = place.pointee.stream.exchange
    else { return }
    precondition(!place.pointee.hasEnded, "takeResponseHead: the stream has ended")
    guard takeSection(link, number, into: place.stream, isTrailers: false) != nil else {
      return failStream(link, number, .sectionTooLarge)
    }
    place.pointee.hasEnded = ends
    noteFirstByte(exchange)
    place.pointee.stream.flags.formUnion([.readable, .progressed])
    enqueue(place.stream)
  }

  /// How the content of a response on a stream ends. Whatever its length, the stream tells.
  @inline(never) mutating func streamFraming(
    _ exchange: ExchangePointer, _ peer: StreamPointer, _ framing: ContentFraming
  ) -> ContentFraming {
    let place = peer.place
    let isBare =
      place.pointee.hasEnded && place.pointee.failure == .none && place.pointee.later.isNone
      && peer.pointee.inputCount == exchange.pointee.responseHead.byteCount
    guard framing != .none, !isBare else {
      exchange.pointee.responseReader.begin(.none)
      let isLength = exchange.pointee.client.pointee.isMultiplexed || framing != .untilClose
      return isLength ? framing == .untilClose ? .none : framing : .length(0)
    }
    exchange.pointee.responseReader.begin(.untilClose)
    return framing
  }

  /// Ends a try whose connection, or whose stream, has failed.
  @inline(never) mutating func responseFailed(_ exchange: ExchangePointer, _ error: KernelError) {
    guard let peer = exchange.pointee.upstream, peer.pointee.isMultiplexed else {
      return tryFailed(exchange, .closedBeforeResponse, .connectionTerminated, error)
    }
    switch peer.place.pointee.failure {
    case .refused: tryFailed(exchange, .refused, .connectionTerminated)
    case .malformed: tryFailed(exchange, .invalidResponse, .httpProtocolError)
    case .sectionTooLarge:
      tryFailed(exchange, .invalidResponse, .httpResponseHeaderSectionSize)
    case .silent: tryFailed(exchange, .timedOut, .connectionTimeout)
    case .headTooLarge:
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the request's head can't be sent: it is larger than HTTP/2 allows (64k)")
      }
      tryFailed(exchange, .invalidResponse, .proxyInternalError)
    case .none, .reset, .lost:
      tryFailed(exchange, .closedBeforeResponse, .connectionTerminated, error)
    }
  }
}
