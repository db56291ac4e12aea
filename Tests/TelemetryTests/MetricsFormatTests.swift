import Telemetry
import Testing

/// Which text a scraper gets, by what its Accept field says.
@Suite struct MetricsFormatTests {
  @Test(
    arguments: [
      // What Prometheus 2 and 3 send.
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        + "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "application/openmetrics-text", "Application/OpenMetrics-Text; q=0.1",
      "text/plain, application/openmetrics-text", "*/*;q=0.1, application/openmetrics-text;q=0.2",
      "application/openmetrics-text;q=0.4, text/*;q=0.4",
    ])
  func openMetricsIsPreferred(accept: String) {
    #expect(MetricsFormat(accept: Array(accept.utf8).span) == .openMetrics)
  }

  /// Who does not name OpenMetrics gets what everybody can read, rubbish included.
  @Test(
    arguments: [
      "", "*/*", "text/plain", "application/*", "text/html,application/xhtml+xml,*/*;q=0.8",
      "application/openmetrics-text;q=0", "application/openmetrics-text;q=0.4, text/plain",
      "application/openmetrics-text;q=0.4, text/*;q=0.5", ";;;,,,q=;", "application/openmetrics",
      "application/openmetrics-text2", "\u{0}\u{FF}",
      "application/openmetrics-text;q=0.5, */*",
    ])
  func plainTextIsTheRest(accept: String) {
    #expect(MetricsFormat(accept: Array(accept.utf8).span) == .prometheus)
  }

  @Test func everyFormatHasItsMediaType() {
    #expect(
      MetricsFormat.allCases.map { "\($0.contentType)" } == [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8", "application/json",
      ])
  }
}
