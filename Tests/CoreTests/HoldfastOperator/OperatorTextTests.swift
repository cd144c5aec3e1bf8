import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator's names and texts` {
  @Test(arguments: [
    ("web1", "web1", true), ("web*", "web1", true), ("web*", "web", true), ("*", "", true), ("*b*1", "web01", true),
    ("w?b1", "web1", true), ("w?b1", "wb1", false), ("web*", "aweb", false), ("*web", "web1", false), ("**", "x", true),
    ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("[w]eb", "web", false), ("", "", true), ("", "x", false)
  ]) func `globs`(_ pattern: String, _ text: String, _ matches: Bool) {
    #expect(Glob(pattern).matches(text) == matches)
  }

  @Test func `a glob takes time in proportion, whatever was typed`() {
    let pattern = Glob(String(repeating: "a*", count: 40) + "b"), text = String(repeating: "a", count: 2000)
    let took = ContinuousClock().measure { #expect(!pattern.matches(text)) }
    #expect(took < .seconds(2))
  }

  @Test(
    arguments: [
      ("wbe1", "web1"), ("Web1", "web1"), ("web", "web1"), ("holdfsat", "holdfast"), ("zzz", nil), ("", nil)
    ] as [(String, String?)]) func `nearest spelling`(_ word: String, _ expected: String?)
  {
    #expect(nearestSpelling(to: word, among: ["web1", "holdfast", "postgres"]) == expected)
  }

  /// The expected values were made by Python's uuid.uuid5 with the same name space.
  @Test func `a derived UUID is RFC 9562's version 5`() {
    #expect(NameUUID.derived(cluster: "prod", workload: "web1") == "7682fb7b-a106-5188-91a3-f7913c566ba0")
    let long = WorkloadName(String(repeating: "a", count: 63))
    #expect(NameUUID.derived(cluster: "lab", workload: long) == "76e1b659-476c-5899-b3f3-9106269e5468")
  }

  @Test func `UUIDs in their usual form`() {
    for text in ["7682FB7B-A106-5188-91A3-F7913C566BA0", "7682fb7ba106518891a3f7913c566ba0"] {
      #expect(NameUUID.normalized(text) == "7682fb7b-a106-5188-91a3-f7913c566ba0")
    }
    for text in [
      "", "7682fb7b-a106-5188-91a3-f7913c566bag", "7682fb7b-a106-5188-91a3-f7913c566ba"
    ] {
      #expect(NameUUID.normalized(text) == nil)
    }
  }
}
