import ArgumentParser
import Resift

/// What the command's exit status says; the numbers are those of sysexits.h where it has one.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case failed = 1
    case usage = 64
    case invalidInput = 65
    case notFound = 66
    case unreachable = 68
    case unsupportedModel = 69
    case nonFiniteScore = 70
    case storage = 73
    case corruptFile = 74
    case busy = 75
    case unexpectedAnswer = 76
    case accessDenied = 77
    /// Beyond those of sysexits.h.
    case notReranked = 79

    init(_ code: RankingError.Code) {
        switch code {
        case .invalidInput, .nothingToSearch: self = .invalidInput
        case .notFound: self = .notFound
        case .unsupportedModel: self = .unsupportedModel
        case .corruptFile: self = .corruptFile
        case .nonFiniteScore: self = .nonFiniteScore
        case .busy: self = .busy
        case .unexpectedAnswer: self = .unexpectedAnswer
        case .storage: self = .storage
        case .unreachable: self = .unreachable
        case .accessDenied: self = .accessDenied
        default: self = .failed
        }
    }

    var meaning: String {
        switch self {
        case .success: "done"
        case .failed: "a self-test or a minimum was not met, or another error"
        case .usage: "the command line is wrong"
        case .invalidInput: "the query, the documents or an option cannot be used"
        case .notFound: "a file or directory is missing or cannot be read"
        case .unreachable: "the hub or a service cannot be reached; try again later"
        case .unsupportedModel: "the model is of a kind that Resift does not run"
        case .nonFiniteScore: "the model gave a score that is not a finite number"
        case .storage: "a file could not be written"
        case .corruptFile: "a model or index file contradicts itself or its format"
        case .busy: "another process is writing to the index; try again later"
        case .unexpectedAnswer: "a service answered what breaks its contract"
        case .notReranked: "with --strict: not every document was reranked as asked"
        case .accessDenied: "the hub does not give the model to you, or a service refuses the key"
        }
    }

    static var table: String {
        allCases.map { "  \(String($0.rawValue).padded(to: 3)) \($0.meaning)" }.joined(separator: "\n")
    }
}

/// Runs a command; prints a RankingError on standard error and ends with its status.
func reportingErrors(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as RankingError {
        StandardError.write("error: \(error)\n")
        throw ExitCode(ExitStatus(error.code).rawValue)
    }
}
