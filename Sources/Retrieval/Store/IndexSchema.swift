import GRDB

/// The tables of an index file.
///
/// | table | holds |
/// |---|---|
/// | `property` | settings and totals, by name |
/// | `document` | documents, by the number of their first passage; `spans` says where the passages are |
/// | `content` | their texts, apart from what every search reads of them |
/// | `passage_chunk` | `PassageTable`, 4,096 passages a row |
/// | `term` | the term dictionary: a number, and the count of passages that are not deleted and have the term |
/// | `posting` | `PostingList`s; a term has one or more, by ascending passages: `key = number * 2^20 + part` |
/// | `field`, `attribute` | metadata, by field, kind and value, for filters |
/// | `vector_chunk` | int8 vectors to scan, 4,096 passages a row; `generation` is that of the last write |
/// | `vector` | the fp32 vectors, a row for each passage, to rescore the best with |
/// | `centroid` | the centroids of token vectors, fp32; none while the index is built |
/// | `token_chunk` | the centroid of each token (`TokenChunk`), 4,096 passages a row |
/// | `token_vector` | the token vectors (`TokenVectorForm`), a row for each passage |
///
/// Texts are stored as blobs of UTF-8, which can hold any character, U+0000 included; an empty one is NULL.
enum IndexSchema {
    /// "RSFT", in SQLite's header.
    static let applicationID = 0x5253_4654
    /// Raised by one with each change to the tables.
    static let version = 2
    static let partBits: Int64 = 20

    static func create(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE property (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
                CREATE TABLE document (
                    first INTEGER PRIMARY KEY, id BLOB NOT NULL, title BLOB, metadata BLOB, spans BLOB);
                CREATE TABLE content (first INTEGER PRIMARY KEY, text BLOB);
                CREATE UNIQUE INDEX document_id ON document (id);
                CREATE TABLE passage_chunk (number INTEGER PRIMARY KEY, passages BLOB NOT NULL);
                CREATE TABLE term (text BLOB PRIMARY KEY, number INTEGER NOT NULL, passages INTEGER NOT NULL)
                    WITHOUT ROWID;
                CREATE TABLE posting (key INTEGER PRIMARY KEY, list BLOB NOT NULL);
                CREATE TABLE field (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
                CREATE TABLE attribute (
                    field INTEGER NOT NULL, kind INTEGER NOT NULL, value, document INTEGER NOT NULL,
                    PRIMARY KEY (field, kind, value, document)) WITHOUT ROWID;
                CREATE TABLE vector_chunk (
                    number INTEGER PRIMARY KEY, codes BLOB NOT NULL, scales BLOB NOT NULL,
                    generation INTEGER NOT NULL);
                CREATE TABLE vector (passage INTEGER PRIMARY KEY, components BLOB NOT NULL);
                CREATE TABLE centroid (number INTEGER PRIMARY KEY, components BLOB NOT NULL);
                CREATE TABLE token_chunk (
                    number INTEGER PRIMARY KEY, counts BLOB NOT NULL, centroids BLOB NOT NULL,
                    generation INTEGER NOT NULL);
                CREATE TABLE token_vector (passage INTEGER PRIMARY KEY, vectors BLOB NOT NULL);
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(version);
                """)
    }
}
