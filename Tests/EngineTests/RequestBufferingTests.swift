import Basics
import Scenarios
import Simulation
import Testing

/// `proxy_request_buffering on`: content is read whole before a backend is asked.
struct RequestBufferingTests {
  private static let small = "client_body_buffer_size 1k; temp_space 1g;"

  private func chunks(_ content: String, of size: Int) -> String {
    var rest = content.utf8[...]
    var text = ""
    while !rest.isEmpty {
      let chunk = rest.prefix(size)
      rest = rest.dropFirst(size)
      text += String(chunk.count, radix: 16) + "\r\n" + String(decoding: chunk, as: UTF8.self)
      text += "\r\n"
    }
    return text + "0\r\n\r\n"
  }

  private func expectWhole(_ bed: EngineBed, _ backend: BackendID, _ contents: [String]) {
    let requests = bed.world.requests(of: backend)
    #expect(requests.map(\.text) == contents)
    for (request, content) in zip(requests, contents) {
      #expect(request.value(of: "content-length") == "\(content.utf8.count)")
      #expect(request.value(of: "transfer-encoding") == nil)
    }
  }

  @Test(arguments: [1, 900, 1_024, 1_025, 16_000, 70_000, 700_000], [true, false])
  func contentArrivesWithItsLength(_ count: Int, isChunked: Bool) throws {
    let bed = try EngineBed(top: Self.small)
    let backend = bed.backend()
    let content = filler(count)
    let request = isChunked ? chunkedHead() + chunks(content, of: 5_000) : post(content)
    let client = bed.client([
      .send(request), .awaitResponse, .send(request + get()), .awaitResponse, .awaitResponse,
    ])
    bed.finish(requests: 3)
    let requests = bed.world.requests(of: backend)
    #expect(requests.map(\.text) == [content, content, ""])
    #expect(requests[0].value(of: "content-length") == "\(count)")
    #expect(requests.allSatisfy { $0.value(of: "transfer-encoding") == nil })
    #expect(bed.record(client).messages.first?.text == content)
    #expect(bed.ends.prefix(2).allSatisfy { $0.bytesIn == count })
  }

  /// Wherever a request is cut, no backend hears of it before its end.
  @Test(arguments: [1, 7, 1_000], [true, false])
  func piecesWaitForTheEnd(_ size: Int, isChunked: Bool) throws {
    let bed = try EngineBed(top: Self.small)
    let backend = bed.backend()
    let content = filler(3_000)
    let request = Array(
      (isChunked ? chunkedHead() + chunks(content, of: 700) : post(content)).utf8)
    var actions: [PeerAction] = []
    for start in stride(from: 0, to: request.count - 1, by: size) {
      let end = min(start + size, request.count - 1)
      actions += [.send(String(decoding: request[start..<end], as: UTF8.self))]
      actions += [.pause(.milliseconds(1))]
    }
    let last = String(decoding: request.suffix(1), as: UTF8.self)
    bed.client(actions + [.pause(.seconds(1)), .send(last), .awaitResponse])
    bed.run(for: .milliseconds(UInt64(request.count / size) + 500))
    #expect(bed.world.connections(of: backend).isEmpty)
    bed.finish(requests: 1)
    expectWhole(bed, backend, [content])
  }

  /// Disks that fill up at any moment, and writes that take a part only.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func whatCanNotBeKeptIsPassedOn(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 300
    let plan = try EngineBed.plan(top: Self.small)
    let bed = EngineBed(plan, seed: seed, faults: faults)
    let backend = bed.backend()
    let content = filler(300_000)
    let requests = [post(content), chunkedHead() + chunks(content, of: 9_000)]
    for request in requests { bed.client([.send(request), .awaitResponse]) }
    bed.world.schedule(after: Interval(nanoseconds: 50_000 * seed)) { world in
      world.logs.fillDisk(for: .seconds(1))
    }
    // The logs are on the same disk.
    bed.run(for: .seconds(5))
    bed.finish(requests: 2)
    #expect(bed.world.requests(of: backend).map(\.text) == [content, content])
    #expect(bed.ends.map(\.status) == [200, 200])
  }

  /// A client that leaves, or is too slow, gives everything back.
  @Test(arguments: [true, false])
  func nothingIsLeftOfARequestThatEndsEarly(leaves: Bool) throws {
    let bed = try EngineBed(top: Self.small + "client_body_timeout 2s;")
    let backend = bed.backend()
    let begin = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + filler(50_000)
    for _ in 0..<2 {
      bed.client([.send(begin), leaves ? .pause(.seconds(1)) : .awaitEnd, .close])
    }
    bed.finish(requests: 2)
    #expect(bed.ends.map(\.status) == (leaves ? [499, 499] : [408, 408]))
    #expect(bed.ends.allSatisfy { $0.bytesIn == 50_000 })
    #expect(bed.world.connections(of: backend).isEmpty)
  }

  /// The folder may vanish, or forbid itself.
  @Test func aFolderThatCanNotBeUsedIsSaid() throws {
    let bed = try EngineBed(top: Self.small + "client_body_temp_path /kept;")
    let backend = bed.backend()
    bed.world.logs.forbid("/kept")
    let content = filler(100_000)
    bed.client([
      .send(post(content)), .awaitResponse, .send(chunkedHead() + chunks(content, of: 100)),
      .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.world.requests(of: backend).map(\.text) == [content, content])
    #expect(bed.errors.filter { $0.contains("client_body_temp_path") }.count == 2)
  }

  /// What is kept is there for the next server.
  @Test(arguments: [500, 100_000])
  func theNextServerGetsAllOfIt(_ count: Int) throws {
    let second = Location.ipv4(10, 0, 0, 2, port: 8000)
    let bed = try EngineBed(
      "location / { proxy_pass http://app; }",
      top: Self.small + "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; }")
    var behaviour = BackendBehaviour.echo
    behaviour.onMessage = { _ in [.close] }
    bed.backend(behaviour)
    let backend = bed.backend(at: second)
    let content = filler(count)
    let request = post(content).replacing("POST /", with: "PUT /")
    let chunked = (chunkedHead() + chunks(content, of: 4_000)).replacing("POST /", with: "PUT /")
    bed.client([.send(request), .awaitResponse, .send(chunked), .awaitResponse])
    bed.finish(requests: 2)
    expectWhole(bed, backend, [content, content])
    #expect(bed.ends.map(\.status) == [200, 200])
  }

  /// Chunks, trailers and the next request in one piece, in two, and byte by byte.
  @Test(arguments: [1, 60, 10_000])
  func trailersEndTheContent(_ size: Int) throws {
    let bed = try EngineBed(top: Self.small)
    let backend = bed.backend()
    let body = String(chunks("one", of: 2).dropLast()) + "X-Sum: 1\r\n\r\n"
    let bytes = Array((chunkedHead() + body + get()).utf8)
    bed.client([
      .sendPieces(bytes, size: size, every: .milliseconds(1)), .awaitResponse, .awaitResponse,
    ])
    bed.finish(requests: 2)
    let requests = bed.world.requests(of: backend)
    #expect(requests.map(\.text) == ["one", ""])
    #expect(requests[0].value(of: "content-length") == "3")
    #expect(requests[0].value(of: "x-sum") == nil)
  }

  /// Content that could not be kept whole is still there for the next server while no server has
  /// got more than was kept.
  @Test(arguments: [true, false])
  func aServerThatRefusesTakesNoContent(isChunked: Bool) throws {
    let second = Location.ipv4(10, 0, 0, 2, port: 8000)
    let bed = try EngineBed(
      "location / { proxy_pass http://app; }",
      top: "client_body_buffer_size 1k; temp_space 0;"
        + "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; }")
    let backend = bed.backend(at: second)
    let content = filler(200_000)
    let request = isChunked ? chunkedHead() + chunks(content, of: 9_000) : post(content)
    bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.world.requests(of: backend).map(\.text) == [content])
    #expect(bed.ends.map(\.status) == [200])
  }

  /// An answer of Waybill's own leaves what follows on the connection alone.
  @Test(arguments: [500, 100_000], [true, false])
  func nextRequestsAreNoContent(_ count: Int, isChunked: Bool) throws {
    let bed = try EngineBed(top: Self.small)
    let content = filler(count)
    let request = isChunked ? chunkedHead() + chunks(content, of: 5_000) : post(content)
    let client = bed.client([
      .send(request + request), .awaitResponse, .awaitResponse, .send(get()), .awaitResponse,
    ])
    bed.finish(requests: 3)
    #expect(bed.ends.map(\.status) == [502, 502, 502])
    #expect(bed.ends.map(\.bytesIn) == [count, count, 0])
    #expect(bed.record(client).messages.count == 3)
  }
}
