import Basics
import Testing

@testable import HTTP

@Suite struct WebSocketKeyTests {
  /// The example of RFC 6455 section 1.3: the bytes of "the sample nonce".
  private let key = WebSocketKey(random: (0x7468_6520_7361_6D70, 0x6C65_206E_6F6E_6365))

  private func isAccepted(_ answer: String) -> Bool {
    key.isAccepted(by: Array(answer.utf8).span)
  }

  @Test func theExampleOfTheSpecificationHolds() {
    var memory = [UInt8](repeating: 0, count: 64)
    let count = memory.withUnsafeMutableBufferPointer { memory in
      var writer = ByteWriter(memory)
      key.write(into: &writer)
      return writer.count
    }
    #expect(String(decoding: memory[..<count], as: UTF8.self) == "dGhlIHNhbXBsZSBub25jZQ==")
    #expect(isAccepted("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
  }

  @Test func nothingElseIsAccepted() {
    let answers = [
      "", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==",
      "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=", "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    for answer in answers { #expect(!isAccepted(answer), "\(answer)") }
    let isAcceptedByAnother = WebSocketKey(random: (1, 2))
      .isAccepted(by: Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8).span)
    #expect(!isAcceptedByAnother)
  }

  @Test func namesAreKnownInAnyCase() {
    let answers = ["sec-websocket-ACCEPT", "sec-websocket-protoc", "accept"].map {
      WebSocketKey.isAnswer(Array($0.utf8).span)
    }
    #expect(answers == [true, false, false])
    let uses = ["WebSocket", "websocket/13", ""].map {
      WebSocketKey.isUsed(by: Array($0.utf8).span)
    }
    #expect(uses == [true, false, false])
  }
}
