/// The formats that need no `log_format`.
enum LogFormats {
  /// Their names.
  static let builtIn = ["json", "combined", "verbose", "simple"]
  /// nginx's `combined`, and the ID at the end.
  static let combined =
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent"
    + " \"$http_referer\" \"$http_user_agent\" \"$request_id\""
}
