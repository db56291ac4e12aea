import Basics
import Policy

extension ExchangeRecord {
  /// Makes the record of an exchange that has not begun that of a subrequest of `main`: it has the
  /// same ID and the same client, and what becomes of it is its own.
  public mutating func describeSubrequest(of main: borrowing ExchangeRecord, at time: UInt64) {
    reset()
    startTime = time
    utcOffset = main.utcOffset
    processID = main.processID
    generation = main.generation
    requestID.assign(main.requestID)
    idSource = main.idSource
    client = main.client
    socketPeer = main.socketPeer
    announcedClient = main.announcedClient
    hasAnnouncedClient = main.hasAnnouncedClient
    local = main.local
    connection = main.connection
    connectionRequest = main.connectionRequest
    stream = main.stream
    isPipelined = main.isPipelined
    hasRequestLine = main.hasRequestLine
    requestBytes = main.requestBytes
    isSecure = main.isSecure
    if isSecure { secure.assign(main.secure) }
    serverName = main.serverName
    fieldNames = main.fieldNames
    guard main.hasCaptures else { return }
    hasCaptures = true
    captures = InlineArray(repeating: .empty)
    groupCount = 0
    certificate = main.certificate
  }
}
