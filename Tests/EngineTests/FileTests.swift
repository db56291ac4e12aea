import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// Files of a simulated disk, sent through sockets that take what they like.
struct FileTests {
  private static let server = "root /files; location /x/ { alias /files/; }"
  private static let small = filler(1_000)
  private static let large = filler(300_000)

  private static func bed(
    _ server: String = FileTests.server, faults: Faults = .none,
    network: NetworkSettings = NetworkSettings(), seed: UInt64 = 1
  ) throws -> EngineBed {
    let bed = EngineBed(try EngineBed.plan(server), seed: seed, faults: faults, network: network)
    bed.world.store(Array(small.utf8), at: "/files/small.txt")
    bed.world.store(Array(large.utf8), at: "/files/large.txt")
    bed.world.store([], at: "/files/empty.txt")
    bed.world.store(Array("index".utf8), at: "/files/folder/index.html")
    bed.world.store([], at: "/files/fifo", kind: .special)
    return bed
  }

  /// Whole files of every size come with their length, and nothing is left open.
  @Test(arguments: [("/empty.txt", ""), ("/small.txt", small), ("/large.txt", large)])
  func wholeFile(_ path: String, _ content: String) throws {
    let bed = try Self.bed()
    let client = bed.client([
      .send(get(path)), .awaitResponse, .send(get("/x" + path)), .awaitResponse,
    ])
    bed.finish(requests: 2)
    for answer in bed.record(client).messages {
      #expect(answer.text == content)
      #expect(answer.value(of: "last-modified") == "Sun, 06 Nov 1994 08:49:37 GMT")
      #expect(answer.value(of: "x-request-id") != nil)
    }
    #expect(bed.ends.allSatisfy { $0["bytes_out"] == "\(content.utf8.count)" })
    #expect(!bed.world.openDescriptors.contains { $0.kind == .file })
  }

  /// A socket that takes a few bytes at a time gets the same, whatever the seed.
  @Test(arguments: 1...8) func anyPortions(_ seed: Int) throws {
    let bed = try Self.bed(faults: .fragmenting, seed: UInt64(seed))
    let ranges = "Range: bytes=1-4,100000-199999,-7\r\n"
    let client = bed.client([
      .send(get("/large.txt") + get("/small.txt") + get("/large.txt", ranges)),
      .awaitResponse, .awaitResponse, .awaitResponse,
    ])
    bed.finish(requests: 3)
    let messages = bed.record(client).messages
    #expect(messages.map(\.text).first == Self.large)
    #expect(messages.dropFirst().first?.text == Self.small)
    let parts = messages.last?.text ?? ""
    let bytes = Array(Self.large.utf8)
    #expect(parts.contains(String(decoding: bytes[100_000..<200_000], as: UTF8.self)))
    #expect(parts.hasSuffix("--\r\n"))
    #expect(!bed.world.openDescriptors.contains { $0.kind == .file })
  }

  /// A request that comes in two pieces, cut anywhere, gets the same answer.
  @Test func cutAnywhere() throws {
    let request = get("/small.txt", "Range: bytes=5-9\r\n")
    for cut in 1..<request.utf8.count {
      let bed = try Self.bed()
      let first = String(request.prefix(cut))
      let rest = String(request.dropFirst(cut))
      let client = bed.client([
        .send(first), .pause(.milliseconds(5)), .send(rest), .awaitResponse,
      ])
      bed.finish(requests: 1)
      let bytes = Array(Self.small.utf8)
      let wanted = String(decoding: bytes[5..<10], as: UTF8.self)
      #expect(bed.record(client).messages.first?.text == wanted)
    }
  }

  /// A client that leaves in the middle of a file leaves no descriptor behind.
  @Test(arguments: [1, 100, 70_000]) func clientLeaves(_ count: Int) throws {
    let bed = try Self.bed()
    bed.client([.send(get("/large.txt")), .awaitBytes(count), .reset])
    bed.finish(requests: 1)
    #expect(!bed.world.openDescriptors.contains { $0.kind == .file })
  }

  /// A file that becomes shorter while it is sent ends the connection, and the log says so.
  @Test func truncatedFile() throws {
    let bed = try Self.bed()
    let file = bed.world.store(Array(Self.large.utf8), at: "/files/large.txt")
    let client = bed.client([
      .send(get("/large.txt")), .stopReading, .pause(.seconds(1)), .startReading, .awaitEnd,
    ])
    bed.world.schedule(after: .milliseconds(500)) { _ in file.bytes = Array("short".utf8) }
    bed.finish(requests: 1)
    #expect(bed.record(client).text.utf8.count < Self.large.utf8.count)
    #expect(bed.errors.contains { $0.contains("truncated while it was sent") })
    #expect(bed.ends.first?["error"] == "proxy_internal_error")
  }

  /// What is missing, denied or no file has nginx's status.
  @Test(
    arguments: [
      ("/missing", 404), ("/fifo", 404), ("/folder", 301), ("/folder/", 200), ("/", 403),
      ("/denied", 403), ("/broken", 500),
    ])
  func statuses(_ path: String, _ status: Int) throws {
    let bed = try Self.bed()
    bed.world.store([], at: "/files/denied").refusal = .denied
    bed.world.store([], at: "/files/broken").refusal = .failed(KernelError(kind: .other, code: 5))
    let client = bed.client([.send(get(path)), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.status == status)
  }
}

extension FileTests {
  /// Clients that ask for the same file in one turn share its descriptor; several ranges and what
  /// comes in a later turn do not.
  @Test func oneTurnOpensAFileOnce() throws {
    let bed = try EngineBed("root /files;")
    let file = bed.world.store(Array("first".utf8), at: "/files/a.txt")
    let several = get("/a.txt", "Range: bytes=0-0,2-2,4-4\r\n")
    for _ in 0..<20 {
      bed.client([
        .send(get("/a.txt")), .awaitResponse, .send(several), .awaitResponse,
        .send(get("/a.txt")), .awaitResponse,
      ])
    }
    bed.world.schedule(after: .seconds(1)) { _ in
      file.bytes = Array("second version".utf8)
    }
    let late = bed.client(after: .seconds(2), [.send(get("/a.txt")), .awaitResponse])
    bed.finish(requests: 61)
    #expect(bed.record(late).messages.first?.text == "second version")
    #expect(bed.world.calls.fileOpens < 61)
    for line in bed.ends { #expect(["200", "206"].contains(line["status"])) }
    #expect(!bed.world.openDescriptors.contains { $0.kind == .file })
  }
}
