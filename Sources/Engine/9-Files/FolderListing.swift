// `autoindex`: the list of a folder.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers with the list of the folder that the path names, if its location shows folders; false
  /// when it does not, and then nothing has happened.
  @inline(never) mutating func listsFolder(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.response == .none, "listsFolder: a response has begun")
    precondition(exchange.pointee.upstream == nil, "listsFolder: a backend is attached")
    let listing = exchange.pointee.plan.pointee.files.listing
    let method = exchange.pointee.head.method
    guard listing.isOn, method == .get || method == .head else { return false }
    guard let path = filePath(exchange) else { return true }
    var page = FolderPage(format: listing.isJSON ? .json : .html)
    page.isExact = listing.isExact
    page.timeOffset = listing.isLocal ? Int64(wall.utcOffset) : 0
    let refusal = kernel.listFolder(path.base, links: path.links) { name, status in
      guard page.count < Limits.listedFiles else { return }
      page.add(
        FolderPage.Entry(
          name: name, isFolder: status.kind == .folder, isFile: status.kind == .regular,
          size: status.size, modified: UInt64(max(0, status.modified))))
    }
    if let refusal {
      refuse(exchange, refusal, path)
      return true
    }
    let text = page.text(path: Array(exchange.pointee.pathBytes))
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    _ = memory.update(fromContentsOf: text)
    // A large folder takes its time, which belongs to this turn.
    now = kernel.now()
    respond(exchange, page: memory, type: page.contentType)
    return true
  }
}
