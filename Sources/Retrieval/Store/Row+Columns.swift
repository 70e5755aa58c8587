import GRDB

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Columns of a file that anybody may have changed: another type than the expected one is an error.
extension Row {
    /// Throws `corruptFile` where the column holds no integer.
    func integer(_ column: Int) throws -> Int { Int(try int64(column)) }

    func int64(_ column: Int) throws -> Int64 {
        guard case .int64(let number) = (self[column] as DatabaseValue).storage else {
            throw IndexProperty.corrupt("has a value of another type where a number belongs")
        }
        return number
    }

    /// Nil for NULL. Throws `corruptFile` where the column holds anything else but bytes.
    func bytes(_ column: Int) throws -> Data? {
        switch (self[column] as DatabaseValue).storage {
        case .null: return nil
        case .blob(let data): return data
        default: throw IndexProperty.corrupt("has a value of another type where bytes belong")
        }
    }

    /// As `bytes`, for a column that is never NULL.
    func blob(_ column: Int) throws -> Data {
        guard let data = try bytes(column) else { throw IndexProperty.corrupt("lacks bytes that belong into it") }
        return data
    }
}
