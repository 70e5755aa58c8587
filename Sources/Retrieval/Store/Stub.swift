import GRDB
import OrderedJSON
import Ranking
public enum MetadataValue { case string(String)
  static func entries(of: JSONObject) -> [(field: String, value: MetadataValue)] { [] }
  var storedKind: Int { 0 }
  var storedValue: DatabaseValue { .null }
}
public indirect enum Filter: Sendable { 
case all([Filter])
func demandsOneValue(of: String) -> Bool { false } }
struct FilterEvaluation { let state: SearchIndex.State; let db: Database
  func passages(matching: Filter) throws -> DocumentSet { DocumentSet() } }
