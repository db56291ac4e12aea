// The questions that the control socket accepts: one line of JSON each.

import Engine
import LogReading
import Policy
import Telemetry

/// A question to the running process.
enum ControlQuestion: Equatable {
  /// `{"ask":"requests"}`, or with `"id"` those in detail whose ID begins so.
  case requests(id: [UInt8])
  /// `{"ask":"abort","connection":3,"connection_request":1}`, and `"process"` for a request that a
  /// process finishes which this one has replaced
  case abort(connection: UInt64, request: UInt32, process: Int32?)
  /// `{"ask":"errors"}`
  case errors
  /// `{"ask":"upstreams"}`
  case upstreams
  /// `{"ask":"steer","upstream":"app","peer":"10.0.0.1:80","order":"drain"}`
  case steer(PeerOrder, PeerKey)
  /// `{"ask":"status"}`, or with `"format"` one of `json`, `prometheus` and `openmetrics`
  case status(MetricsFormat)

  /// The question that `line` asks; nil when it is none.
  init?(parsing line: [UInt8]) {
    guard let members = LineMembers(line) else { return nil }
    switch members.text("ask") {
    case "requests": self = .requests(id: members.bytes("id"))
    case "errors": self = .errors
    case "upstreams": self = .upstreams
    case "steer":
      guard let order = PeerOrder(named: members.text("order")) else { return nil }
      self = .steer(
        order, PeerKey(upstream: members.bytes("upstream"), peer: members.bytes("peer")))
    case "status":
      guard let format = MetricsFormat(named: members.text("format")) else { return nil }
      self = .status(format)
    case "abort":
      guard let connection = members.number("connection"),
        let number = members.number("connection_request"), let request = UInt32(exactly: number)
      else { return nil }
      let process = members.number("process").flatMap { Int32(exactly: $0) }
      self = .abort(connection: connection, request: request, process: process)
    default: return nil
    }
  }

  /// The line that asks it.
  var line: [UInt8] {
    var line: [UInt8] = []
    switch self {
    case .requests(let id):
      line += "{\"ask\":\"requests\",\"id\":".utf8
      SafeText.appendJSON(id, to: &line)
      line += "}\n".utf8
    case .abort(let connection, let request, let process):
      line += "{\"ask\":\"abort\",\"connection\":\(connection)".utf8
      if let process { line += ",\"process\":\(process)".utf8 }
      line += ",\"connection_request\":\(request)}\n".utf8
    case .upstreams: line += "{\"ask\":\"upstreams\"}\n".utf8
    case .steer(let order, let key):
      line += "{\"ask\":\"steer\",\"upstream\":".utf8
      SafeText.appendJSON(key.upstream, to: &line)
      line += ",\"peer\":".utf8
      SafeText.appendJSON(key.peer, to: &line)
      line += ",\"order\":\"\(order.name)\"}\n".utf8
    case .errors: line += "{\"ask\":\"errors\"}\n".utf8
    case .status(let format):
      line += "{\"ask\":\"status\",\"format\":\"\(format.name)\"}\n".utf8
    }
    return line
  }
}

extension PeerOrder {
  fileprivate var name: String {
    switch self {
    case .up: "up"
    case .drain: "drain"
    case .down: "down"
    }
  }

  fileprivate init?(named name: String) {
    guard let order = PeerOrder.allCases.first(where: { $0.name == name }) else { return nil }
    self = order
  }
}

extension MetricsFormat {
  fileprivate var name: String {
    switch self {
    case .json: "json"
    case .prometheus: "prometheus"
    case .openMetrics: "openmetrics"
    }
  }

  /// The format of that name; JSON without a name.
  fileprivate init?(named name: String) {
    let format = name.isEmpty ? .json : MetricsFormat.allCases.first { $0.name == name }
    guard let format else { return nil }
    self = format
  }
}
