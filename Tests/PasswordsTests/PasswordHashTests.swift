import Testing

@testable import Passwords

/// Hashes that htpasswd, openssl and mkpasswd have made of the password `secret`.
@Suite struct PasswordHashTests {
  private static let hashes = [
    "{PLAIN}secret",
    "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    "{SSHA}UgCJjM+VJJYduihDuk0aPpDtY9RzYWx0eQ==",
    "$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0",
    "$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
    "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2",
    "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/"
      + "x8v0/crpIjl8NJSAqXV/",
    "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
    "$y$j75$saltsaltsalt$jyf/lxrpdyAIshWRo1x5DRC6KIE7sNRRtjcomR3PgHA",
    "abNANd1rDfiNc",
  ]

  @Test(arguments: hashes) func matchesItsPassword(hash: String) {
    #expect(PasswordHash.matches(Array("secret".utf8), Array(hash.utf8)))
  }

  @Test(arguments: hashes) func matchesNoOther(hash: String) {
    for other in ["", "Secret", "secre", "secret ", "secret\0", "x"] {
      #expect(!PasswordHash.matches(Array(other.utf8), Array(hash.utf8)), "\(other)")
    }
  }

  @Test(arguments: [
    "", "secret", "*", "!", "*0", "x", "{SHA}", "{SHA}!!!!", "{SHA}5en6", "{SSHA}", "{SSHA}5en6",
    "$apr1$", "$apr1$salt", "$apr1$salt$", "$1$", "$6$", "$2y$", "$2y$99$", "$y$", "$unknown$x$y",
    "{PLAIN}", "{OTHER}secret",
  ]) func matchesNothing(hash: String) {
    #expect(!PasswordHash.matches(Array("secret".utf8), Array(hash.utf8)))
    #expect(!PasswordHash.matches([], Array(hash.utf8)))
  }

  @Test func hashesLongPasswordsAsApacheDoes() {
    // 17 and 33 bytes: more than one digest.
    for (password, hash) in PasswordHashTests.long {
      #expect(PasswordHash.matches(Array(password.utf8), Array(hash.utf8)))
    }
  }

  private static let long = [
    ("12345678901234567", "$apr1$abc$DPrxd3hTpLA1lYB9XIJZZ."),
    ("123456789012345678901234567890123", "$apr1$abcdefgh$ILsig4qYUBxBQn/79Fa/r1"),
  ]

  @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
  func decodesBase64(text: String) {
    let encoded = [
      "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
      "foobar": "Zm9vYmFy",
    ]
    #expect(Base64.decode(Array(encoded[text]!.utf8)) == Array(text.utf8))
  }
}
