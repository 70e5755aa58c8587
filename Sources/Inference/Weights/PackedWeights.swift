import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What became of a model's packed weights when it was loaded.
public enum WeightCache: Sendable, Equatable {
    /// They are not kept: the precision is fp32, or the model so small that it is packed in milliseconds.
    case unused
    /// They were mapped from this file, which an earlier start wrote.
    case mapped(path: String)
    /// They were made, and written to this file for the next start.
    case written(path: String)
    /// They were made, and could not be kept; the next start will make them again.
    case unavailable(reason: String)
}

/// The packed weights of one checkpoint, in a file of the user's cache: later starts map it, and neither read nor round
/// the checkpoint's own weights. Processes share its memory.
///
/// A file belongs to one content of the checkpoint (by SHA-256), one kernel variant, and one format, which its name says.
/// It is written under another name and renamed: it is whole or absent, and of two processes that write it at the same
/// time either one's stays, with the same bytes. It is a safetensors file with a tensor of bytes for each
/// `NarrowMatrix`. One that is damaged or incomplete is written anew.
package final class PackedWeights: Sendable {
    /// A checkpoint of fewer bytes is packed in milliseconds.
    package static let leastBytes = 32 << 20
    /// Changes with the layout of a `NarrowMatrix`, and with how weights are rounded.
    private static let version = "2"

    private let place: Result<String, RankingError>
    private let file: SafetensorsFile?

    private struct Matrices {
        var byName: [String: NarrowMatrix] = [:]
        /// Some are not in the file.
        var areNew = false
    }
    private let matrices = Monitor(Matrices())

    /// Nil for a checkpoint of less than `leastBytes`.
    ///
    /// - Parameter cache: The folder of such files; nil for the user's.
    package init?(
        of checkpoint: Checkpoint, _ format: NarrowFormat, _ kernels: Kernels, cache: String? = nil,
        leastBytes: Int = PackedWeights.leastBytes
    ) {
        let files = checkpoint.files
        guard files.reduce(0, { $0 + $1.bytes.count }) >= leastBytes else { return nil }
        place = Result { () throws(RankingError) -> String in
            let folder =
                if let cache { cache } else { try PackedWeights.folder() }
            let content = ContentDigest.joined(files.map { ContentDigest.of($0, cache: folder) })
            return "\(folder)/\(content)-\(format)-\(kernels.productName(format))-\(PackedWeights.version).safetensors"
        }
        file = (try? place.get()).flatMap { path in
            FileStatus.isFile(path) ? try? SafetensorsFile(path: path) : nil
        }
    }

    private static func folder() throws(RankingError) -> String {
        try UserCache.folder("packed", alternative: "Set XDG_CACHE_HOME to a writable folder.")
    }

    /// Where the digests of checkpoints are remembered too; nil where there is no such folder.
    package static var sharedFolder: String? { try? folder() }

    /// The checkpoint was packed before, and found to be well-formed then.
    package var isMapped: Bool { file != nil }

    /// What the file has for layers that are stacked; nil where it has nothing of this layout.
    func matrix(_ names: [String], _ layout: NarrowMatrix.Layout) -> NarrowMatrix? {
        let name = PackedWeights.name(names)
        guard let file, let entry = file.entries[name], entry.range.count == layout.byteCount,
            let bytes = ConstantBytes(file.file, entry.range)
        else { return nil }
        let matrix = NarrowMatrix(layout: layout, bytes: bytes)
        matrices.withLock { $0.byName[name] = matrix }
        return matrix
    }

    func keep(_ matrix: NarrowMatrix, _ names: [String]) {
        matrices.withLock {
            $0.byName[PackedWeights.name(names)] = matrix
            $0.areNew = true
        }
    }

    private static func name(_ names: [String]) -> String { names.joined(separator: "+") }

    /// To be called when the model is loaded: writes the file, unless it has everything.
    package func store() -> WeightCache {
        let matrices = matrices.withLock { $0 }
        do {
            let path = try place.get()
            guard matrices.areNew else { return .mapped(path: path) }
            try PackedWeights.write(matrices.byName, to: path)
            return .written(path: path)
        } catch {
            return .unavailable(reason: "\(error.what) \(error.why)")
        }
    }

    private static func write(_ matrices: [String: NarrowMatrix], to path: String) throws(RankingError) {
        let building = "\(path).\(UUID().uuidString)"
        // Gone already where it was renamed.
        defer { try? FileManager.default.removeItem(atPath: building) }
        let ordered = matrices.sorted { $0.key < $1.key }
        let writer = try SafetensorsWriter(
            path: building,
            tensors: ordered.map { name, matrix in
                SafetensorsWriter.Tensor(name: name, type: .u8, shape: [matrix.layout.byteCount])
            }, metadata: ["format": "resift-packed"])
        for (_, matrix) in ordered { try writer.append(matrix.bytes.buffer) }
        try writer.finish()
        guard rename(building, path) == 0 else {
            throw RankingError(
                .storage, what: "\(path) cannot be written.",
                why: "The system refused it: \(String(cString: strerror(errno))).",
                fix: "Check the permissions of the folder.")
        }
    }
}
