import Foundation
import Inference
import TestSupport

@testable import Retrieval

/// Seeded unit vectors around random directions, and what late interaction should find among them, computed the obvious
/// way.
struct TokenVectorMaker {
    let dimension: Int
    private let topics: [[Float]]
    private(set) var random: SeededGenerator

    init(dimension: Int, topics: Int, seed: Int) {
        self.dimension = dimension
        var random = SeededGenerator(seed: seed)
        self.topics = (0..<topics).map { _ in TokenVectorMaker.unit(dimension, &random) }
        self.random = random
    }

    private static func unit(_ dimension: Int, _ random: inout SeededGenerator) -> [Float] {
        normalized((0..<dimension).map { _ in Float.random(in: -1...1, using: &random) })
    }

    static func normalized(_ vector: [Float]) -> [Float] {
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / length }
    }

    /// Token vectors of a passage, near a few topics.
    mutating func passage(tokens: ClosedRange<Int> = 1...20, noise: Float = 0.6) -> [Float] {
        let own = (0..<3).map { _ in topics.randomElement(using: &random) ?? [] }
        return (0..<Int.random(in: tokens, using: &random)).flatMap { _ in
            let topic = own.randomElement(using: &random) ?? []
            let away = TokenVectorMaker.unit(dimension, &random)
            return TokenVectorMaker.normalized(zip(topic, away).map { $0 + noise * $1 })
        }
    }

    /// Settings for vectors of these.
    func settings(_ form: TokenVectorForm, pooling: Int = 1) -> IndexSettings {
        var probe = [Float](repeating: 0, count: dimension)
        probe[0] = 1
        return IndexSettings(
            lateInteraction: TokenVectorSettings(
                model: EmbedderDescription(directory: "nowhere", dimension: dimension, probe: probe), form: form,
                pooling: TokenPooling(factor: pooling)))
    }

    /// `Σᵢ maxⱼ qᵢ · dⱼ` in double precision.
    static func maxSim(_ query: [Float], _ document: [Float], dimension: Int) -> Double {
        stride(from: 0, to: query.count, by: dimension).reduce(0) { sum, i in
            sum
                + (stride(from: 0, to: document.count, by: dimension).map { j in
                    (0..<dimension).reduce(0.0) { $0 + Double(query[i + $1]) * Double(document[j + $1]) }
                }.max() ?? 0)
        }
    }
}
