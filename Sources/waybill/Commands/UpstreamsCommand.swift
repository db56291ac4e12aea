// `waybill upstreams`: shows the servers of all upstreams, and takes one out or back.

import ArgumentParser
import Engine
import LogReading
import Platform
import Policy

/// `waybill upstreams`
struct UpstreamsCommand: ParsableCommand {
  /// What is done with a server.
  enum Action: String, ExpressibleByArgument, CaseIterable {
    case drain, down, up

    var order: PeerOrder {
      switch self {
      case .drain: .drain
      case .down: .down
      case .up: .up
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "upstreams",
    abstract: "Show the servers of all upstreams, or take one out of service and back.",
    discussion: """
      Queries the running process through its control socket (directive control). Without \
      arguments, lists every server: its state and why, since when and until when, its running \
      requests, attempts and failed attempts. drain: the server gets no new requests; those in \
      progress finish. down: the same, and it is not checked any more. up: it serves again as its \
      health allows. An order holds over reloads, until up or a restart.
      """)

  @Argument(
    help: ArgumentHelp("What to do with a server.", valueName: "drain|down|up"))
  var action: Action?

  @Argument(help: "The upstream's name.")
  var upstream: String?

  @Argument(help: "The server's address, as the list has it.")
  var peer: String?

  @OptionGroup var control: ControlOptions

  @Flag(name: .shortAndLong, help: "Repeat the list every second.")
  var watch = false

  @Flag(name: .customLong("json"), help: "Print one JSON object per server.")
  var isJSON = false

  func validate() throws {
    if action != nil, peer == nil {
      throw ValidationError(
        "name the upstream and the server, as \"waybill upstreams\" lists them.")
    }
    if action != nil, watch || isJSON {
      throw ValidationError("--watch and --json are for the list.")
    }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    let client = ControlClient(path: path)
    if let action, let upstream, let peer { return order(action, upstream, peer, client) }
    return watch ? showAgain(isJSON: isJSON) { list(client) } : showList(client)
  }

  // MARK: The list

  private func showList(_ client: ControlClient) -> ExitStatus {
    guard let list = list(client) else { return .failure }
    return output(list)
  }

  private func list(_ client: ControlClient) -> [UInt8]? {
    guard let answer = client.ask(.upstreams) else { return nil }
    let peers = ListedPeer.merge(answer.rows)
    return isJSON ? peers.flatMap(\.line) : PeerTable.render(peers)
  }

  // MARK: Orders

  private func order(
    _ action: Action, _ upstream: String, _ peer: String, _ client: ControlClient
  ) -> ExitStatus {
    let key = PeerKey(upstream: Array(upstream.utf8), peer: Array(peer.utf8))
    guard let answer = client.ask(.steer(action.order, key)) else { return .failure }
    guard answer.count > 0 else {
      report(
        "no upstream \(shown(upstream)) has a server \(shown(peer));"
          + " \"waybill upstreams\" lists them")
      return .failure
    }
    let done =
      switch action {
      case .drain: "is draining: it gets no new requests"
      case .down: "is down: it gets no new requests and is not checked"
      case .up: "is up: it serves as its health allows"
      }
    return output("\(shown(peer)) of upstream \(shown(upstream)) \(done)\n")
  }
}
