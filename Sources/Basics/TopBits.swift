public import CVector

extension SIMD16<UInt8> {
  /// Bit N is the top bit of byte N: what a test on sixteen bytes at once ends with.
  @inlinable public var topBits: UInt32 {
    @inline(__always) get { cvector_top_bits(self) }
  }
}
