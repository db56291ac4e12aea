/// What a backend does with a request.
enum ResponseKind: String, CaseIterable {
  case plain, noContent, notModified, chunked, chunkedWithTrailers, untilClose, closing, interim
  case slow, large, pondering, early, ownID, unavailable
  // From here on, the backend is wrong.
  case earlyClosing, twoLengths, bothFramings, garbage, hugeHead, cutContent, cutChunk, badChunk
  case silentClose, reset, never, unaskedAtOnce, unaskedLater, strayBytes, unaskedSwitch
  case manyInterims, deaf

  /// True when the response is complete and good.
  var isFaithful: Bool {
    switch self {
    case .plain, .noContent, .notModified, .chunked, .chunkedWithTrailers, .untilClose, .closing,
      .interim, .slow, .large, .pondering, .early, .ownID, .unavailable:
      true
    default: false
    }
  }

  /// True when bytes come that answer no request: whatever request is sent meanwhile takes them for
  /// its response, and nobody could tell.
  var sendsUnaskedBytes: Bool {
    switch self {
    case .unaskedAtOnce, .unaskedLater, .strayBytes: true
    default: false
    }
  }
}
