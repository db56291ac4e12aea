/// Content on its way through one stage or several: bytes are offered at one end and taken at the
/// other. It knows no socket and no clock, and its memory does not grow with the content.
public final class ContentPipeline {
  private enum Stage {
    case gunzip(GzipDecompressor)
    case substitution(Substitution)
    case gzip(GzipCompressor)
    case brotli(BrotliCompressor)
  }

  /// What one stage has given and the next one has not taken.
  private struct Link {
    var memory: UnsafeMutableRawBufferPointer
    var start = 0
    var end = 0
    var contentEnd = ContentEnd.more

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }
  }

  private var stages: [Stage] = []
  /// The links before all stages but the first.
  private var links: [Link] = []
  private let linkBytes: Int
  private let fillsPerRun: Int
  /// How often links may still be filled in this run.
  private var fillsLeft = 0
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  private var inputEnd = ContentEnd.more

  /// A pipeline without stages. Between two of them at most `linkBytes` bytes wait, and in one run
  /// they are given on at most `fillsPerRun` times, however much content comes of little: once for
  /// each two stages at least.
  public init(linkBytes: Int, fillsPerRun: Int) {
    precondition(linkBytes > 0 && fillsPerRun > 0, "ContentPipeline: nothing could pass")
    self.linkBytes = linkBytes
    self.fillsPerRun = fillsPerRun
  }

  deinit { for link in links { link.memory.deallocate() } }

  /// Unpacks gzip next.
  public func append(_ decompressor: GzipDecompressor) { append(.gunzip(decompressor)) }

  /// Replaces texts next.
  public func append(_ substitution: Substitution) { append(.substitution(substitution)) }

  /// Packs by gzip next.
  public func append(_ compressor: GzipCompressor) { append(.gzip(compressor)) }

  /// Packs by brotli next.
  public func append(_ compressor: BrotliCompressor) { append(.brotli(compressor)) }

  private func append(_ stage: Stage) {
    precondition(input.isEmpty, "append: content has come")
    if !stages.isEmpty {
      links.append(Link(memory: .allocate(byteCount: linkBytes, alignment: 16)))
      precondition(links.count <= fillsPerRun, "append: content could not reach the last stage")
    }
    stages.append(stage)
  }

  /// Offers content, which `end` follows. It must stay where it is until `run` asks for more.
  public func offer(_ bytes: UnsafeRawBufferPointer, _ end: ContentEnd) {
    precondition(input.isEmpty && inputEnd != .last, "offer: what came before was not taken")
    input = bytes
    inputEnd = end
  }

  /// Gives what comes of the content to the front of `room`. Throws when a stage can't read it.
  public func run(
    into room: inout UnsafeMutableRawBufferPointer
  ) throws(ContentStageError) -> StageState {
    precondition(!stages.isEmpty, "run: there is no stage")
    fillsLeft = fillsPerRun
    let state = try run(stages.count - 1, into: &room)
    if state == .needsInput {
      precondition(input.isEmpty, "run: content was not taken")
      inputEnd = .more
    }
    return state
  }

  /// Runs a stage, and those before it as far as it needs them.
  private func run(
    _ index: Int, into room: inout UnsafeMutableRawBufferPointer
  ) throws(ContentStageError) -> StageState {
    guard index > 0 else { return try advance(0, &input, inputEnd, into: &room) }
    while true {
      if let state = try fill(index - 1) { return state }
      var bytes = links[index - 1].bytes
      let end = links[index - 1].contentEnd
      let state = try advance(index, &bytes, end, into: &room)
      links[index - 1].start = links[index - 1].end - bytes.count
      switch state {
      case .ended, .needsRoom, .paused: return state
      case .needsInput:
        guard end == .flush else { continue }
        links[index - 1].contentEnd = .more
        return .needsInput
      }
    }
  }

  /// Fills a link that is empty; says how far the stages before it have come when nothing came of
  /// it.
  private func fill(_ index: Int) throws(ContentStageError) -> StageState? {
    let link = links[index]
    guard link.start == link.end, link.contentEnd == .more else { return nil }
    guard fillsLeft > 0 else { return .paused }
    fillsLeft -= 1
    var room = link.memory
    let state = try run(index, into: &room)
    links[index].start = 0
    links[index].end = link.memory.count - room.count
    let isEmpty = links[index].end == 0
    switch state {
    case .ended: links[index].contentEnd = .last
    case .needsInput where inputEnd == .flush: links[index].contentEnd = .flush
    case .needsInput, .paused: return isEmpty ? state : nil
    case .needsRoom: precondition(!isEmpty, "fill: a stage gives nothing for want of room")
    }
    return nil
  }

  private func advance(
    _ index: Int, _ input: inout UnsafeRawBufferPointer, _ end: ContentEnd,
    into room: inout UnsafeMutableRawBufferPointer
  ) throws(ContentStageError) -> StageState {
    switch stages[index] {
    case .gunzip(let stage): try stage.advance(&input, end, into: &room)
    case .substitution(let stage): stage.advance(&input, end, into: &room)
    case .gzip(let stage): stage.advance(&input, end, into: &room)
    case .brotli(let stage): stage.advance(&input, end, into: &room)
    }
  }
}
