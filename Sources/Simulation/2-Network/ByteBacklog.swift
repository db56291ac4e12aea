/// Bytes that wait in order: appended at the end, taken from the front.
struct ByteBacklog {
  private var storage: [UInt8] = []
  private var start = 0

  /// Bytes waiting.
  var count: Int { storage.count - start }
  /// True when none waits.
  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: [UInt8]) { storage += bytes }

  /// Takes the first `amount` bytes out.
  mutating func take(_ amount: Int) -> [UInt8] {
    let bytes = Array(storage[start..<(start + amount)])
    drop(amount)
    return bytes
  }

  /// Takes as many bytes out as `buffer` holds; returns their number.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let amount = min(count, buffer.count)
    guard amount > 0 else { return 0 }
    UnsafeMutableRawBufferPointer(rebasing: buffer[..<amount])
      .copyBytes(from: storage[start..<(start + amount)])
    drop(amount)
    return amount
  }

  mutating func removeAll() {
    storage.removeAll()
    start = 0
  }

  private mutating func drop(_ amount: Int) {
    start += amount
    // Moving the rest only when it is the smaller half keeps the cost of a byte constant.
    if start * 2 >= storage.count {
      storage.removeFirst(start)
      start = 0
    }
  }
}
