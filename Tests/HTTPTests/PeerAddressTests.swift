import Basics
import HTTP
import Testing

@Suite struct PeerAddressTests {
  @Test(arguments: [
    ("1.2.3.4", "1.2.3.4", "1.2.3.4:0"), ("255.255.255.255:65535", "255.255.255.255", nil),
    ("0.0.0.0:1", "0.0.0.0", nil), ("::", "::", "[::]:0"), ("::1", "::1", "[::1]:0"),
    ("[::1]", "::1", "[::1]:0"), ("[2001:db8::1]:443", "2001:db8::1", nil),
    ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:0"),
    ("1::", "1::", "[1::]:0"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3", "[1:0:0:2::3]:0"),
    ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4", "[1::2:3:0:0:4]:0"),
    ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7", "[1:0:2:3:4:5:6:7]:0"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", "[1:2:3:4:5:6:7:0]:0"),
    ("0:0:1::", "0:0:1::", "[0:0:1::]:0"), ("ABCD:00EF::", "abcd:ef::", "[abcd:ef::]:0"),
    ("64:ff9b::1.2.3.4", "64:ff9b::102:304", "[64:ff9b::102:304]:0"),
    ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", "[1:2:3:4:5:6:102:304]:0"),
    ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4:0"), ("[::ffff:102:304]:5", "1.2.3.4", "1.2.3.4:5"),
    ("unix:", "unix:", "unix:"), ("unix:/run/app.sock", "unix:", "unix:"),
  ])
  func readsAndWrites(text: String, address: String, withPort: String?) throws {
    let parsed = try #require(PeerAddress(text))
    let plain = written { parsed.write(into: &$0) }
    let full = written { parsed.writeWithPort(into: &$0) }
    #expect(plain == address)
    #expect(full == withPort ?? text)
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.1000", "01.2.3.4", "1.2.3.00", "1.2..4",
    "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4:000001", "a.b.c.d",
    ":", ":1", "1:", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1", "::1]",
    "[::1]80", "[::1]:", "[::1]:65536", "[1.2.3.4]", "::1.2.3", "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1.2.3.4::", "localhost", "localhost:80", "unix", "1:2:3:4:5:6:7:",
  ])
  func refuses(text: String) {
    #expect(PeerAddress(text) == nil)
  }

  @Test func keepsItsParts() throws {
    let four = try #require(PeerAddress("1.2.3.4:80"))
    #expect(four == PeerAddress(family: .ipv4, high: 0, low: 0x0102_0304, port: 80))
    let six = try #require(PeerAddress("[1:2:3:4:5:6:7:8]:9"))
    #expect(six.family == .ipv6 && six.port == 9)
    #expect(six.high == 0x0001_0002_0003_0004 && six.low == 0x0005_0006_0007_0008)
    #expect(PeerAddress("unix:/x") == .unix)
  }

  /// Any address that is written is read back as itself.
  @Test func readsWhatItWrites() {
    var random = RandomBytes(seed: 5)
    for _ in 0..<2_000 {
      var words: [UInt64] = [0, 0]
      for place in 0..<8 where random.next(below: 2) == 0 {
        words[place / 4] |= UInt64(random.next(below: 65_536)) << UInt64(place % 4 * 16)
      }
      let port = UInt16(random.next(below: 65_536))
      let address = PeerAddress(internet6High: words[0], low: words[1], port: port)
      let text = written { address.writeWithPort(into: &$0) }
      #expect(PeerAddress(text) == address, "\(text)")
    }
  }
}
