// What an exchange has whose response's content passes through stages: compression, decompression,
// substitution. One whose content passes as it is has none of it.

import Basics
import ContentStages
import Plan
import Policy

/// Where the stages of an exchange's response lie; valid until they are released.
typealias ResponseStagesPointer = UnsafeMutablePointer<ResponseStages>

/// Which content coding a response gets.
enum ResponseCoding: UInt8, BitwiseCopyable {
  case none, gzip, brotli

  /// Its name in Content-Encoding.
  var name: StaticString {
    switch self {
    case .none: "identity"
    case .gzip: "gzip"
    case .brotli: "br"
    }
  }
}

/// What becomes of a response's content, and so of its head.
struct StageDecision: Equatable, BitwiseCopyable {
  /// gzip is unpacked.
  var unpacks = false
  /// Texts are replaced.
  var substitutes = false
  /// What it is packed by.
  var coding = ResponseCoding.none
  /// What it is depends on what the client accepts.
  var varies = false
  /// Last-Modified and ETag would tell of other content.
  var dropsValidators = false
  /// Bytes of the content that stages get; nil when that is not known.
  var length: UInt64?

  /// True when stages change the content.
  var changesContent: Bool { unpacks || substitutes || coding != .none }

  /// True when the bytes of the content are not what ranges would count.
  var dropsRanges: Bool { unpacks || coding != .none }
}

/// The stages of one response, and what is on its way between them and the transports.
struct ResponseStages {
  let decision: StageDecision
  /// Nil when only the head is concerned.
  var pipeline: ContentPipeline?
  /// The compressor among them, which can be used again.
  var gzip: GzipCompressor?
  var brotli: BrotliCompressor?
  /// True for levels that take their time.
  var isSlow = false
  /// What the stages have given.
  var output = Buffer.none
  var outputCount = 0
  /// Content of an answer of Waybill's own, or what was read of a file.
  var source = Buffer.none
  /// They have taken something since they were told to give what they have.
  var isDirty = false
  /// They have given all; or there is no content.
  var isDrained = true

  init(_ decision: StageDecision) { self.decision = decision }
}

extension Worker where K: ~Copyable {
  /// Gives back what a response's stages hold.
  @inline(never) mutating func releaseStages(_ exchange: ExchangePointer) {
    guard let stages = exchange.pointee.stages else { return }
    exchange.pointee.stages = nil
    stages.pointee.pipeline = nil
    if let compressor = stages.pointee.gzip, keptCompressors.count < Limits.keptCompressors {
      keptCompressors.append(compressor)
    }
    buffers.giveBack(&stages.pointee.output)
    buffers.giveBack(&stages.pointee.source)
    stages.deinitialize(count: 1)
    stages.deallocate()
    precondition(stagedCount > 0, "releaseStages: more came back than were taken")
    stagedCount -= 1
  }

  /// Makes the stages that a decision asks for. Without `content` only the head is concerned.
  mutating func makeStages(
    _ exchange: ExchangePointer, _ decision: StageDecision, _ substitution: Substitution?
  ) {
    precondition(exchange.pointee.stages == nil, "makeStages: there are some")
    let stages = ResponseStagesPointer.allocate(capacity: 1)
    stages.initialize(to: ResponseStages(decision))
    stagedCount += 1
    exchange.pointee.stages = stages
    guard decision.changesContent else { return }
    let pipeline = ContentPipeline(
      linkBytes: Limits.smallBufferBytes, fillsPerRun: Limits.stageFillsPerRun)
    if decision.unpacks {
      guard let decompressor = GzipDecompressor() else { outOfMemory() }
      pipeline.append(decompressor)
    }
    if let substitution { pipeline.append(substitution) }
    let plan = exchange.pointee.plan
    switch decision.coding {
    case .none: break
    case .gzip:
      let compressor = takeCompressor(plan, decision.length)
      pipeline.append(compressor)
      stages.pointee.gzip = compressor
      stages.pointee.isSlow = plan.pointee.stages.gzip.level > Limits.quickLevel
    case .brotli:
      let level = plan.pointee.stages.brotli.level
      guard
        let compressor = BrotliCompressor(
          level: level, windowBits: plan.pointee.stages.brotliWindowBits, length: decision.length)
      else { outOfMemory() }
      pipeline.append(compressor)
      stages.pointee.brotli = compressor
      stages.pointee.isSlow = level > Limits.quickLevel
    }
    stages.pointee.pipeline = pipeline
  }

  /// A compressor for a location's gzip, a used one if there is one of that size.
  private mutating func takeCompressor(
    _ plan: UnsafePointer<LocationPlan>, _ length: UInt64?
  ) -> GzipCompressor {
    let level = plan.pointee.stages.gzip.level
    let window = CompressionWindow(
      length: length, largestBits: Int32(plan.pointee.stages.gzipWindowBits),
      largestMemoryLevel: Int32(plan.pointee.stages.gzipMemoryLevel))
    if let index = keptCompressors.lastIndex(where: { $0.window == window }) {
      let compressor = keptCompressors.remove(at: index)
      compressor.restart(level: level)
      return compressor
    }
    // Those that are kept are of other sizes: the oldest makes room.
    if keptCompressors.count == Limits.keptCompressors { keptCompressors.removeFirst() }
    guard let compressor = GzipCompressor(level: level, window: window) else { outOfMemory() }
    return compressor
  }

  /// As with every other allocation, there is no going on without memory.
  private func outOfMemory() -> Never { fatalError("there is no memory for a response's stages") }
}
