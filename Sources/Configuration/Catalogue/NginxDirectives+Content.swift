/// Files and content: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let content: [Group] = [
    Group(
      .notDone, "Waybill only serves files unchanged: pass other requests to a backend.",
      [
        Entry("dav_methods", .everyLevel, .words(.atLeast(1)), unless: ["off"]),
        Entry("random_index", .location, .flag, unless: ["off"]),
        Entry("empty_gif", .location, .none, unless: ["off"]),
        Entry("flv", .location, .none, unless: ["off"]),
        Entry("mp4", .location, .none, unless: ["off"]),
        Entry("f4f", .location, .none, unless: ["off"]),
        Entry("hls", .location, .none, unless: ["off"]),
      ]),
    Group(
      .needless, "Files are always sent by the kernel or, over TLS, read and encrypted.",
      [
        Entry("sendfile", .levelsAndLocationIf, .flag),
        Entry("sendfile_max_chunk", .everyLevel, .size),
        Entry("aio", .everyLevel, .word),
        Entry("aio_write", .everyLevel, .flag),
        Entry("read_ahead", .everyLevel, .size),
        Entry("directio", .everyLevel, .word),
        Entry("directio_alignment", .everyLevel, .offset),
        Entry("output_buffers", .everyLevel, .buffers),
      ]),
    Group(
      .notDone, "Use `try_files`, `error_page` or `X-Accel-Redirect`.",
      [
        Entry("post_action", .levelsAndLocationIf, .word),
        Entry("internal_redirect", .location, .word),
      ]),
    Group(
      .needless, "Files are opened for each request, so that none is out of date.",
      [
        Entry("open_file_cache", .everyLevel, .words(1...2)),
        Entry("open_file_cache_valid", .everyLevel, .word),
        Entry("open_file_cache_min_uses", .everyLevel, .number),
        Entry("open_file_cache_errors", .everyLevel, .flag),
        Entry("open_file_cache_events", .everyLevel, .flag),
      ]),
    Group(
      .needless, "It configures a feature that Waybill does not have.",
      [
        Entry("create_full_put_path", .everyLevel, .flag),
        Entry("min_delete_depth", .everyLevel, .number),
        Entry("dav_access", .everyLevel, .words(1...3)),
        Entry("mp4_buffer_size", .everyLevel, .size),
        Entry("mp4_max_buffer_size", .everyLevel, .size),
        Entry("mp4_start_key_frame", .everyLevel, .flag),
        Entry("f4f_buffer_size", .everyLevel, .words(1...2)),
        Entry("hls_buffers", .everyLevel, .words(1...2)),
        Entry("hls_forward_args", .everyLevel, .words(1...2)),
        Entry("hls_fragment", .everyLevel, .words(1...2)),
        Entry("hls_mp4_buffer_size", .everyLevel, .words(1...2)),
        Entry("hls_mp4_max_buffer_size", .everyLevel, .words(1...2)),
        Entry("mp4_limit_rate", .everyLevel, .word),
        Entry("mp4_limit_rate_after", .everyLevel, .word),
      ]),
    Group(
      .needless, "Content is packed as it comes, in buffers of a fixed size.",
      [
        Entry("gzip_buffers", .everyLevel, .buffers),
        Entry("postpone_gzipping", .everyLevel, .size),
        Entry("gzip_no_buffer", .everyLevel, .flag),
        Entry("gunzip_buffers", .everyLevel, .buffers),
      ]),
    Group(
      .notDone, "Response content is passed on unchanged: change it in the backend.",
      [
        Entry("ssi", .levelsAndLocationIf, .flag, unless: ["off", "0"]),
        Entry("charset_map", .top, .block(2...2), unless: ["off", "0"]),
        Entry("add_before_body", .everyLevel, .word, unless: ["off", "0"]),
        Entry("add_after_body", .everyLevel, .word, unless: ["off", "0"]),
        Entry("userid", .everyLevel, .word, unless: ["off", "0"]),
        Entry("userid_mark", .everyLevel, .word, unless: ["off", "0"]),
        Entry("slice", .everyLevel, .word, unless: ["off", "0"]),
      ]),
    Group(
      .needless, "It has no effect without `ssi`.",
      [
        Entry("ssi_silent_errors", .everyLevel, .flag),
        Entry("ssi_ignore_recycled_buffers", .everyLevel, .flag),
        Entry("ssi_min_file_chunk", .everyLevel, .size),
        Entry("ssi_value_length", .everyLevel, .size),
        Entry("ssi_types", .everyLevel, .words(.atLeast(1))),
        Entry("ssi_last_modified", .everyLevel, .flag),
      ]),
    Group(
      .needless, "Content is not converted from one charset to another.",
      [
        Entry("source_charset", .levelsAndLocationIf, .word),
        Entry("override_charset", .levelsAndLocationIf, .flag),
      ]),
    Group(
      .needless, "It has no effect without `add_before_body`.",
      [
        Entry("addition_types", .everyLevel, .words(.atLeast(1)))
      ]),
    Group(
      .needless, "It has no effect without `userid`.",
      [
        Entry("userid_service", .everyLevel, .number),
        Entry("userid_name", .everyLevel, .word),
        Entry("userid_domain", .everyLevel, .word),
        Entry("userid_path", .everyLevel, .word),
        Entry("userid_expires", .everyLevel, .word),
        Entry("userid_flags", .everyLevel, .words(1...3)),
        Entry("userid_p3p", .everyLevel, .word),
      ]),
    Group(
      .notDone, "The backend's trailers are passed on; none are added.",
      [
        Entry("add_trailer", .levelsAndLocationIf, .words(2...3))
      ]),
    Group(
      .notDone, "`nginx_defaults` determines how fields are inherited.",
      [
        Entry("add_header_inherit", .levelsAndLocationIf, .word),
        Entry("add_trailer_inherit", .levelsAndLocationIf, .word),
      ]),
  ]
}
