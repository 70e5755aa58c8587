import Foundation
import TestSupport
import Testing

/// Outputs kept in Tests/ResiftCLITests/Snapshots. RESIFT_UPDATE_SNAPSHOTS=1 writes them anew.
enum Snapshot {
    static func expect(_ text: String, is name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = URL(fileURLWithPath: "\(Repository.directory)/Tests/ResiftCLITests/Snapshots/\(name).txt")
        if ProcessInfo.processInfo.environment["RESIFT_UPDATE_SNAPSHOTS"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(text == expected, sourceLocation: sourceLocation)
    }
}
