import Basics
import Testing

struct TopBitsTests {
  /// Each byte has its own bit, and only its top bit counts.
  @Test(arguments: 0..<16) func eachByteHasItsBit(place: Int) {
    var block = SIMD16<UInt8>(repeating: 0x7f)
    #expect(block.topBits == 0)
    block[place] = 0x80
    #expect(block.topBits == 1 << place)
    block = SIMD16(repeating: 0xff)
    block[place] = 0
    #expect(block.topBits == 0xffff & ~(1 << place))
  }
}
