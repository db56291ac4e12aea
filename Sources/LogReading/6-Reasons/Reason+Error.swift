import Telemetry

extension Reason {
  /// The reason that an error type is.
  public init(error: ErrorType) {
    switch error {
    case .none, .httpRequestError, .noRoute, .httpRequestDenied, .requestBodyTooLarge,
      .clientTimeout, .clientClosed, .connectionWriteTimeout:
      self = Reason.byClient(error)
    case .proxyOverloaded, .proxyInternalError, .proxyShutdown, .requestAborted:
      self = Reason.byWaybill(error)
    case .tlsProtocolError, .tlsCertificateError, .tlsAlertReceived, .nameError, .nameTimeout,
      .destinationUnavailable, .connectionRefused, .connectionTimeout, .destinationIPUnroutable:
      self = Reason.onTheWay(error)
    case .connectionTerminated, .httpResponseTimeout, .httpProtocolError, .httpResponseIncomplete,
      .httpResponseHeaderSectionSize, .httpUpgradeFailed:
      self = Reason.byBackend(error)
    }
  }

  private static func byClient(_ error: ErrorType) -> Reason {
    let name = "\(error.name)"
    return switch error {
    case .httpRequestError:
      Reason(
        name, "The request is malformed, so no backend got it.",
        ["ignore_invalid_headers", "underscores_in_headers"],
        next: "The error log has the reason and the byte. Many from one client are a scanner or a"
          + " broken library.", if: "any status but 408")
    case .clientTimeout:
      Reason(
        name, "The client took too long to send its request.",
        ["client_header_timeout", "client_body_timeout"],
        next: "A slow or broken network, or an attack: look for the client's address.",
        if: "status 408")
    case .noRoute:
      Reason(
        name, "No server or location of the configuration handles the path.",
        ["server_name", "location"],
        next: "Ask waybill explain which location would get the request.")
    case .httpRequestDenied:
      Reason(
        name, "A rule or a limit of the configuration forbids the request.",
        [
          "large_client_header_buffers", "max_headers", "request_id_invalid", "deny",
          "auth_basic",
        ],
        next: "The error log names the rule. Raise the limit if such requests are legitimate.",
        if: "any status but 413")
    case .requestBodyTooLarge:
      Reason(
        name, "The request's content is larger than the limit.", ["client_max_body_size"],
        next: "Raise it in the location that takes uploads.", if: "status 413")
    case .clientClosed:
      Reason(
        name, "The client disconnected before it had the whole response.", [],
        next: "Compare the duration with the client's patience: mostly the backend was too slow.",
        if: "termination client:…")
    case .connectionWriteTimeout:
      Reason(
        name, "One side accepted nothing for too long while Waybill was sending to it.",
        ["send_timeout", "proxy_send_timeout"],
        next: "termination says which side: a slow reader, or a backend that hangs.")
    default: Reason("none", "Nothing failed.", next: "")
    }
  }

  private static func byWaybill(_ error: ErrorType) -> Reason {
    let name = "\(error.name)"
    return switch error {
    case .proxyOverloaded:
      Reason(
        name, "Waybill had no free connection or request slot, or made room for another client.",
        ["worker_connections"],
        next: "Compare waybill status with the limits; look for clients that keep many connections."
      )
    case .proxyShutdown:
      Reason(
        name, "Waybill was stopped or replaced before the request had ended.",
        ["shutdown_timeout", "worker_shutdown_timeout"],
        next: "The error log says which. Raise the directive if such requests take longer.",
        if: "termination proxy:…")
    case .requestAborted:
      Reason(
        name, "An operator ended the request with waybill requests --abort.", [],
        next: "Nothing is wrong with the client or the backend.", if: "termination operator:…")
    default:
      Reason(
        name, "Waybill could not compose the request or the response, or failed itself.",
        ["proxy_set_header"],
        next: "The error log has the reason. A head that grew over 256 KiB comes from what"
          + " proxy_set_header adds.")
    }
  }

  private static func onTheWay(_ error: ErrorType) -> Reason {
    let name = "\(error.name)"
    return switch error {
    case .tlsProtocolError:
      Reason(
        name, "The backend does not speak TLS, or not the way it was asked to.",
        ["proxy_pass", "proxy_ssl_protocols", "proxy_ssl_ciphers"],
        next: "Check that https and the port belong together; try openssl s_client.")
    case .tlsCertificateError:
      Reason(
        name, "The backend's certificate is not valid for its name or not trusted.",
        ["proxy_ssl_verify", "proxy_ssl_trusted_certificate", "proxy_ssl_name"],
        next: "The error log has the reason: a name, an expiry, an unknown issuer.")
    case .tlsAlertReceived:
      Reason(
        name, "The backend refused the TLS handshake.",
        ["proxy_ssl_certificate", "proxy_ssl_server_name", "proxy_ssl_protocols"],
        next: "The backend's log says why: often it wants a client certificate or a server name.")
    case .nameError:
      Reason(
        name, "The backend's name has no address, or could not be looked up.", ["resolver"],
        next: "The error log names the host and says what the name server answered.")
    case .nameTimeout:
      Reason(
        name, "No name server answered in time.", ["resolver", "resolver_timeout"],
        next: "Check that the name servers can be reached.")
    case .destinationUnavailable:
      Reason(
        name, "No server of the upstream was available: each has failed, is down or is busy.",
        ["max_fails", "fail_timeout", "max_conns", "down"],
        next:
          "The error log says when and why each was taken out of service; waybill status counts.")
    case .connectionRefused:
      Reason(
        name, "Nothing listens at the backend's address, or its queue is full.",
        ["proxy_pass", "server"],
        next: "Is the backend running, and at that address? Is its backlog long enough?")
    case .connectionTimeout:
      Reason(
        name, "Connecting to the backend took too long.", ["proxy_connect_timeout"],
        next: "The network, a firewall that drops packets, or an overloaded backend.")
    default:
      Reason(
        name, "Connecting to the backend failed: no route, no permission or no local port.",
        ["proxy_pass"], next: "The error log has the system's message.")
    }
  }

  private static func byBackend(_ error: ErrorType) -> Reason {
    let name = "\(error.name)"
    return switch error {
    case .connectionTerminated:
      Reason(
        name, "The backend closed or reset the connection before its response.", [],
        next: "A crash, a restart or a worker timeout of the backend: look for the ID in its log.",
        if: "termination upstream:…")
    case .httpResponseTimeout:
      Reason(
        name, "The backend sent nothing for too long; in a tunnel, neither side did.",
        ["proxy_read_timeout"],
        next:
          "Look for the ID in the backend's log: a slow query or a lock. Raise the directive for"
          + " requests that are slow by design.")
    case .httpProtocolError:
      Reason(
        name, "The backend's response is malformed.", [],
        next: "The error log has the reason. Does the backend speak HTTP on that port?")
    case .httpResponseIncomplete:
      Reason(
        name, "The backend's response ended before it was complete; the client's was cut.", [],
        next: "A crash or a timeout in the middle of a response: look for the ID in the backend's"
          + " log.")
    case .httpResponseHeaderSectionSize:
      Reason(
        name, "The head of the backend's response is over a limit.",
        ["proxy_response_head_size", "proxy_response_max_headers"],
        next: "Mostly cookies: too many, or too large.")
    default:
      Reason(
        name, "The backend switched protocols unasked, or to one it was not offered.", [],
        next: "Does the path lead to the backend that serves WebSockets?")
    }
  }
}
