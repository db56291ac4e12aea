import Basics
import Configuration
import Engine
import Plan
import Platform
import Simulation

/// One script played to its end: the real worker between a scripted client and a scripted backend.
final class ConnectionRun {
  let world: SimulatedWorld
  let client: ClientID
  let backend: BackendID
  private var worker: Worker<SimulatedKernel>
  private var hasStopped = false

  private static let frontDoor = Location.ipv4(127, 0, 0, 1, port: 80)
  private static let origin = Location.ipv4(10, 0, 0, 1, port: 8000)

  /// A worker that serves `plan`, and the cast.
  init(_ plan: Plan, _ script: ConnectionScript) {
    world = SimulatedWorld(
      seed: script.seed, faults: script.isFragmented ? .fragmenting : .none)
    let listener = world.listen(on: ConnectionRun.frontDoor)
    worker = Worker(
      kernel: SimulatedKernel(world), plan: plan,
      settings: WorkerSettings(number: 0, count: 1, processID: 7, listeners: [listener]))
    backend = world.addBackend(at: ConnectionRun.origin, script.behaviour)
    client = world.addClient(
      to: ConnectionRun.frontDoor, patience: .seconds(100), script.clientActions)
  }

  /// Plays until nothing happens any more, and ends the worker; checks that nothing is left over at
  /// rest and at the end.
  func play() throws(Violation) {
    try expect(world.run(maximumTurns: 20_000) { turn() } == .quiet, "every run comes to rest")
    // Time enough for every timeout: a backend may be silent long after its client has left.
    rest(for: .seconds(60))
    try expect(worker.exchangeCount == 0, "no exchange is left at rest")
    try expect(worker.buffersInUse == 0, "no buffer is left at rest")
    try expect(world.openConnectionCount == worker.connectionCount, "no socket is left at rest")
    world.post(.drain)
    for _ in 0..<10_000 where !hasStopped { turn() }
    try expect(hasStopped, "a drained worker ends")
    try expect(world.openDescriptors.isEmpty, "an ended worker has nothing open")
    try expect(world.mostBusyTurns < 20, "a worker does not spin")
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
    if !hasStopped { hasStopped = !worker.turn() }
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

  /// The plans that scripts choose from.
  static let plans: [Plan] = servers.compactMap { server in
    let conf = """
      worker_connections 16; access_log /log json; access_log /combined combined;
      error_log /error info; client_header_timeout 10s; client_body_timeout 10s; send_timeout 10s;
      keepalive_timeout 10s; proxy_connect_timeout 5s; proxy_read_timeout 10s;
      proxy_send_timeout 10s;
      upstream app { server 10.0.0.1:8000; keepalive 4; }
      server { \(server) }
      """
    let environment = ConfigurationEnvironment(
      readFile: { _ in .success(Array(conf.utf8)) }, listFiles: { _ in [] },
      resolve: { _ in .failure(ResolveProblem(reason: "no names here")) }, hostname: "machine")
    let compiled = compileConfiguration(path: "run.conf", environment: environment)
    precondition(compiled.plan != nil, compiled.diagnostics.map { $0.render() }.joined())
    return compiled.plan
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
