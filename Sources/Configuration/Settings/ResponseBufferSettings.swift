import Plan
import Policy

/// `proxy_buffers`
struct BufferList: Hashable {
  var number: UInt64
  var bytes: UInt64
}

/// How much of a response may be kept, and where: what a level says; nil where it says nothing.
struct ResponseBufferSettings: Equatable {
  /// `proxy_buffer_size`
  var first: PlacedSetting<UInt64>?
  /// `proxy_buffers`
  var list: PlacedSetting<BufferList>?
  /// `proxy_busy_buffers_size`
  var busy: PlacedSetting<UInt64>?
  /// `proxy_temp_file_write_size`
  var write: PlacedSetting<UInt64>?
  /// `proxy_max_temp_file_size`
  var file: PlacedSetting<UInt64>?
  /// `proxy_temp_path`
  var folder: String?

  func inheriting(_ outer: ResponseBufferSettings) -> ResponseBufferSettings {
    var merged = self
    merged.first = first ?? outer.first
    merged.list = list ?? outer.list
    merged.busy = busy ?? outer.busy
    merged.write = write ?? outer.write
    merged.file = file ?? outer.file
    merged.folder = folder ?? outer.folder
    return merged
  }

  private var firstBytes: UInt64 { first?.value ?? Limits.responseBuffer }

  private var buffers: BufferList {
    list?.value ?? BufferList(number: Limits.responseBuffers, bytes: Limits.responseBuffer)
  }

  /// Bytes that are kept in memory.
  var memoryBytes: Int {
    let (product, overflow) = buffers.number.multipliedReportingOverflow(by: buffers.bytes)
    let (sum, isMore) = product.addingReportingOverflow(firstBytes)
    let largest = Limits.largestResponseBufferBytes
    return overflow || isMore ? largest : min(largest, Int(clamping: sum))
  }

  /// What is wrong with the values together, as nginx checks them, and where; nil when nothing is.
  var problem: (place: Place, message: String)? {
    guard let place = (first?.place ?? list?.place) ?? busy?.place ?? write?.place ?? file?.place
    else { return nil }
    guard buffers.number > 1 else {
      return (list?.place ?? place, "there must be at least 2 \"proxy_buffers\"")
    }
    let largest = max(firstBytes, buffers.bytes)
    let bound = """
      the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"
      """
    let busyBytes = busy?.value ?? 2 * largest
    if busyBytes < largest {
      let text = "\"proxy_busy_buffers_size\" must be equal to or greater than \(bound)"
      return (busy?.place ?? place, text)
    }
    if busyBytes > (buffers.number - 1).multipliedReportingOverflow(by: buffers.bytes).partialValue
    {
      let text = """
        "proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer
        """
      return (busy?.place ?? place, text)
    }
    if let write, write.value < largest {
      return (
        write.place, "\"proxy_temp_file_write_size\" must be equal to or greater than \(bound)"
      )
    }
    if let file, file.value != 0, file.value < largest {
      let text = """
        "proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must \
        be equal to or greater than \(bound)
        """
      return (file.place, text)
    }
    return nil
  }
}
