import Basics
import Configuration
import Plan
import Testing

/// Which requests are counted apart: those whose labels differ.
struct MetricsPlanTests {
  private let text = """
    upstream app { server 10.0.0.1:80; }
    server {
      listen 8001; server_name a.test *.a.test;
      location / { proxy_pass http://app; }
      location /x { proxy_pass http://app; }
      location /y { proxy_pass http://10.0.0.2:80; }
      location /z { proxy_pass https://10.0.0.2:80; proxy_ssl_verify off; }
      location /own { return 204; }
    }
    server { listen 8002; server_name a.test; location / { proxy_pass http://app; } }
    server { listen 127.0.0.1:8003; location = /metrics { metrics; } }
    """

  @Test func labelsAreCountedOnce() throws {
    let compiled = Compiling().compile(text)
    let tables = try #require(compiled.plan).tables
    let labels = tables.requestMetrics.indices.map { index in
      [tables.requestMetrics[index].server, tables.requestMetrics[index].upstream].map { bytes in
        String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
      }
    }
    #expect(
      Set(labels) == [
        ["a.test", "none"], ["a.test", "app"], ["a.test", "10.0.0.2:80"],
        ["127.0.0.1:8003", "none"],
      ])
    #expect(labels.count == 4 && tables.upstreamMetrics.count == 2)
    for index in tables.locations.indices {
      let location = tables.locations[index]
      let upstream = labels[location.requestMetrics][1]
      #expect((upstream == "none") == (location.action != .proxy))
    }
    for index in tables.upstreams.indices {
      let name = tables.upstreamMetrics[tables.upstreams[index].metrics]
      #expect(
        name.indices.map { name[$0] }
          == tables.upstreams[index].name.indices.map {
            tables.upstreams[index].name[$0]
          })
    }
  }
}
