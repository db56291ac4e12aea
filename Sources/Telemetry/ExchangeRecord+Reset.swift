import Basics
import HTTP
import Policy

extension ExchangeRecord {
  /// Makes the record that of an exchange that has not begun. Writes only what readers look at
  /// unasked: `tries` lies behind `tryCount`, captures and groups behind `hasCaptures`.
  public mutating func reset() {
    resetIdentity()
    resetOutcome()
    if hasCaptures {
      captures = InlineArray(repeating: .empty)
      groupCount = 0
      certificate = .empty
      hasCaptures = false
    }
  }

  private mutating func resetIdentity() {
    startTime = 0
    endTime = 0
    hasEnded = false
    utcOffset = 0
    processID = 0
    generation = 0
    event = .end
    requestID.removeAll()
    idSource = .none
    clientRequestID.removeAll()
    upstreamRequestID.removeAll()
    client = .unix
    socketPeer = .unix
    hasAnnouncedClient = false
    local = .unix
    connection = 0
    connectionRequest = 0
    stream = 0
    isPipelined = false
    hasRequestLine = false
    isSecure = false
    serverName = .empty
    proxyHost = .empty
  }

  private mutating func resetOutcome() {
    status = 0
    grpcStatus = .max
    requestBytes = 0
    contentBytesIn = 0
    contentBytesOut = 0
    bytesSent = 0
    duration = Interval(nanoseconds: 0)
    upstream = .empty
    upstreamStatus = 0
    upstreamConnect = .endless
    upstreamFirstByte = .endless
    upstreamDuration = .endless
    tryCount = 0
    upstreamStarts = 0
    termination = .completed
    error = .none
    limitRequestStatus = .none
    limitConnectionStatus = .none
    compression = .none
    parts = []
  }
}
