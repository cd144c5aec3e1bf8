import HoldfastModel
import Testing

@Suite struct NamesTests {
  @Test(arguments: [
    ("web", true), ("Web-1.a_b", true), ("0", true), (String(repeating: "x", count: 63), true),
    (String(repeating: "x", count: 64), false), ("", false), (".a", false), ("-a", false), ("_a", false), ("..", false),
    ("a/b", false), ("a b", false), ("é", false), ("a\n", false), ("a\u{0}", false), ("a'b", false), ("<a>", false)
  ])
  func `a name fits store keys, paths, XML and command lines`(text: String, valid: Bool) {
    #expect(WorkloadName.isValid(text) == valid)
    #expect(NodeName.isValid(text) == valid)
  }

  @Test func `names are ordered by their text`() {
    let shuffled: [NodeName] = ["n2", "n10", "N1"]
    #expect(shuffled.sorted() == ["N1", "n10", "n2"])
  }
}

@Suite struct InterfacesTests {
  @Test(arguments: [
    ("<domain/>", 0), ("<interface type='x'/>", 1), ("<interface>\n</interface>", 1), ("<interfaces><interface\ttype='a'>", 1),
    ("<<interface >", 1), ("<interface<interface >", 1), ("<interface/>", 1), ("<interface", 0), ("<interfaceX>", 0),
    ("<interface\n type='a'/><interface\r\n type='b'/>", 2), ("", 0)
  ])
  func `interfaces are counted`(xml: String, count: Int) {
    var spec = OperatorFixture.spec("w")
    spec.xml = xml
    #expect(spec.interfaces == count)
  }

  @Test func `a link's name fits the kernel, and tells cluster, workload and number`() {
    var names: Set<String> = []
    for cluster in ["a", "b"] {
      for workload in ["w", "w1", String(repeating: "x", count: 63)] {
        for index in [0, 1, 9, 10, 99] {
          let name = Interfaces.linkName(cluster: cluster, workload: WorkloadName(workload), index: index)
          #expect(name.utf8.count <= 15)
          #expect(name.hasPrefix("hf"))
          #expect(name == Interfaces.linkName(cluster: cluster, workload: WorkloadName(workload), index: index))
          names.insert(name)
        }
      }
    }
    #expect(names.count == 30)
  }
}

@Suite struct SeededGeneratorTests {
  @Test func `a seed replays, as published for SplitMix64`() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(
      (0..<3).map { _ in generator.next() } == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
    )
  }
}
