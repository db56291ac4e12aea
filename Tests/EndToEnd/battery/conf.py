"""The servers of the battery, for Waybill and, in the same words, for nginx; `backend` is a URL."""

SERVER = """\
server {{
  listen 127.0.0.1:{port};
  server_name guarded.test;
  location / {{ return 203 "guarded"; }}
}}
server {{
  listen 127.0.0.1:{port} default_server;
  location / {{ proxy_pass {backend}; {proxy} }}
  location /own {{ return 200 "own"; }}
  location /guarded {{ return 203 "guarded"; }}
  location /small {{ client_max_body_size 10; proxy_pass {backend}; {proxy} }}
  location /replaced/ {{ proxy_pass {backend}/base/; {proxy} }}
}}
"""

RESPONSES = """\
server {{
  listen 127.0.0.1:{port};
  location / {{ proxy_pass {backend}; {proxy} }}
}}
"""

WAYBILL = """\
worker_threads 1;
pid {directory}/waybill.pid;
shutdown_timeout 2s;
error_log {directory}/error.log info;
access_log {directory}/access.log json;
proxy_request_buffering off;
ignore_invalid_headers off;
"""
