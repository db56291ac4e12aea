import CBrotliDecoder
import CZlib

/// Unpacks what was packed all at once, by nothing but the libraries.
public enum PlainUnpacking {
  /// What the beginning of a gzip member says, and whether it is whole; nil for what is none.
  public static func gzip(_ bytes: [UInt8]) -> (content: [UInt8], isWhole: Bool)? {
    var stream = z_stream()
    guard czlib_begin_gzip(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var content: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 16_384)
    var input = bytes
    return input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      while true {
        let result = room.withUnsafeMutableBufferPointer { room in
          stream.next_out = room.baseAddress
          stream.avail_out = UInt32(room.count)
          return inflate(&stream, Z_SYNC_FLUSH)
        }
        content += room[..<(room.count - Int(stream.avail_out))]
        switch result {
        case Z_STREAM_END: return stream.avail_in == 0 ? (content, true) : nil
        case Z_OK: if stream.avail_in == 0 && stream.avail_out > 0 { return (content, false) }
        case Z_BUF_ERROR: return (content, false)
        default: return nil
        }
      }
    }
  }

  /// Unpacks brotli; nil for what is none, or is not whole.
  public static func brotli(_ bytes: [UInt8], atMost count: Int) -> [UInt8]? {
    var size = count + 1
    var content = [UInt8](repeating: 0, count: count + 1)
    let result = BrotliDecoderDecompress(bytes.count, bytes, &size, &content)
    return result == BROTLI_DECODER_RESULT_SUCCESS ? Array(content[..<size]) : nil
  }
}
