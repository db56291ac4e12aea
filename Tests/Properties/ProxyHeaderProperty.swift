import Basics
import HTTP

/// The PROXY protocol's header: the same for every cut, taken to its last byte and no further, and
/// the same again when it is written anew. The addresses in it, and any text read as an address,
/// are written as they are read.
final class ProxyHeaderProperty: Property {
  private let scratch = Scratch(capacity: 512)

  func check(_ input: Span<UInt8>) throws(Violation) {
    try checkAddress(input)
    let outcome = parse(input)
    var pieces = Pieces(input)
    let places = pieces.places(in: input.count)
    for index in places.indices {
      let cut = parse(input.extracting(0..<places[index]))
      try expect(!cut.isJudged || cut == outcome, "a cut changes the outcome")
    }
    guard let header = outcome.header else { return }
    try expect(header.byteCount <= input.count, "no more is taken than has come")
    let early = parse(input.extracting(0..<(header.byteCount - 1)))
    try expect(!early.isJudged, "the last byte of a header is waited for")
    try expect(
      (header.source == nil) == (header.destination == nil), "both addresses are told or none")
    guard let source = header.source, let destination = header.destination else { return }
    try expect(source.family != .unix || destination.family == .unix, "addresses of one kind")
    guard source.family != .unix else { return }
    try checkWritten(source, destination, version: input[0] == UInt8(ascii: "P") ? 1 : 2)
  }

  private struct Outcome: Equatable {
    var header: ProxyHeader?
    var isRefused = false
    var isJudged: Bool { header != nil || isRefused }
  }

  private func parse(_ bytes: Span<UInt8>) -> Outcome {
    do throws(HTTP1Error) {
      return Outcome(header: try ProxyHeader.parse(bytes))
    } catch {
      return Outcome(isRefused: true)
    }
  }

  /// Both addresses in a header of version 1 are read as they were.
  private func checkWritten(
    _ source: PeerAddress, _ destination: PeerAddress, version: Int
  ) throws(Violation) {
    // IPv4-mapped addresses are IPv4 ones, and version 1 has one family for both.
    guard source.family == destination.family else { return }
    scratch.clear()
    scratch.writer.append(source.family == .ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ")
    source.write(into: &scratch.writer)
    scratch.writer.append(" ")
    destination.write(into: &scratch.writer)
    scratch.writer.append(" ")
    scratch.writer.append(decimal: UInt64(source.port))
    scratch.writer.append(" ")
    scratch.writer.append(decimal: UInt64(destination.port))
    scratch.writer.append("\r\n")
    let again = parse(scratch.written.span)
    try expect(
      again.header?.source == source && again.header?.destination == destination,
      "addresses written anew are the same")
  }

  /// Any text that is an address is written as the same address.
  private func checkAddress(_ input: Span<UInt8>) throws(Violation) {
    guard let address = PeerAddress(parsing: input) else { return }
    scratch.clear()
    address.writeWithPort(into: &scratch.writer)
    try expect(
      PeerAddress(parsing: scratch.written.span) == address, "an address written anew is the same")
    guard address.port == 0 else { return }
    scratch.clear()
    address.write(into: &scratch.writer)
    try expect(
      PeerAddress(parsing: scratch.written.span) == address, "an address written anew is the same")
  }
}
