/// The pairs that wait to be scored, and whose turn it is.
///
/// Deficit round robin (Shreedhar & Varghese, SIGCOMM 1995) over clients, in tokens: each client in turn may score
/// `quantum` tokens more, and what it does not use up, because its next pair is longer, it keeps for its next turn. A
/// client's own calls take its turns one after the other. So a call waits for at most one turn of each other client, and
/// of each other call of its own client, however much those ask for.
///
/// Pure: it reads no clock and starts nothing.
struct FairQueue<Work: QueuedWork> {
    /// Consecutive pairs of one call.
    struct Share {
        var work: Work
        var pairs: Range<Int>
    }

    private struct Client {
        let name: String
        var calls: [Call]
        /// Tokens that it may still score in this turn.
        var deficit = 0
        var isInTurn = false
    }

    private struct Call {
        let work: Work
        var next = 0
    }

    /// One pair of the usual window; four clients or more share a batch.
    static var quantum: Int { 512 }

    /// The client whose turn it is comes first.
    private var clients: [Client] = []

    var isEmpty: Bool { clients.isEmpty }

    mutating func append(_ work: Work) {
        guard !work.lengths.isEmpty else { return }
        if let place = clients.firstIndex(where: { $0.name == work.client }) {
            clients[place].calls.append(Call(work: work))
        } else {
            clients.append(Client(name: work.client, calls: [Call(work: work)]))
        }
    }

    /// Takes the pairs of the next batch: as many as the budget allows, at least one. Empty where nothing waits.
    ///
    /// A pair that is in the batch already, for another call, takes none of the budget.
    ///
    /// - Parameter isWanted: Asked of a call before its pairs are taken, with whether any of them was taken before; what
    ///   is not wanted leaves the queue.
    mutating func nextBatch(tokenBudget: Int, isWanted: (Work, _ hasBegun: Bool) -> Bool) -> [Share] {
        var batch: [Share] = []
        var tokens = 0
        var identities: Set<Work.Identity> = []
        while var client = clients.first {
            while let call = client.calls.first, !isWanted(call.work, call.next > 0) { client.calls.removeFirst() }
            guard let call = client.calls.first else {
                clients.removeFirst()
                continue
            }
            if !client.isInTurn {
                client.isInTurn = true
                client.deficit += Self.quantum
            }
            let identity = call.work.identity(of: call.next)
            let length = identity.map(identities.contains) == true ? 0 : call.work.cost(of: call.next)
            if length > client.deficit {
                client.isInTurn = false
                client.calls.append(client.calls.removeFirst())
                clients.removeFirst()
                clients.append(client)
                continue
            }
            if !batch.isEmpty, tokens + length > tokenBudget {
                clients[0] = client
                return batch
            }
            client.deficit -= length
            tokens += length
            if let identity { identities.insert(identity) }
            take(call, into: &batch)
            client.calls[0].next += 1
            if call.next + 1 == call.work.lengths.count { client.calls.removeFirst() }
            // A client that has nothing left to score does not save its turn.
            if client.calls.isEmpty { clients.removeFirst() } else { clients[0] = client }
        }
        return batch
    }

    private func take(_ call: Call, into batch: inout [Share]) {
        if let last = batch.indices.last, batch[last].work === call.work {
            batch[last].pairs = batch[last].pairs.lowerBound..<call.next + 1
        } else {
            batch.append(Share(work: call.work, pairs: call.next..<call.next + 1))
        }
    }
}

/// What waits in a queue.
protocol QueuedWork: AnyObject {
    /// Whose turns it takes.
    var client: String { get }
    associatedtype Identity: Hashable
    /// Tokens of each pair.
    var lengths: [Int] { get }
    /// Pairs of the same identity need to be scored once; nil for one that is like no other.
    func identity(of pair: Int) -> Identity?
    /// Tokens that are left to score of a pair.
    func cost(of pair: Int) -> Int
}
