#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the files that belong to this package can be.
///
/// SwiftPM puts resources beside the program that links them; an installation has them under share/resift. The
/// environment variable RESIFT_RESOURCES names the folder where neither is so.
package enum ResourceFolder {
    /// - Parameter target: The target whose resources they are.
    package static func candidates(target: String) -> [String] {
        if let named = getenv("RESIFT_RESOURCES") { return [String(cString: named)] }
        guard let image = imagePath() else { return [] }
        var folders: [String] = []
        var folder = image
        // The program's own folder, and those above it: a test bundle on macOS holds its binary three levels deep.
        for _ in 0..<4 {
            guard let slash = folder.lastIndex(of: "/") else { break }
            folder = String(folder[..<slash])
            folders += [
                "\(folder)/resift_\(target).resources", "\(folder)/resift_\(target).bundle/Contents/Resources",
                "\(folder)/resift_\(target).bundle", "\(folder)/share/resift",
            ]
        }
        return folders
    }

    /// The file that this code was loaded from.
    private static func imagePath() -> String? {
        #if os(Linux)
            let path = "/proc/self/exe"
        #else
            var info = Dl_info()
            guard dladdr(#dsohandle, &info) != 0, let name = info.dli_fname else { return nil }
            let path = String(cString: name)
        #endif
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
