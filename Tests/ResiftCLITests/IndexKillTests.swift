import Foundation
import TestSupport
import Testing

/// Kills with SIGKILL, at moments spread over the whole run. 20 of them, or as many as RESIFT_KILL_ROUNDS says.
@Suite("A command on an index that is killed has done all of its work or none", .blocking, .serialized)
struct IndexKillTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["RESIFT_KILL_ROUNDS"].flatMap { Int($0) } ?? 20

    /// What the indexes hold, big enough that every command runs for a while.
    enum Contents: String, CaseIterable {
        case words
        case tokenVectors

        fileprivate var count: Int { self == .words ? 20_000 : 1_500 }

        fileprivate var buildOptions: [String] {
            self == .words
                ? ["--passage-tokens", "0"]
                : ["--passage-tokens", "0", "--late-interaction", Repository.model("colbert-bert")]
        }

        fileprivate var compactOptions: [String] { self == .words ? [] : ["--token-vectors", "2bit"] }
    }

    private static func corpus(_ contents: Contents, _ name: String, _ random: inout SeededGenerator) -> [String] {
        (0..<contents.count).map { number in
            let words = (0..<12).map { _ in "w\(random.int(in: 0...3_000))" }.joined(separator: " ")
            return #"{"_id": "\#(name)\#(number)", "text": "all \#(words)", "part": "\#(name)"}"#
        }
    }

    /// One command, what has to be there before it, and what may be there after it was killed.
    private struct Scene {
        var name: String
        var arguments: [String]
        var start: String
        var before: Set<String>
        var after: Set<String>
        var duration: Duration = .zero
    }

    private static func ids(_ contents: Contents, _ name: String) -> Set<String> {
        Set((0..<contents.count).map { "\(name)\($0)" })
    }

    /// Copies an index over another, and leaves nothing of an earlier round.
    private static func restore(_ index: TestIndex, from copy: String) throws {
        for suffix in ["", "-wal", "-shm", ".building", ".building-wal", ".building-shm"] {
            try? FileManager.default.removeItem(atPath: index.path + suffix)
        }
        try FileManager.default.copyItem(atPath: copy, toPath: index.path)
    }

    private static func keep(_ index: TestIndex, as name: String) throws -> String {
        let copy = index.folder.path + "/" + name
        try FileManager.default.copyItem(atPath: index.path, toPath: copy)
        // All of it is in the one file when no command runs.
        #expect(!FileManager.default.fileExists(atPath: index.path + "-wal"))
        return copy
    }

    private static func scenes(_ contents: Contents, _ index: TestIndex, seed: Int) throws -> [Scene] {
        var random = SeededGenerator(seed: UInt64(seed))
        let old = corpus(contents, "old", &random)
        let new = try index.file(corpus(contents, "new", &random), "new.jsonl")
        try expectSuccess(index.build(old, contents.buildOptions))
        let base = try keep(index, as: "base.resift")
        let gone = (0..<contents.count).filter { _ in random.oneIn(2) }.map { "old\($0)" }
        let list = try index.folder.write("gone.txt", gone.joined(separator: "\n"))
        try expectSuccess(index.delete([], ["--ids", list]))
        let holes = try keep(index, as: "holes.resift")
        let oldIDs = ids(contents, "old")
        let rest = oldIDs.subtracting(gone)
        let build = ["index", "build", new, "--output", index.path, "--replace"] + contents.buildOptions
        var scenes = [
            Scene(name: "build", arguments: build, start: base, before: oldIDs, after: ids(contents, "new")),
            Scene(
                name: "add", arguments: ["index", "add", new, "--index", index.path], start: base, before: oldIDs,
                after: oldIDs.union(ids(contents, "new"))),
            Scene(
                name: "delete", arguments: ["index", "delete", "--ids", list, "--index", index.path], start: base,
                before: oldIDs, after: rest),
            Scene(
                name: "compact", arguments: ["index", "compact", index.path] + contents.compactOptions, start: holes,
                before: rest, after: rest),
        ]
        for place in scenes.indices {
            try restore(index, from: scenes[place].start)
            let clock = ContinuousClock()
            scenes[place].duration = try clock.measure { try expectSuccess(Resift.run(scenes[place].arguments)) }
            #expect(try Set(index.ids("all")) == scenes[place].after, "\(scenes[place].name)")
            try index.expectWhole(documents: scenes[place].after.count)
        }
        return scenes
    }

    @Test(
        "after each kill the index is whole, and has what it had before, or what the command was to do",
        arguments: Contents.allCases)
    func kill(contents: Contents) throws {
        let seed = 1
        var random = SeededGenerator(seed: UInt64(seed) + 100)
        let index = try TestIndex()
        defer { withExtendedLifetime(index.folder) {} }
        let scenes = try IndexKillTests.scenes(contents, index, seed: seed)
        var killed: [String: Int] = [:]
        var done: [String: Int] = [:]
        var resumed = 0
        for round in 0..<IndexKillTests.rounds {
            let scene = scenes[round % scenes.count]
            try IndexKillTests.restore(index, from: scene.start)
            // One random moment in each of as many equal parts of the run as there are rounds of this command.
            let parts = (IndexKillTests.rounds + scenes.count - 1) / scenes.count
            let share = (Double(round / scenes.count) + Double.random(in: 0..<1, using: &random)) / Double(parts)
            let wasKilled = try Resift.runAndKill(scene.arguments, after: scene.duration * share)
            killed[scene.name, default: 0] += wasKilled ? 1 : 0
            let found = try Set(index.ids("all"))
            let isDone = found == scene.after
            #expect(found == scene.before || isDone, "\(scene.name), \(share): \(found.count) documents")
            #expect(wasKilled || isDone, "\(scene.name), \(share)")
            done[scene.name, default: 0] += isDone && wasKilled ? 1 : 0
            try index.expectWhole(documents: found.count)
            guard scene.name == "build" else { continue }
            let again = try Resift.run(scene.arguments + ["--format", "json"])
            let summary = try Summary(try expectSuccess(again))
            #expect(summary["added"] == "\(contents.count)")
            if let own = summary["added_by_an_interrupted_build"] {
                #expect(own == "\(contents.count)")
                resumed += 1
            }
            #expect(try Set(index.ids("all")) == scene.after)
            try index.expectWhole(documents: contents.count)
            #expect(!FileManager.default.fileExists(atPath: index.path + ".building"))
        }
        let times = scenes.map { "\($0.name) \($0.duration)" }.joined(separator: ", ")
        print(
            "\(contents): kills: \(killed), of these with the work done: \(done), builds resumed: \(resumed); runs: \(times)"
        )
        // The moments are spread over runs of a few hundred milliseconds; most have to hit.
        #expect(killed.values.reduce(0, +) > IndexKillTests.rounds / 2, "\(killed)")
    }

    @Test("what a killed command leaves does not hinder the same command after it", arguments: Contents.allCases)
    func again(contents: Contents) throws {
        let seed = 2
        let index = try TestIndex()
        defer { withExtendedLifetime(index.folder) {} }
        for scene in try IndexKillTests.scenes(contents, index, seed: seed) {
            try IndexKillTests.restore(index, from: scene.start)
            for share in [0.8, 0.3, 0.6] where try Set(index.ids("all")) == scene.before {
                _ = try Resift.runAndKill(scene.arguments, after: scene.duration * share)
            }
            if try Set(index.ids("all")) == scene.before { try expectSuccess(Resift.run(scene.arguments)) }
            #expect(try Set(index.ids("all")) == scene.after, "\(scene.name)")
            try index.expectWhole(documents: scene.after.count)
        }
    }
}
