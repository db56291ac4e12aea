// Hashes of passwords as the files of `auth_basic_user_file` hold them.

import CCrypt
import COpenSSL

/// A password's hash: `$apr1$`, `{SHA}`, `{SSHA}`, `{PLAIN}`, or what crypt(3) knows.
public enum PasswordHash {
  /// True when `password` has the hash `stored`. It takes as long as the hash is made to take: up
  /// to some seconds, so no worker may call it. A hash of a kind that is not known matches nothing.
  public static func matches(_ password: [UInt8], _ stored: [UInt8]) -> Bool {
    if let text = stored.dropping("{PLAIN}") { return isEqual(password, text) }
    if let base64 = stored.dropping("{SHA}") {
      guard let digest = Base64.decode(base64), digest.count == sha1Bytes else { return false }
      return isEqual(Digest.sha1(password), digest)
    }
    if let base64 = stored.dropping("{SSHA}") {
      guard let digest = Base64.decode(base64), digest.count >= sha1Bytes else { return false }
      return isEqual(
        Digest.sha1(password + digest[sha1Bytes...]), Array(digest[..<sha1Bytes]))
    }
    if let rest = stored.dropping("$apr1$") {
      let salt = Array(rest.prefix { $0 != UInt8(ascii: "$") }.prefix(8))
      return isEqual(ApacheMD5.hash(password, salt: salt), stored)
    }
    return isEqual(systemHash(password, stored), stored)
  }

  private static var sha1Bytes: Int { 20 }

  /// crypt(3); empty when the system does not know the kind of hash.
  private static func systemHash(_ password: [UInt8], _ stored: [UInt8]) -> [UInt8] {
    // What a C string can't hold would be cut.
    guard !password.contains(0), !stored.contains(0), !stored.isEmpty else { return [] }
    let state = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    defer { state.deallocate() }
    UnsafeMutableRawPointer(state).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<crypt_data>.size)
    let key = password.map { CChar(bitPattern: $0) } + [0]
    let setting = stored.map { CChar(bitPattern: $0) } + [0]
    guard let made = crypt_r(key, setting, state) else { return [] }
    var hash: [UInt8] = []
    var place = made
    while place.pointee != 0 {
      hash.append(UInt8(bitPattern: place.pointee))
      place += 1
    }
    // libcrypt says so where it failed.
    return hash.first == UInt8(ascii: "*") ? [] : hash
  }

  /// Takes the same time wherever two texts of one length differ.
  private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count, !left.isEmpty else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}

/// Digests by OpenSSL.
enum Digest {
  static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha1()) }

  static func md5(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_md5()) }

  private static func digest(_ bytes: [UInt8], _ kind: OpaquePointer?) -> [UInt8] {
    var made = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard EVP_Digest(bytes, bytes.count, &made, &count, kind, nil) == 1 else { return [] }
    return Array(made[..<Int(count)])
  }
}

/// The hash of `htpasswd`: MD5, a thousand times.
enum ApacheMD5 {
  static func hash(_ password: [UInt8], salt: [UInt8]) -> [UInt8] {
    var digest = firstDigest(password, salt)
    for round in 0..<1000 {
      var input: [UInt8] = round % 2 == 1 ? password : digest
      if round % 3 != 0 { input += salt }
      if round % 7 != 0 { input += password }
      input += round % 2 == 1 ? digest : password
      digest = Digest.md5(input)
      // A system may forbid MD5.
      guard digest.count == 16 else { return [] }
    }
    return Array("$apr1$".utf8) + salt + Array("$".utf8) + text(digest)
  }

  private static func firstDigest(_ password: [UInt8], _ salt: [UInt8]) -> [UInt8] {
    let inner = Digest.md5(password + salt + password)
    guard inner.count == 16 else { return [] }
    var input = password + Array("$apr1$".utf8) + salt
    var left = password.count
    while left > 0 {
      input += inner.prefix(left)
      left -= 16
    }
    var bits = password.count
    while bits > 0 {
      input.append(bits & 1 == 1 ? 0 : password[0])
      bits >>= 1
    }
    return Digest.md5(input)
  }

  private static let alphabet = Array(
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  private static func text(_ digest: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for (first, second, third) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
      let word =
        UInt32(digest[first]) << 16 | UInt32(digest[second]) << 8 | UInt32(digest[third])
      append(word, 4, to: &text)
    }
    append(UInt32(digest[11]), 2, to: &text)
    return text
  }

  private static func append(_ word: UInt32, _ count: Int, to text: inout [UInt8]) {
    for place in 0..<count { text.append(alphabet[Int(word >> UInt32(6 * place) & 63)]) }
  }
}

/// RFC 4648 section 4.
enum Base64 {
  /// The bytes; nil when the text is no base64.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for byte in text {
      if byte == UInt8(ascii: "=") { break }
      guard let value = alphabet.firstIndex(of: byte) else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
    }
    return bytes
  }

  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}

extension Array where Element == UInt8 {
  /// What follows a prefix; nil when there is another one.
  fileprivate func dropping(_ prefix: String) -> [UInt8]? {
    let wanted = Array(prefix.utf8)
    return starts(with: wanted) ? Array(dropFirst(wanted.count)) : nil
  }
}
