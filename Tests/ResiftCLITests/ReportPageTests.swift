import Foundation
import OrderedJSON
import TestSupport
import Testing

/// The report of `evaluate --format html`, as a browser shows it.
@Suite(
    "The HTML report in a browser", .blocking,
    .enabled(if: Browser.installed != nil, "Needs Chromium: install it, or name it in RESIFT_BROWSER."))
struct ReportPageTests {
    /// What a reader sees of each plot, and what the page asked the network for.
    private static let probe = """
        <script>
        const errors = [];
        addEventListener("error", event => errors.push(String(event.message)));
        addEventListener("load", () => {
          const plots = [...document.querySelectorAll("figure svg")].map(svg => {
            const box = svg.getBoundingClientRect();
            const drawn = [...svg.querySelectorAll("path, polyline, circle, rect, line")].filter(mark => {
              const own = mark.getBoundingClientRect();
              return own.width + own.height > 0 && getComputedStyle(mark).visibility == "visible"
                && own.left >= box.left - 1 && own.right <= box.right + 1
                && own.top >= box.top - 1 && own.bottom <= box.bottom + 1;
            });
            const outside = [...svg.querySelectorAll("text")].filter(text => {
              const own = text.getBoundingClientRect();
              return own.left < box.left - 1 || own.right > box.right + 1;
            });
            return {id: svg.id, width: Math.round(box.width), height: Math.round(box.height), drawn: drawn.length,
                    labels: svg.querySelectorAll("text").length, outside: outside.map(text => text.textContent)};
          });
          const result = document.createElement("pre");
          result.id = "measured";
          result.textContent = JSON.stringify({
            plots, errors, requests: performance.getEntriesByType("resource").map(entry => entry.name),
            worst: document.querySelectorAll("details .lists ol").length,
            rows: document.querySelectorAll("table tbody tr").length});
          document.body.append(result);
        });
        </script>
        """

    @Test("all plots are drawn inside their frames, with labels; nothing is loaded from elsewhere")
    func plots() throws {
        let browser = try #require(Browser.installed)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let report = try Resift.run([
            "evaluate", "--dataset", Repository.directory + "/Examples/demo/help-centre", "--index",
            folder.path + "/help.resift", "--format", "html",
        ])
        #expect(report.status == 0, "\(report.stderr)")
        let page = try folder.write("report.html", ReportPageTests.probe + report.stdout)
        let document = try browser.document(page)
        let start = try #require(document.range(of: "<pre id=\"measured\">"), "The page did not load: \(document)")
        let end = try #require(document.range(of: "</pre>", range: start.upperBound..<document.endIndex))
        let text = document[start.upperBound..<end.lowerBound].replacingOccurrences(of: "&amp;", with: "&")
            .replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&gt;", with: ">")
        let seen = try JSONDecoder().decode(Seen.self, from: Data(text.utf8))

        #expect(seen.errors == [])
        #expect(seen.requests == [])
        #expect(seen.plots.map(\.id) == ["plot-recall", "plot-quality", "plot-gains", "plot-movements"])
        for plot in seen.plots {
            #expect(plot.width > 300 && plot.height > 150, "\(plot)")
            #expect(plot.labels >= 3, "\(plot)")
            #expect(plot.outside == [], "\(plot)")
        }
        // One line and at least five depths; two stages; 18 queries; the relevant documents of 18 pools.
        for (plot, marks) in zip(seen.plots, [6, 2, 18, 18]) { #expect(plot.drawn >= marks, "\(plot)") }
        // Both stages' lists for each of the 18 queries, and rows of the three tables.
        #expect(seen.worst == 36)
        #expect(seen.rows >= 2 + 1 + 18)
    }

    private struct Seen: Decodable {
        struct Plot: Decodable {
            var id: String
            var width, height, drawn, labels: Int
            var outside: [String]
        }
        var plots: [Plot]
        var errors, requests: [String]
        var worst, rows: Int
    }
}
