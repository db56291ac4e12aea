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
}
