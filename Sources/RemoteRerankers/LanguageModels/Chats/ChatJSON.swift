import OrderedJSON

extension JSONObject {
    /// An object of these members, in this order; nil leaves one out.
    init(_ members: KeyValuePairs<String, JSONValue?>) {
        self.init()
        for (key, value) in members { self[key] = value }
    }
}

extension JSONValue {
    static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue { .object(JSONObject(members)) }

    static func integer(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

    /// The schema of `{"ranking": [3, 1, 2]}`. No bounds on numbers and lengths: services that enforce schemas refuse them.
    static let rankingSchema = members([
        "type": .string("object"),
        "properties": members([
            "ranking": members(["type": .string("array"), "items": members(["type": .string("integer")])])
        ]),
        "required": .array([.string("ranking")]),
        "additionalProperties": .bool(false),
    ])

    /// The messages of OpenAI's form.
    static func messages(_ prompt: ChatPrompt) -> JSONValue {
        func message(_ role: String, _ text: String) -> JSONValue {
            members(["role": .string(role), "content": .string(text)])
        }
        let user = message("user", prompt.user)
        return .array(prompt.system.isEmpty ? [user] : [message("system", prompt.system), user])
    }
}

extension JSONObject {
    func object(_ key: String) -> JSONObject? {
        if case .object(let object)? = self[key] { object } else { nil }
    }

    func array(_ key: String) -> [JSONValue]? {
        if case .array(let items)? = self[key] { items } else { nil }
    }

    func string(_ key: String) -> String? {
        if case .string(let text)? = self[key] { text } else { nil }
    }

    /// A count of tokens; nil for anything else. More than 2^40 is no count that could be added up.
    func count(_ key: String) -> Int? {
        guard case .number(let number)? = self[key], let count = number.int, (0...1 << 40).contains(count) else {
            return nil
        }
        return count
    }
}

extension TokenProbability {
    /// The likeliest first tokens in OpenAI's form: a list with one entry for each token of the answer. Nil for no list.
    static func first(in list: [JSONValue]?) -> [TokenProbability]? {
        guard let list else { return nil }
        guard case .object(let first)? = list.first else { return [] }
        var likeliest = (first.array("top_logprobs") ?? []).compactMap(TokenProbability.init)
        // The token that was chosen need not be among the likeliest.
        if let chosen = TokenProbability(.object(first)), !likeliest.contains(where: { $0.token == chosen.token }) {
            likeliest.append(chosen)
        }
        return likeliest
    }

    private init?(_ value: JSONValue) {
        guard case .object(let entry) = value, let token = entry.string("token"),
            case .number(let logarithm)? = entry["logprob"], !logarithm.double.isNaN
        else { return nil }
        // A certain token can be rounded to above 0.
        self.init(token: token, logarithm: min(logarithm.double, 0))
    }
}
