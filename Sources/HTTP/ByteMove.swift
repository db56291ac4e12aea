/// Moves bytes within a span in one go: what `MutableSpan` has no safe operation for.
enum ByteMove {
  /// Moves `count` bytes at `source` to `target`; the two places may overlap.
  @inline(__always)
  static func move(
    _ bytes: inout MutableSpan<UInt8>, from source: Int, to target: Int, count: Int
  ) {
    guard source != target && count > 0 else { return }
    precondition(source >= 0 && target >= 0 && count <= bytes.count &- max(source, target))
    // Safe: both places have just been checked to lie within the span.
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      let base = buffer.baseAddress!
      unsafe (base + target).update(from: base + source, count: count)
    }
  }
}
