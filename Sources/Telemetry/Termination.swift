/// Who ended an exchange before its time, and in which phase it was: `termination` in the log, as
/// `client:response_body`. Absent when the exchange completed.
public struct Termination: Equatable, Sendable, BitwiseCopyable {
  /// Who ended it.
  public enum Party: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Nobody: it completed.
    case nobody
    /// The client left, sent garbage or was too slow.
    case client
    /// The backend refused, left, sent garbage or was too slow.
    case upstream
    /// Waybill refused (a limit, a missing route) or is stopping.
    case proxy
    /// A person: `waybill requests --abort`.
    case `operator`
  }

  /// How far the exchange had come.
  public enum Phase: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The request's head was being read.
    case requestHead
    /// The head was complete; no peer had been chosen.
    case route
    /// A connection to a peer was being made.
    case connect
    /// The request was being sent on.
    case requestBody
    /// The request was sent; the response's head had not come.
    case responseHead
    /// The response was being passed on.
    case responseBody
    /// A tunnel was open.
    case tunnel
  }

  /// Who ended it.
  public var party: Party
  /// How far it had come.
  public var phase: Phase

  /// An end by `party` in `phase`.
  public init(_ party: Party, _ phase: Phase) {
    self.party = party
    self.phase = phase
  }

  /// The exchange completed.
  public static let completed = Termination(.nobody, .requestHead)

  /// The party's name in the log.
  public var partyName: StaticString {
    switch party {
    case .nobody: ""
    case .client: "client"
    case .upstream: "upstream"
    case .proxy: "proxy"
    case .operator: "operator"
    }
  }

  /// The phase's name in the log.
  public var phaseName: StaticString {
    switch phase {
    case .requestHead: "request_head"
    case .route: "route"
    case .connect: "connect"
    case .requestBody: "request_body"
    case .responseHead: "response_head"
    case .responseBody: "response_body"
    case .tunnel: "tunnel"
    }
  }
}
