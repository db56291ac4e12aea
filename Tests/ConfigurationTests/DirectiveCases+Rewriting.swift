extension DirectiveCases {
  static let rewriting: [Case] = [
    Case("location", "rewrite ^/a/(.*)$ /b/$1 last; return 204;"),
    Case("server", "rewrite ^/a https://other.test/?x=1 permanent;"),
    Case("location", "rewrite ^/a /b?c=$1? break; return 204;"),
    Case(
      "location", "rewrite ^/( /b; return 204;",
      "invalid regular expression \"^/(\": missing closing parenthesis"),
    Case("location", "rewrite ^/a /b always; return 204;", "invalid value \"always\""),
    Case("location", "rewrite ^/a; return 204;", "\"rewrite\" takes 2 to 3 arguments, not 1"),
    Case("top", "rewrite ^/a /b;", "\"rewrite\" is not allowed at top level"),
    Case("location", "set $mine a$host; return 200 $mine;"),
    Case("location", "set $args a=1; set $limit_rate 1k; return 204;"),
    Case("location", "set $uri /x; return 204;", "the variable \"$uri\" can't be changed"),
    Case(
      "location", "set $document_root /x; return 204;",
      "the variable \"$document_root\" can't be changed"),
    Case("location", "set mine x; return 204;", "invalid variable name \"mine\""),
    Case("location", "return 200 $mine;", "unknown variable \"$mine\""),
    Case("location", "break; return 204;"),
    Case("location", "break now; return 204;", "\"break\" takes no arguments, not 1"),
    Case("location", "if ($host) { return 404; } return 204;"),
    Case("location", "if ( $host = 'a b' ) { set $x 1; } return 200 $x;"),
    Case("server", "if ($host !~* ^(www\\.)?a$) { return 404; }"),
    Case("location", "if (!-e $request_filename) { break; } return 204;"),
    Case("location", "if ($host ~ \"a{2}\") { add_header X-A b; expires 1h; } return 204;"),
    Case("location", "if ($host) { proxy_pass http://127.0.0.1:9; } return 204;"),
    Case("location", "if (host) { break; } return 204;", "invalid condition \"host\""),
    Case("location", "if ($host == a) { break; } return 204;", "invalid value \"==\""),
    Case("location", "if $host { break; } return 204;", "invalid condition \"$host\""),
    Case("location", "if ($host = a b) { break; } return 204;", "invalid condition \"b\""),
    Case("location", "if (-q /x) { break; } return 204;", "invalid condition \"-q\""),
    Case("location", "if ($nope) { break; } return 204;", "unknown variable \"$nope\""),
    Case(
      "location", "if ($host) { if ($host) { break; } } return 204;",
      "\"if\" is not allowed in \"if in location\""),
    Case(
      "location", "if ($host) { proxy_pass http://127.0.0.1:9/; } return 204;",
      "\"proxy_pass\" can't have a URI part in an \"if\""),
    Case(
      "server", "if ($host) { add_header X-A b; }",
      "\"add_header\" is not allowed in \"if in server\""),
    Case("top", "rewrite_log on;"), Case("top", "rewrite_log yes;", "invalid value \"yes\""),
    Case("top", "uninitialized_variable_warn off;"),
    Case("top", "uninitialized_variable_warn no;", "invalid value \"no\""),
    Case("location", "return 404; return 204;"),
  ]

  static let variables: [Case] = [
    Case("top", "map $host $mine { default a; b c; ~^d(.)$ $1; volatile; }"),
    Case("top", "map $host $mine { hostnames; *.a.test b; .c.test d; www.e.* f; }"),
    Case("top", "map $host $mine { a b; A c; }", "the key \"A\" is already there"),
    Case("top", "map $host $mine { default b; default c; }", "\"default\" is already set"),
    Case("top", "map $host $mine { a; }", "a line of \"map\" is a key and a value"),
    Case("top", "map $host $uri { a b; }", "the variable \"$uri\" can't be changed"),
    Case("top", "map $host mine { a b; }", "invalid variable name \"mine\""),
    Case(
      "top", "map $host $mine { ~( b; }",
      "invalid regular expression \"(\": missing closing parenthesis"),
    Case("top", "map $nope $mine { a b; }", "unknown variable \"$nope\""),
    Case("top", "geo $mine { default 0; 10.0.0.0/8 1; delete 10.0.0.0/8; proxy 10.0.0.1; }"),
    Case("top", "geo $arg_ip $mine { ranges; default 0; 10.0.0.0-10.0.0.9 1; }"),
    Case("top", "geo $mine { 10.0.0.0/33 1; }", "invalid range \"10.0.0.0/33\""),
    Case("top", "geo $mine { 10.0.0.1 1; ranges; }", "\"ranges\" must stand before all ranges"),
    Case(
      "top", "geo $mine { ranges; 10.0.0.9-10.0.0.1 1; }", "invalid range \"10.0.0.9-10.0.0.1\""),
    Case(
      "top", "geo $mine { 10.0.0.1 a; 10.0.0.1 b; }",
      "the range \"10.0.0.1\" is already there: this line counts"),
    Case("top", "split_clients $remote_addr $mine { 10% a; 0.5% b; * c; }"),
    Case(
      "top", "split_clients $host $mine { 60% a; 50% b; }",
      "the shares are more than 100 % together"),
    Case("top", "split_clients $host $mine { 10 a; }", "invalid share \"10\""),
    Case("top", "split_clients $host $mine { 1.234% a; }", "invalid share \"1.234%\""),
    Case("location", "proxy_pass http://$host; "),
    Case("location", "proxy_ssl_verify off; proxy_pass $scheme://a$uri;"),
    Case("location", "proxy_ssl_verify off; proxy_pass https://$host:9/x?$args;"),
  ]
}
