/// A term or a document id as a key: equal only if the bytes are. Swift's own strings compare by canonical equivalence.
struct UTF8Key: Hashable {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }
    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = Array(bytes) }
}
