import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// Who may use a location.
extension DirectiveCatalog {
  private static let exceptLevels: DirectiveContexts = .levelsAndLimitExcept

  static let access: [Directive] =
    [
      Directive(
        "allow", in: exceptLevels, "ADDRESS | CIDR | unix: | all", isRepeatable: true,
        """
        Lets clients in. Of the `allow` and `deny` of a level the first one that is for the client \
        counts; a client that none is for may come in. A level with such rules inherits none. The \
        client is the one that `real_ip_header` names. `return` answers before they are asked.
        """
      ) { $0.accessRule($1, allows: true) },
      Directive(
        "deny", in: exceptLevels, "ADDRESS | CIDR | unix: | all", isRepeatable: true,
        "Keeps clients out: 403. See `allow`."
      ) { $0.accessRule($1, allows: false) },
      Directive(
        "satisfy", in: .everyLevel, "all | any", default: "all",
        """
        Whether a request has to pass all of `allow`/`deny`, `auth_basic` and `auth_request`, or \
        one of them.
        """
      ) { builder, use in
        builder.settings.admission.satisfiesAny = builder.choice(
          use.arguments[0], ["all": false, "any": true])
      },
      Directive(
        "limit_except", in: .location, "METHOD …", count: .atLeast(1), opensBlock: true,
        """
        What requests with other methods have to pass: `allow`, `deny`, `auth_basic` and \
        `auth_basic_user_file`. GET includes HEAD.
        """
      ) { $0.limitExcept($1) },
      Directive(
        "auth_basic", in: exceptLevels, "REALM | off", default: "off",
        """
        Asks for a user and a password (RFC 7617): 401. They are looked up in \
        `auth_basic_user_file`. What a password's hash costs is spent in a thread of its own, and \
        remembered: no other request waits for it.
        """
      ) { builder, use in
        let word = use.arguments[0]
        let isOff = word.text == "off"
        builder.settings.admission.realmPlace = word.place
        builder.settings.admission.realm =
          isOff ? Template(parts: .empty) : builder.fieldValue(word)
      },
      Directive(
        "auth_basic_user_file", in: exceptLevels, "FILE",
        """
        The file with users and hashes of passwords, `user:hash` on a line, looked at anew when it \
        has changed. Hashes: crypt(3) with what the system's libcrypt knows (yescrypt, bcrypt, \
        SHA-512, SHA-256, MD5, DES), `$apr1$`, `{SHA}`, `{SSHA}`, `{PLAIN}`. The name may hold \
        variables. Without the file: 403.
        """
      ) { $0.passwordFile($1) },
    ] + authorization

  private static let authorization: [Directive] = [
    Directive(
      "auth_request", in: .everyLevel, "PATH | off", default: "off",
      """
      Asks the location of a path of the same server whether a request may come in: with 2xx it \
      may, 401 (with the WWW-Authenticate of the answer) and 403 are the request's own answer, and \
      all else is 500, which the error log explains. The subrequest is a GET without content and \
      query; it has the request's fields and its ID. It passes no access rules itself, so the \
      location may stand below the same `auth_request`, and may be `internal`. How long it took is \
      in the log: `auth_status`, `auth_upstream`, `auth_duration`.
      """
    ) { $0.authorizationPath($1) },
    Directive(
      "auth_request_set", in: .everyLevel, "$NAME TEXT", count: 2...2, isRepeatable: true,
      """
      Gives a variable of your own a value when the location of `auth_request` has answered; the \
      text may hold what its answer says, such as `$upstream_http_x_user`, `$upstream_status` and \
      `$upstream_addr`. A level with such lines inherits none.
      """
    ) { $0.authorizationValue($1) },
    .flag(
      "log_subrequest", in: .everyLevel, default: "off", \.logs.logsSubrequests,
      """
      Whether subrequests of the location have lines of their own in its access logs, with \
      `event` `subrequest` and the request's ID.
      """),
  ]
}

extension ConfigurationBuilder {
  fileprivate func accessRule(_ use: DirectiveUse, allows: Bool) {
    let word = use.arguments[0]
    let clients: AccessRule.Clients
    switch word.text {
    case "all": clients = .all
    case "unix:": clients = .unix
    default:
      let bytes = Array(word.text.utf8)
      guard let network = Network(parsing: bytes.span) else {
        return invalidValue(
          word, expected: ["all", "an address", "a range such as 10.0.0.0/8", "unix:"])
      }
      if Network.hasHostBits(bytes.span) {
        reporter.warning(
          word.place, "the low address bits of \"\(word.text)\" are meaningless: the range counts")
      }
      clients = .network(network)
    }
    settings.admission.rules.append(AccessRule(clients: clients, allows: allows))
  }

  fileprivate func limitExcept(_ use: DirectiveUse) {
    var methods: [String] = []
    for word in use.arguments {
      guard let method = choice(word, MethodWords.all) else { return }
      methods.append(method)
      if method == "GET" { methods.append("HEAD") }
    }
    guard let block = use.block else { return }
    let inner = build(block, in: .limitExcept)
    location?.except = LimitExceptDeclaration(
      place: use.name.place, methods: methods, settings: inner.admission)
  }

  fileprivate func authorizationPath(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard word.text == "off" || word.text.hasPrefix("/") else {
      return invalidValue(word, expected: ["off", "a path that begins with /"])
    }
    settings.admission.authorizationPath = word.text == "off" ? "" : word.text
  }

  fileprivate func authorizationValue(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = variableName(word), let value = template(use.arguments[1]),
      let slot = declareVariable(name, at: word.place)
    else { return }
    authorizedSlots.insert(slot)
    settings.admission.authorizationValues.append(VariableAssignment(slot: slot, value: value))
  }

  fileprivate func passwordFile(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard !word.text.isEmpty else { return reporter.error(word.place, "the path is empty") }
    guard !word.text.hasPrefix("/"), !word.text.hasPrefix("$") else {
      settings.admission.passwordFile = template(word)
      return
    }
    let path = absolute(word.text)
    settings.admission.passwordFile = template(path) { _, _ in word.place }
  }
}

/// The methods that `limit_except` knows.
private enum MethodWords {
  static let all: KeyValuePairs<String, String> = [
    "GET": "GET", "HEAD": "HEAD", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE",
    "MKCOL": "MKCOL", "COPY": "COPY", "MOVE": "MOVE", "OPTIONS": "OPTIONS",
    "PROPFIND": "PROPFIND", "PROPPATCH": "PROPPATCH", "LOCK": "LOCK", "UNLOCK": "UNLOCK",
    "PATCH": "PATCH",
  ]
}
