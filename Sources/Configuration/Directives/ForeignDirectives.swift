/// The names that nginx knows and Waybill does not, so that whoever brings a conf file from there
/// is told so instead of reading "unknown directive", and where there is one, the way to go
/// instead.
enum ForeignDirectives {
  /// True for a name that nginx knows.
  static func isKnown(_ name: String) -> Bool {
    hint(for: name) != nil || names.contains(name)
      || laterPrefixes.contains { name.hasPrefix($0.prefix) }
  }

  /// The message for a name that nginx knows; nil when nginx does not know it either.
  static func message(for name: String) -> String? {
    if let later = laterPrefixes.first(where: { name.hasPrefix($0.prefix) }) {
      return "\"\(name)\": \(later.what) is not available in this version"
    }
    return isKnown(name) ? "\"\(name)\" is known to nginx, but not supported by Waybill" : nil
  }

  /// What to do instead.
  static func hint(for name: String) -> String? {
    switch name {
    case "http", "events", "stream":
      "no wrapper: Waybill's top level is nginx's http block: remove the wrapper"
    case "worker_processes": "worker_threads: Waybill's workers are threads"
    case "daemon", "master_process":
      "nothing: Waybill runs in the foreground, remove the directive"
    case "ip_hash": "hash $remote_addr consistent;"
    case "root", "alias", "index", "try_files", "autoindex":
      "proxy_pass or return: Waybill serves no files"
    case "rewrite", "if", "set", "map", "geo", "split_clients":
      "server, location and return: Waybill evaluates no rules"
    case "client_header_buffer_size": "large_client_header_buffers NUMBER SIZE;"
    case "proxy_pass_request_headers", "proxy_pass_request_body", "proxy_pass_header":
      "nothing: Waybill passes all of it"
    case "proxy_buffer_size": "proxy_response_head_size SIZE;"
    case "proxy_buffers", "proxy_busy_buffers_size",
      "proxy_max_temp_file_size":
      "nothing: Waybill streams and holds no response back, remove the directive"
    case "sendfile", "tcp_nopush", "tcp_nodelay", "multi_accept", "accept_mutex", "use":
      "nothing: Waybill always does what is fastest, remove the directive"
    case "server_names_hash_max_size", "server_names_hash_bucket_size",
      "variables_hash_max_size", "variables_hash_bucket_size", "types_hash_max_size":
      "nothing: Waybill's tables have the size they need, remove the directive"
    case "ssl": "listen … ssl: TLS belongs to an address"
    case "ssl_session_cache":
      "nothing: session tickets are shared by all workers, remove the directive"
    case "ssl_stapling", "ssl_stapling_responder", "ssl_stapling_verify":
      "ssl_stapling_file FILE: Waybill asks no OCSP server"
    case "ssl_dhparam": "nothing: keys are exchanged over elliptic curves, remove the directive"
    case "ssl_early_data": "nothing: early data can be replayed, and is refused"
    case "http2", "http3": "HTTP/1.1: other versions are not available in this version"
    default: nil
    }
  }

  private static let laterPrefixes: [(prefix: String, what: String)] = [
    ("grpc_", "gRPC"),
    ("fastcgi_", "FastCGI"), ("uwsgi_", "uwsgi"), ("scgi_", "SCGI"),
    ("memcached_", "memcached"), ("proxy_cache", "caching"),
  ]

  private static let names: Set<String> = [
    "absolute_redirect", "accept_mutex_delay", "access_by_lua_block", "add_after_body",
    "add_before_body", "add_trailer", "aio", "allow", "auth_basic", "auth_basic_user_file",
    "auth_delay", "auth_request", "auth_request_set", "autoindex_format", "break", "brotli",
    "charset", "charset_types", "chunked_transfer_encoding", "client_body_buffer_size",
    "client_body_in_file_only", "client_body_in_single_buffer", "client_body_temp_path",
    "connection_pool_size", "debug_connection", "deny", "directio", "disable_symlinks", "empty_gif",
    "env", "error_page", "etag", "expires", "flv", "gunzip", "gzip", "gzip_buffers",
    "gzip_comp_level", "gzip_disable", "gzip_http_version", "gzip_min_length", "gzip_proxied",
    "gzip_static", "gzip_types", "gzip_vary", "if_modified_since", "ignore_invalid_headers",
    "internal", "keepalive_disable", "keepalive_min_timeout", "keepalive_time", "least_time",
    "limit_conn", "limit_conn_log_level", "limit_conn_status", "limit_conn_zone", "limit_except",
    "limit_rate", "limit_rate_after", "limit_req", "limit_req_log_level", "limit_req_status",
    "limit_req_zone", "lingering_close", "lingering_time", "lingering_timeout", "load_module",
    "lock_file", "log_not_found", "log_subrequest", "max_ranges", "merge_slashes", "mirror",
    "mirror_request_body", "modern_browser", "msie_padding", "ntlm", "open_file_cache",
    "open_log_file_cache", "output_buffers", "override_charset", "pcre_jit",
    "port_in_redirect", "postpone_output", "proxy_bind", "proxy_cookie_domain",
    "proxy_cookie_flags", "proxy_cookie_path", "proxy_force_ranges",
    "proxy_headers_hash_bucket_size",
    "proxy_headers_hash_max_size", "proxy_ignore_headers", "proxy_intercept_errors",
    "proxy_limit_rate", "proxy_method", "proxy_next_upstream_method", "proxy_send_lowat",
    "proxy_set_body", "proxy_socket_keepalive", "proxy_store", "proxy_temp_file_write_size",
    "proxy_temp_path", "queue", "read_ahead", "recursive_error_pages", "referer_hash_max_size",
    "request_pool_size", "reset_timedout_connection", "resolver", "resolver_timeout", "satisfy",
    "secure_link", "send_lowat", "sendfile_max_chunk", "server_name_in_redirect", "server_tokens",
    "slice", "ssi", "ssl_buffer_size", "ssl_conf_command", "ssl_ocsp", "ssl_ocsp_cache",
    "ssl_ocsp_responder", "ssl_session_ticket_key", "proxy_ssl_conf_command", "state",
    "status_zone", "sticky", "stub_status", "sub_filter",
    "subrequest_output_buffer_size", "thread_pool", "timer_resolution", "types",
    "types_hash_bucket_size", "underscores_in_headers", "uninitialized_variable_warn", "userid",
    "valid_referers", "worker_aio_requests", "worker_cpu_affinity", "worker_priority",
    "worker_rlimit_core", "worker_rlimit_nofile", "working_directory",
    "xslt_stylesheet", "zone",
  ]
}
