import HTTP
import Testing

@testable import Engine

/// The reader of content, for both directions: every framing, in pieces of any size.
struct ContentReaderTests {
  private struct Message {
    var framing: ContentFraming
    var bytes: String
    var content: String
    /// What follows the message.
    var rest = ""
    var trailers = 0
  }

  private let messages = [
    Message(framing: .length(5), bytes: "hellonext", content: "hello", rest: "next"),
    Message(framing: .untilClose, bytes: "anything", content: "anything"),
    Message(
      framing: .chunked, bytes: "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nnext", content: "abcde",
      rest: "next"),
    Message(
      framing: .chunked, bytes: "1\r\na\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\nnext", content: "a",
      rest: "next", trailers: 2),
  ]

  @Test(arguments: 0..<4, 1...12)
  func contentIsTheSameInAnyPieces(_ number: Int, size: Int) throws {
    let message = messages[number]
    var buffers = BufferPool()
    var connection = Connection(slot: 0, at: .allocate(capacity: 1))
    connection.stream.input = buffers.take(.small)
    let content = withUnsafeMutablePointer(to: &connection.stream) { stream in
      read(message, size, from: stream)
    }
    #expect(content == message.content)
    #expect(String(decoding: connection.stream.inputBytes, as: UTF8.self) == message.rest)
    buffers.giveBack(&connection.stream.input)
    connection.stream.connection.deallocate()
  }

  private func read(_ message: Message, _ size: Int, from stream: StreamPointer) -> String {
    var reader = ContentReader()
    reader.begin(message.framing)
    var content = ""
    var left = Array(message.bytes.utf8)[...]
    var trailerCount = 0
    while !left.isEmpty || stream.pointee.inputCount > 0 && !reader.isComplete {
      let piece = left.prefix(size)
      left = left.dropFirst(size)
      stream.pointee.input.bytes.baseAddress.map { base in
        for (index, byte) in piece.enumerated() {
          base[Int(stream.pointee.inputEnd) + index] = byte
        }
      }
      stream.pointee.inputEnd += UInt32(piece.count)
      reader.needsMore = false
      while stream.pointee.inputCount > 0 && !reader.isComplete && !reader.needsMore {
        if reader.place == .trailers {
          var trailers = FieldSection()
          if (try? reader.takeTrailers(&trailers, from: stream)) == true {
            trailerCount = trailers.count
          }
        } else if let taken = try? reader.take(from: stream) {
          content += String(decoding: taken.bytes, as: UTF8.self)
          #expect(taken.isLast == reader.isComplete)
        }
      }
      if piece.isEmpty { break }
    }
    #expect(trailerCount == message.trailers)
    #expect(reader.isComplete != (reader.framing == .untilEnd))
    #expect(reader.noteEnd() == (message.framing == .untilClose))
    return content
  }

  /// Malformed framing is refused where it stands.
  @Test(arguments: ["x\r\n", "3\r\nabcd", "1 \r\na\rb"])
  func malformedChunksAreRefused(_ bytes: String) {
    var buffers = BufferPool()
    var connection = Connection(slot: 0, at: .allocate(capacity: 1))
    connection.stream.input = buffers.take(.small)
    for (index, byte) in bytes.utf8.enumerated() { connection.stream.input.bytes[index] = byte }
    connection.stream.inputEnd = UInt32(bytes.utf8.count)
    var reader = ContentReader()
    reader.begin(.chunked)
    _ = withUnsafeMutablePointer(to: &connection.stream) { stream in
      #expect(throws: HTTP1Error.self) { _ = try reader.take(from: stream) }
    }
    buffers.giveBack(&connection.stream.input)
    connection.stream.connection.deallocate()
  }
}
