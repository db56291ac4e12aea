// All that Waybill counts. The page about metrics, the tests and the writers take names from here.

extension MetricFamily {
  // MARK: The process

  /// Labels: `version`.
  public static let buildInfo = MetricFamily(
    "waybill_build_info", .gauge, "Always 1; the label says which version runs.")
  /// No labels.
  public static let startTime = MetricFamily(
    "process_start_time_seconds", .gauge, unit: "seconds",
    "When the process began, in seconds since 1970-01-01 UTC.")
  /// No labels.
  public static let generation = MetricFamily(
    "waybill_configuration_generation", .gauge,
    "Which configuration of the process is in force, from 1; a reload counts on.")
  /// No labels.
  public static let workers = MetricFamily(
    "waybill_workers", .gauge, "Worker threads that serve.")

  // MARK: Requests

  /// Labels: `server`, `upstream`, `status_class`.
  public static let requests = MetricFamily(
    "waybill_http_requests", .counter, "Requests that have ended, by the class of their status.")
  /// Labels: `server`, `upstream`.
  public static let requestDuration = MetricFamily(
    "waybill_http_request_duration_seconds", .histogram, unit: "seconds",
    "Time from a request's first byte to the last byte of its response.")
  /// Labels: `server`, `upstream`.
  public static let requestBytes = MetricFamily(
    "waybill_http_request_content_bytes", .counter, unit: "bytes",
    "Content of requests, without chunk framing.")
  /// Labels: `server`, `upstream`.
  public static let responseBytes = MetricFamily(
    "waybill_http_response_content_bytes", .counter, unit: "bytes",
    "Content of responses handed to the kernel, without chunk framing.")
  /// Labels: `source`.
  public static let requestIDs = MetricFamily(
    "waybill_http_request_ids", .counter, "Requests that have ended, by where their ID came from.")
  /// Labels: `error`, `ended_by`.
  public static let errors = MetricFamily(
    "waybill_http_errors", .counter,
    "Requests that failed, by the error type in their log line and by who ended them.")

  // MARK: Workers

  /// Labels: `worker`.
  public static let workerRequests = MetricFamily(
    "waybill_worker_requests", .counter, "Requests that have ended in a worker.")
  /// Labels: `worker`.
  public static let requestsInFlight = MetricFamily(
    "waybill_http_requests_in_flight", .gauge, "Requests under way in a worker.")
  /// Labels: `worker`.
  public static let turnDuration = MetricFamily(
    "waybill_worker_turn_duration_seconds", .histogram, unit: "seconds",
    "How long a turn of a worker's event loop took: what happens meanwhile waits so long.")
  /// Labels: `worker`.
  public static let droppedLines = MetricFamily(
    "waybill_log_lines_dropped", .counter, "Log lines lost because a log could not be written.")

  // MARK: Clients

  /// Labels: `worker`, `state`.
  public static let clientConnections = MetricFamily(
    "waybill_client_connections", .gauge,
    "Connections of clients: idle ones wait for a request.")
  /// Labels: `worker`.
  public static let acceptedConnections = MetricFamily(
    "waybill_client_connections_accepted", .counter, "Connections taken from clients.")
  /// Labels: `worker`.
  public static let refusedConnections = MetricFamily(
    "waybill_client_connections_refused", .counter,
    "Those of them that were beyond worker_connections.")
  /// Labels: `worker`.
  public static let unbufferedRequests = MetricFamily(
    "waybill_requests_unbuffered", .counter,
    "Requests whose content could not be kept whole, and was passed on as it came.")
  /// Labels: `worker`.
  public static let acceptPauses = MetricFamily(
    "waybill_accept_pauses", .counter,
    "Times that accepting paused because descriptors, memory or slots had run out.")
  /// Labels: `outcome`.
  public static let handshakes = MetricFamily(
    "waybill_tls_handshakes", .counter, "TLS handshakes of clients that have ended.")

  // MARK: Upstreams

  /// Labels: `upstream`.
  public static let tries = MetricFamily(
    "waybill_upstream_tries", .counter, "Attempts to get a response from a peer of an upstream.")
  /// Labels: `upstream`.
  public static let retries = MetricFamily(
    "waybill_upstream_retries", .counter, "Those of them that were not a request's first.")
  /// Labels: `upstream`, `error`.
  public static let failedTries = MetricFamily(
    "waybill_upstream_failed_tries", .counter, "Those of them that failed, by error type.")
  /// Labels: `upstream`.
  public static let suspensions = MetricFamily(
    "waybill_upstream_peer_suspensions", .counter,
    "Times that a worker took a peer out of service for its fail_timeout.")
  /// Labels: `upstream`, `state`.
  public static let upstreamConnections = MetricFamily(
    "waybill_upstream_connections", .gauge,
    "Connections to an upstream: idle ones are kept for the next request.")
  /// Labels: `upstream`.
  public static let openedConnections = MetricFamily(
    "waybill_upstream_connections_opened", .counter, "Connections begun to an upstream.")
  /// Labels: `upstream`.
  public static let connectDuration = MetricFamily(
    "waybill_upstream_connect_duration_seconds", .histogram, unit: "seconds",
    "Time that connections to an upstream took to be made, with TLS its handshake included.")
  /// Labels: `upstream`.
  public static let firstByteDuration = MetricFamily(
    "waybill_upstream_first_byte_duration_seconds", .histogram, unit: "seconds",
    "Time from the beginning of a try to the first byte of its response.")

  /// All of them, in the order of the page.
  public static let all: [MetricFamily] = [
    buildInfo, startTime, generation, workers,
    requests, requestDuration, requestBytes, responseBytes, requestIDs, errors,
    workerRequests, requestsInFlight, turnDuration, droppedLines,
    clientConnections, acceptedConnections, refusedConnections, unbufferedRequests,
    acceptPauses, handshakes,
    tries, retries, failedTries, suspensions, upstreamConnections, openedConnections,
    connectDuration, firstByteDuration,
  ]
}
