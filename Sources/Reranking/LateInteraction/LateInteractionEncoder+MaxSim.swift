import Inference
public import Ranking

extension LateInteractionEncoder {
    /// Late-interaction relevance of each document to a query: `Σᵢ maxⱼ qᵢ · dⱼ`, each token of the query with its nearest
    /// token of the document.
    ///
    /// - Returns: Values in `-Tq ... Tq` for Tq query tokens, in the order given.
    ///
    /// Throws RankingError `invalidInput` where vectors differ in dimension.
    ///
    /// Source: Khattab & Zaharia, ColBERT, SIGIR 2020, <https://arxiv.org/abs/2004.12832>.
    public func maxSim(query: TokenVectors, documents: [TokenVectors]) throws(RankingError) -> [Float] {
        for vectors in [query] + documents where vectors.dimension != description.dimension {
            throw RankingError(
                .invalidInput, what: "Token vectors of \(vectors.dimension) numbers are compared.",
                why: "\(description.name) makes vectors of \(description.dimension).",
                fix: "Compare vectors of one model.")
        }
        return scores(of: documents, maxSim(for: query), on: nil)
    }

    func maxSim(for query: TokenVectors) -> MaxSim {
        MaxSim(query: query.values, dimension: query.dimension, kernels: kernels)
    }

    /// One score for each of the documents, on the lane's threads or on this one.
    func scores(of documents: [TokenVectors], _ maxSim: MaxSim, on lane: Lane?) -> [Float] {
        let buffer = FloatBuffer(count: documents.reduce(0) { $0 + $1.values.count })
        var starts = [0]
        var offset = 0
        for document in documents {
            document.values.withUnsafeBufferPointer { values in
                if let base = values.baseAddress { (buffer.writable + offset).update(from: base, count: values.count) }
            }
            offset += document.values.count
            starts.append(offset / maxSim.dimension)
        }
        guard let lane else { return maxSim.scores(of: .single(buffer), starts: starts) }
        return maxSim.scores(of: .single(buffer), starts: starts, on: lane)
    }
}
