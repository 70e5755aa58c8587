import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Says which case was running when the process hangs or dies, so that it can be repeated.
struct Watchdog: Sendable {
    private let timeout: Double

    init(seed: UInt64, timeout: Double) {
        self.timeout = timeout
        Watchdog.seed.store(seed, ordering: .relaxed)
        let isSanitized = Watchdog.reportBeforeSanitizerEnds()
        for number in [SIGILL, SIGTRAP, SIGABRT] { Watchdog.reportBeforeDeath(by: number) }
        // The sanitizer's own handlers of these say where memory was touched.
        if !isSanitized { for number in [SIGSEGV, SIGBUS, SIGFPE] { Watchdog.reportBeforeDeath(by: number) } }
        let limit = timeout
        Thread.detachNewThread { Watchdog.watch(limit) }
    }

    func begin(_ number: Int) {
        Watchdog.current.store(number, ordering: .relaxed)
        Watchdog.started.store(Watchdog.now, ordering: .relaxed)
    }

    func end() { Watchdog.started.store(.max, ordering: .relaxed) }

    func report(_ problem: String) {
        Watchdog.write("\(problem)\n")
        Watchdog.writeCase()
    }

    // State that a signal handler reads is global and atomic.
    private static let seed = Atomic<UInt64>(0)
    private static let current = Atomic<Int>(0)
    private static let started = Atomic<Int>(.max)

    private static var now: Int { Int(DispatchTime.now().uptimeNanoseconds / 1_000_000) }

    private static func watch(_ timeout: Double) {
        while true {
            Thread.sleep(forTimeInterval: 0.5)
            let begin = started.load(ordering: .relaxed)
            guard begin != .max, Double(now - begin) > timeout * 1_000 else { continue }
            write("a case takes longer than \(timeout) s\n")
            writeCase()
            exit(1)
        }
    }

    private static func writeCase() {
        write(
            "repeat with: --seed \(seed.load(ordering: .relaxed)) --first \(current.load(ordering: .relaxed)) --cases 1\n"
        )
    }

    private static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// False where the process runs without a sanitizer.
    private static func reportBeforeSanitizerEnds() -> Bool {
        typealias SetCallback = @convention(c) (@convention(c) () -> Void) -> Void
        guard let address = dlsym(dlopen(nil, RTLD_LAZY), "__sanitizer_set_death_callback") else { return false }
        let setCallback = unsafeBitCast(address, to: SetCallback.self)
        setCallback { Watchdog.writeCase() }
        return true
    }

    /// Prints the case, then ends as the signal asks. Formatting is not allowed in a signal handler, but the process
    /// is lost anyway.
    private static func reportBeforeDeath(by number: Int32) {
        signal(number) { number in
            Watchdog.writeCase()
            signal(number, SIG_DFL)
            raise(number)
        }
    }
}
