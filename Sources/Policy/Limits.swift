import Basics

/// Every bound of the program that no directive moves, and the defaults of those that one does.
/// Each has its unit in the name or the comment, and its reason.
public enum Limits {
  // MARK: The request ID

  /// Bytes of the longest ID that `request_id_max_length` may allow: Rails cuts there, HAProxy at
  /// 128.
  public static let requestIDBytes = 255
  /// Bytes of a client's or backend's refused ID that reach the log: enough to recognise it.
  public static let receivedIDBytes = 256

  // MARK: Traces

  /// Members of a `tracestate`: what W3C Trace Context allows.
  public static let traceStateMembers = 32
  /// Bytes of a `tracestate` that is passed on: what W3C Trace Context asks everybody to pass on.
  public static let traceStateBytes = 512
  /// Bytes of a member that is left out before smaller ones: W3C Trace Context says so.
  public static let largeTraceStateMember = 128
  /// Bytes of all `baggage` lines of a request that are passed on: what W3C Baggage asks everybody
  /// to pass on.
  public static let baggageBytes = 8192

  /// Bytes of the value of `otel_trace $variable`: `100.0000%` is the longest that means anything.
  public static let samplingTextBytes = 16

  // MARK: Heads

  /// Longest request or field line in bytes (`large_client_header_buffers` size): nginx's default.
  public static let headLineBytes = 8 * 1024
  /// Longest head in bytes (`large_client_header_buffers` number x size): nginx's default.
  public static let headBytes = 32 * 1024
  /// Largest head that a conf file may allow, in bytes: what the largest buffer class holds.
  public static let largestHeadBytes = 256 * 1024
  /// Field lines of a head: HAProxy's default is 101.
  public static let fieldCount = 100
  /// Bytes of a backend's response head when `proxy_response_head_size` is not set: twice nginx's
  /// largest common setting.
  public static let responseHeadBytes = 32 * 1024
  /// The smallest and the largest `proxy_response_head_size` in bytes: a head is composed anew in
  /// `scratchBytes`, with what is added to it.
  public static let responseHeadRange: ClosedRange<UInt64> = 1024...192 * 1024
  /// Fields of a backend's response head when `proxy_response_max_headers` is not set: a few more
  /// than a request may have.
  public static let responseFieldCount = 128
  /// Bytes of a trailer section: trailers are rare and small.
  public static let trailerBytes = 8 * 1024
  /// Bytes of a chunk-size line with its extensions: nobody sends them, attackers do.
  public static let chunkLineBytes = 256
  /// Interim (1xx) responses passed on for one request when `proxy_max_interim_responses` is not
  /// set: a backend that sends more is mostly broken.
  public static let interimResponses = 16

  // MARK: Routes

  /// Bytes of the longest host name that is looked up: a name in the DNS has no more (RFC 1035
  /// section 2.3.4). A longer one goes to the default server.
  public static let serverNameBytes = 255

  // MARK: Buffers, in bytes

  /// Heads and small bodies.
  public static let smallBufferBytes = 16 * 1024
  /// Bodies: below it the system calls cost more than the copy, above it idle memory does.
  public static let mediumBufferBytes = 64 * 1024
  /// Bodies of which more than this is still to come, while their reader keeps up.
  public static let largeBufferBytes = 256 * 1024
  /// Content of an answer of Waybill's own: a `return`, an error page. Its head may take the rest
  /// of the scratch memory; together with an interim response that still waits they fit the largest
  /// buffer.
  public static let ownContentBytes = 96 * 1024
  /// Lines of `mirror` on one level: each takes a place for every request that may run.
  public static let mirrors = 8
  /// Content of the answer to a subrequest that is read so that its connection can be used again:
  /// nobody wants it, and a new connection costs less than more of it.
  public static let subrequestContentBytes = 64 * 1024
  /// Free buffers of each class that a worker keeps for the next use.
  public static let keptBuffers = 64
  /// One rewritten head, or one error page; the same as the largest buffer, which holds what a slow
  /// reader has not taken.
  public static let scratchBytes = 256 * 1024

  // MARK: Turns of the event loop

  /// Events taken from the kernel in one turn.
  public static let eventsPerTurn = 256
  /// Connections accepted from one listener in one turn, so that new ones never starve old ones.
  public static let acceptsPerTurn = 64
  /// How often that many are taken before a listener is closed: the kernel's default for the
  /// longest accept queue is 4096. An end must come even when new ones never cease.
  public static let lastAccepts = 64
  /// `sub_filter` of one block: nginx's limit.
  public static let substitutions = 255
  /// Reads of content for one response's stages in one turn: a quick level packs about 100 MB a
  /// second, so others wait for two or three milliseconds.
  public static let stageReadsPerTurn = 4
  /// The highest level of gzip or brotli that counts as quick; above it a turn has one read.
  public static let quickLevel = 6
  /// How often one stage may give to the next in one turn, up to a small buffer each time, however
  /// much comes of little.
  public static let stageFillsPerRun = 64
  /// Compressors of gzip that a worker keeps for the next use; one takes up to 268 KB.
  public static let keptCompressors = 4
  /// Reads from one connection in one turn, so that a fast peer never starves the others.
  public static let readsPerTurn = 16
  /// Rows of metrics that are summed or written in one turn, for all pages under way together: a
  /// row takes up to about 10 µs, so others wait for little more than a millisecond.
  public static let metricRowsPerTurn = 128
  /// Bytes of a page of metrics that are given to the client's socket in one turn.
  public static let pagePieceBytes = 256 * 1024
  /// How long accepting pauses when descriptors or memory have run out.
  public static let acceptPause = Interval.milliseconds(100)

  /// Connections accepted beyond `worker_connections`, only to be refused with a 503 that has an
  /// ID.
  public static let refusalConnections = 64

  /// Places for streams beside each connection, where connections carry several requests at once.
  /// All connections share them; a place that is never taken costs no memory.
  public static let streamsPerConnection = 32
  /// Streams that a connection may have once half of all places are taken, so that those with many
  /// leave room for the others.
  public static let fairStreams = streamsPerConnection / 2

  /// Idle connections that a worker leaves to its heirs, or takes over, in one turn: 128 of them
  /// take less than a millisecond.
  public static let handoversPerTurn = 128
  /// Turns in which a worker tries to watch a client that it takes over, before it closes it: the
  /// kernel refuses for want of memory, which may pass.
  public static let handoverAttempts = 16
  /// Earlier configurations that may still have connections: each holds a thread for each of its
  /// workers and the memory of its tables. With one more, the oldest ends early.
  public static let earlierGenerations = 64

  // MARK: Requests

  /// Bytes of content that are read and thrown away so that a connection can be kept after an
  /// answer of Waybill's own; with more to come, closing is cheaper.
  public static let discardedContentBytes: UInt64 = 1024 * 1024

  /// Bytes of a request's content kept in memory (`client_body_buffer_size`): one medium buffer, so
  /// that forms and API calls need no file.
  public static let bodyBufferBytes = mediumBufferBytes
  /// Bytes of it that a conf file may allow: with one more read they fill the largest buffer.
  public static let largestBodyBufferBytes = largeBufferBytes - mediumBufferBytes
  /// Bytes of a response kept in memory for a slow client (`proxy_buffer_size`, `proxy_buffers`),
  /// as nginx has them on machines with pages of 4 KiB.
  public static let responseBuffer: UInt64 = 4096
  /// How many there are of `responseBuffer`, besides the first one.
  public static let responseBuffers: UInt64 = 8
  /// Bytes of it that a conf file may allow: with one more read they fill the largest buffer.
  public static let largestResponseBufferBytes = largeBufferBytes / 2
  /// Bytes of the file behind it (`proxy_max_temp_file_size`).
  public static let responseFileBytes: UInt64 = 1024 * 1024 * 1024
  /// Reads ahead for one slow client in a turn: each may be a write to a file, which takes some ten
  /// microseconds.
  public static let readAheadsPerTurn = 4
  /// Bytes of all temporary files together (`temp_space`).
  public static let temporaryBytes: UInt64 = 1024 * 1024 * 1024
  /// Where temporary files are made (`client_body_temp_path`, `proxy_temp_path`): unlike /tmp, it
  /// is seldom in memory.
  public static let temporaryFolder = "/var/tmp"

  // MARK: Files

  /// Bytes of a path in the file system, its end included: Linux's PATH_MAX.
  public static let filePathBytes = 4096
  /// Content of at most so many bytes is read and sent together with the head: below it a copy
  /// costs less than a further call.
  public static let copiedFileBytes: UInt64 = 32 * 1024
  /// Bytes of a file that are handed to a socket at once, and how often in one turn, so that a fast
  /// reader never starves the others.
  public static let filePieceBytes: UInt64 = 1024 * 1024
  /// See `filePieceBytes`.
  public static let filePiecesPerTurn = 4
  /// Entries of a folder that `autoindex` lists; who has more does not read them.
  public static let listedFiles = 50_000
  /// Bytes of the target of an internal redirect, before it is percent-encoded: together with a
  /// head it must fit the largest buffer.
  public static let largestTargetBytes = 32 * 1024
  /// How often a request may be redirected internally, as in nginx; more of it is a loop.
  public static let internalRedirects = 10

  // MARK: Upstream

  /// Tries for one request, whatever `proxy_next_upstream_tries` says: what a log line can hold.
  public static let tries = 16
  /// Idle connections kept to an upstream by each worker when `keepalive` is not set.
  public static let idleUpstreamConnections = 32
  /// How long an idle upstream connection is kept: below the 75 s after which most servers close.
  public static let idleUpstreamTimeout = Interval.seconds(60)

  // MARK: TLS, in bytes

  /// Sealed bytes read at once: more than a buffer of content, so that one read fills it.
  public static let sealedReadBytes = 72 * 1024
  /// Content sealed between two writes: what of it a slow reader leaves waits in a medium buffer,
  /// overhead included.
  public static let sealedBatchBytes = 63 * 1024
  /// Room for a batch, and for what OpenSSL sends on its own account: a handshake with its
  /// certificates, alerts, keys, tickets.
  public static let sealedRoomBytes = 256 * 1024
  /// Failed handshakes, and refused streams, that a worker tells of in one second; the others are
  /// counted.
  public static let failureReportsPerSecond: Int = 10

  // MARK: Closing

  /// How long what a client still sends is read and thrown away after the last response, so that a
  /// reset does not destroy that response on its way (nginx's `lingering_time` is 30 s). As long is
  /// the rest of a request awaited that has been answered.
  public static let lingeringTime = Interval.seconds(5)

  // MARK: Binary upgrade

  /// How long the new process may take until it serves: names may have to be resolved, and a
  /// resolver gives up after ten seconds.
  public static let upgradeTime = Interval.seconds(20)
  /// How long the old process waits for a last request on each idle connection. Who has sent none
  /// by then has paused for longer than a request is on its way.
  public static let lastRequestWait = Interval.seconds(5)
  /// The same for a process that was told to end, and that somebody waits for: longer than a
  /// request takes around the earth.
  public static let lastRequestWaitAtEnd = Interval.seconds(1)
  /// Bytes of the reason for which an upgrade fails: all errors of a conf file, with their lines.
  public static let upgradeReasonBytes = 32 * 1024

  // MARK: Logs

  /// Bytes of log lines that wait in one worker for one sink when `log_queue` is not set; what does
  /// not fit is counted and dropped.
  public static let logQueueBytes = 1024 * 1024
  /// The smallest and the largest `log_queue`: the longest line fits into any.
  public static let logQueueRange = logLineBytes...1024 * 1024 * 1024
  /// Files of a log that `keep=` keeps at most: a number of more digits would look like a date.
  public static let rotatedLogs = 9999
  /// How often the size of a log with `rotate=` is looked at: it may grow by what comes meanwhile.
  public static let rotationInterval = Interval.milliseconds(100)
  /// How long a log that could not be rotated or packed is left alone.
  public static let rotationRetry = Interval.seconds(10)
  /// Longest value of a log line in bytes, as it is written, when `log_value_length` is not set. A
  /// line has at most twice as much: container engines cut lines at 16 KiB.
  public static let logValueBytes = 8 * 1024
  /// The smallest and the largest `log_value_length`.
  public static let logValueRange = 1024...128 * 1024
  /// Values are never cut to less than that, so that no ID is cut.
  public static let leastValueBytes = 256
  /// Longest log line in bytes: twice the longest value.
  public static let logLineBytes = 256 * 1024
  /// Bytes of a message in a JSON error log; what is longer is cut.
  public static let errorMessageBytes = 8 * 1024
  /// How long a sink that did not take all lines is left alone at first: a pipe of 64 KiB passes
  /// 60 MB in a second then.
  public static let logFirstRetry = Interval.milliseconds(1)
  /// How long it is left alone at most, after it has refused one write after the other.
  public static let logRetry = Interval.seconds(1)
  /// Lines that workers which have ended could not write wait for a log in all at most, as a
  /// multiple of `log_queue`: what the workers of a few reloads leave while it takes nothing.
  public static let leftLogQueues = 16
  /// Bytes that may wait besides, for the lines that say what was lost.
  public static let leftReportBytes = 256 * 1024
  /// How long the end of the process waits for lines that a log has not taken yet: half of what
  /// container engines leave a process that is told to end.
  public static let logFarewell = Interval.seconds(5)
  /// The same when another process serves already, so that nobody waits for the end.
  public static let logFarewellAfterUpgrade = Interval.seconds(60)
  /// Response field values kept for `$sent_http_*`, `$upstream_http_*` and `$upstream_cookie_*`:
  /// number and bytes in all, a small buffer. Those of an `auth_request` may be long tokens.
  public static let capturedFields = 32
  /// See `capturedFields`.
  public static let capturedBytes = smallBufferBytes
  /// Variables that a conf file makes: a request that uses one has room for the ranges of all, half
  /// of a small buffer.
  public static let ownVariables = 1024
  /// Bytes of values of variables and what was matched that need no buffer of their own: those of
  /// most requests.
  public static let ownComputedBytes = 1024
  /// Variables whose values ask for each other: what asks for itself is an error, as in nginx.
  public static let variableDepth = 100
  /// Values of variables that are computed for one text: `volatile` ones that ask for each other
  /// several times could be computed without an end.
  public static let variableComputations: UInt32 = 10_000

  /// Responses that wait in a turn for their lines (`sync=response`) for which there is room at
  /// first; there may be as many as requests.
  public static let heldResponses = 256

  // MARK: Backends that variables name

  /// Hosts that a worker passes requests to at once which only variables name: each has room for
  /// its name and its peers, 1 MB in all at first and 8 MB at most, only where `proxy_pass` has
  /// variables.
  public static let computedUpstreams = 256
  /// Addresses of such a host, or of a name that is looked up, for which there is room at first.
  public static let computedPeers = 8
  /// Addresses of such a host that are used, those included that have left the DNS and still have
  /// requests. Whoever chooses the host may own its name.
  public static let largestComputedPeers = 32
  /// Bytes of its name with its port: a name in the DNS has 253.
  public static let computedNameBytes = 264
  /// Bytes of a peer's name: an IPv6 address with its port, or the path of a unix socket.
  public static let computedPeerNameBytes = 120

  // MARK: Names that are looked up at run time

  /// Names that are known at once: of those that only requests name, what is not in use goes first.
  public static let names = 4096
  /// Names that are asked for at once, `server … resolve` apart; requests that would need another
  /// one get 502.
  public static let nameQuestions = 512
  /// Addresses of one name that are used.
  public static let nameAddresses = 256
  /// Hosts that the SRV records of a service may name.
  public static let serviceHosts = 64
  /// How long what is not known, or does not exist, is not asked for again, and how long any answer
  /// holds at least: a TTL of 0 would have every request wait.
  public static let nameRetry = Interval.seconds(1)
  /// How long an answer holds at most, whatever its TTL says (RFC 8767 section 4).
  public static let nameValidity = Interval.seconds(7 * 24 * 60 * 60)
  /// Names whose time ends within so much are asked again together.
  public static let nameRenewal = Interval.milliseconds(20)
  /// How long a name server may take for its first chance to answer; each further one is twice as
  /// long.
  public static let nameServerTime = Interval.seconds(1)
  /// Chances of each name server.
  public static let nameServerTries = 4
  /// How long a request waits for a name when `resolver_timeout` is not set: nginx's default.
  public static let resolverTimeout = Interval.seconds(30)
  /// Peers of an upstream whose names are looked up at run time, those included that have left the
  /// DNS and still have requests.
  public static let resolvedPeers = 1024

  // MARK: The control socket

  /// Connections to the control socket at a time: more than people and scripts open, few enough to
  /// be looked at one by one.
  public static let controlConnections = 64
  /// Bytes of a question, which is one short line.
  public static let questionBytes = 4096
  /// How long somebody may take to ask.
  public static let askingTime = Interval.seconds(1)
  /// How long somebody who has not asked yet keeps his place when all places are taken: who means
  /// to ask does so at once.
  public static let undisturbedAskingTime = Interval.milliseconds(50)
  /// How long a worker may take to answer.
  public static let answeringTime = Interval.seconds(2)
  /// How long somebody may take to read his answer.
  public static let answerReadingTime = Interval.seconds(5)
  /// How long the end of the process waits for answers that are under way.
  public static let answerFarewell = Interval.milliseconds(200)
  /// Requests that a client may have under way on an HTTP/2 connection: as many as nginx allows.
  public static let http2Streams: UInt32 = 128
  /// Bytes of content that an HTTP/2 client may send of one request before they are passed on: what
  /// a buffer holds.
  public static let http2StreamWindow = UInt32(mediumBufferBytes) - 1
  /// The same for all requests of a connection together: none that waits takes another one's share.
  public static let http2ConnectionWindow = http2Streams * http2StreamWindow
  /// Bytes of an HTTP/2 request's fields, with 32 more for each (RFC 9113 section 6.5.2): what a
  /// head of HTTP/1 may hold.
  public static let http2HeadBytes = 32 * 1024
  /// Fields of an HTTP/2 request, more where `max_headers` allows more.
  public static let http2Fields = 132
  /// Those of them that are no fields in HTTP/1 (RFC 9113 section 8.3.1, RFC 8441 section 4).
  public static let http2PseudoFields = 5
  /// Requests that a client may reset at once (CVE-2023-44487): a page that is left resets as many
  /// as were allowed at the same time, perhaps several times in a row.
  public static let http2Resets = 512
  /// How many more it may reset each second.
  public static let http2ResetsPerSecond = 32
  /// Requests that a client may make us reset (CVE-2025-8671), unless twice as many were in order.
  public static let http2ProvokedResets = 100
  /// Frames without a head and without content that a client may send on a connection.
  public static let http2ControlFrames = 1_000
  /// How many more each request allows for: a browser needs about three.
  public static let http2ControlFramesPerRequest = 50
  /// How many more each frame of content that the client is sent allows for: two open windows
  /// again, and some clients do so in small steps.
  public static let http2ControlFramesPerContent = 10
  /// The same by bytes: a window that is opened in steps of so many is one that a client may need.
  public static let http2ContentBytesPerControlFrame = 256
  /// How many are forgiven with each second: a connection that lives for days may be pinged.
  public static let http2ControlFramesPerSecond = 10
  /// Frames that may wait to be written to a client of which more is read: streams that are refused
  /// and pings are answered with one each, whether the client reads or not.
  public static let http2QueuedFrames = 512
  /// Requests that are under way on one HTTP/2 connection to a backend at most, if that allows as
  /// many: as many as nghttp2, Envoy and HAProxy put on one.
  public static let http2BackendStreams = 100
  /// Bytes of content that a backend may send of one response before they are passed on: half of
  /// the largest buffer, which holds a trailer section besides.
  public static let http2BackendStreamWindow: UInt32 = 128 * 1024
  /// The same for all responses of a connection together: a slow client must not stop the others.
  public static let http2BackendConnectionWindow: UInt32 = 16 << 20
  /// Bytes of a response's fields, with 32 more for each: no less than `proxy_response_head_size`
  /// may allow.
  public static let http2BackendHeadBytes = 192 * 1024
  /// Fields of a response: more than `proxy_response_max_headers` may allow, which is what counts.
  public static let http2BackendFields = 1_024
  /// Frames without a head and without content that a backend may send on a connection, besides
  /// those that requests and content allow for.
  public static let http2BackendControlFrames = 10_000
  /// How long nothing comes of a backend that has requests before it is asked for a sign of life.
  public static let http2BackendSilence = Interval.seconds(60)
  /// How long nothing has come of one whose client leaves, for nothing more to begin on its
  /// connection: clients mostly wait longer for an answer that takes its time.
  public static let http2BackendDoubt = Interval.seconds(5)
  /// How long it is not asked again: gRPC servers take more than one ping in five minutes without
  /// data for abuse, and end the connection.
  public static let http2BackendPingInterval = Interval.seconds(310)
  /// How long the sign of life may take.
  public static let http2BackendPingTimeout = Interval.seconds(20)
  /// How long a client that has been asked to begin no more requests may have some on their way.
  public static let endAnnouncement = Interval.seconds(1)
  /// Descriptors that no connection gets, besides those that new workers need: for connections to
  /// the control socket, answers, the conf file, and a line in each log.
  public static let operatorDescriptors = controlConnections + 32
  /// Running requests that one worker lists for `waybill requests`, the oldest ones; the others are
  /// counted.
  public static let listedRequests = 1000
  /// Failed requests that each worker remembers for `waybill errors`.
  public static let keptFailures = 64
  /// Bytes of such a memory: the longest line that is possible with the head cut as below.
  public static let failureBytes = 32 * 1024
  /// Bytes of a head that are shown, escaped.
  public static let shownHeadBytes = 4 * 1024

  // MARK: Health of peers

  /// How long a peer that has refused a connection is left out after all peers of its upstream had
  /// failed: they have most likely been restarted, and a refusal costs a client nothing.
  public static let outageRetry = Interval.milliseconds(500)
  /// What a weight of 1 becomes in an upstream with `slow_start`: shares grow in so many steps.
  public static let slowStartSteps: UInt32 = 100
  /// Peers that one worker lists for `waybill upstreams`: as many as a process is meant for.
  public static let listedPeers = 10_000
  /// Peers that the error log line about an upstream without any that can serve tells of.
  public static let describedPeers = 8

  /// `interval` of a `health_check` without it, as in nginx.
  public static let checkInterval = Interval.seconds(5)
  /// The shortest `interval` that is kept to: a shorter one would be an attack on the backend.
  public static let shortestCheckInterval = Interval.milliseconds(100)
  /// `timeout` of a `health_check` without it: shorter than any interval that makes sense.
  public static let checkTimeout = Interval.seconds(1)
  /// Bytes of `uri` and of `host`: what any server takes in a request line.
  public static let checkTextBytes = 2_048
  /// Bytes of the head of a response to a check, interim ones included: as much as a client's.
  public static let checkHeadBytes = 16 * 1024
  /// Field lines of such a head.
  public static let checkFieldCount = 128
  /// Bytes of its content that are read, and only if a `match` looks at it.
  public static let checkBodyBytes = 64 * 1024
  /// Checks of the process that are under way at once; others wait. Each holds a descriptor.
  public static let concurrentChecks = 128
  /// Bytes read of a check's connection in one turn of the prober.
  public static let checkReadBytes = 16 * 1024

  // MARK: Metrics

  /// How long a request stands for its bucket as its exemplar, before the next one may take its
  /// place: nobody scrapes more often, and most requests need not be looked at.
  @inlinable public static var exemplarAge: Interval { .seconds(1) }

  // MARK: Access and limits of requests

  /// Bytes of a zone of `limit_req_zone` and `limit_conn_zone`: nginx's least, and what indices of
  /// 32 bits reach.
  public static let zoneBytes: ClosedRange<UInt64> = 32 * 1024...16 * 1024 * 1024 * 1024
  /// Bytes of a key in a zone: requests with longer ones are not counted, as in nginx.
  public static let zoneKeyBytes = 65_535
  /// `rate`: requests in its unit of time, so that thousandths of them can be multiplied.
  public static let requestRate: UInt64 = 1_000_000_000
  /// `burst` and `delay`: requests.
  public static let requestBurst: ClosedRange<UInt64> = 0...1_000_000_000
  /// `limit_conn` of one level: what a request has entered is remembered.
  public static let connectionLimits = 8
  /// Questions about passwords that wait for their thread; further requests get 503.
  public static let passwordQueue = 256
  /// Answers to them that are remembered: of some, a hash costs a tenth of a second.
  public static let rememberedPasswords = 4096
  /// Bytes of a file with users.
  public static let userFileBytes = 16 * 1024 * 1024
  /// Bytes of a user and a password together: libcrypt takes 512 of a password.
  public static let credentialBytes = 4096
  /// How long a request waits for the answer about its password.
  public static let passwordTime = Interval.seconds(60)

  // MARK: Reading logs

  /// How far, in microseconds, the stamp of a line may lie before that of the line above it in its
  /// file for the file's order to count: a thread or process that writes late, a clock that is set
  /// back a little. What lies further back is from another writer.
  public static let lateLineMicroseconds: UInt64 = 1_000_000

  /// Bytes of a record of several lines above and below the line that was found: a traceback of
  /// Python's deepest recursion.
  public static let recordBytes = 256 * 1024
  /// Lines that are shown of a longer record: its first and its last ones, of which a traceback's
  /// say where and why.
  public static let shownRecordLines = (first: 2, last: 3)

  // MARK: The conf file

  /// Files opened by nested `include`s: deeper ones are a loop.
  public static let includeDepth = 16
  /// Errors reported of one conf file: the rest would not be read.
  public static let reportedErrors = 100
  /// Connections of a worker when `worker_connections` is not set.
  public static let workerConnections = 16_384
  /// How long a stopping worker waits for what runs when `shutdown_timeout` is not set.
  public static let shutdownTimeout = Interval.seconds(30)
}
