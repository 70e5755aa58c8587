import Hub
import HubServer
import Outbound
import Ranking
import ScriptedServer
import Testing

@Suite("A hub behind a proxy")
struct ProxyTests {
    @Test("the hub is asked through the proxy; what NO_PROXY excepts, here the host that stores files, directly")
    func download() async throws {
        var model = try TestModel()
        let proxy = try ConnectProxy(to: model.server.endpoint)
        model.store.settings.endpoint = "http://hub.example"
        model.store.settings.proxies = ProxySettings(environment: ["HTTP_PROXY": "http://me:word@\(proxy.address)"])
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
        #expect(!proxy.tunnels.isEmpty && proxy.tunnels.allSatisfy { $0.target == "hub.example:80" })
        // base64 of "me:word"
        #expect(proxy.tunnels.allSatisfy { $0.authorization == "Basic bWU6d29yZA==" })
        // The stored file came without it.
        #expect(model.server.requests.contains { $0.host == .storage })

        let before = proxy.tunnels.count
        model.store.settings.proxies = ProxySettings(
            environment: ["HTTP_PROXY": proxy.address, "NO_PROXY": "hub.example"])
        model.store.settings.retries.attempts = 1
        _ = try? await model.store.download(model.reference)
        #expect(proxy.tunnels.count == before)
    }

    @Test("a variable that names no proxy is an error, and is not tried again")
    func refused() async throws {
        var model = try TestModel()
        model.store.settings.endpoint = "http://hub.example"
        model.store.settings.proxies = ProxySettings(environment: ["HTTP_PROXY": "https://u:secret@gate"])
        let error = try await model.failure()
        #expect(error.code == .invalidInput && !"\(error)".contains("secret") && error.what.contains("HTTP_PROXY"))
    }
}
