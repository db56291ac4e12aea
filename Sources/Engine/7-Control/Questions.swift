// What a worker is asked through the control socket, and its answers: which requests are under way,
// and to end one of them. It looks for a question only when a command says that one waits, so the
// way of a request knows nothing of it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// A question to one worker.
public enum WorkerQuestion: Equatable, Sendable {
  /// The requests under way: all of them in short, or in detail those whose ID begins so.
  case requests(id: [UInt8])
  /// To end the request of that number on that connection.
  case abort(connection: UInt64, request: UInt32)
  /// All peers of all upstreams.
  case upstreams
  /// To do that with a peer.
  case steer(PeerOrder, PeerKey)
}

/// What a worker answers.
public struct WorkerAnswer: Sendable {
  /// JSON objects, one a line.
  public var lines: [UInt8] = []
  /// How many requests they are about.
  public var count = 0
  /// How many more there are.
  public var omitted = 0
  /// Log lines that the worker could not write since its start.
  public var lostLines: UInt64 = 0

  /// Nothing.
  public init() {}
}

/// Where a worker is asked.
public typealias WorkerDesk = AnswerDesk<WorkerQuestion, WorkerAnswer>

extension Worker where K: ~Copyable {
  /// Answers the question that waits.
  mutating func answerQuestion() {
    guard let desk = settings.desk, let (number, question) = desk.take() else { return }
    var answer = WorkerAnswer()
    answer.lostLines = lostLineCount
    switch question {
    case .requests(let id): list(id, into: &answer)
    case .abort(let connection, let request): abort(connection, request, into: &answer)
    case .upstreams: listPeers(into: &answer)
    case .steer(let order, let key): steer(order, key, into: &answer)
    }
    desk.put(answer, for: number)
  }

  /// Lists the oldest requests: those that hang are among them.
  private mutating func list(_ id: [UInt8], into answer: inout WorkerAnswer) {
    precondition(scratch.count >= Limits.shownHeadBytes, "list: the memory is too small")
    var found: [ExchangePointer] = []
    for exchange in runningExchanges where begins(exchange, with: id) { found.append(exchange) }
    found.sort { $0.pointee.start < $1.pointee.start }
    for exchange in found.prefix(Limits.listedRequests) {
      var writer = ByteWriter(scratch)
      writeRunning(exchange, isDetailed: !id.isEmpty, into: &writer)
      guard !writer.overflowed else { continue }
      answer.lines += writer.written
      answer.count += 1
    }
    answer.omitted = found.count - answer.count
  }

  private mutating func begins(_ exchange: ExchangePointer, with id: [UInt8]) -> Bool {
    isPrefix(id, exchange.pointee.record.requestID)
      || (!id.isEmpty && isPrefix(id, exchange.pointee.record.clientRequestID))
  }

  private func isPrefix<let capacity: Int>(
    _ id: [UInt8], _ whole: borrowing InlineBytes<capacity>
  ) -> Bool {
    id.count <= whole.count && id.indices.allSatisfy { id[$0] == whole.span[$0] }
  }

  private mutating func abort(
    _ connection: UInt64, _ request: UInt32, into answer: inout WorkerAnswer
  ) {
    let found = runningExchanges.first {
      $0.pointee.record.connection == connection
        && $0.pointee.record.connectionRequest == request
    }
    guard let found else { return }
    answer.count = 1
    endByOperator(found)
  }

  /// The exchanges under way: at most one of each connection, and one of each stream of a session.
  var runningExchanges: [ExchangePointer] {
    let alone = connections.touched.compactMap { slot -> ExchangePointer? in
      guard let connection = connections.element(at: slot),
        connection.pointee.phase != .closed, connection.pointee.role == .downstream
      else { return nil }
      return connection.pointee.exchange
    }
    return alone + streams.touched.compactMap { streams.element(at: $0)?.pointee.stream.exchange }
  }

  /// Ends an exchange that somebody does not want to wait for: with a 503 if the client has not got
  /// anything yet, else by cutting the response. Its connections end with it; no other exchange
  /// uses them.
  private mutating func endByOperator(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "endByOperator: the exchange has ended")
    let termination = Termination(.operator, phase(of: exchange))
    note(.aborted, exchange)
    exchange.pointee.requireClosure(.orderly)
    switch exchange.pointee.response {
    case .tunnel: endTunnel(exchange, termination, .requestAborted)
    case .content, .kept, .file, .composed, .heldBack, .delivering:
      cutResponse(exchange, .requestAborted, termination)
    case .none, .pending:
      exchange.pointee.response = .none
      if exchange.pointee.request == .head { keepArrivedHead(exchange) }
      abandonTry(exchange)
      refuse(exchange, 503, .requestAborted, termination)
    }
  }
}
