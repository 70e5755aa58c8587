import OrderedJSON
import Ranking
import Yams

/// Reads values of a YAML file, with errors that name the line. JSON is YAML too.
struct NodeReader: Sendable {
    /// What errors call the file.
    let path: String

    func root(of yaml: String, empty: String, fix: String) throws(RankingError) -> Node {
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw RankingError(
                .invalidInput, what: "\(path) is not YAML.", why: "\(error)", fix: "Correct it at that place.",
                cause: error)
        }
        guard let node else { throw RankingError(.invalidInput, what: "\(path) is empty.", why: empty, fix: fix) }
        return node
    }

    func check(_ fields: [String: Node], _ node: Node, known: Set<String>) throws(RankingError) {
        guard let stray = fields.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw error(
            fields[stray] ?? node, "\"\(stray)\" means nothing here.",
            fix: "Known are \(known.sorted().joined(separator: ", ")).")
    }

    func fields(of node: Node) throws(RankingError) -> [String: Node] {
        if case .scalar = node { return [:] }
        return try mapping(node)
    }

    func mapping(_ node: Node) throws(RankingError) -> [String: Node] {
        guard case .mapping(let mapping) = node else {
            throw error(node, "Here stands no \"key: value\".", fix: "Write names with values here.")
        }
        var fields: [String: Node] = [:]
        for (key, value) in mapping {
            guard case .scalar(let name) = key, fields.updateValue(value, forKey: name.string) == nil else {
                throw error(key, "A key is no text, or stands twice.", fix: "Write each key once.")
            }
        }
        return fields
    }

    func sequence(_ node: Node) throws(RankingError) -> [Node] {
        guard case .sequence(let sequence) = node, !sequence.isEmpty else {
            throw error(node, "Here stands no list of rankers.", fix: "Write one a line: \"- reranker: NAME\".")
        }
        return Array(sequence)
    }

    func text(_ node: Node, _ key: String) throws(RankingError) -> String {
        guard case .scalar(let scalar) = node else {
            throw error(node, "\"\(key)\" is no text.", fix: "Write \"\(key): TEXT\".")
        }
        return try text(scalar.string, node)
    }

    func text(_ text: String, _ node: Node) throws(RankingError) -> String {
        guard !text.isEmpty else { throw error(node, "A name is empty.", fix: "Write \"default\", or another name.") }
        return text
    }

    func number(_ node: Node, _ key: String, atLeast least: Double) throws(RankingError) -> Double {
        guard case .scalar(let scalar) = node, let number = Double(scalar.string), number.isFinite, number >= least
        else {
            throw error(
                node, "\"\(key)\" is no number\(least == 0 ? " from 0" : "").", fix: "Write one, such as 1.5.")
        }
        return number
    }

    func count(_ node: Node, _ key: String) throws(RankingError) -> Int {
        guard case .scalar(let scalar) = node, let count = Int(scalar.string), count >= 1 else {
            throw error(node, "\"\(key)\" is no number from 1.", fix: "Write one, such as 20.")
        }
        return count
    }

    func duration(_ node: Node, _ key: String) throws(RankingError) -> Duration {
        guard case .scalar(let scalar) = node, let duration = Duration(written: scalar.string) else {
            throw error(node, "\"\(key)\" is no time.", fix: "Write 250ms, 5s, 12h or 30d.")
        }
        return duration
    }

    /// A YAML value as JSON: what is not quoted may be a number, true, false or null.
    func json(_ node: Node) throws(RankingError) -> JSONValue {
        var values = 0
        return try json(node, depth: 0, &values)
    }

    /// An alias could stand for more values than memory has.
    private func json(_ node: Node, depth: Int, _ values: inout Int) throws(RankingError) -> JSONValue {
        values += 1
        guard depth < 32, values <= 10_000 else {
            throw error(node, "This is value \(values), \(depth) deep inside others.", fix: "Leave some out.")
        }
        switch node {
        case .mapping:
            var object = JSONObject()
            for (key, value) in try mapping(node).sorted(by: { $0.key < $1.key }) {
                object[key] = try json(value, depth: depth + 1, &values)
            }
            return .object(object)
        case .sequence(let sequence):
            var items: [JSONValue] = []
            for item in sequence { items.append(try json(item, depth: depth + 1, &values)) }
            return .array(items)
        case .scalar(let scalar):
            guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
            if let flag = node.bool { return .bool(flag) }
            if node.null != nil { return .null }
            // Not as YAML 1.1 has it, where 12:30 is 750.
            if let integer = Int(scalar.string) { return .number(JSONNumber(integer)) }
            if let number = Double(scalar.string).flatMap(JSONNumber.init) { return .number(number) }
            return .string(scalar.string)
        case .alias:
            throw error(node, "This name stands for nothing.", fix: "Write the value itself.")
        }
    }

    func error(_ node: Node, _ problem: String, fix: String) -> RankingError {
        let line = node.mark.map { " in line \($0.line)" } ?? ""
        return RankingError(
            .invalidInput, what: "\(path) cannot be used\(line).", why: problem, fix: fix)
    }
}

extension Duration {
    /// A time such as 150ms, 2s, 15m, 12h or 30d, above 0 and at most 1,000 years.
    package init?(written text: String) {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
            let value = Double(text.dropLast(unit.count)), value > 0, value * seconds <= 86_400 * 366_000
        else { return nil }
        self = .seconds(value * seconds)
    }
}
