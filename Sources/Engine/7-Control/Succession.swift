// What a worker leaves to those that take its place when the configuration is replaced: idle
// connections and what it has learnt of the backends. What runs it finishes itself, under the
// configuration that it began with.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS

/// Where a worker is given what others leave to it. The label tells them where it listens.
public typealias WorkerInbox = HandoverBox<Legacy, Set<ListenerIdentity>>

/// Something that one worker leaves to another. It names listeners, upstreams and peers as the
/// configuration does, because numbers differ from one to the next.
public struct Legacy: Sendable {
  enum Kind: Sendable {
    case client(ClientLegacy)
    case backend(BackendLegacy)
    case health(upstream: [UInt8], peer: [UInt8], PeerState)
  }

  let kind: Kind
}

/// A client's idle connection.
struct ClientLegacy: @unchecked Sendable {
  var descriptor: Descriptor
  var listener: ListenerIdentity
  /// Its state: who it is, how many requests it has carried, until when it may idle. Without
  /// anything that lies in the memory of the worker that left it.
  var connection: Connection
  /// What was read and not looked at.
  var input: [UInt8]
  var tls: SecureLegacy?
  /// How often the kernel has refused to watch it for the worker that takes it.
  var refusals = 0
}

/// The TLS of such a connection. The session is used by one thread at a time.
struct SecureLegacy {
  var session: TLSSession
  /// Sealed bytes that came, and that wait to leave.
  var arrived: [UInt8]
  var leaving: [UInt8]
  var isEndTold: Bool
  var noticeCount: Int
  /// What the server that the client was greeted by asks of clients' certificates.
  var rule: ClientCertificateRule
  /// Sessions are shared with servers of the same mark only.
  var mark: [UInt8]
  var readEnd: TLSSession.ReadEnd?
}

/// An idle connection to a backend, without TLS.
struct BackendLegacy: Sendable {
  var descriptor: Descriptor
  var upstream: [UInt8]
  var peer: [UInt8]
  var requestCount: UInt32
  var deadline: Instant
}

/// What makes a listener the same one in two configurations, for a client that is connected to it.
public struct ListenerIdentity: Hashable, Sendable {
  let address: PeerAddress
  let unixPath: [UInt8]
  let inheritedName: [UInt8]
  let isSecure: Bool
  let acceptsProxyProtocol: Bool

  /// The identity of a listener.
  public init(_ listener: ListenerPlan) {
    address = listener.address
    unixPath = Array(listener.unixPath)
    inheritedName = Array(listener.inheritedName)
    isSecure = listener.isSecure
    acceptsProxyProtocol = listener.acceptsProxyProtocol
  }

  /// Those of all listeners of a plan.
  public static func all(of plan: Plan) -> Set<ListenerIdentity> {
    let listeners = plan.tables.listeners
    return Set(listeners.indices.map { ListenerIdentity(listeners[$0]) })
  }
}

extension [UInt8] {
  init(_ bytes: FrozenBytes) { self = bytes.indices.map { bytes[$0] } }
}
