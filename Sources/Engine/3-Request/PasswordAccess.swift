// `auth_basic`: passwords, which threads of their own find out about. A request waits meanwhile,
// and its worker does not.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What is known of a request's password.
enum PasswordState: BitwiseCopyable {
  /// The location asks for none.
  case unasked
  case right
  case wrong
  /// It is being looked up.
  case pending
  /// It can't be known; the request was answered.
  case failed
}

extension Worker where K: ~Copyable {
  /// What is known of a request's password. When nothing is, it is asked for, and the request
  /// waits.
  mutating func password(_ exchange: ExchangePointer, _ access: AccessPlan) -> PasswordState {
    if isTurnedOff(exchange, access.realm) { return .unasked }
    let state = servingState(exchange)
    if let verdict = state.pointee.passwordVerdict {
      state.pointee.passwordVerdict = nil
      return judge(exchange, verdict)
    }
    guard let question = question(exchange, access) else { return .wrong }
    guard let checks = settings.passwords else { return fail(exchange, 500, "no thread looks up") }
    guard let answers = settings.passwordAnswers else {
      return judge(exchange, checks.answer(question))
    }
    passwordTickets &+= 1
    // The slot comes along, so that the request is found again.
    let ticket = passwordTickets &<< 32 | UInt64(exchange.pointee.slot)
    guard checks.ask(question, ticket, answers) else {
      return fail(exchange, 503, "too many wait for the thread that looks up")
    }
    state.pointee.passwordTicket = ticket
    suspend(exchange, for: .admission, atMost: Limits.passwordTime)
    return .pending
  }

  /// Goes on with the requests about whose passwords there is an answer.
  mutating func takePasswords() {
    guard let answers = settings.passwordAnswers else { return }
    for (ticket, verdict) in answers.take() {
      // The request may have ended, and its slot be another one's.
      guard let exchange = exchanges.element(at: UInt32(truncatingIfNeeded: ticket)),
        exchange.isLive, exchange.pointee.response == .pending,
        let state = exchange.pointee.serving,
        state.pointee.passwordTicket == ticket
      else { continue }
      state.pointee.passwordTicket = 0
      state.pointee.passwordVerdict = verdict
      resumeAdmission(exchange)
    }
  }

  /// Answers a request that has waited for too long.
  mutating func expireAdmission(_ exchange: ExchangePointer) {
    guard let state = exchange.pointee.serving, state.pointee.passwordTicket != 0 else {
      return resumeAdmission(exchange)
    }
    state.pointee.passwordTicket = 0
    exchange.pointee.response = .none
    _ = fail(exchange, 503, "it took too long to look up")
  }

  private mutating func judge(
    _ exchange: ExchangePointer, _ verdict: PasswordVerdict
  ) -> PasswordState {
    switch verdict {
    case .right: return .right
    case .wrong:
      report(.error, "access", exchange, exchange.pointee.downstream) { line in
        line.append("the user is not known, or the password is wrong (auth_basic)")
      }
      return .wrong
    case .noFile: return fail(exchange, 403, "there is no file to look up")
    case .unreadable: return fail(exchange, 500, "the file can't be read to look up")
    }
  }

  private mutating func fail(
    _ exchange: ExchangePointer, _ status: UInt16, _ reason: StaticString
  ) -> PasswordState {
    report(.error, "access", exchange, exchange.pointee.downstream) { line in
      line.append(reason)
      line.append(" the password (auth_basic_user_file)")
    }
    let error: ErrorType = status == 403 ? .httpRequestDenied : .proxyInternalError
    refuse(exchange, status, error, Termination(.proxy, .route))
    return .failed
  }

  /// True when the realm comes out as `off`.
  private mutating func isTurnedOff(_ exchange: ExchangePointer, _ realm: Template) -> Bool {
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.filePathBytes]))
    write(realm, exchange, into: &writer)
    let text: StaticString = "off"
    let off = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return !writer.overflowed && EntityTagList.isEqual(writer.span, off.span)
  }

  /// What the client's credentials ask; nil when there are none that could be right.
  private mutating func question(
    _ exchange: ExchangePointer, _ access: AccessPlan
  ) -> PasswordQuestion? {
    guard let index = exchange.pointee.head.fields.firstIndex(of: .authorization) else {
      return nil
    }
    let value = exchange.pointee.head.fields[index].value
    let place = Limits.scratchBytes - Limits.credentialBytes
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[place...]))
    guard
      let userCount = BasicCredentials.decode(
        exchange.pointee.headBytes.span.extracting(value.offsets), into: &writer)
    else { return nil }
    let both = writer.written
    var path = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.filePathBytes]))
    writeRaw(access.passwordFile, exchange, into: &path)
    guard !path.overflowed else { return nil }
    return PasswordQuestion(
      file: Array(path.written), user: Array(both[..<userCount]),
      password: Array(both[(userCount + 1)...]))
  }

  /// Asks the client for a password. False, for those who ask whether it may come in.
  mutating func refusePassword(_ exchange: ExchangePointer, _ access: AccessPlan) -> Bool {
    carryChallenge(exchange, access)
    refuse(exchange, 401, .httpRequestDenied, Termination(.proxy, .route))
    return false
  }

  /// Keeps the question for a password for the answer to a request.
  mutating func carryChallenge(_ exchange: ExchangePointer, _ access: AccessPlan) {
    precondition(access.asksForPassword, "carryChallenge: the location asks for none")
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.filePathBytes]))
    writer.append("Basic realm=\"")
    write(access.realm, exchange, into: &writer)
    writer.append("\"")
    let name: StaticString = "WWW-Authenticate"
    let nameBytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    carry(exchange, nameBytes.span, writer.span)
  }
}
