import CBrotli

/// Packs content as brotli does (RFC 7932).
public final class BrotliCompressor {
  private let state: OpaquePointer
  /// Bytes that it has taken.
  public private(set) var takenCount: UInt64 = 0
  /// Bytes that it has given.
  public private(set) var givenCount: UInt64 = 0

  /// A compressor of a level from 0 to 11 with a window of 2 to the power of `windowBits` at most,
  /// for content of `length` bytes, nil when that is not known. Nil when there is no memory for it.
  public init?(level: Int, windowBits: Int, length: UInt64?) {
    precondition((0...11).contains(level), "BrotliCompressor: no such level")
    precondition((10...24).contains(windowBits), "BrotliCompressor: no such window")
    guard let state = BrotliEncoderCreateInstance(nil, nil, nil) else { return nil }
    self.state = state
    var bits = windowBits
    if let length {
      // A window larger than the content is memory for nothing.
      while bits > 10, length < UInt64(1) << UInt64(bits - 1) { bits -= 1 }
      let hint = UInt32(clamping: length)
      BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT, hint)
    }
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, UInt32(level))
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, UInt32(bits))
  }

  deinit { BrotliEncoderDestroyInstance(state) }

  /// Takes from the front of `input`, which `end` follows, and gives to the front of `room`.
  func advance(
    _ input: inout UnsafeRawBufferPointer, _ end: ContentEnd,
    into room: inout UnsafeMutableRawBufferPointer
  ) -> StageState {
    let operation: BrotliEncoderOperation =
      switch end {
      case .more: BROTLI_OPERATION_PROCESS
      case .flush: BROTLI_OPERATION_FLUSH
      case .last: BROTLI_OPERATION_FINISH
      }
    while true {
      var inputCount = input.count
      var roomCount = room.count
      var inputStart = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
      var roomStart = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let isDone = BrotliEncoderCompressStream(
        state, operation, &inputCount, &inputStart, &roomCount, &roomStart, nil)
      precondition(isDone != 0, "brotli has failed")
      takenCount += UInt64(input.count - inputCount)
      givenCount += UInt64(room.count - roomCount)
      input.keepLast(inputCount)
      room.keepLast(roomCount)
      if BrotliEncoderIsFinished(state) != 0 { return .ended }
      let holdsOutput = BrotliEncoderHasMoreOutput(state) != 0
      if input.isEmpty && !holdsOutput && end != .last { return .needsInput }
      if room.isEmpty { return .needsRoom }
    }
  }
}
