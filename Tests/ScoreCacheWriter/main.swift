// Stores scores in a file until it is killed, or COUNT of them: the other process of the tests.
// ScoreCacheWriter PATH FIRST COUNT: the keys are those of FIRST, FIRST + 1 and so on.

import Crypto
import Foundation
import Reranking
import ScoreCaches

let arguments = CommandLine.arguments
guard arguments.count == 4, let first = Int(arguments[2]), let count = Int(arguments[3]) else {
    print("usage: ScoreCacheWriter PATH FIRST COUNT")
    exit(64)
}
let cache = try SQLiteScoreCache(SQLiteScoreCache.Settings(path: arguments[1]))
for start in stride(from: first, to: first + count, by: 50) {
    await cache.store(
        (start..<min(start + 50, first + count)).map { number in
            (
                key: ScoreKey(SHA256.hash(data: Array("\(number)".utf8))),
                value: StoredScore(
                    logits: [[Float(number)]], passages: [], tokens: number, truncatedTokens: 0,
                    truncatedQueryTokens: 0)
            )
        })
    await cache.flush()
    // Whoever reads this line kills the process in the middle of the next ones.
    FileHandle.standardOutput.write(Data("stored \(start)\n".utf8))
}
await cache.close()
print("failures \(cache.tiers[0].failures)")
