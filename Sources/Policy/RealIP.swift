import Basics
import HTTP

/// Who the client is when a trusted proxy stands before us (`set_real_ip_from`, `real_ip_header`).
public enum RealIP {
  /// The client's address as the value of one field line gives it.
  ///
  /// When `peer` is trusted it is the last address of the list; with `recursive`
  /// (`real_ip_recursive`) the last one that is not trusted, or the first one when all are. A place
  /// that holds no address ends the search: what stands before it can't be vouched for. An
  /// untrusted `peer` stays. A port is taken along; without one it is 0.
  public static func resolve(
    header: Span<UInt8>, recursive: Bool, peer: PeerAddress, trust: PeerTrust
  ) -> PeerAddress {
    var client = peer
    _ = follow(header, recursive, &client, trust)
    return client
  }

  /// The client's address as all lines of the field `name` give it together, the last line first,
  /// as if they were one list (RFC 9110 section 5.3).
  public static func resolve(
    head: borrowing RequestHead, bytes: Span<UInt8>, field name: Span<UInt8>, recursive: Bool,
    peer: PeerAddress, trust: PeerTrust
  ) -> PeerAddress {
    guard trust.contains(peer) else { return peer }
    var client = peer
    var index = head.fields.count
    while index > 0 {
      index &-= 1
      let line = head.fields[index]
      guard Int(line.nameCount) == name.count,
        FieldNameMatch.equalIgnoringCase(bytes.extracting(line.name.offsets), name)
      else { continue }
      let value = bytes.extracting(line.value.offsets)
      if !follow(value, recursive, &client, trust) { break }
    }
    return client
  }

  /// Goes through a list from its end, `client` being who sent it. True when what stands before the
  /// list counts as well.
  private static func follow(
    _ list: Span<UInt8>, _ recursive: Bool, _ client: inout PeerAddress, _ trust: PeerTrust
  ) -> Bool {
    var end = list.count
    while trust.contains(client) {
      while end > 0 && isSeparator(list[end &- 1]) { end &-= 1 }
      guard end > 0 else { return true }
      var start = end
      while start > 0 && !isSeparator(list[start &- 1]) { start &-= 1 }
      guard let address = PeerAddress(parsing: list.extracting(start..<end)),
        address.family != .unix
      else { return false }
      client = address
      guard recursive else { return false }
      end = start
    }
    return false
  }

  /// A comma or white space.
  @inline(__always) private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
