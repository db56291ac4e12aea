import Certificates
import Foundation
import TLS
import Testing

/// What is wrong with certificates, keys and lists, and with which of the settings.
@Suite struct ContextTests {
  private func problem(
    _ pair: TestAuthority.Pair = TLSBed.pair, _ change: (inout TLSServerSettings) -> Void = { _ in }
  ) -> TLSContextProblem? {
    do {
      _ = try TLSBed.serverContext(pair, change)
      return nil
    } catch { return error as? TLSContextProblem }
  }

  @Test func aCertificateThatIsNone() {
    var pair = TLSBed.pair
    pair.certificate = Array("no certificate\n".utf8)
    #expect(problem(pair)?.part == .certificate(0))
    #expect(problem(pair)?.problem.message == "the file has no certificate")
    pair.certificate = []
    #expect(problem(pair)?.part == .certificate(0))
    pair.certificate = Array(TLSBed.pair.certificate.dropLast(60))
    #expect(problem(pair)?.part == .certificate(0))
  }

  @Test func aKeyThatIsNoneOrAnothers() {
    var pair = TLSBed.pair
    pair.key = pair.certificate
    #expect(problem(pair)?.part == .key(0))
    #expect(problem(pair)?.problem.message == "the file has no private key")
    pair.key = TLSBed.authority.issue("other").key
    #expect(problem(pair)?.part == .key(0))
    #expect(problem(pair)?.problem.message == "the key does not match the certificate in a.crt")
  }

  @Test func anEncryptedKeyNeedsItsPassword() {
    let pair = TLSBed.authority.issue("a.example", password: "secret")
    #expect(problem(pair)?.problem.message.contains("ssl_password_file") == true)
    let wrong = problem(pair) { $0.common.passwords = [Array("wrong".utf8)] }
    #expect(wrong?.part == .key(0))
    let tried = problem(pair) {
      $0.common.passwords = [Array("wrong".utf8), Array("secret".utf8)]
    }
    #expect(tried == nil)
  }

  @Test func listsThatOpenSSLDoesNotKnow() {
    #expect(problem { $0.common.ciphers = "NONSENSE" }?.part == .ciphers)
    #expect(problem { $0.common.ciphersuites = "NONSENSE" }?.part == .ciphersuites)
    #expect(problem { $0.common.groups = "NONSENSE" }?.part == .groups)
    #expect(problem { $0.common.versions = [] }?.part == .versions)
    let rubbish = TLSFile(path: "x", bytes: [1, 2, 3])
    #expect(problem { $0.common.authorities = [rubbish] }?.part == .authorities)
    #expect(problem { $0.common.revocationLists = rubbish }?.part == .revocationLists)
    #expect(problem { $0.stapledResponse = rubbish }?.part == .stapledResponse)
  }

  @Test func datesOfCertificates() {
    func validity(_ days: ClosedRange<Int>) -> TLSValidity {
      let pair = TLSBed.authority.issue("a", days: days)
      let file = TLSFile(path: "a", bytes: pair.certificate)
      return TLSValidity.of(file, at: Self.now)
    }
    #expect(validity(-1...1) == .valid)
    #expect(validity(-3 ... -1) == .expired)
    #expect(validity(1...3) == .notYet)
  }

  // The certificates count from the system's clock; so must this test.
  private static var now: Int { Int(Date().timeIntervalSince1970) }
}
