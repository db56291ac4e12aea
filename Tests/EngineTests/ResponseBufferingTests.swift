import Basics
import Scenarios
import Simulation
import Testing

/// `proxy_buffering on`: what a slow client does not take is kept, and its backend is free.
struct ResponseBufferingTests {
  /// Little memory, so that files are used.
  private static let small = """
    proxy_request_buffering off; proxy_buffer_size 1k; proxy_buffers 3 1k; keepalive_timeout 1h;
    """

  /// How a backend frames its response.
  enum Framing: CaseIterable {
    case length, chunked, close
  }

  private func response(_ content: String, _ framing: Framing, cut: Int = 0) -> [PeerAction] {
    let begin = "HTTP/1.1 200 OK\r\n"
    switch framing {
    case .length: return [.send(String(ok(content).dropLast(cut)))]
    case .close: return [.send(begin + "Connection: close\r\n\r\n" + content), .close]
    case .chunked:
      var text = begin + "Transfer-Encoding: chunked\r\n\r\n"
      var rest = content.utf8[...]
      while !rest.isEmpty {
        let chunk = rest.prefix(7_000)
        rest = rest.dropFirst(7_000)
        text += String(chunk.count, radix: 16) + "\r\n"
        text += String(decoding: chunk, as: UTF8.self) + "\r\n"
      }
      return [.send(String((text + "0\r\nX-Sum: 1\r\n\r\n").dropLast(cut)))]
    }
  }

  /// A client that reads nothing for a while, and one that reads slowly all along.
  private let readers: [[PeerAction]] = [
    [.send(get()), .stopReading, .pause(.seconds(5)), .startReading, .awaitResponse],
    [.send(get()), .readSlowly(bytes: 3_000, every: .milliseconds(2)), .awaitResponse],
  ]

  @Test(arguments: [200_000, 400_000, 700_000], Framing.allCases)
  func theBackendIsFree(_ count: Int, _ framing: Framing) throws {
    let bed = try EngineBed(top: Self.small)
    let content = filler(count)
    let backend = bed.backend(.performing(response(content, framing)))
    let slow = readers.map { bed.client($0) }
    bed.run(for: .milliseconds(900))
    #expect(bed.holdings.exchanges >= 1)
    // All of it has been read: no more than what clients have not taken is here.
    #expect(bed.world.connections(of: backend).allSatisfy { $0.takenCount >= count })
    #expect(bed.holdings.buffers < 12)
    bed.finish(requests: 2)
    for client in slow {
      #expect(bed.record(client).messages.first?.text == content)
      #expect(bed.record(client).partialMessage == nil)
    }
    #expect(bed.ends.allSatisfy { $0.status == 200 && $0.bytesOut == count })
  }

  /// Its connection serves another request while the first client still has to read.
  @Test func theConnectionServesOthers() throws {
    let bed = try EngineBed(top: Self.small)
    let content = filler(400_000)
    let backend = bed.backend(.performing(response(content, .length)))
    let slow = bed.client(readers[0])
    bed.client(after: .seconds(1), [.send(get()), .awaitResponse])
    bed.client(after: .seconds(2), [.send(get()), .awaitResponse])
    bed.finish(requests: 3)
    #expect(bed.world.connections(of: backend).count == 1)
    #expect(bed.record(slow).messages.first?.text == content)
  }

  @Test(arguments: ["proxy_buffering off;", "proxy_max_temp_file_size 0;"])
  func elseTheBackendWaits(_ directive: String) throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://10.0.0.1:8000; \(directive) }", top: Self.small)
    let content = filler(700_000)
    let backend = bed.backend(.performing(response(content, .length)))
    let slow = bed.client(readers[0])
    bed.run(for: .seconds(1))
    #expect(bed.world.connections(of: backend)[0].takenCount < 400_000)
    bed.finish(requests: 1)
    #expect(bed.record(slow).messages.first?.text == content)
    #expect(bed.errors.isEmpty)
  }

  /// Disks that fill up at any moment, and writes that take a part only.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func whatNoFileTakesIsBackPressure(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 300
    let bed = EngineBed(try EngineBed.plan(top: Self.small), seed: seed, faults: faults)
    let content = filler(500_000)
    let framing = Framing.allCases[Int(seed % 3)]
    bed.backend(.performing(response(content, framing)))
    let slow = readers.map { bed.client($0) }
    bed.world.schedule(after: Interval(nanoseconds: 200_000 * seed)) { world in
      world.logs.fillDisk(for: .seconds(1))
    }
    bed.run(for: .seconds(5))
    bed.finish(requests: 2)
    for client in slow { #expect(bed.record(client).messages.first?.text == content) }
    #expect(bed.ends.map(\.status) == [200, 200])
  }

  /// The folder may forbid itself, and space may be used up: that is said once for each request.
  @Test(arguments: [true, false])
  func whyThereIsNoFileIsSaidOnce(isForbidden: Bool) throws {
    let bed = try EngineBed(
      top: Self.small + (isForbidden ? "proxy_temp_path /kept;" : "temp_space 10k;"))
    let content = filler(500_000)
    bed.backend(.performing(response(content, .length)))
    if isForbidden { bed.world.logs.forbid("/kept") }
    let slow = (0..<2).map { _ in bed.client(readers[1]) }
    bed.finish(requests: 2)
    for client in slow { #expect(bed.record(client).messages.first?.text == content) }
    let reason = isForbidden ? "proxy_temp_path" : "temp_space is used up"
    #expect(bed.errors.filter { $0.contains(reason) }.count == 2)
  }

  /// What had come before the backend failed arrives; then the client sees that it is not all.
  @Test(arguments: [Framing.length, .chunked], [true, false])
  func whatCameBeforeACutArrives(_ framing: Framing, isReset: Bool) throws {
    let bed = try EngineBed(top: Self.small)
    let content = filler(400_000)
    let begin = response(content, framing, cut: 100)
    bed.backend(.performing(begin + [.pause(.seconds(1)), isReset ? .reset : .close]))
    let slow = bed.client(readers[0].dropLast() + [.awaitEnd])
    bed.finish(requests: 1, in: .kind)
    let received = String(decoding: bed.record(slow).received, as: UTF8.self)
    if framing == .length {
      #expect(received.hasSuffix(content.dropLast(100)))
    } else {
      #expect(received.utf8.count > 399_000 && !received.hasSuffix("0\r\n\r\n"))
    }
    #expect(bed.ends.map(\.termination) == ["upstream:response_body"])
  }

  @Test func aBackendThatFallsSilentIsEnded() throws {
    let bed = try EngineBed(top: Self.small + "proxy_read_timeout 2s;")
    let content = filler(400_000)
    bed.backend(.performing(response(content, .length, cut: 100) + [.pause(.seconds(60))]))
    let slow = bed.client(readers[0].dropLast() + [.awaitEnd])
    bed.finish(requests: 1)
    let received = String(decoding: bed.record(slow).received, as: UTF8.self)
    #expect(received.hasSuffix(content.dropLast(100)))
    #expect(bed.ends.first?.error == "http_response_timeout")
  }

  /// `proxy_read_timeout` does not count while the backend waits for the client.
  @Test func aBackendThatWaitsIsNotEnded() throws {
    let bed = try EngineBed(
      top: Self.small + "proxy_read_timeout 1s; proxy_max_temp_file_size 0;")
    let content = filler(700_000)
    bed.backend(.performing(response(content, .length)))
    let slow = bed.client(readers[0])
    bed.finish(requests: 1)
    #expect(bed.record(slow).messages.first?.text == content)
  }

  /// A client that leaves, or reads nothing for too long, gives everything back.
  @Test(arguments: [true, false])
  func nothingIsLeftOfAResponseThatEndsEarly(leaves: Bool) throws {
    let bed = try EngineBed(top: Self.small + "send_timeout 2s;")
    bed.backend(.performing(response(filler(600_000), .chunked)))
    for _ in 0..<2 {
      let rest: [PeerAction] =
        leaves ? [.pause(.seconds(1)), .reset] : [.pause(.seconds(5)), .close]
      bed.client([.send(get()), .stopReading] + rest)
    }
    bed.run(for: .milliseconds(500))
    #expect(bed.holdings.keptResponses == 2 && bed.holdings.temporaryBytes > 0)
    bed.finish(requests: 2)
    #expect(bed.ends.allSatisfy { $0.termination == "client:response_body" })
  }

  @Test func aFileThatCanNotBeReadEndsTheResponse() throws {
    let bed = try EngineBed(top: Self.small)
    bed.backend(.performing(response(filler(600_000), .length)))
    bed.client(readers[0].dropLast() + [.awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.logs.emptyUnnamedFiles()
    bed.finish(requests: 1)
    #expect(bed.errors.contains { $0.contains("content stored in proxy_temp_path can't be read") })
    #expect(bed.ends.map(\.termination) == ["proxy:response_body"])
  }

  /// Whatever the backend's pieces and the client's, with stages or without.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func anyPaceGivesTheSameBytes(_ seed: UInt64) throws {
    let stages =
      seed % 2 == 0 ? "" : "sub_filter 77 seventy; sub_filter_once off; sub_filter_types *;"
    let plan = try EngineBed.plan(
      "location / { proxy_pass http://10.0.0.1:8000; \(stages) }",
      top: Self.small + "proxy_max_temp_file_size \(["8k", "64k", "1m"][Int(seed % 3)]);")
    let bed = EngineBed(plan, seed: seed)
    let content = filler(150_000 + Int(seed) * 3_001)
    let framing = Framing.allCases[Int(seed / 2 % 3)]
    bed.backend(.performing(response(content, framing)))
    var clients: [ClientID] = []
    for step in [1, 2, 5] {
      let bytes = 500 + Int(seed) * 997 % 40_000
      clients.append(
        bed.client([
          .send(get()), .stopReading, .pause(.milliseconds(UInt64(step) * 7)), .startReading,
          .readSlowly(bytes: bytes, every: .milliseconds(UInt64(step))), .awaitResponse,
        ]))
    }
    bed.finish(requests: 3)
    let expected = stages.isEmpty ? content : content.replacing("77", with: "seventy")
    for client in clients { #expect(bed.record(client).messages.first?.text == expected) }
  }
}
