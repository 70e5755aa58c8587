import Ranking

/// One file, directory or stream of a corpus, read from its start to its end.
protocol CorpusSource: AnyObject {
    /// The next document; nil after the last one.
    func next() throws(RankingError) -> CorpusDocument?
    /// Of the files as they are on disk.
    var bytesRead: Int { get }
}
