/// What is served to clients of HTTP/2: the locations that `AskedRequest` asks for.
extension ConnectionRun {
  static let http2Servers = [
    locations,
    "proxy_request_buffering off; " + locations,
    "client_body_buffer_size 1k; keepalive_requests 3; " + locations,
    """
    auth_request /allow; mirror /copy; \(locations)
    location = /allow { internal; proxy_pass http://app; proxy_set_header X-Path $request_uri; }
    location = /copy { internal; proxy_pass http://app; proxy_set_header X-Path $request_uri; }
    """,
  ]

  /// What `sub_filter` looks for, and what takes its place.
  static let replaced = ("needle", "(found)")

  private static let locations = """
    listen 127.0.0.1:80; http2 on;
    location /plain/ { proxy_pass http://10.0.0.1:8000; }
    location /packed/ { proxy_pass http://app; gzip on; gzip_types *; gzip_min_length 1; }
    location /swapped/ { proxy_pass http://app; \(swaps) }
    location /both/ { proxy_pass http://app; gzip on; gzip_min_length 1; \(swaps) }
    location /static/ { return 200 "static $uri"; }
    location /small/ { proxy_pass http://app; client_max_body_size 100; }
    location /unbuffered/ { proxy_pass http://app; proxy_buffering off;
      proxy_request_buffering off; }
    location /paced/ { proxy_pass http://app; limit_rate 20k; }
    """

  private static let swaps =
    "sub_filter \(replaced.0) \(replaced.1); sub_filter_once off; sub_filter_types *;"
}
