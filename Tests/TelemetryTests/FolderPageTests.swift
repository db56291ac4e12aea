import Telemetry
import Testing

/// The list of a folder, in both forms.
struct FolderPageTests {
  private static func page(_ format: FolderPage.Format) -> FolderPage {
    var page = FolderPage(format: format)
    page.add(
      FolderPage.Entry(
        name: Array("b<\"\u{1}.txt".utf8), isFolder: false, isFile: true, size: 10,
        modified: 784_111_777))
    page.add(
      FolderPage.Entry(
        name: Array("a b".utf8), isFolder: true, isFile: false, size: 0, modified: 0))
    return page
  }

  /// Nothing in a name ends the text that it stands in.
  @Test func html() {
    let text = String(decoding: Self.page(.html).text(path: Array("/<x>/".utf8)), as: UTF8.self)
    #expect(text.contains("<title>Index of /&lt;x&gt;/</title>"))
    #expect(text.contains("<a href=\"a%20b/\">a b/</a>"))
    #expect(text.contains("<a href=\"b%3C%22%01.txt\">b&lt;&quot;\u{1}.txt</a>"))
    #expect(text.contains(" 06-Nov-1994 08:49                  10\r\n"))
  }

  @Test func json() {
    let text = String(decoding: Self.page(.json).text(path: []), as: UTF8.self)
    #expect(
      text == """
        [\r\n{ "name":"a b", "type":"directory", "mtime":"Thu, 01 Jan 1970 00:00:00 GMT" },\r
        { "name":"b<\\"\\u0001.txt", "type":"file", "mtime":"Sun, 06 Nov 1994 08:49:37 GMT", \
        "size":10 }\r\n]
        """)
    let empty = FolderPage(format: .json).text(path: [])
    #expect(String(decoding: empty, as: UTF8.self) == "[\r\n]")
  }
}
