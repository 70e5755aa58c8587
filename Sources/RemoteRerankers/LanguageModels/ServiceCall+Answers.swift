import Reranking

extension ServiceCall {
    /// Counts an answer that had to be repaired, or could not be.
    func add(faults: Set<AnswerFault>) {
        guard !faults.isEmpty else { return }
        add(
            ServiceUsage(
                malformedAnswers: 1, answerFaults: Dictionary(uniqueKeysWithValues: faults.map { ($0, 1) })))
    }

    func add(note: String) { add(ServiceUsage(notes: [note])) }
}
