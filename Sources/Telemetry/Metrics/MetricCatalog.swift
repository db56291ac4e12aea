// All that Waybill counts. The page about metrics, the tests and the writers take names from here.

extension MetricFamily {
  // MARK: The process

  /// Labels: `version`.
  public static let buildInfo = MetricFamily(
    "waybill_build_info", .gauge, "Always 1; the label is the version.")
  /// No labels.
  public static let startTime = MetricFamily(
    "process_start_time_seconds", .gauge, unit: "seconds",
    "When the process started, in seconds since 1970-01-01 UTC.")
  /// No labels.
  public static let generation = MetricFamily(
    "waybill_configuration_generation", .gauge,
    "Generation of the configuration in use, from 1; each reload adds 1.")
  /// No labels.
  public static let workers = MetricFamily(
    "waybill_workers", .gauge, "Number of worker threads.")

  // MARK: Requests

  /// Labels: `server`, `upstream`, `status_class`.
  public static let requests = MetricFamily(
    "waybill_http_requests", .counter, "Requests that have ended, by status class.")
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
    "waybill_http_request_ids", .counter, "Requests that have ended, by the source of their ID.")
  /// Labels: `error`, `ended_by`.
  public static let errors = MetricFamily(
    "waybill_http_errors", .counter,
    "Failed requests, by the error type in their log line and the party that ended them.")

  // MARK: Workers

  /// Labels: `worker`.
  public static let workerRequests = MetricFamily(
    "waybill_worker_requests", .counter, "Requests that have ended in a worker.")
  /// Labels: `worker`.
  public static let requestsInFlight = MetricFamily(
    "waybill_http_requests_in_flight", .gauge, "Requests in progress in a worker.")
  /// Labels: `worker`.
  public static let turnDuration = MetricFamily(
    "waybill_worker_turn_duration_seconds", .histogram, unit: "seconds",
    "Duration of a turn of a worker's event loop; events that arrive meanwhile wait for its end.")
  /// Labels: `worker`.
  public static let droppedLines = MetricFamily(
    "waybill_log_lines_dropped", .counter, "Log lines lost because a log could not be written.")

  // MARK: Clients

  /// Labels: `worker`, `state`.
  public static let clientConnections = MetricFamily(
    "waybill_client_connections", .gauge,
    "Client connections; idle ones wait for a request.")
  /// Labels: `worker`.
  public static let acceptedConnections = MetricFamily(
    "waybill_client_connections_accepted", .counter, "Client connections accepted.")
  /// Labels: `worker`.
  public static let refusedConnections = MetricFamily(
    "waybill_client_connections_refused", .counter,
    "Client connections refused because worker_connections was reached.")
  /// Labels: `worker`.
  public static let unbufferedRequests = MetricFamily(
    "waybill_requests_unbuffered", .counter,
    "Requests whose content could not be stored in full and was passed on as it arrived.")
  /// Labels: `worker`.
  public static let unbufferedResponses = MetricFamily(
    "waybill_responses_unbuffered", .counter,
    "Responses that no file could hold for a slow client, so that it held up its backend.")
  /// Labels: `worker`.
  public static let acceptPauses = MetricFamily(
    "waybill_accept_pauses", .counter,
    "Pauses in accepting connections because descriptors, memory or slots had run out.")
  /// Labels: `outcome`.
  public static let handshakes = MetricFamily(
    "waybill_tls_handshakes", .counter, "Client TLS handshakes that have ended.")

  // MARK: Upstreams

  /// Labels: `upstream`.
  public static let tries = MetricFamily(
    "waybill_upstream_tries", .counter, "Attempts to get a response from a peer of an upstream.")
  /// Labels: `upstream`.
  public static let retries = MetricFamily(
    "waybill_upstream_retries", .counter, "Attempts after a request's first.")
  /// Labels: `upstream`, `error`.
  public static let failedTries = MetricFamily(
    "waybill_upstream_failed_tries", .counter, "Failed attempts, by error type.")
  /// Labels: `upstream`.
  public static let suspensions = MetricFamily(
    "waybill_upstream_peer_suspensions", .counter,
    "How often a worker took a peer out of service for its fail_timeout.")
  /// Labels: `upstream`, `state`.
  public static let upstreamConnections = MetricFamily(
    "waybill_upstream_connections", .gauge,
    "Connections to an upstream; idle ones are kept for the next request.")
  /// Labels: `upstream`.
  public static let openedConnections = MetricFamily(
    "waybill_upstream_connections_opened", .counter, "Connections to an upstream opened.")
  /// Labels: `upstream`.
  public static let connectDuration = MetricFamily(
    "waybill_upstream_connect_duration_seconds", .histogram, unit: "seconds",
    "Time to establish connections to an upstream, including the TLS handshake.")
  /// Labels: `upstream`.
  public static let firstByteDuration = MetricFamily(
    "waybill_upstream_first_byte_duration_seconds", .histogram, unit: "seconds",
    "Time from the start of an attempt to the first byte of its response.")

  /// All of them, in the order of the page.
  public static let all: [MetricFamily] = [
    buildInfo, startTime, generation, workers,
    requests, requestDuration, requestBytes, responseBytes, requestIDs, errors,
    workerRequests, requestsInFlight, turnDuration, droppedLines,
    clientConnections, acceptedConnections, refusedConnections,
    unbufferedRequests, unbufferedResponses,
    acceptPauses, handshakes,
    tries, retries, failedTries, suspensions, upstreamConnections, openedConnections,
    connectDuration, firstByteDuration,
  ]
}
