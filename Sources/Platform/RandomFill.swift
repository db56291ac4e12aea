/// Random bytes, asked for until there are enough.
///
/// The system may give fewer than it was asked for (getrandom(2): a signal ends a long request
/// early). What is missing must come from the same source: an ID made of what happened to lie in
/// the memory could be guessed.
enum RandomFill {
  /// Fills `buffer` from `source`, which is told where and how much, and returns how many bytes it
  /// gave, or a negative error. False when it failed or gave nothing; the memory is then not to be
  /// used.
  static func fill(
    _ buffer: UnsafeMutableRawBufferPointer,
    from source: (UnsafeMutableRawBufferPointer) -> Int
  ) -> Bool {
    var filled = 0
    while filled < buffer.count {
      let count = source(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      guard count > 0 else { return false }
      filled += count
    }
    return true
  }
}
