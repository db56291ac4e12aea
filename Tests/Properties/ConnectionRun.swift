import Basics
import Configuration
import Engine
import HTTP
import Plan
import Platform
import SecurePeers
import Simulation
import TLS

/// One script played to its end: the real worker between a scripted client and a scripted backend.
final class ConnectionRun {
  let world: SimulatedWorld
  let client: ClientID
  /// Another client that does nothing wrong, where there is one.
  private(set) var honest: ClientID?
  let backend: BackendID
  private var worker: Worker<SimulatedKernel>
  private var hasStopped = false
  private let census = SessionCensus()

  private static let frontDoor = Location.ipv4(127, 0, 0, 1, port: 80)
  private static let honestAddress = PeerAddress(
    family: .ipv4, high: 0, low: 0xC000_0263, port: 20_099)
  /// The honest client, as lines name it.
  static let honestName = "192.0.2.99:20099"
  private static let origin = Location.ipv4(10, 0, 0, 1, port: 8000)

  /// A worker that serves `conf`, and the cast of a script.
  convenience init(_ conf: Conf, _ script: ConnectionScript, secured security: PeerAction? = nil) {
    let beginning = security.map { [$0] } ?? []
    self.init(
      conf, seed: script.seed, isFragmented: script.isFragmented, script.behaviour,
      beginning + script.clientActions)
  }

  /// The same for a script of TLS; backends answer all that comes.
  convenience init(_ conf: Conf, _ script: SecureScript, _ security: PeerAction?) {
    let beginning = security.map { [$0] } ?? []
    self.init(
      conf, seed: UInt64(script.place), isFragmented: script.isFragmented, .echo,
      beginning + script.actions)
  }

  /// The same for clients of HTTP/2.
  convenience init(_ conf: Conf, _ script: HTTP2Script) {
    self.init(
      conf, seed: script.seed, isFragmented: script.isFragmented, script.behaviour,
      script.clientActions)
    honest = world.addClient(
      to: ConnectionRun.frontDoor, from: ConnectionRun.honestAddress, after: script.honestDelay,
      patience: .seconds(100), HTTP2Script.honestActions)
  }

  private init(
    _ conf: Conf, seed: UInt64, isFragmented: Bool, _ behaviour: BackendBehaviour,
    _ actions: [PeerAction]
  ) {
    world = SimulatedWorld(seed: seed, faults: isFragmented ? .fragmenting : .none)
    var settings = WorkerSettings(
      number: 0, count: 1, processID: 7, listeners: [world.listen(on: ConnectionRun.frontDoor)])
    settings.tls = conf.tls
    worker = Worker(kernel: SimulatedKernel(world), plan: conf.plan, settings: settings)
    var behaviour = behaviour
    if let opening = conf.backend { behaviour.onConnection = { _ in [opening] } }
    backend = world.addBackend(at: ConnectionRun.origin, behaviour)
    client = world.addClient(to: ConnectionRun.frontDoor, patience: .seconds(100), actions)
  }

  /// Plays until nothing happens any more, and ends the worker; checks that nothing is left over at
  /// rest and at the end.
  func play(turns: Int = 20_000) throws(Violation) {
    try expect(world.run(maximumTurns: turns) { turn() } == .quiet, "every run comes to rest")
    // Time enough for every timeout: a backend may be silent long after its client has left.
    rest(for: .seconds(60))
    try expect(worker.exchangeCount == 0, "no exchange is left at rest")
    try expect(worker.buffersInUse == 0, "no buffer is left at rest")
    try expect(
      worker.keptResponseCount == 0 && worker.temporaryBytes == 0, "nothing is kept at rest")
    try expect(world.openConnectionCount == worker.connectionCount, "no socket is left at rest")
    world.post(.drain)
    for _ in 0..<10_000 where !hasStopped { turn() }
    try expect(hasStopped, "a drained worker ends")
    try expect(world.openDescriptors.isEmpty, "an ended worker has nothing open")
    try expect(world.mostBusyTurns < 20, "a worker does not spin")
    try expect(census.count == 0, "an ended worker has no session of TLS left")
  }

  private func rest(for duration: Interval) {
    var isOver = false
    world.schedule(after: duration) { world in
      world.post([])
      isOver = true
    }
    while !isOver && world.busyTurns < 1_000 { turn() }
  }

  private func turn() {
    if !hasStopped { hasStopped = census.counting { !worker.turn() } }
  }

  // MARK: What is left behind

  /// Each line of a log; nil for one that is no JSON.
  func lines(of path: String) -> [StrictJSON?] {
    world.logs.lines(of: path).map { try? StrictJSON.parse(Array($0.utf8)) }
  }

  /// What the client received.
  var received: [UInt8] { world.record(of: client).received }

  /// The client waited until the other side had ended its stream.
  var clientSawEnd: Bool { world.record(of: client).ending == .completed }

  /// What the backend received, by connection.
  var asked: [[UInt8]] { world.connections(of: backend).map(\.received) }

  // MARK: Conf files

  /// What is served, and how its backends begin.
  struct Conf {
    let plan: Plan
    var tls = TLSTables.none
    var backend: PeerAction?
  }

  /// The conf files that scripts choose from.
  static let confs: [Conf] = servers.map { Conf(plan: compile($0).plan) }

  /// The same, where clients speak TLS and, in every other one, backends do, too.
  static let secureConfs: [Conf] = servers.enumerated().map { index, server in
    let isBehind = index % 2 == 1
    var server = server.replacing("listen 127.0.0.1:80;", with: "listen 127.0.0.1:80 ssl;")
    if isBehind { server.replace("proxy_pass http:", with: "proxy_pass https:") }
    let (plan, tls) = compile(server + SecureCast.conf)
    return Conf(plan: plan, tls: tls, backend: isBehind ? SecureCast.backend : nil)
  }

  /// The same where clients speak HTTP/2.
  static let http2Confs: [Conf] = http2Servers.map {
    Conf(plan: compile($0, connections: 64).plan)
  }

  private static func compile(_ server: String, connections: Int = 16) -> (
    plan: Plan, tls: TLSTables
  ) {
    let conf = """
      worker_connections \(connections); access_log /log json; access_log /combined combined;
      error_log /error info; client_header_timeout 10s; client_body_timeout 10s; send_timeout 10s;
      keepalive_timeout 10s; proxy_connect_timeout 5s; proxy_read_timeout 10s;
      proxy_send_timeout 10s;
      upstream app { server 10.0.0.1:8000; keepalive 4; }
      server { \(server) }
      """
    let environment = ConfigurationEnvironment(
      readFile: { .success(SecureCast.files[$0] ?? Array(conf.utf8)) }, listFiles: { _ in [] },
      resolve: { _ in .failure(ResolveProblem(reason: "no names here")) }, hostname: "machine")
    let compiled = compileConfiguration(path: "run.conf", environment: environment)
    guard let plan = compiled.plan else {
      preconditionFailure(compiled.diagnostics.map { $0.render() }.joined())
    }
    return (plan, compiled.tls)
  }

  private static let servers = [
    "listen 127.0.0.1:80; location / { proxy_pass http://10.0.0.1:8000; }",
    """
    listen 127.0.0.1:80; request_id_trust none; request_id_format ulid;
    location / { proxy_pass http://app/base/; proxy_set_header X-Set "$uri $arg_a";
      add_header X-Added "$request_id" always; proxy_hide_header X-A;
      proxy_next_upstream error timeout http_502 http_503; }
    """,
    """
    listen 127.0.0.1:80; client_max_body_size 20; request_id_cors on;
    location / { return 200 "$request_id $uri $http_x_a"; }
    location /p { proxy_pass http://app; }
    location /moved { return 301 https://$host$request_uri; }
    """,
    """
    listen 127.0.0.1:80; request_id_invalid reject; set_real_ip_from 192.0.2.0/24;
    location / { proxy_pass http://app; keepalive_requests 3; }
    """,
  ]
}
