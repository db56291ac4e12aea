import Policy

/// Memory for bytes on their way, in three sizes. A connection holds one only while it has bytes.
struct Buffer: BitwiseCopyable {
  /// The sizes that there are.
  enum Size: UInt8, BitwiseCopyable {
    case small, medium, large

    var byteCount: Int {
      switch self {
      case .small: Limits.smallBufferBytes
      case .medium: Limits.mediumBufferBytes
      case .large: Limits.largeBufferBytes
      }
    }

    /// The smallest size that holds `byteCount`; nil when none does.
    init?(holding byteCount: Int) {
      precondition(byteCount >= 0, "init?(holding: a negative size")
      if byteCount <= Limits.smallBufferBytes {
        self = .small
      } else if byteCount <= Limits.mediumBufferBytes {
        self = .medium
      } else if byteCount <= Limits.largeBufferBytes {
        self = .large
      } else {
        return nil
      }
    }
  }

  /// The memory; nil for no buffer.
  var base: UnsafeMutableRawPointer?
  var size: Size

  static var none: Buffer { Buffer(base: nil, size: .small) }

  var isNone: Bool { base == nil }

  /// Bytes that it holds.
  var capacity: Int { base == nil ? 0 : size.byteCount }
}

/// Keeps a few free buffers of each size; the last one given back is the next one taken.
struct BufferPool: ~Copyable {
  private struct Shelf: ~Copyable {
    let buffers: UnsafeMutablePointer<UnsafeMutableRawPointer> = .allocate(
      capacity: Limits.keptBuffers)
    var count = 0

    deinit {
      for index in 0..<count { buffers[index].deallocate() }
      buffers.deallocate()
    }

    mutating func take(byteCount: Int) -> UnsafeMutableRawPointer {
      guard count > 0 else { return .allocate(byteCount: byteCount, alignment: 64) }
      count &-= 1
      return buffers[count]
    }

    mutating func giveBack(_ base: UnsafeMutableRawPointer) {
      guard count < Limits.keptBuffers else { return base.deallocate() }
      buffers[count] = base
      count &+= 1
    }
  }

  /// Buffers in use: at rest there is none.
  private(set) var inUse = 0
  private var small = Shelf()
  private var medium = Shelf()
  private var large = Shelf()

  init() {}

  /// A buffer of `size`; its bytes are arbitrary.
  mutating func take(_ size: Buffer.Size) -> Buffer {
    inUse &+= 1
    switch size {
    case .small: return Buffer(base: small.take(byteCount: size.byteCount), size: size)
    case .medium: return Buffer(base: medium.take(byteCount: size.byteCount), size: size)
    case .large: return Buffer(base: large.take(byteCount: size.byteCount), size: size)
    }
  }

  /// Takes a buffer back and leaves none in its place. Nothing happens when there is none.
  @inline(__always) mutating func giveBack(_ buffer: inout Buffer) {
    if let base = buffer.base { giveBack(&buffer, base) }
  }

  private mutating func giveBack(_ buffer: inout Buffer, _ base: UnsafeMutableRawPointer) {
    precondition(inUse > 0, "giveBack: more came back than was taken")
    inUse &-= 1
    switch buffer.size {
    case .small: small.giveBack(base)
    case .medium: medium.giveBack(base)
    case .large: large.giveBack(base)
    }
    buffer = .none
  }
}
