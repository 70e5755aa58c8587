/// The tokens that spell text in bytes where a vocabulary has no others: "<0x00>" to "<0xFF>".
enum ByteFallback {
    static let tokens: [String] = (0..<256).map { byte in
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }
}
