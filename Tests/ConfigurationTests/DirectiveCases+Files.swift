extension DirectiveCases {
  static let serving: [Case] = [
    Case("location", "root /srv/www;"), Case("location", "root relative/$host;"),
    Case("top", "root /srv/www/;"), Case("location", "root '';", "invalid value \"\""),
    Case("location", "root /a; root /b;", "\"root\" is already set at line 1"),
    Case("location", "alias /srv/www/;"), Case("location", "alias '';", "invalid value \"\""),
    Case(
      "location", "alias /a; root /b;", "\"root\" can't stand beside alias at line 1"),
    Case("server", "alias /a;", "\"alias\" is not allowed in \"server\""),
    Case("location", "root /a; index a.html b.html;"),
    Case("top", "index a.$host.html /b.html; index c.html;"),
    Case("location", "root /a; index /a b;", "invalid value \"/a\""),
    Case("top", "etag off;"), Case("top", "etag no;", "invalid value \"no\""),
    Case("top", "if_modified_since before;"),
    Case("top", "if_modified_since after;", "invalid value \"after\""),
    Case("top", "max_ranges 0;"), Case("top", "max_ranges few;", "invalid number \"few\""),
    Case("top", "log_not_found off;"),
    Case("top", "log_not_found 0;", "invalid value \"0\""),
    Case("top", "disable_symlinks on;"),
    Case("top", "disable_symlinks if_not_owner from=$document_root;"),
    Case("top", "disable_symlinks on from=/srv/$host;"),
    Case("top", "disable_symlinks yes;", "invalid value \"yes\""),
    Case(
      "top", "disable_symlinks from=/srv;",
      "\"disable_symlinks\" says nothing of what becomes of links"),
    Case("top", "expires 30d;"), Case("top", "expires -1;"), Case("top", "expires epoch;"),
    Case("top", "expires modified +1h;"), Case("top", "expires @15h30m;"),
    Case("top", "expires $arg_time;"), Case("top", "expires modified $arg_time;"),
    Case("top", "expires often;", "invalid value \"often\""),
    Case("top", "expires modified max;", "invalid value \"max\""),
    Case("top", "expires later 1h;", "invalid value \"later\""),
  ]

  static let listing: [Case] = [
    Case("top", "autoindex on;"), Case("top", "autoindex yes;", "invalid value \"yes\""),
    Case("top", "autoindex_format json;"),
    Case("top", "autoindex_format xml;", "invalid value \"xml\""),
    Case("top", "autoindex_exact_size off;"),
    Case("top", "autoindex_exact_size 1;", "invalid value \"1\""),
    Case("top", "autoindex_localtime on;"),
    Case("top", "autoindex_localtime utc;", "invalid value \"utc\""),
    Case("top", "gzip_static always;"),
    Case("top", "gzip_static never;", "invalid value \"never\""),
    Case("top", "proxy_ignore_headers X-Accel-Redirect Vary;"),
    Case("top", "proxy_ignore_headers X-Other;", "invalid value \"X-Other\""),
  ]

  static let redirection: [Case] = [
    Case(
      "location", "root $document_root/x;",
      "$document_root can't be used in \"root\", which it depends on"),
    Case(
      "location", "alias ${request_filename};",
      "$request_filename can't be used in \"alias\", which it depends on"),
    Case("location", "root /srv; try_files $uri $uri/ /index.html?$args;"),
    Case("location", "root /srv; try_files $uri =404;"),
    Case(
      "location", "root /srv; try_files $uri;", "\"try_files\" takes 2 or more arguments, not 1"),
    Case("location", "root /srv; try_files '' =404;"),
    Case("location", "root /srv; try_files $uri =40;", "invalid value \"=40\""),
    Case(
      "location", "proxy_pass http://127.0.0.1:9; try_files $uri =404;",
      "\"try_files\" finds no file, because root is not set: requests go to its last argument"),
    Case(
      "location", "root /srv; try_files $uri @none;",
      "the server has no location \"@none\": requests for it get 500"),
    Case("top", "error_page 404 /404.html;"), Case("top", "error_page 404 403 = /404.html;"),
    Case("top", "error_page 404 =200 /$arg_page; error_page 500 https://example.com/;"),
    Case("location", "error_page 497 https://$host$request_uri; return 204;"),
    Case("top", "error_page /404.html;", "\"error_page\" takes 2 or more arguments, not 1"),
    Case("top", "error_page = /404.html;", "\"error_page\" has no status code"),
    Case("top", "error_page 200 /x;", "invalid value \"200\""),
    Case("top", "error_page 499 /x;", "invalid value \"499\""),
    Case("top", "error_page 404 =x /x;", "invalid value \"=x\""),
    Case(
      "top", "error_page 404 @none;",
      "the server has no location \"@none\": requests for it get 500"),
    Case("top", "recursive_error_pages on;"),
    Case("top", "recursive_error_pages yes;", "invalid value \"yes\""),
    Case("top", "proxy_intercept_errors on;"),
    Case("top", "proxy_intercept_errors yes;", "invalid value \"yes\""),
    Case("location", "internal; return 204;"),
    Case("location", "internal on; return 204;", "\"internal\" takes no arguments, not 1"),
    Case("server", "internal;", "\"internal\" is not allowed in \"server\""),
  ]
}
