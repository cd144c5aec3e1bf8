import HoldfastModel
import HoldfastNode
import Housekeeping
import Testing

/// Which of the store's members is on this host.
@Suite struct `The own place in the store` {
  @Test(
    arguments: [
      ("n1", "https://192.0.2.1:2379", true), ("etcd-7", "https://127.0.0.1:2379", true),
      ("etcd-7", "http://localhost:2379", true),
      ("etcd-7", "https://[::1]:2379", true), ("etcd-7", "https://n1:2379", true), ("n2", "https://192.0.2.2:2379", false),
      ("n2", nil, false)
    ] as [(String, String?, Bool)]) func `is known by the node's name and the host's addresses`(
      name: String, endpoint: String?, isHere: Bool
    )
  {
    #expect(OwnPlace().has(StoreMember(name: name, endpoint: endpoint, standing: .answers), node: "n1") == isHere)
  }
}
