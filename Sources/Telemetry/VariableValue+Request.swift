import Basics
import HTTP

/// Variables of what the client sent: request line, fields, cookies, arguments.
extension ExchangeRecord {
  func writeRequestValue(
    _ part: TemplatePart, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    switch part.variable {
    case .argument, .cookie, .requestField:
      return writeNamedValue(part, head, bytes, as: form, into: &writer)
    case .contentLength:
      return writer.appendIfPresent(bytes.firstValue(of: .contentLength, in: head), as: form)
    case .contentType:
      return writer.appendIfPresent(bytes.firstValue(of: .contentType, in: head), as: form)
    case .host: return writeHost(head, bytes, as: form, into: &writer)
    case .proxyAddXForwardedFor:
      return writeForwardedFor(head, bytes, as: form, into: &writer)
    case .remoteUser: return writeRemoteUser(head, bytes, as: form, into: &writer)
    case .request:
      return writer.appendIfPresent(
        bytes.requestLine(head, isRead: hasRequestLine), as: form)
    default: return writeRequestLineValue(part.variable, head, bytes, as: form, into: &writer)
    }
  }

  /// What stands in the request line: nothing until that has been read.
  private func writeRequestLineValue(
    _ variable: Variable, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    guard hasRequestLine else { return variable == .isArguments }
    switch variable {
    case .arguments:
      writer.append(bytes.head(head.query), as: form)
      return head.hasQuery
    case .isArguments:
      if !head.query.isEmpty { writer.append("?") }
      return true
    case .requestMethod:
      // Subrequests tell the client's.
      if head.method == .get && head.targetForm != .subrequest {
        writer.append("GET")
        return true
      }
      return writer.appendIfPresent(bytes.head(head.methodRange), as: form)
    case .requestURI:
      if head.targetForm == .absolute && head.path.isEmpty { writer.append("/") }
      return writer.appendIfPresent(bytes.pathAndQuery(head), as: form)
        || head.targetForm == .absolute
    case .uri: return writer.appendIfPresent(bytes.path, as: form)
    default:
      writer.append(head.version.name)
      return true
    }
  }

  /// `$arg_NAME`, `$cookie_NAME` and `$http_NAME`.
  private func writeNamedValue(
    _ part: TemplatePart, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    switch part.variable {
    case .argument:
      let query = bytes.head(head.query)
      guard hasRequestLine, let value = NamedValue.argument(part.text.span, in: query) else {
        return false
      }
      writer.append(query.part(value), as: form)
      return true
    case .cookie: return writeCookie(part.text, head, bytes, as: form, into: &writer)
    default: return writeFields(part.text, head, bytes, as: form, into: &writer)
    }
  }

  /// The first cookie of that name, of all Cookie lines.
  private func writeCookie(
    _ name: FrozenBytes, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    var next = head.fields.firstIndex(of: .cookie)
    while let index = next {
      let line = bytes.head(head.fields[index].value)
      if let value = NamedValue.cookie(name.span, in: line) {
        writer.append(line.part(value), as: form)
        return true
      }
      next = head.fields.firstIndex(of: .cookie, from: index + 1)
    }
    return false
  }

  /// The values of all lines of that name, joined as RFC 9110 section 5.3 does, cookies as RFC
  /// 6265.
  private func writeFields(
    _ name: FrozenBytes, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    var isFound = false
    for index in 0..<head.fields.count {
      let line = head.fields[index]
      let fieldName = bytes.head(line.name)
      guard NamedValue.isField(fieldName, named: name.span), fieldNames.accepts(fieldName) else {
        continue
      }
      if isFound { writer.append(line.known == .cookie ? "; " : ", ") }
      writer.append(bytes.head(line.value), as: form)
      isFound = true
    }
    return isFound
  }

  /// `$host`: what was asked for, in lowercase and without its port, else the server's name.
  private func writeHost(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    let host = bytes.head(head.host)
    guard hasRequestLine, host.count > 0 else {
      writer.append(serverName.span, as: form)
      return true
    }
    var lowercase = InlineBytes<64>()
    for index in host.indices {
      lowercase.append(NamedValue.lowercase(host[index]))
      guard lowercase.count == 64 || index == host.count - 1 else { continue }
      writer.append(lowercase.span, as: form)
      lowercase.removeAll()
    }
    return true
  }

  /// `$proxy_add_x_forwarded_for`: X-Forwarded-For as it came, and the client behind it.
  private func writeForwardedFor(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    var next = head.fields.firstIndex(of: .xForwardedFor)
    while let index = next {
      writer.append(bytes.head(head.fields[index].value), as: form)
      writer.append(", ")
      next = head.fields.firstIndex(of: .xForwardedFor, from: index + 1)
    }
    client.write(into: &writer)
    return true
  }

  /// `$remote_user`: the user of Basic credentials, whether or not anybody checked them.
  private func writeRemoteUser(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    for index in 0..<head.fields.count {
      let line = head.fields[index]
      guard FieldNameMatch.equalIgnoringCase(bytes.head(line.name), "authorization") else {
        continue
      }
      return writer.appendIfPresent(
        BasicCredentials.user(of: bytes.head(line.value)).span, as: form)
    }
    return false
  }
}
