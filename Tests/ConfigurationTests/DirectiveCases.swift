/// The table of `DirectiveTests`: a line, where it stands, and what is said about it.
enum DirectiveCases {
  typealias Case = DirectiveTests.Case

  static let all =
    process + requestID + servers + clients + proxy + fields + upstreams + logs
    + tls

  static let process: [Case] = [
    Case("top", "worker_threads auto;"),
    Case("top", "worker_threads 4;"),
    Case("top", "worker_threads 0;", "invalid number \"0\""),
    Case("top", "worker_threads many;", "invalid number \"many\""),
    Case("server", "worker_threads 4;", "\"worker_threads\" is not allowed in \"server\""),
    Case("top", "worker_connections 1024;"),
    Case("top", "worker_connections 1;", "invalid number \"1\""),
    Case("top", "pid /run/waybill.pid;"),
    Case("top", "pid off;"),
    Case("top", "pid '';", "invalid value \"\""),
    Case("top", "user www-data;"),
    Case("top", "user www-data www-data;"),
    Case("top", "user '';", "invalid value \"\""),
    Case("top", "control unix:/run/waybill.control;"),
    Case("top", "control unix:/run/waybill.control 0660;"),
    Case("top", "control off;"),
    Case("top", "control /run/waybill.control;", "invalid value \"/run/waybill.control\""),
    Case("top", "control unix:waybill.control;", "invalid unix socket \"unix:waybill.control\""),
    Case("top", "control off 0600;", "invalid value \"off\""),
    Case("top", "control unix:/run/w 0666;", "invalid value \"0666\""),
    Case("top", "control unix:/run/w 0060;", "invalid value \"0060\""),
    Case("top", "control unix:/run/w +660;", "invalid value \"+660\""),
    Case("top", "control unix:/run/w rw;", "invalid value \"rw\""),
    Case("server", "control off;", "\"control\" is not allowed in \"server\""),
    Case("top", "shutdown_timeout 0;"),
    Case("top", "shutdown_delay 5s;"),
    Case("top", "shutdown_delay soon;", "invalid time \"soon\""),
    Case("location", "health;"),
    Case(
      "location", "health; return 200;",
      "a location has health or return, not both: the other one is at line 1"),
    Case(
      "location", "return 200; health;",
      "a location has health or return, not both: the other one is at line 1"),
    Case("location", "metrics;"),
    Case("location", "status;"),
    Case("location", "metrics on;", "\"metrics\" takes no arguments, not 1"),
    Case("server", "metrics;", "\"metrics\" is not allowed in \"server\""),
    Case("top", "status;", "\"status\" is not allowed at top level"),
    Case(
      "location", "metrics; return 200;",
      "a location has metrics or return, not both: the other one is at line 1"),
    Case(
      "location", "status; metrics;",
      "a location has metrics or status, not both: the other one is at line 1"),
    Case(
      "location", "proxy_pass http://127.0.0.1:9; metrics;",
      "proxy_pass has no effect: metrics at line 1 answers all requests"),
    Case("top", "shutdown_timeout soon;", "invalid time \"soon\""),
    Case("top", "include more.conf;"),
    Case("top", "include absent.conf;", "\"absent.conf\" can't be read: No such file or directory"),
    Case("top", "include absent/*.conf;"),
    Case("top", "include '';", "the path is empty"),
  ]

  static let requestID: [Case] = [
    Case("top", "request_id on;"),
    Case("server", "request_id generate;"),
    Case("location", "request_id off; return 204;"),
    Case("top", "request_id of;", "invalid value \"of\""),
    Case("top", "request_id_header X-Correlation-ID;"),
    Case("top", "request_id_header 'X Y';", "\"X Y\" is no header name"),
    Case(
      "top", "request_id_header Host;", "\"Host\" has a meaning of its own and can't carry the ID"),
    Case("top", "request_id_format ulid;"),
    Case("top", "request_id_format uuid;", "invalid value \"uuid\""),
    Case("top", "request_id_trust 10.0.0.0/8 ::1 unix:;"),
    Case("top", "request_id_trust none;"),
    Case("top", "request_id_trust all none;", "\"all\" can't stand beside others"),
    Case("top", "request_id_trust 10.0.0.0/33;", "invalid address or range \"10.0.0.0/33\""),
    Case(
      "top", "request_id_trust 10.0.0.1/8;",
      "the low address bits of \"10.0.0.1/8\" are meaningless: the range counts"),
    Case("top", "request_id_max_length 255;"),
    Case("top", "request_id_max_length 256;", "invalid number \"256\""),
    Case("top", "request_id_max_length 0;", "invalid number \"0\""),
    Case("top", "request_id_invalid reject;"),
    Case("top", "request_id_invalid refuse;", "invalid value \"refuse\""),
    Case("top", "request_id_cors on;"),
    Case("top", "request_id_cors https://a.example http://b.example:8080;"),
    Case("top", "request_id_cors on https://a.example;", "\"on\" is no origin"),
    Case("top", "request_id_cors https://a.example/;", "\"https://a.example/\" is no origin"),
  ]

  static let servers: [Case] = [
    Case("top", "server { listen 2; return 204; }"),
    Case("top", "server name { return 204; }", "\"server\" takes no arguments, not 1"),
    Case("server", "listen 8080;"),
    Case("server", "listen 127.0.0.1;"),
    Case("server", "listen *:8080 default_server backlog=16 reuseport;"),
    Case("server", "listen [::1]:8080 proxy_protocol;"),
    Case("server", "listen localhost:8080;"),
    Case("server", "listen unix:/run/waybill.sock;"),
    Case("server", "listen systemd:web; listen systemd:local;"),
    Case("server", "listen systemd:;", "invalid socket name \"\""),
    Case("server", "listen systemd:a:b;", "invalid socket name \"a:b\""),
    Case(
      "server", "listen systemd:\(String(repeating: "x", count: 256));",
      "invalid socket name \"\(String(repeating: "x", count: 256))\""),
    Case(
      "server", "listen systemd:a; listen systemd:a;",
      "the server listens on systemd:a already"),
    Case("server", "listen 0;", "invalid number \"0\""),
    Case("server", "listen 65536;", "invalid number \"65536\""),
    Case("server", "listen 127.0.0.1:x;", "invalid port \"x\" in \"127.0.0.1:x\""),
    Case("server", "listen 1.2.3.456:80;", "invalid address \"1.2.3.456:80\""),
    Case("server", "listen ::1:80;", "invalid address \"::1:80\""),
    Case("server", "listen [::1:80;", "\"]\" is missing in the IPv6 address \"[::1:80\""),
    Case("server", "listen unix:run;", "invalid unix socket \"unix:run\""),
    Case(
      "server", "listen unix:/\(String(repeating: "x", count: 107));",
      "the path of a unix socket can't be longer than 107 bytes"),
    Case("server", "listen 80 http2;", "HTTP/2 is not available in this version"),
    Case("server", "listen 80 defualt_server;", "invalid parameter \"defualt_server\""),
    Case("server", "listen 80 backlog=0;", "invalid number \"0\""),
    Case("server", "listen 80; listen *:80;", "the server listens on 0.0.0.0:80 already"),
    Case(
      "server", "listen absent:80;",
      "host \"absent\" can't be resolved: Name or service not known"),
    Case("server", "server_name a.example *.b.example .c.example _ $hostname;"),
    Case(
      "server", "server_name a.example:80;", "invalid server name \"a.example:80\""),
    Case("server", "server_name www.*;", "invalid server name \"www.*\""),
    Case("server", "server_name ~a;", "regular expressions are not available in this version"),
    Case("server", "server_name a a;", "the name \"a\" is listed twice"),
    Case("server", "location = /a { return 204; }"),
    Case("server", "location ^~ /a { return 204; }"),
    Case("server", "location =/a { return 204; }"),
    Case(
      "server", "location ~ ^/a { return 204; }",
      "regular expressions are not available in this version"),
    Case("server", "location @a { return 204; }", "named locations are not supported by Waybill"),
    Case("server", "location a { return 204; }", "invalid location path \"a\""),
    Case("server", "location ! /a { return 204; }", "invalid location modifier \"!\""),
    Case(
      "server", "location /a { return 204; } location ^~ /a { return 204; }",
      "the location \"/a\" is already declared at line 1"),
    Case(
      "server", "location /a { send_timeout 1s; }",
      "the location has neither proxy_pass nor return: it answers 404"),
    Case("location", "return 200 'text $request_id';"),
    Case("location", "return 301 /elsewhere$uri;"),
    Case("location", "return https://example.com$request_uri;"),
    Case("location", "return 444;"),
    Case("location", "return 199;", "invalid return code \"199\""),
    Case("location", "return 1000;", "invalid return code \"1000\""),
    Case("location", "return here;", "invalid return code \"here\""),
    Case("location", "return 302;", "a redirect needs a URL"),
    Case("location", "return 204 text;", "an answer with the code 204 has no text"),
    Case("location", "return 302 'a\\nb';", "a header's value can't hold control characters"),
    Case("location", "default_type application/json; return 200 '{}';"),
    Case("location", "default_type json; return 200 '{}';", "invalid value \"json\""),
  ]

  static let clients: [Case] = [
    Case("top", "client_header_timeout 10s;"),
    Case("top", "client_header_timeout 0;", "the time must be longer than 0"),
    Case("location", "client_body_timeout 1m; return 204;"),
    Case("top", "client_body_timeout 1x;", "invalid time \"1x\""),
    Case("top", "send_timeout 500ms;"),
    Case("top", "send_timeout -1;", "invalid time \"-1\""),
    Case("top", "keepalive_timeout 0;"),
    Case("top", "keepalive_timeout 5s 5s;", "\"keepalive_timeout\" takes 1 argument, not 2"),
    Case("top", "keepalive_requests 1;"),
    Case("top", "keepalive_requests 0;", "invalid number \"0\""),
    Case("top", "client_max_body_size 10m;"),
    Case("top", "client_max_body_size 10mb;", "invalid size \"10mb\""),
    Case("top", "large_client_header_buffers 8 16k;"),
    Case(
      "top", "large_client_header_buffers 8 64k;",
      "heads of 8 times 65536 bytes are out of bounds"),
    Case("top", "large_client_header_buffers 4 1;", "heads of 4 times 1 bytes are out of bounds"),
    Case("top", "max_headers 128;"),
    Case("top", "max_headers 129;", "invalid number \"129\""),
    Case("top", "set_real_ip_from 10.0.0.0/8; set_real_ip_from unix:;"),
    Case("top", "set_real_ip_from all;", "invalid address or range \"all\""),
    Case("top", "real_ip_header X-Forwarded-For;"),
    Case("top", "real_ip_header proxy_protocol;"),
    Case("top", "real_ip_header 'a b';", "\"a b\" is no header name"),
    Case("top", "real_ip_recursive on;"),
    Case("top", "real_ip_recursive yes;", "invalid value \"yes\""),
  ]

  static let proxy: [Case] = [
    Case("location", "proxy_pass http://127.0.0.1:9000;"),
    Case("location", "proxy_pass http://app:9000/base/;"),
    Case("location", "proxy_pass http://[::1]:9000;"),
    Case("location", "proxy_pass http://unix:/run/app.sock:/base;"),
    Case(
      "location", "proxy_pass http://nowhere;",
      "host \"nowhere\" can't be resolved: Name or service not known"),
    Case("location", "proxy_pass https://app; proxy_ssl_verify off;"),
    Case(
      "location", "proxy_pass app:9000;", "\"app:9000\" does not begin with http:// or https://"),
    Case(
      "location", "proxy_pass http://$host;", "variables in proxy_pass are not supported by Waybill"
    ),
    Case("location", "proxy_pass http://app?a;", "invalid URI part \"?a\""),
    Case("location", "proxy_pass http://app:0;", "invalid port \"0\" in \"app:0\""),
    Case("location", "proxy_pass http://unix:run;", "invalid unix socket \"unix:run\""),
    Case(
      "location", "proxy_pass http://0.0.0.0:1;",
      "the server listens on this address itself: requests go round in circles"),
    Case(
      "location", "proxy_pass http://app; return 204;",
      "proxy_pass has no effect: return at line 1 answers all requests"),
    Case("top", "proxy_connect_timeout 1s;"),
    Case("top", "proxy_connect_timeout 0s;", "the time must be longer than 0"),
    Case("top", "proxy_read_timeout 1h30m;"),
    Case("top", "proxy_read_timeout 30m1h;", "invalid time \"30m1h\""),
    Case("top", "proxy_send_timeout 1s;"),
    Case("top", "proxy_send_timeout '';", "invalid time \"\""),
    Case("top", "proxy_next_upstream error timeout http_503 non_idempotent;"),
    Case("top", "proxy_next_upstream off;"),
    Case("top", "proxy_next_upstream error off;", "\"off\" can't stand beside others"),
    Case("top", "proxy_next_upstream http_501;", "invalid value \"http_501\""),
    Case("top", "proxy_next_upstream_tries 3;"),
    Case("top", "proxy_next_upstream_tries 17;", "invalid number \"17\""),
    Case("top", "proxy_next_upstream_timeout 0;"),
    Case("top", "proxy_next_upstream_timeout no;", "invalid time \"no\""),
    Case("top", "proxy_ignore_client_abort off;"),
    Case("top", "proxy_ignore_client_abort maybe;", "invalid value \"maybe\""),
    Case("top", "proxy_http_version 1.1;"),
    Case(
      "top", "proxy_http_version 1.0;", "\"proxy_http_version 1.0\" is not supported by Waybill"),
    Case("top", "proxy_buffering off;"),
    Case("top", "proxy_buffering on;", "\"proxy_buffering on\" is not supported by Waybill"),
    Case("top", "proxy_request_buffering off;"),
    Case(
      "top", "proxy_request_buffering on;",
      "\"proxy_request_buffering on\" is not supported by Waybill"),
    Case("top", "proxy_redirect off;"),
    Case(
      "top", "proxy_redirect default;", "\"proxy_redirect default\" is not supported by Waybill"),
  ]

  static let fields: [Case] = [
    Case("top", "proxy_set_header Host $http_host;"),
    Case("top", "proxy_set_header X-Request-ID $request_id;"),
    Case("top", "request_id off; proxy_set_header X-Request-ID mine;"),
    Case(
      "top", "proxy_set_header X-Request-ID mine;",
      "\"X-Request-ID\" carries the request ID: Waybill writes it itself"),
    Case(
      "top", "proxy_set_header X_Request_Id mine;",
      "\"X_Request_Id\" looks like the request ID's \"X-Request-ID\" to many backends: "
        + "Waybill writes it itself"),
    Case(
      "top", "proxy_set_header Content-Length 1;",
      "\"Content-Length\" can't be changed: it frames the message, and Waybill writes it"),
    Case(
      "top", "proxy_set_header Upgrade $http_upgrade;",
      "\"Upgrade\" is not needed: upgrades are tunnelled without configuration"),
    Case(
      "top", "proxy_set_header Connection upgrade;",
      "\"Connection\" is not needed: upgrades are tunnelled without configuration"),
    Case(
      "top", "proxy_set_header X-A 1; proxy_set_header x-a 2;",
      "the header \"x-a\" is already set at line 1"),
    Case("top", "proxy_set_header 'X A' 1;", "\"X A\" is no header name"),
    Case(
      "top", "proxy_set_header X-A 'a\\rb';", "a header's value can't hold control characters"),
    Case("top", "proxy_set_header X-A $nope;", "unknown variable \"$nope\""),
    Case("top", "proxy_hide_header X-Powered-By;"),
    Case("top", "proxy_hide_header 'a b';", "\"a b\" is no header name"),
    Case("top", "add_header X-A $upstream_addr always;"),
    Case("top", "add_header X-Request-ID $request_id always;"),
    Case("top", "add_header Link a; add_header Link b;"),
    Case("top", "add_header X-A a sometimes;", "invalid value \"sometimes\""),
    Case(
      "top", "add_header Transfer-Encoding chunked;",
      "\"Transfer-Encoding\" can't be changed: it frames the message, and Waybill writes it"),
  ]

  static let upstreams: [Case] = [
    Case("top", "upstream one { server app; }"),
    Case("top", "upstream one { }", "the upstream \"one\" has no servers"),
    Case("top", "upstream a/b { server app; }", "invalid upstream name \"a/b\""),
    Case(
      "top", "upstream a { server app; } upstream a { server app; }",
      "the upstream \"a\" is already declared at line 1"),
    Case(
      "upstream",
      "server app:1 weight=2 max_fails=0 fail_timeout=1m max_conns=5; server unix:/a backup down;"),
    Case("upstream", "server app weight=0; server 1.2.3.4;", "invalid number \"0\""),
    Case("upstream", "server app wieght=2; server 1.2.3.4;", "invalid parameter \"wieght=2\""),
    Case(
      "upstream", "server app resolve; server 1.2.3.4;",
      "\"resolve\" is known to nginx, but not supported by Waybill"),
    Case(
      "upstream", "server http://app; server 1.2.3.4;",
      "a server in an upstream is an address, not a URL"),
    Case(
      "upstream", "server app:1; server 10.0.0.2:1;",
      "the server \"10.0.0.2:1\" is already listed at line 1"),
    Case("upstream", "server app backup;", "all servers of the upstream \"up\" are backups"),
    Case("upstream", "server app; keepalive 0;"),
    Case("upstream", "server app; keepalive -1;", "invalid number \"-1\""),
    Case("upstream", "server app; keepalive_timeout 5s;"),
    Case("upstream", "server app; keepalive_timeout 0;", "the time must be longer than 0"),
    Case("upstream", "server app; keepalive_requests 5;"),
    Case("upstream", "server app; keepalive_requests 0;", "invalid number \"0\""),
    Case("upstream", "least_conn; server app;"),
    Case("upstream", "server app; least_conn x;", "\"least_conn\" takes no arguments, not 1"),
    Case("upstream", "server app; random two least_conn;"),
    Case("upstream", "server app; random three;", "invalid value \"three\""),
    Case("upstream", "server app; hash $remote_addr consistent;"),
    Case("upstream", "server app; hash $remote_addr constant;", "invalid value \"constant\""),
    Case("upstream", "server app; hash $nope;", "unknown variable \"$nope\""),
    Case(
      "upstream", "least_conn; hash $uri; server app;",
      "the balancing method is already set at line 1"),
    Case(
      "upstream", "server 1.1.1.1; server app backup; hash $uri;",
      "the balancing method does not support \"backup\""),
    Case(
      "upstream", "ip_hash; server app;",
      "\"ip_hash\" is known to nginx, but not supported by Waybill"),
  ]

  static let logs: [Case] = [
    Case("top", "access_log stdout;"),
    Case("top", "access_log a.log combined buffer=4k flush=1s if=$arg_log;"),
    Case("location", "access_log off; return 204;"),
    Case("top", "access_log stdout jsn;", "unknown log format \"jsn\""),
    Case("top", "access_log a.log json rotate=100m keep=5 gzip;"),
    Case("top", "access_log a.log rotate=1m; error_log a.log info; access_log a.log rotate=1m;"),
    Case("top", "error_log a.log info json rotate=100m keep=9999 gzip;"),
    Case("top", "access_log a.log json rotate=0;", "a log of 0 bytes can't be rotated"),
    Case("top", "access_log a.log rotate=much;", "invalid size \"much\""),
    Case("top", "access_log a.log rotate=1m keep=0;", "invalid number \"0\""),
    Case("top", "error_log a.log rotate=1m keep=10000;", "invalid number \"10000\""),
    Case("top", "access_log stdout rotate=1m;", "only a file can be rotated"),
    Case(
      "top", "access_log a.log json keep=3;",
      "\"keep=\" and \"gzip\" have no meaning without \"rotate=\""),
    Case(
      "top", "error_log a.log gzip;",
      "\"keep=\" and \"gzip\" have no meaning without \"rotate=\""),
    Case(
      "top", "access_log a.log rotate=1m; error_log a.log rotate=2m;",
      "this log has another rotate=, keep= or gzip at line 1"),
    Case("top", "access_log syslog:server=127.0.0.1 combined;"),
    Case(
      "top",
      "access_log syslog:server=[::1]:5140,facility=local0,severity=debug,tag=a_1,nohostname;"),
    Case("top", "error_log syslog:server=unix:/dev/log,rfc5424 info json;"),
    Case("top", "access_log syslog:tag=a;", "a syslog server is missing"),
    Case("top", "access_log syslog:server=unix:log;", "invalid unix socket \"unix:log\""),
    Case("top", "access_log syslog:server=::1;", "invalid address \"::1\""),
    Case("top", "access_log syslog:server=[::1],facility=local8;", "invalid value \"local8\""),
    Case("top", "access_log syslog:server=[::1],facility=;", "invalid value \"\""),
    Case("top", "access_log syslog:server=[::1],severity=loud;", "invalid value \"loud\""),
    Case("top", "access_log syslog:server=[::1],tag=a-b;", "invalid syslog tag \"a-b\""),
    Case(
      "top", "access_log syslog:server=[::1],nohost;", "invalid syslog parameter \"nohost\""),
    Case("top", "access_log syslog:server=[::1] rotate=1m;", "only a file can be rotated"),
    Case("top", "access_log $host.log;", "variables in a log's path are not supported by Waybill"),
    Case("top", "access_log a.log json flush=1s;", "\"flush=\" has no meaning without \"buffer=\""),
    Case("top", "access_log a.log json buffer=2m;", "invalid buffer size \"2m\""),
    Case("top", "access_log a.log json bufer=2k;", "invalid parameter \"bufer=2k\""),
    Case("top", "access_log a.log json if=$nope;", "unknown variable \"$nope\""),
    Case("top", "access_log off json;", "\"access_log off\" takes nothing more"),
    Case(
      "top", "access_log a.log json buffer=4k; access_log a.log simple;",
      "this log has another buffer= or flush= at line 1"),
    Case("top", "access_log a.log json sync=response rotate=1m;"),
    Case("top", "access_log a.log sync=always;", "unknown sync mode"),
    Case("top", "access_log stdout sync=response;", "only a file can be written ahead"),
    Case(
      "top", "access_log a.log sync=response buffer=4k;",
      "\"sync=response\" and \"buffer=\" contradict each other"),
    Case("top", "log_queue 256k;"),
    Case("top", "log_queue 255k;", "invalid queue size \"255k\""),
    Case("top", "log_queue 2g;", "invalid queue size \"2g\""),
    Case("top", "log_value_length 128k;"),
    Case("top", "log_value_length 1000;", "invalid length \"1000\""),
    Case("top", "log_value_length 129k;", "invalid length \"129k\""),
    Case("top", "log_format mine escape=json '$status ' '$uri'; access_log stdout mine;"),
    Case("top", "access_log stdout late; log_format late $status;"),
    Case("top", "log_format json $status;", "the format \"json\" is built in"),
    Case("top", "log_format a escape=xml $status;", "invalid value \"xml\""),
    Case("top", "log_format a escape=json;", "the format has no text"),
    Case("top", "log_format a $nope;", "unknown variable \"$nope\""),
    Case(
      "top", "log_format a $status; log_format a $uri;",
      "the format \"a\" is already declared at line 1"),
    Case("top", "error_log stderr warn;"),
    Case("top", "error_log logs/error.log;"),
    Case("top", "error_log stderr loud;", "invalid value \"loud\""),
    Case("top", "error_log off;", "\"error_log off\" does not exist"),
    Case("top", "error_log '';", "invalid path"),
    Case("top", "error_log stderr json;"),
    Case("top", "error_log stderr warn json;"),
    Case("top", "error_log stderr warn more;", "invalid parameter \"more\""),
    Case("top", "error_log stderr json warn;", "invalid value \"json\""),
    Case("server", "slow_log 500ms;"),
    Case("top", "slow_log off;"),
    Case("top", "slow_log slow;", "invalid time \"slow\""),
    Case("server", "debug_request 10.0.0.0/8 ::1 unix: 7c9e6679-f3a9;"),
    Case("top", "debug_request 'a b';", "\"a b\" is neither a request ID nor an address or range"),
  ]
}
