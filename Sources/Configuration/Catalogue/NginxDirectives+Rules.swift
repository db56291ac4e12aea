/// Rules, access and limits: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let rules: [Group] = [
    Group(
      .needless, "Wrong passwords are answered at once.",
      [
        Entry("auth_delay", .everyLevel, .time)
      ]),
    Group(
      .notDone,
      "Waybill has no access rules: use the backend, a firewall or `ssl_verify_client`.",
      [
        Entry("auth_jwt", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_key_file", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_key_request", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_claim_set", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_header_set", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_leeway", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_type", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_require", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_key_cache", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_jwt_allow_nested", .levelsAndLimitExcept, .words(.atLeast(1)), unless: ["off"]),
        Entry("auth_oidc", .everyLevel, .word, unless: ["off"]),
        Entry("oidc_provider", .top, .block(1...1), unless: ["off"]),
      ]),
    Group(
      .notDone, "Its successor is `limit_conn_zone`.",
      [
        Entry("limit_zone", .top, .words(3...3))
      ]),
    Group(
      .notDone, "Waybill has no lookup tables: use `server` and `location`.",
      [
        Entry("geo", .stream, .block(1...2)),
        Entry("map", .stream, .block(2...2)),
        Entry("split_clients", .stream, .block(2...2)),
        Entry("keyval", .top, .words(3...3)),
        Entry("keyval_zone", .top, .words(.atLeast(1))),
        Entry("num_map", .top, .block(2...2)),
      ]),
    Group(
      .needless, "Tables are sized automatically.",
      [
        Entry("map_hash_max_size", [.top, .stream], .word),
        Entry("map_hash_bucket_size", [.top, .stream], .word),
        Entry("referer_hash_max_size", [.server, .location], .number),
        Entry("referer_hash_bucket_size", [.server, .location], .number),
      ]),
    Group(
      .notDone, "Requests are not checked by browser or referrer: do that in the backend.",
      [
        Entry("valid_referers", [.server, .location], .words(.atLeast(1))),
        Entry("modern_browser", .everyLevel, .words(1...2)),
        Entry("ancient_browser", .everyLevel, .words(.atLeast(1))),
        Entry("modern_browser_value", .everyLevel, .word),
        Entry("ancient_browser_value", .everyLevel, .word),
      ]),
    Group(
      .notDone, "Streams of TCP and UDP are not passed on.",
      [
        Entry("set", .stream, .words(2...2))
      ]),
    Group(
      .notDone, "Links are not checked: check them in the backend.",
      [
        Entry("secure_link", .everyLevel, .word),
        Entry("secure_link_md5", .everyLevel, .word),
        Entry("secure_link_secret", .everyLevel, .word),
      ]),
    Group(
      .notDone, "Waybill does not run JavaScript.",
      [
        Entry("js_import", .everyLevel, .words(.atLeast(1))),
        Entry("js_path", .everyLevel, .words(.atLeast(1))),
        Entry("js_set", .everyLevel, .words(.atLeast(1))),
        Entry("js_var", .everyLevel, .words(.atLeast(1))),
        Entry("js_preload_object", .everyLevel, .words(.atLeast(1))),
        Entry("js_shared_dict_zone", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_trusted_certificate", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_ciphers", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_protocols", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_verify", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_verify_depth", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_timeout", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_buffer_size", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_max_response_buffer_size", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_keepalive", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_keepalive_requests", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_keepalive_time", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_keepalive_timeout", .everyLevel, .words(.atLeast(1))),
        Entry("js_fetch_proxy", .everyLevel, .words(.atLeast(1))),
        Entry("js_context_reuse", .everyLevel, .words(.atLeast(1))),
        Entry("js_context_reuse_max_size", .everyLevel, .words(.atLeast(1))),
        Entry("js_engine", .everyLevel, .words(.atLeast(1))),
        Entry("js_include", .everyLevel, .words(.atLeast(1))),
        Entry("js_content", .handlers, .words(.atLeast(1))),
        Entry("js_header_filter", .handlers, .words(.atLeast(1))),
        Entry("js_body_filter", .handlers, .words(.atLeast(1))),
        Entry("js_periodic", .handlers, .words(.atLeast(1))),
        Entry("js_access", .handlers, .words(.atLeast(1))),
      ]),
    Group(
      .warned, "No spans are exported: the request ID connects the logs.",
      [
        Entry("otel_exporter", .top, .block(0...0)),
        Entry("otel_service_name", .top, .words(1...2)),
        Entry("otel_resource_attr", .top, .words(1...2)),
        Entry("otel_span_name", .everyLevel, .words(1...2)),
        Entry("otel_span_attr", .everyLevel, .words(1...2)),
        Entry("opentracing", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_load_tracer", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_trace_locations", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_propagate_context", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_operation_name", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_location_operation_name", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_tag", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_fastcgi_propagate_context", .everyLevel, .words(.atLeast(0))),
        Entry("opentracing_grpc_propagate_context", .everyLevel, .words(.atLeast(0))),
        Entry("opentelemetry", .everyLevel, .words(.atLeast(0))),
        Entry("opentelemetry_config", .everyLevel, .words(.atLeast(0))),
        Entry("opentelemetry_propagate", .everyLevel, .words(.atLeast(0))),
        Entry("opentelemetry_operation_name", .everyLevel, .words(.atLeast(0))),
      ]),
  ]
}
