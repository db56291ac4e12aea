import Basics
import HTTP
import Properties
import Telemetry
import Testing

/// The text of metrics in each format, to the letter where a scraper reads it.
@Suite struct MetricsWriterTests {
  private func text(
    _ format: MetricsFormat, capacity: Int = 65_536, _ write: (inout MetricsWriter) -> Void
  ) -> String {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
    defer { memory.deallocate() }
    var writer = MetricsWriter(ByteWriter(memory), format: format)
    write(&writer)
    writer.finish()
    return writer.bytes.overflowed ? "" : String(decoding: writer.bytes.written, as: UTF8.self)
  }

  private let labels = [MetricLabel("server", "a.test"), MetricLabel("upstream", "none")]

  /// 3 requests in the first bucket, 1 in the fifth, 2 beyond all bounds.
  private var histogram: HistogramSnapshot {
    var buckets = [UInt64](repeating: 0, count: HistogramBounds.bucketCount)
    buckets[0] = 3
    buckets[4] = 1
    buckets[16] = 2
    var exemplars = [ExemplarSnapshot?](repeating: nil, count: HistogramBounds.bucketCount)
    exemplars[4] = ExemplarSnapshot(
      requestID: Array("id-1".utf8), value: 7_000_001, time: 1_700_000_000_250_000)
    return HistogramSnapshot(buckets: buckets, sum: 131_500_000_001, exemplars: exemplars)
  }

  @Test func countersInPrometheusText() {
    let text = text(.prometheus) { writer in
      writer.begin(.requests)
      writer.sample(labels + [MetricLabel("status_class", "2xx")], 12_345)
      writer.begin(.workers)
      writer.sample([], 2)
    }
    #expect(
      text == """
        # HELP waybill_http_requests_total \(MetricFamily.requests.help)
        # TYPE waybill_http_requests_total counter
        waybill_http_requests_total{server="a.test",upstream="none",status_class="2xx"} 12345
        # HELP waybill_workers \(MetricFamily.workers.help)
        # TYPE waybill_workers gauge
        waybill_workers 2

        """)
  }

  /// OpenMetrics describes a counter without `_total`, names units, and ends with a mark.
  @Test func countersInOpenMetrics() {
    let text = text(.openMetrics) { writer in
      writer.begin(.requestBytes)
      writer.sample(labels, 7)
      writer.begin(.startTime)
      writer.sample([], microseconds: 1_700_000_000_000_005)
    }
    #expect(
      text == """
        # HELP waybill_http_request_content_bytes \(MetricFamily.requestBytes.help)
        # TYPE waybill_http_request_content_bytes counter
        # UNIT waybill_http_request_content_bytes bytes
        waybill_http_request_content_bytes_total{server="a.test",upstream="none"} 7
        # HELP process_start_time_seconds \(MetricFamily.startTime.help)
        # TYPE process_start_time_seconds gauge
        # UNIT process_start_time_seconds seconds
        process_start_time_seconds 1700000000.000005
        # EOF

        """)
  }

  /// Buckets are cumulative, and only OpenMetrics shows which request stands for one.
  @Test func histograms() {
    for format in [MetricsFormat.prometheus, .openMetrics] {
      let lines = text(format) { writer in
        writer.begin(.requestDuration)
        writer.histogram(labels, histogram)
      }.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
      let name = "waybill_http_request_duration_seconds"
      let both = "server=\"a.test\",upstream=\"none\""
      #expect(lines.count == 19)
      #expect(lines[0] == "\(name)_bucket{\(both),le=\"0.0005\"} 3")
      #expect(lines[3] == "\(name)_bucket{\(both),le=\"0.005\"} 3")
      let exemplar = " # {request_id=\"id-1\"} 0.007000001 1700000000.250000"
      #expect(
        lines[4] == "\(name)_bucket{\(both),le=\"0.01\"} 4"
          + (format == .openMetrics ? exemplar : ""))
      #expect(lines[16] == "\(name)_bucket{\(both),le=\"+Inf\"} 6")
      #expect(lines[17] == "\(name)_sum{\(both)} 131.500000001")
      #expect(lines[18] == "\(name)_count{\(both)} 6")
    }
  }

  /// A name that a conf file gives can't leave its label.
  @Test func labelValuesAreEscaped() {
    let hostile = [MetricLabel("server", "a\\b\"c\nd é")]
    for format in [MetricsFormat.prometheus, .openMetrics] {
      let text = text(format) { writer in
        writer.begin(.workers)
        writer.sample(hostile, 1)
      }
      #expect(text.contains("\nwaybill_workers{server=\"a\\\\b\\\"c\\nd é\"} 1\n"))
    }
    let text = text(.json) { writer in
      writer.begin(.workers)
      writer.sample(hostile, 1)
    }
    #expect(text.contains(#"{"labels":{"server":"a\\b\"c\u000Ad é"},"value":1}"#))
  }

  @Test func jsonIsOneObject() {
    let text = text(.json) { writer in
      writer.begin(.requests)
      writer.sample(labels, 1)
      writer.sample([], 2)
      writer.begin(.errors)
      writer.begin(.requestDuration)
      writer.histogram(labels, histogram)
    }
    #expect(text.hasSuffix("}]}}\n") && text.count { $0 == "\n" } == 1)
    #expect(StrictJSON.isValid(Array(text.utf8.dropLast())))
    #expect(text.contains(#"}},{"labels":{},"value":2}]},"waybill_http_errors_total":{"#) == false)
    #expect(text.contains(#""value":1},{"labels":{},"value":2}]},"waybill_http_errors_total":{"#))
    #expect(text.contains(#""samples":[]},"waybill_http_request_duration_seconds":{"#))
    #expect(text.contains(#""0.005":3,"0.01":4,"#) && text.contains(#""+Inf":6},"sum":131.5000"#))
    #expect(
      text.contains(
        #""exemplars":[{"le":"0.01","request_id":"id-1","value":0.007000001,"time":17000"#))
  }

  /// Whoever gets half of a page would take it for the whole.
  @Test func whatDoesNotFitIsTold() {
    for capacity in [1, 40, 100, 400] {
      let short = text(.openMetrics, capacity: capacity) { writer in
        writer.begin(.requestDuration)
        writer.histogram(labels, histogram)
      }
      #expect(short.isEmpty)
    }
  }

  /// Prometheus' conventions, as far as `promtool check metrics` would complain.
  @Test func namesFollowTheConventions() {
    let names = MetricFamily.all.map { "\($0.name)" }
    #expect(Set(names).count == names.count)
    for family in MetricFamily.all {
      let name = "\(family.name)"
      #expect(name.allSatisfy { $0.isLowercase || $0 == "_" }, "\(name)")
      #expect(!name.hasSuffix("_total") && name.hasSuffix("\(family.unit)"), "\(name)")
      #expect(name.hasPrefix("waybill_") || name == "process_start_time_seconds")
      let help = "\(family.help)"
      #expect(help.hasSuffix(".") && !help.contains("\\") && !help.contains("\n"))
    }
  }

  @Test(
    arguments: [
      (0, 0), (500_000, 0), (500_001, 1), (1_000_000, 1), (9_999_999, 4), (10_000_000, 4),
      (10_000_001, 5), (1_000_000_000, 10), (60_000_000_000, 15), (60_000_000_001, 16),
      (UInt64.max, 16),
    ] as [(UInt64, Int)])
  func bucketOfATime(nanoseconds: UInt64, bucket: Int) {
    #expect(HistogramBounds.bucket(of: Interval(nanoseconds: nanoseconds)) == bucket)
  }
}
