// Lines that Waybill and its neighbours have written, for the tests of this folder.

import Basics
import LogReading

enum Lines {
  static let json = """
    {"time":"2026-11-22T23:49:17.240675Z","level":"INFO","request_id":"e62fbf04-db7d-4878-a78d\
    -9aa6f94c31d5","id_source":"generated","client":"127.0.0.1:57050","connection":1,\
    "connection_request":1,"method":"GET","scheme":"http","host":"127.0.0.1:8080",\
    "uri":"/a\\"b","protocol":"HTTP/1.1","status":200,"bytes_in":0,"bytes_out":73,\
    "duration":0.000183,"upstream":"127.0.0.1:8081","upstream_status":200,\
    "upstream_connect":0.000073,"upstream_first_byte":0.000170,"upstream_duration":0.000182,\
    "user_agent":"curl/7.88.1"}
    """
  static let retried = """
    {"time":"2026-11-22T23:49:18.386294Z","level":"ERROR","request_id":"two-tries",\
    "client":"127.0.0.1:5","method":"GET","host":"h","uri":"/","status":502,"duration":0.002000,\
    "upstream":"127.0.0.1:2","upstream_connect":0.000100,"upstream_first_byte":0.000800,\
    "upstream_duration":0.000900,"tries":[{"address":"127.0.0.1:1","error":"connection_refused",\
    "seconds":0.000100},{"address":"127.0.0.1:2","status":200,"seconds":0.000900}],\
    "error":"http_protocol_error"}
    """
  static let verbose = """
    ERROR 2026-11-22 23:49:18.411541 access [req-7455dac6] GET /refused HTTP/1.1 -> 502 123 bytes \
    in 0.000104 s from 127.0.0.1:38290 via 127.0.0.1:18099 termination=upstream:connect \
    error=connection_refused
    """
  static let simple = """
    WARN GET /own-answer HTTP/1.1 -> 404 99 bytes in 0.000024 s from 127.0.0.1:38326 [req-305ae057]
    """
  static let combined = """
    127.0.0.1 - - [22/Nov/2026:23:49:18 +0000] "GET /echo?x=1 HTTP/1.1" 200 264 \
    "https://example.com/page" "curl \\x22quoted\\x22" "35167a27"
    """
}

/// What an entry says, as text.
func value(_ line: String, _ range: KeyPath<AccessEntry, ByteRange>) -> String? {
  parse(line).map {
    String(decoding: Array(line.utf8)[$0[keyPath: range].offsets], as: UTF8.self)
  }
}

/// The entry of a line.
func parse(_ line: String) -> AccessEntry? { parse(Array(line.utf8)) }

/// The entry of bytes that may be no text.
func parse(_ bytes: [UInt8]) -> AccessEntry? { EntryReader().entry(bytes.span) }
