import Simulation

/// Who speaks HTTP/2 in a world. Chance of its own decides, so that the other worlds are what they
/// would be without.
struct Multiplexing: Sendable {
  /// What the conf file says about it.
  private(set) var lines: [String] = []
  private var seed: UInt64 = 0
  private var perMille = 0
  private var abandonsPerMille = 0

  /// Nobody.
  static var none: Multiplexing { Multiplexing() }

  private init() {}

  /// True for the one world in three where somebody may.
  static func speaksHTTP2(seed: UInt64) -> Bool {
    var chance = SeededGenerator(seed: seed ^ 0x4832)
    return chance.happens(330)
  }

  /// What a seed decides.
  init(seed: UInt64) {
    guard Multiplexing.speaksHTTP2(seed: seed) else { return }
    var chance = SeededGenerator(seed: seed ^ 0x4833)
    lines = ["http2 on;"]
    self.seed = chance.next()
    perMille = chance.pick([500, 900])
    abandonsPerMille = chance.pick([0, 0, 100, 400])
  }

  private func chance(_ client: Int, _ request: Int) -> SeededGenerator {
    SeededGenerator(seed: seed ^ UInt64(client) << 20 ^ UInt64(request))
  }

  /// True when the client of this number speaks it, where it can.
  func includes(_ client: Int) -> Bool {
    var chance = chance(client, 1 << 40)
    return !lines.isEmpty && chance.happens(perMille)
  }

  /// Bytes that a stream of this client is sent at a time.
  func window(of client: Int) -> UInt32 {
    var chance = chance(client, 1 << 41)
    return chance.pick([200, 65_535, 65_535, 1 << 20])
  }

  /// Whether the client of this number gives up a request, and when.
  func abandonment(of request: Int, client: Int) -> HTTP2Exchange.Abandonment? {
    var chance = chance(client, request)
    return chance.happens(abandonsPerMille) ? chance.pick([.atOnce, .answered]) : nil
  }
}
