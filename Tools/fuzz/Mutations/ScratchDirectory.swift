import Foundation

/// A directory of its own for files that live as long as it does; in memory where the system has such a place.
package final class ScratchDirectory: Sendable {
    package let path: String

    package init(files: [String: [UInt8]] = [:]) throws {
        let inMemory = FileManager.default.isWritableFile(atPath: "/dev/shm")
        let root = inMemory ? URL(fileURLWithPath: "/dev/shm") : FileManager.default.temporaryDirectory
        let directory = root.appendingPathComponent("resift-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        path = directory.path
        for (name, bytes) in files { try write(bytes, to: name) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes in place: no file of the directory may be mapped at the time.
    package func write(_ bytes: [UInt8], to name: String) throws {
        let file = URL(fileURLWithPath: path + "/" + name)
        if name.contains("/") {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        }
        try Data(bytes).write(to: file)
    }

    package func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
}
