import GRDB
import OrderedJSON
import Ranking
public enum MetadataValue { case string(String)
  static func entries(of: JSONObject) -> [(field: String, value: MetadataValue)] { [] }
  var storedKind: Int { 0 }
  var storedValue: DatabaseValue { .null }
}
public struct Filter: Sendable { func demandsOneValue(of: String) -> Bool { false } }
struct FilterEvaluation { let state: SearchIndex.State; let db: Database
  func passages(matching: Filter) throws -> DocumentSet { DocumentSet() } }
struct VectorChunkVersion: Sendable {}
struct VectorWriter { init(dimension: Int, count: Int, _ db: Database) throws {}
  func quantized(_ v: [[Float]]) throws -> [Int] { [] }
  mutating func append(_ q: [Int], _ v: [[Float]], first: Int, _ db: Database) throws {}
  mutating func flush(generation: Int, _ db: Database) throws {}
  mutating func renumber(_ n: PassageNumbers, _ db: Database) throws {} }
struct VectorCheck { init(table: PassageTable, dimension: Int) {}
  func problems(_ db: Database, _ c: inout Int) throws -> [String] { [] } }
