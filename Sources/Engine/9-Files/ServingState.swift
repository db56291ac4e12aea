import Basics
import HTTP
import Names
import Platform
import Policy
import Telemetry

/// Where the state of an exchange that is served here lies; valid until the exchange ends.
typealias ServingStatePointer = UnsafeMutablePointer<ServingState>

/// What is kept of a request that is served from a page or a file, or that was redirected: a few
/// requests need it, so it does not lie in the exchange.
struct ServingState: BitwiseCopyable {
  /// Content of Waybill's own that is too large to be composed with its head.
  var page: UnsafeMutablePointer<UInt8>?
  /// The page of metrics that is composed, over several turns when it is long, then sent. A
  /// reference is held.
  var metricsPage: Unmanaged<MetricsPage>?

  // MARK: The file that is sent

  var file = Descriptor.none
  /// The file is the turn's, which closes it.
  var isShared = false
  var status = FileStatus(kind: .regular, size: 0, modified: 0)
  /// The answer is about the file, whether or not it is still open.
  var describesFile = false
  /// Offset of the next byte that is sent.
  var offset: UInt64 = 0
  /// Bytes that follow it of the file, or of one range.
  var left: UInt64 = 0
  /// The ranges behind that one, when there are several.
  var ranges: RangeReader?
  /// Where the field that they stand in lies in the head.
  var rangeValue = ByteRange.empty
  /// What stands between them.
  var boundary: UInt64 = 0
  /// What the file is packed by, if it is the packed neighbour of the one that was asked for.
  var packing = ResponseCoding.none
  /// That neighbour depends on what the client accepts.
  var variesByNeighbour = false
  /// The media type of the file.
  var mediaType = FrozenBytes.empty

  // MARK: Redirects

  /// How often the request has changed its location.
  var redirectCount: UInt8 = 0
  /// The status that is sent whatever the content's own is; 0 for that.
  var answeredStatus: UInt16 = 0
  /// True once a page for an error is being served.
  var servesErrorPage = false
  /// Fields of a backend's response that its own answer was replaced for.
  var carried = Buffer.none
  var carriedCount: UInt32 = 0
  /// The memory was too small for the last one.
  var isCarriedFull = false
  /// The answer has a Location of its own.
  var dropsCarriedLocation = false
  /// Content-Type is one of them.
  var carriesType = false
  /// The file is sent in several parts, each of which has that type.
  var sendsParts = false
  /// It is that of the text of a `return`, which is about to be sent.
  var typesText = false
  /// Bytes of the head before targets were written behind it; 0 when none was.
  var headCount: UInt32 = 0
  /// The upstreams that were asked before each redirect.
  var upstreams = InlineArray<10, UInt32>(repeating: 0)
  /// Tries that were made before the last redirect.
  var earlierTries = 0

  // MARK: Admission

  /// The zones that it leaves when it ends.
  var entered = EnteredZones()
  /// The number of the question about its password that waits; 0 for none.
  var passwordTicket: UInt64 = 0
  /// What the answer to it was; nil while it waits.
  var passwordVerdict: PasswordVerdict?

  // MARK: Names

  /// The number of the question about a name that waits; 0 for none.
  var nameTicket: UInt64 = 0
  /// The name that was waited for last. A reference is held.
  var awaitedName: Unmanaged<ResolvedName>?
  /// When the request began to wait for names.
  var nameWaitStart: Instant?

  // MARK: Subrequests

  /// The subrequest of `auth_request` that is under way; see `Authorization.swift`.
  var subrequest: SubrequestPointer?
  /// When it was begun.
  var subrequestStart = Instant(nanoseconds: 0)
  /// The status that it was answered with, before that has been acted on; 0 else.
  var authorizationStatus: UInt16 = 0
  /// `return 444`: the client is answered nothing at all, either.
  var authorizationIsSilent = false
  /// Why it was answered with an error.
  var authorizationError = ErrorType.none
  /// With `satisfy any`: what rules and password have come to before the location is asked; 0 when
  /// nobody has kept the request out.
  var accessStatus: UInt16 = 0
  /// `carriedCount` before anybody had been asked.
  var carriedBefore: UInt32 = 0

  /// `mirror`: copies of the request are sent when its content has been read whole.
  var awaitsMirrors = false

  // MARK: Pace

  /// `limit_rate` in bytes a second; 0 for none. See `Pacing.swift`.
  var rate: UInt64 = 0
  /// The request, or the backend, has set it.
  var isRateSet = false
  // MARK: Buffering

  /// What is kept of a response that its client does not take; see `ResponseBuffering.swift`.
  var backlog: ResponseBacklogPointer?
  /// No file takes more of it: that was said.
  var isFileRefused = false
  /// What the backend's `X-Accel-Buffering` says; nil where it says nothing.
  var wantsBuffering: Bool?
  /// `limit_rate_after`
  var unlimitedBytes: UInt64 = 0

  // MARK: Variables and rewriting

  /// A little memory that the state keeps whoever uses it.
  var own: UnsafeMutableRawPointer
  /// Where values of variables and what was matched lie; see `ComputedMemory`. Nil before there are
  /// any; `own` as long as that holds them.
  var computedBase: UnsafeMutableRawPointer?
  /// Bytes that it holds.
  var computedCapacity = 0
  /// The memory, when it is larger than `own`.
  var computed = Buffer.none
  /// Bytes of it that are used.
  var computedCount: UInt32 = 0
  /// Values that were computed for the text that is being written.
  var computations: UInt32 = 0
  /// How many values the table at its begin has.
  var valueCount: UInt32 = 0
  /// A `rewrite` has matched: for `internal` the request is one that clients can't make.
  var isRewritten = false
  /// The path was rewritten, and the location is to be looked for behind the last step.
  var seeksLocation = false
  /// `try_files` has found a file behind the `alias` of a regular expression's location: the path
  /// is what stands behind it.
  var joinsPathToAlias = false
  /// `rewrite ... break`: the path has nothing to do with the location that serves it.
  var isLocationLost = false
  /// The path was rewritten, and the head has still the one before.
  var isTargetStale = false
  /// `proxy_pass` with variables.
  var pass = PassState()

  init(own: UnsafeMutableRawPointer) { self.own = own }
}

/// Keeps a few free states for the next use.
struct ServingStates: ~Copyable {
  private let kept: UnsafeMutablePointer<ServingStatePointer> = .allocate(
    capacity: Limits.keptBuffers)
  private var count = 0

  deinit {
    for index in 0..<count { Self.free(kept[index]) }
    kept.deallocate()
  }

  init() {}

  /// A new state.
  mutating func take() -> ServingStatePointer {
    guard count > 0 else {
      let state = ServingStatePointer.allocate(capacity: 1)
      let own = UnsafeMutableRawPointer.allocate(
        byteCount: Limits.ownComputedBytes, alignment: MemoryLayout<ByteRange>.alignment)
      state.initialize(to: ServingState(own: own))
      return state
    }
    count &-= 1
    let state = kept[count]
    state.initialize(to: ServingState(own: state.pointee.own))
    return state
  }

  private static func free(_ state: ServingStatePointer) {
    state.pointee.own.deallocate()
    state.deallocate()
  }

  mutating func giveBack(_ state: ServingStatePointer) {
    guard count < Limits.keptBuffers else { return Self.free(state) }
    kept[count] = state
    count &+= 1
  }
}

extension Worker where K: ~Copyable {
  /// The state of an exchange; a new one when it has none.
  mutating func servingState(_ exchange: ExchangePointer) -> ServingStatePointer {
    if let state = exchange.pointee.serving { return state }
    let state = servingStates.take()
    exchange.pointee.serving = state
    return state
  }

  /// Closes and frees what a state holds, and gives it back.
  @inline(never) mutating func release(_ state: ServingStatePointer) {
    precondition(
      !state.pointee.isShared || turnFile.file == state.pointee.file, "release: another turn's file"
    )
    precondition(state.pointee.subrequest == nil, "release: its subrequest is under way")
    if let page = state.pointee.page { page.deallocate() }
    state.pointee.metricsPage?.release()
    state.pointee.awaitedName?.release()
    closeFile(state)
    releaseBacklog(state)
    if state.pointee.entered.count > 0 { leaveZones(state) }
    buffers.giveBack(&state.pointee.carried)
    buffers.giveBack(&state.pointee.computed)
    if state.pointee.pass.upstreamCount > 0 { releaseUpstreams(state) }
    servingStates.giveBack(state)
  }

  /// Closes the file of a state, if there is one.
  mutating func closeFile(_ state: ServingStatePointer) {
    guard state.pointee.file != .none else { return }
    if !state.pointee.isShared { kernel.closeFile(state.pointee.file) }
    state.pointee.file = .none
    state.pointee.isShared = false
  }
}
