import TLS
import Testing

/// What comes in one piece with the last bytes of a stream.
@Suite struct EndTests {
  private func shaken() throws -> TLSBed {
    let bed = try TLSBed(
      [("a.example", TLSBed.serverContext())], client: TLSBed.clientContext())
    bed.shake()
    return bed
  }

  private func read(_ end: TLSBed.End) -> TLSSession.ReadStep? {
    withUnsafeTemporaryAllocation(byteCount: 100, alignment: 16) { memory in
      end.with(.max) { $0.read(into: memory) }
    }
  }

  private func write(_ text: StaticString, _ end: TLSBed.End) {
    _ = end.session?.write(
      UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Else content that only the end of the stream delimits would be taken for cut.
  @Test func theEndBehindBytesIsNotLost() throws {
    let bed = try shaken()
    write("hello", bed.client)
    bed.client.session?.end()
    bed.server.arriving = bed.client.takeOutput()
    guard case .bytes(5, then: .end)? = read(bed.server) else {
      Issue.record("the bytes or the end did not come")
      return
    }
  }

  /// Else a broken session would be waited for until its time is over.
  @Test func aFailureBehindBytesIsNotLost() throws {
    let bed = try shaken()
    write("hello", bed.client)
    bed.server.arriving = bed.client.takeOutput()
    write("more", bed.client)
    var broken = bed.client.takeOutput()
    broken[broken.count - 1] ^= 1
    bed.server.arriving += broken
    guard case .bytes(5, then: .failed)? = read(bed.server) else {
      Issue.record("the bytes or the failure did not come")
      return
    }
  }

  @Test func nothingIsPendingBehindBytesAlone() throws {
    let bed = try shaken()
    write("hello", bed.client)
    bed.server.arriving = bed.client.takeOutput()
    guard case .bytes(5, then: nil)? = read(bed.server) else {
      Issue.record("the bytes did not come")
      return
    }
    #expect(bed.server.session?.hasPending == false)
  }
}
