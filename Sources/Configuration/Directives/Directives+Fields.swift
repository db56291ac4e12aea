import HTTP

/// The header fields that requests and responses get or lose on the way.
extension DirectiveCatalog {
  static let fields: [Directive] = [
    Directive(
      "proxy_set_header", in: .everyLevel, "NAME VALUE", count: 2...2, isRepeatable: true,
      """
      Sets a header of the request to the backend, replacing what the client sent or Waybill would \
      send; an empty value removes it. A name given twice is sent twice. Setting one header never \
      drops another: unlike in nginx, a level inherits the headers of outer levels that it does \
      not set itself, unless `nginx_defaults` is on.
      """
    ) { $0.proxySetHeader($1) },
    Directive(
      "proxy_hide_header", in: .everyLevel, "NAME", isRepeatable: true,
      """
      A header of the backend's response that is not passed to the client. Those of outer levels \
      apply in inner ones, too, unless `nginx_defaults` is on.
      """
    ) { $0.proxyHideHeader($1) },
    Directive(
      "add_header", in: .levelsAndLocationIf, "NAME VALUE [always]", count: 2...3,
      isRepeatable: true,
      """
      Adds a header to responses with the codes 200, 201, 204, 206, 301, 302, 303, 304, 307 and \
      308, or with `always` to all. If a response can have only one such field (`ETag`, \
      `Last-Modified`, `Content-Type`, `Date`, `Server`, `Location`, `Expires`, \
      `Access-Control-Allow-Origin` and the like), it replaces the backend's, unless the value is \
      empty. Unlike in nginx, a level inherits the headers of outer levels that it does not set \
      itself, unless `nginx_defaults` is on. A value on several lines is sent on one.
      """
    ) { $0.addHeader($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func proxySetHeader(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = fieldName(word), let value = fieldValue(use.arguments[1]) else { return }
    let known = FieldSyntax.classify(name)
    // What is left to Waybill ends nginx's inheritance all the same.
    settings.hasRequestFields = true
    if known == .connection || known == .upgrade {
      reporter.warning(
        word.place, "\"\(name)\" is not needed: upgrades work without configuration")
      return
    }
    if FieldSyntax.isManaged(known), use.arguments[1].text.isEmpty {
      // nginx's way of dropping a field; those that frame a message are Waybill's in any case.
      if known == .contentLength { settings.lengthFieldPlace = word.place }
      return
    }
    guard !isRefused(known, word) else { return }
    if known == .host, let twin = settings.hostFieldPlace {
      let line = reporter.describe(twin, from: word.place)
      reporter.error(word.place, "the header \"\(name)\" is already set at \(line)")
      return
    }
    if known == .host { settings.hostFieldPlace = word.place }
    settings.requestFields.append(
      FieldSetting(name: word, text: use.arguments[1], value: value, isAlways: true))
  }

  fileprivate func addHeader(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = fieldName(word), let value = fieldValue(use.arguments[1]) else { return }
    if use.arguments.count == 3, choice(use.arguments[2], ["always": true]) == nil { return }
    settings.hasResponseFields = true
    guard !FieldSyntax.isManaged(FieldSyntax.classify(name)) else {
      return reporter.warning(
        word.place, "\"\(name)\" can't be added: it frames the message, and Waybill sets it")
    }
    settings.responseFields.append(
      FieldSetting(
        name: word, text: use.arguments[1], value: value, isAlways: use.arguments.count == 3))
  }

  fileprivate func proxyHideHeader(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = fieldName(word)?.lowercased() else { return }
    // What frames a message is Waybill's own in any case.
    let isManaged = FieldSyntax.isManaged(FieldSyntax.classify(name))
    if settings.hiddenNames.insert(name).inserted && !isManaged {
      settings.hiddenFields.append(name)
    }
  }

  private func isRefused(_ known: FieldName, _ word: Word) -> Bool {
    guard FieldSyntax.isManaged(known) else { return false }
    reporter.error(
      word.place, "\"\(word.text)\" can't be changed: it frames the message, and Waybill sets it")
    return true
  }
}
