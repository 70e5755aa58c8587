/// Posting lists that grow at their ends, for many terms at once: chains of slices in one run of bytes.
///
/// A slice is twice as long as the one before it, from 16 to 4,096 bytes; its last four bytes say where the next slice
/// starts, in units of 16 bytes. Postings are written as in the last block of a `PostingList`.
struct PostingChains {
    private struct Chain {
        var first: UInt32
        /// Where the next byte goes, and where the link of the slice is.
        var write: Int
        var link: Int
        var sliceLength = 16
        var lastDocument: UInt32
        var frequency: UInt32 = 1
        /// Postings, the pending one included.
        var count = 1
        /// The document before `lastDocument`, or -1.
        var previous: Int64 = -1
    }

    private var bytes: [UInt8] = []
    private var chains: [Chain] = []

    var byteCount: Int { bytes.capacity + MemoryLayout<Chain>.stride * chains.capacity }

    func count(of term: Int) -> Int { chains[term].count }

    /// Begins the list of the next term with its first document.
    mutating func begin(document: UInt32) {
        let start = newSlice(16)
        chains.append(Chain(first: UInt32(start / 16), write: start, link: start + 12, lastDocument: document))
    }

    /// Counts one more occurrence of a term, in the last document of its list or in a later one.
    @inline(__always)
    mutating func add(_ term: Int, document: UInt32) {
        if chains[term].lastDocument == document {
            chains[term].frequency += 1
        } else {
            flush(term)
            chains[term].previous = Int64(chains[term].lastDocument)
            chains[term].lastDocument = document
            chains[term].frequency = 1
            chains[term].count += 1
        }
    }

    /// Writes the pending posting.
    private mutating func flush(_ term: Int) {
        let chain = chains[term]
        let gap = UInt64(Int64(chain.lastDocument) - chain.previous - 1)
        if chain.frequency == 1 {
            append(varint: gap << 1 | 1, to: term)
        } else {
            append(varint: gap << 1, to: term)
            append(varint: UInt64(chain.frequency) - 2, to: term)
        }
    }

    private mutating func append(varint value: UInt64, to term: Int) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80, to: term)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest), to: term)
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8, to term: Int) {
        if chains[term].write == chains[term].link {
            let length = min(chains[term].sliceLength * 2, 4096)
            let start = newSlice(length)
            let unit = UInt32(start / 16)
            for index in 0..<4 {
                bytes[chains[term].link + index] = UInt8(truncatingIfNeeded: unit >> UInt32(8 * index))
            }
            chains[term].write = start
            chains[term].link = start + length - 4
            chains[term].sliceLength = length
        }
        bytes[chains[term].write] = byte
        chains[term].write += 1
    }

    private mutating func newSlice(_ length: Int) -> Int {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: length))
        return start
    }

    /// Reads a term's postings, the pending one included, into two arrays that are emptied first.
    func read(_ term: Int, documents: inout [UInt32], frequencies: inout [UInt32]) {
        documents.removeAll(keepingCapacity: true)
        frequencies.removeAll(keepingCapacity: true)
        let chain = chains[term]
        var reader = Reader(bytes: bytes, start: Int(chain.first) * 16)
        var previous: Int64 = -1
        for _ in 0..<chain.count - 1 {
            let value = reader.varint()
            previous += Int64(value >> 1) + 1
            documents.append(UInt32(truncatingIfNeeded: previous))
            frequencies.append(value & 1 == 1 ? 1 : UInt32(truncatingIfNeeded: reader.varint() + 2))
        }
        documents.append(chain.lastDocument)
        frequencies.append(chain.frequency)
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset: Int
        var link: Int
        var length = 16

        init(bytes: [UInt8], start: Int) {
            self.bytes = bytes
            offset = start
            link = start + 12
        }

        mutating func varint() -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                if offset == link { follow() }
                let byte = bytes[offset]
                offset += 1
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
        }

        private mutating func follow() {
            var unit = 0
            for index in 0..<4 { unit |= Int(bytes[link + index]) << (8 * index) }
            length = min(length * 2, 4096)
            offset = unit * 16
            link = offset + length - 4
        }
    }
}
