import Plan
import Telemetry

/// `error_page` and what belongs to it.
struct RedirectionSettings {
  var errorPages: [ErrorPageDeclaration] = []
  var allowsRecursion: Bool?
  var interceptsErrors: Bool?
  var isInternal: Bool?
  /// `mirror`; none for `off`.
  var mirrors: [String]?
  /// `mirror_request_body`
  var mirrorsContent: Bool?

  /// A level with pages of its own inherits none, nor one with mirrors of its own.
  func inheriting(_ outer: RedirectionSettings) -> RedirectionSettings {
    RedirectionSettings(
      errorPages: errorPages.isEmpty ? outer.errorPages : errorPages,
      allowsRecursion: allowsRecursion ?? outer.allowsRecursion,
      interceptsErrors: interceptsErrors ?? outer.interceptsErrors,
      isInternal: isInternal ?? outer.isInternal, mirrors: mirrors ?? outer.mirrors,
      mirrorsContent: mirrorsContent ?? outer.mirrorsContent)
  }
}

/// One status of an `error_page`.
struct ErrorPageDeclaration {
  var status: UInt16
  var answer: UInt16?
  var target: TargetDeclaration
}

/// Where an internal redirect leads, before the locations are numbered.
enum TargetDeclaration {
  case status(UInt16)
  case uri(Template)
  case named(Word)
  case url(Template)
}

/// A `try_files`.
struct TryFilesDeclaration {
  var place: Place
  var files: [TriedFile]
  var last: TargetDeclaration
}
