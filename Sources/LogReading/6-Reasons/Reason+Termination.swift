import Telemetry

extension Reason {
  /// The reason that `termination` gives.
  public init(_ termination: Termination) {
    let event = Reason.party(termination.party) + " " + Reason.phase(termination.phase) + "."
    self.init(
      "\(termination.partyName):\(termination.phaseName)", event, Reason.directives(termination),
      next: Reason.advice(termination))
  }

  private static func party(_ party: Termination.Party) -> String {
    switch party {
    case .nobody: "Nobody ended the request early"
    case .client: "The client disconnected, sent something malformed or was too slow"
    case .upstream: "The backend refused, disconnected, sent something malformed or was too slow"
    case .proxy: "Waybill applied a rule or a limit, or was stopped,"
    case .operator: "An operator ended the request with waybill requests --abort"
    }
  }

  private static func phase(_ phase: Termination.Phase) -> String {
    switch phase {
    case .requestHead: "while the request's head was being read"
    case .route: "after the request's head, before a server was chosen"
    case .connect: "while a server was being chosen or connected to"
    case .requestBody: "while the request was being sent to the server"
    case .responseHead: "after the request was sent, before the response's head came"
    case .responseBody: "while the response was being sent to the client"
    case .tunnel: "while a tunnel was open"
    }
  }

  private static func directives(_ termination: Termination) -> [String] {
    switch (termination.party, termination.phase) {
    case (.client, .requestHead): ["client_header_timeout"]
    case (.client, .route), (.client, .requestBody): ["client_body_timeout"]
    case (.client, .responseBody): ["send_timeout"]
    case (.upstream, .connect): ["proxy_connect_timeout", "proxy_next_upstream", "max_fails"]
    case (.upstream, .requestBody): ["proxy_send_timeout"]
    case (.upstream, .responseHead), (.upstream, .responseBody), (.upstream, .tunnel),
      (.proxy, .tunnel), (.client, .tunnel):
      ["proxy_read_timeout"]
    case (.proxy, .requestHead): ["large_client_header_buffers", "max_headers"]
    case (.proxy, .route): ["location", "deny", "limit_req", "limit_conn", "client_max_body_size"]
    case (.proxy, .connect): ["max_conns", "fail_timeout", "worker_connections"]
    case (.proxy, _): ["shutdown_timeout", "worker_shutdown_timeout", "client_max_body_size"]
    default: []
    }
  }

  private static func advice(_ termination: Termination) -> String {
    switch termination.party {
    case .nobody: ""
    case .client:
      "error says which. Many that end after the same time have a timeout of the client's."
    case .upstream: "error says which. Look for the ID in the backend's log."
    case .proxy: "error and the line in the error log with the same ID say which."
    case .operator: "Nothing is wrong with the client or the backend."
    }
  }
}
