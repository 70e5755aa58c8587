import Synchronization

/// Values from any thread, in the order they came.
final class Seen<Value: Sendable>: Sendable {
    private let list: Mutex<[Value]> = Mutex([])

    var values: [Value] { list.withLock { $0 } }

    func append(_ value: Value) { list.withLock { $0.append(value) } }
}
