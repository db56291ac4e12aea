extension Reason {
  /// The statuses that have a sentence of their own, in their order.
  public static var statuses: [UInt16] {
    [
      101, 304, 400, 401, 403, 404, 405, 408, 413, 414, 416, 417, 421, 429, 431, 444, 495, 496, 497,
      499, 500, 501, 502, 503, 504, 505,
    ]
  }

  /// What a status may mean: Waybill's own if the line has `error` or `termination` or no
  /// `upstream_status`, else the backend's.
  public init(status: UInt16) {
    self = Reason.client(status) ?? Reason.server(status) ?? Reason.other(status)
  }

  private static func client(_ status: UInt16) -> Reason? {
    let name = "\(status)"
    let explain = "Ask waybill explain what the configuration does with the request."
    return switch status {
    case 400:
      Reason(
        name, "The request is malformed, or a rule for IDs refuses it.", ["request_id_invalid"],
        next: "The error log has the reason and the byte.")
    case 401:
      Reason(
        name, "The client has not said who it is, or not correctly.",
        ["auth_basic", "auth_request"], next: explain)
    case 403:
      Reason(
        name, "Who asks may not have this.", ["allow", "deny", "auth_request", "autoindex"],
        next: "For files: check their rights, and those of the folders above them.")
    case 404:
      Reason(
        name, "There is nothing at the path.", ["location", "root", "try_files"], next: explain)
    case 405:
      Reason(name, "The method is not allowed there.", ["limit_except"], next: explain)
    case 408:
      Reason(
        name, "The client took too long to send its request.",
        ["client_header_timeout", "client_body_timeout"],
        next: "A slow or broken network, or an attack: look for the client's address.")
    case 413:
      Reason(
        name, "The request's content is larger than the limit.", ["client_max_body_size"],
        next: "Raise it in the location that takes uploads.")
    case 414, 431:
      Reason(
        name, status == 414 ? "The target is too long." : "The request's head is over a limit.",
        ["large_client_header_buffers", "max_headers"],
        next: "Mostly cookies, or a query that should be content.")
    default: lessFrequent(status)
    }
  }

  private static func lessFrequent(_ status: UInt16) -> Reason? {
    let name = "\(status)"
    return switch status {
    case 416:
      Reason(
        name, "The part that was asked for lies outside the file.", ["max_ranges"],
        next: "The file may have become shorter while a client was loading it.")
    case 417:
      Reason(
        name, "The client expects something that Waybill does not know.", [],
        next: "Look at the request's Expect field: waybill errors ID shows the head.")
    case 421:
      Reason(
        name, "The request is for a server that this connection is not for.", ["server_name"],
        next: "With TLS: the name in the handshake and Host belong to different servers.")
    case 429:
      Reason(
        name, "The client has sent too many requests.", ["limit_req", "limit_req_status"],
        next: "Raise rate or burst if such clients are legitimate.")
    case 444:
      Reason(
        name, "The configuration closes the connection without a response.", ["return"],
        next: "Nothing, unless return 444 is in a place where clients get by mistake.")
    case 495, 496:
      Reason(
        name, status == 495 ? "The client's certificate is not valid." : "It sent no certificate.",
        ["ssl_verify_client", "ssl_client_certificate"],
        next: "The error log has the reason; clients see 400.")
    case 497:
      Reason(
        name, "The client spoke plain HTTP on a port for TLS.", ["listen"],
        next: "Correct the link, or redirect with error_page 497.")
    case 499:
      Reason(
        name, "The client disconnected before it had a response.", [],
        next: "Compare the duration with the client's patience: mostly the backend was too slow.")
    default: nil
    }
  }

  private static func server(_ status: UInt16) -> Reason? {
    let name = "\(status)"
    return switch status {
    case 500:
      Reason(
        name, "The backend failed; or, with error or a loop in the configuration, Waybill did.",
        ["error_page", "rewrite", "try_files"],
        next: "waybill trace ID shows the backend's traceback if its log has the ID.")
    case 501:
      Reason(
        name, "The method or the transfer coding is not supported.", [],
        next: "CONNECT is only for WebSockets over HTTP/2.")
    case 502:
      Reason(
        name, "No backend gave a usable response.",
        ["proxy_pass", "proxy_next_upstream", "max_fails"],
        next: "error says what happened: ask waybill why with it.")
    case 503:
      Reason(
        name, "Too many requests or connections, or a stop; or the backend says so.",
        ["limit_req", "limit_conn", "worker_connections", "shutdown_timeout"],
        next: "With error, ask waybill why with it; without, look for the ID in the backend's log.")
    case 504:
      Reason(
        name, "The backend took too long.",
        ["proxy_connect_timeout", "proxy_send_timeout", "proxy_read_timeout"],
        next: "termination says in which phase. Look for the ID in the backend's log.")
    case 505:
      Reason(
        name, "The client asked in a version of HTTP that Waybill does not speak.", [],
        next: "Many from one client are a scanner.")
    default: nil
    }
  }

  private static func other(_ status: UInt16) -> Reason {
    let name = "\(status)"
    let event =
      switch status {
      case 101: "A tunnel was opened: a WebSocket, for example."
      case 304: "The client has the content already."
      case ..<200: "An interim response."
      case ..<300: "The request succeeded."
      case ..<400: "The client is sent elsewhere: by return, rewrite or the backend."
      default: "The backend has chosen this status, or a return in the configuration."
      }
    let advice =
      status < 400
      ? "Nothing." : "Without upstream_status in the line, ask waybill explain what answers."
    return Reason(name, event, [], next: advice)
  }
}
