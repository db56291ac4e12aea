import Scenarios
import Simulation

// The messages that cases are made of.

/// A GET request. `fields` are whole lines, each with its end.
func get(_ target: String = "/", _ fields: String = "") -> String {
  "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

/// A POST request with a Content-Length.
func post(_ content: String, _ target: String = "/", _ fields: String = "") -> String {
  "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.utf8.count)\r\n\(fields)\r\n"
    + content
}

/// The head of a request with chunked content.
func chunkedHead(_ fields: String = "") -> String {
  "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\(fields)\r\n"
}

/// A response with a Content-Length.
func ok(_ content: String, _ fields: String = "") -> String {
  "HTTP/1.1 200 OK\r\nContent-Length: \(content.utf8.count)\r\n\(fields)\r\n\(content)"
}

/// So many bytes of text that shows where it was cut.
func filler(_ count: Int) -> String {
  var text = ""
  text.reserveCapacity(count + 8)
  var number = 0
  while text.utf8.count < count {
    text += "\(number)."
    number += 1
  }
  return String(text.prefix(count))
}
