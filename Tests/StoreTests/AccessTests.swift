import EtcdStore
import Foundation
import HoldfastModel
import HoldfastPorts
import Testing

extension StoreTests {
  @Suite(.serialized, .timeLimit(.minutes(2))) struct Access {
    @Test(arguments: [
      ("http://10.1.2.3:2379", "unencrypted"), ("http://localhost:2379", "unencrypted"),
      ("http://[2001:db8::1]:2379", "unencrypted"),
      ("10.1.2.3:2379", "https://"), ("https://10.1.2.3", "cannot be told apart"), ("https://:2379", "cannot be told apart"),
      ("https://host:0", "cannot be told apart"), ("https://ho st:2379", "cannot be told apart")
    ])
    func `a wrong endpoint is refused with a remedy`(url: String, word: String) throws {
      try expectRejection(naming: word) {
        _ = try EtcdStore(EtcdConfiguration(endpoints: [url]), logger: TestCluster.quiet)
      }
    }

    @Test(arguments: [
      "http://127.0.0.1:23999", "http://127.8.9.1:23999/", "http://[::1]:23999", "https://etcd-1.example.org:2379"
    ])
    func `a right endpoint is taken`(url: String) async throws {
      await (try EtcdStore(EtcdConfiguration(endpoints: [url]), logger: TestCluster.quiet)).close()
    }

    @Test func `missing files and no endpoints are refused with a remedy`() throws {
      try expectRejection(naming: "no etcd endpoint") {
        _ = try EtcdStore(EtcdConfiguration(endpoints: []), logger: TestCluster.quiet)
      }
      try expectRejection(naming: "/nowhere/ca.pem") {
        _ = try EtcdStore(
          EtcdConfiguration(endpoints: ["https://127.0.0.1:23999"], authorityFile: "/nowhere/ca.pem"), logger: TestCluster.quiet
        )
      }
    }

    @Test func `a wrong authority, and no or a foreign client certificate, are rejected with a remedy`() async throws {
      let cluster = try await SharedClusters.shared.three()
      let foreign = try await Certificates.make(in: "\(cluster.directory)/foreign-\(UUID().uuidString.prefix(4))")
      var wrongAuthority = cluster.configuration()
      wrongAuthority.authorityFile = foreign.authority
      try await expectRejection(of: wrongAuthority, naming: "authority did not sign")
      var none = cluster.configuration()
      none.certificateFile = nil
      none.keyFile = nil
      try await expectRejection(of: none, naming: "client's certificate")
      var other = cluster.configuration()
      other.certificateFile = foreign.certificate("client")
      other.keyFile = foreign.key("client")
      try await expectRejection(of: other, naming: "client's certificate")
    }

    @Test func `replaced certificate files come into use without a restart`() async throws {
      let cluster = try await SharedClusters.shared.three()
      guard let right = cluster.certificates else { throw Trouble("no certificates") }
      let foreign = try await Certificates.make(in: "\(cluster.directory)/old-\(UUID().uuidString.prefix(4))")
      var configuration = cluster.configuration()
      configuration.certificateFile = foreign.certificate("client")
      configuration.keyFile = foreign.key("client")
      let store = try EtcdStore(configuration, logger: TestCluster.logger)
      await #expect(throws: StoreError.self) { try await store.commit(put("/a", "1")) }
      let files = FileManager.default
      for (from, to) in [
        (right.certificate("client"), foreign.certificate("client")), (right.key("client"), foreign.key("client"))
      ] {
        try files.removeItem(atPath: to)
        try files.copyItem(atPath: from, toPath: to)
      }
      let deadline = ContinuousClock.now + .seconds(5)
      while (try? await store.commit(put("/a", "2"))) == nil {
        guard ContinuousClock.now < deadline else { throw Trouble("the new certificate was not used") }
        try await Task.sleep(for: .milliseconds(20))
      }
      await store.close()
    }

    @Test func `users: wrong password and missing rights are rejected, tokens are renewed`() async throws {
      try await TestCluster.with(1, .plaintext) { cluster in
        try await cluster.enableUsers()

        var configuration = cluster.configuration()
        try await expectRejection(of: configuration, naming: "none is configured")
        configuration.credentials = EtcdCredentials(user: "hf", password: "wrong")
        try await expectRejection(of: configuration, naming: "invalid user ID or password")

        configuration.credentials = EtcdCredentials(user: "hf", password: "secret")
        let store = try EtcdStore(configuration, logger: TestCluster.logger)
        let first = try await store.commit(put("/hf/a", "1"))
        #expect(try await store.list(prefix: "/hf/", timeout: ample).entries.count == 1)
        let error = await #expect(throws: StoreError.self) { try await store.commit(put("/other", "1")) }
        guard case .rejected(_, let remedy)? = error else { throw Trouble("\(String(describing: error))") }
        #expect(remedy.contains("grant-permission"))
        let outside = try await Watched(store, "/other", after: first).expectEnd()
        #expect(throws: StoreError.self) { try outside.get() }

        // A member forgets its tokens when it restarts.
        let watched = await Watched(store, "/hf/", after: first)
        await cluster.kill(0)
        try await cluster.start(0)
        let second = try await store.list(prefix: "/hf/", timeout: ample).revision
        #expect(second == first)
        let third = try await store.commit(put("/hf/a", "2"))
        try await watched.expect("the change") { $0.map(\.revision) == [third] }
        await store.close()
      }
    }

    @Test func `a member of another cluster is not used`() async throws {
      try await TestCluster.with(1, .plaintext) { one in
        try await TestCluster.with(1, .plaintext) { other in
          let store = try EtcdStore(
            EtcdConfiguration(endpoints: [one.url(0), other.url(0)]), logger: TestCluster.logger)
          try await store.commit(put("/a", "1"))
          let used = try await one.etcdctl("get", "/a").isEmpty ? other : one
          let foreign = used.url(0) == one.url(0) ? other : one
          await used.kill(0)
          let error = await #expect(throws: StoreError.self) {
            for _ in 0..<2 { try await store.transact(write: put("/a", "2"), timeout: .milliseconds(500)) }
          }
          #expect("\(String(describing: error))".contains("another etcd cluster"))
          #expect(try await foreign.etcdctl("get", "/a").isEmpty)
          await store.close()
        }
      }
    }

    @Test func `warnings name the version, the member and the issues`() async throws {
      let cluster = try await SharedClusters.shared.three()
      let store = try cluster.store()
      let warnings = try await store.warnings(timeout: ample)
      let version = try await cluster.etcdctl("version").split(separator: "\n").first?.split(separator: " ").last ?? ""
      print("etcd \(version): \(warnings.count) warnings")
      for index in 0..<3 {
        let own = warnings.filter { $0.contains(cluster.url(index)) }
        #expect(own == KnownIssue.warnings(version: String(version), member: cluster.url(index)))
      }
      await store.close()
    }

    @Test(arguments: [
      ("3.4.23", [15247, 20547, 20418, 15271, 17529]), ("3.4.41", [20418]), ("3.4.44", []),
      ("3.5.2", [13766, 15247, 20547, 20418, 15271, 17529, 14685]), ("3.5.29", []), ("3.6.8", [20418]), ("3.6.10", []),
      ("3.7.0-rc.1", [])
    ])
    func `the table of known issues`(version: String, issues: [Int]) {
      let warnings = KnownIssue.warnings(version: version, member: "https://m:2379")
      #expect(warnings.count == issues.count)
      for issue in issues {
        #expect(warnings.contains { $0.contains("issue \(issue) ") && $0.contains(version) && $0.contains("https://m:2379") })
      }
    }

    @Test(arguments: ["3.3.25", "", "4", "three"])
    func `odd versions give one warning`(version: String) {
      #expect(KnownIssue.warnings(version: version, member: "m").count == 1)
    }

    private func expectRejection(naming word: String, _ body: () throws -> Void) throws {
      let error = #expect(throws: StoreError.self) { try body() }
      guard case .rejected(let reason, let remedy)? = error else { throw Trouble("\(String(describing: error))") }
      #expect(reason.contains(word) && !remedy.isEmpty)
    }

    private func expectRejection(of configuration: EtcdConfiguration, naming word: String) async throws {
      let store = try EtcdStore(configuration, logger: TestCluster.logger)
      let begin = ContinuousClock.now
      let error = await #expect(throws: StoreError.self) {
        try await store.transact(write: put("/a", "1"), timeout: .seconds(30))
      }
      guard case .rejected(let reason, let remedy)? = error else { throw Trouble("\(String(describing: error))") }
      #expect(reason.contains(word) && !remedy.isEmpty, "\(reason)")
      #expect(ContinuousClock.now - begin < .seconds(15), "a refusal needs no time limit to show")
      await store.close()
    }
  }
}
