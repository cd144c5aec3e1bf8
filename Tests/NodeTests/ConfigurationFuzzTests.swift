import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastYAML
import Testing

/// Changes texts as tired people, broken editors and attackers do. The same seed makes the same texts.
private struct Mutator {
  var random: SeededGenerator
  let texts: [[UInt8]]

  private static let tokens = [
    ":", ": ", "- ", "\n", "\n\n", "\t", " ", "  ", "#", "\"", "'", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a", "? ", "|\n",
    ">-\n", "!!int ",
    "!x ", "---\n", "...\n", "%YAML 9\n", "~", "null", "0", "-1", "1e999", "99999999999999999999", "\u{0}", "\u{7F}",
    "\u{FEFF}", "é", "\u{2028}",
    "<", ">", "</domain>", "<!DOCTYPE d>", "&amp;", "&x;", "]]>", "<![CDATA[", "<!--", "../", "/", "%", "GiB", "ms", "\\",
    "\\u0000", "@", "`"
  ].map { Array($0.utf8) }

  mutating func text() -> [UInt8] {
    var text = texts.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&text) }
    return text
  }

  private mutating func mutate(_ text: inout [UInt8]) {
    let place = Int.random(in: 0...text.count, using: &random)
    let end = min(text.count, place + Int.random(in: 1...12, using: &random))
    switch Int.random(in: 0..<9, using: &random) {
    case 0 where place < text.count: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < text.count: text[place] = UInt8.random(in: 0...255, using: &random)
    case 2: text.removeSubrange(place..<end)
    case 3: text.insert(contentsOf: Self.tokens.randomElement(using: &random) ?? [], at: place)
    case 4: text.replaceSubrange(place..<end, with: Self.tokens.randomElement(using: &random) ?? [])
    case 5: text.removeSubrange(place...)
    case 6:
      lines(&text) { lines, random in
        lines.insert(lines.randomElement(using: &random) ?? [], at: Int.random(in: 0...lines.count, using: &random))
      }
    case 7:
      lines(&text) { lines, random in
        lines.swapAt(Int.random(in: 0..<lines.count, using: &random), Int.random(in: 0..<lines.count, using: &random))
      }
    default:
      // A piece of another text: keys in places where they do not belong.
      let other = texts.randomElement(using: &random) ?? []
      let start = Int.random(in: 0...other.count, using: &random)
      text.insert(contentsOf: other[start..<min(other.count, start + 60)], at: place)
    }
  }

  private mutating func lines(_ text: inout [UInt8], _ change: (inout [[UInt8]], inout SeededGenerator) -> Void) {
    var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    change(&lines, &random)
    text = Array(lines.joined(separator: [0x0A]))
  }
}

@Suite struct `Files that nobody meant to write` {
  /// `HOLDFAST_FUZZ_SECONDS` asks for as many as can be done in that time, with a seed of their own.
  private static let seconds = ProcessInfo.processInfo.environment["HOLDFAST_FUZZ_SECONDS"].flatMap { Double($0) }

  /// Does 20,000 rounds, or as many as were asked for.
  ///
  /// - Parameter body: one round; true when the file could be used.
  private func rounds(of what: String, _ mutator: inout Mutator, _ body: (_ text: [UInt8], _ round: Int) throws -> Bool)
    rethrows
  {
    let seed = UInt64.random(in: 0 ... .max), end = ContinuousClock.now + .seconds(Self.seconds ?? 0)
    if Self.seconds != nil { mutator.random = SeededGenerator(seed: seed) }
    var round = 0, good = 0
    while Self.seconds == nil ? round < 20_000 : ContinuousClock.now < end {
      if try body(mutator.text(), round) { good += 1 }
      round += 1
    }
    // Both happen: the mutations neither spare everything nor destroy everything.
    #expect((round / 40...round * 39 / 40).contains(good), "\(good) of \(round) could be used")
    if Self.seconds != nil { print("\(round) \(what) from seed \(seed), \(good) of them could be used") }
  }

  private func check(_ errors: FileErrors, of file: String, _ text: [UInt8], round: Int) {
    let lines =
      String(decoding: text, as: UTF8.self).unicodeScalars.count { "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains($0) }
      + 1
    let isSound =
      errors.mistakes.contains { $0.severity == .error }
      && errors.mistakes.allSatisfy { mistake in
        guard let place = mistake.position else { return false }
        return place.line >= 1 && place.column >= 1 && (mistake.file != file || place.line <= lines)
      }
    #expect(isSound, "round \(round): \(errors)")
    // What a person would see is made for every one of them too.
    #expect(!errors.description.isEmpty)
  }

  @Test(.timeLimit(.minutes(60))) func `are refused with a place, 20,000 configurations`() throws {
    let scratch = try ScratchDirectory.withCredentials()
    let texts = try [
      repositoryFile("Examples/holdfastd.yaml").replacing("/etc/holdfast/tls", with: scratch.path),
      repositoryFile("Examples/holdfastd-memory.yaml"),
      """
      cluster: lab
      node: "h1"
      labels: {rack: a, 'zone': &z b, "other": *z}
      store: {etcd: {endpoints: ["http://127.0.0.1:2379"], user: u, password-file: \(scratch.path)/password}}
      hypervisor: {connections: [lxc:///system, qemu:///system]}
      migration: {"qemu:///system": "qemu+tls://h1/system"}
      capacity: {memory: 1.5GiB, cpus: 0.5}
      timing: {ttl: 3s, margin: 100ms, drift: 1%, stop-budget: 50ms, start-budget: 100ms}
      guard: {socket: /run/g, partition: /p}
      api: {socket: /run/a, group: root}
      run-dir: /run/h
      on-stop: stay
      log: {level: trace}

      """
    ].map { Array($0.utf8) }
    var mutator = Mutator(random: SeededGenerator(seed: 7), texts: texts)
    rounds(of: "configurations", &mutator) { text, round in
      do throws(ConfigurationErrors) {
        let source = try SourceText(file: "c.yaml", bytes: text)
        let configuration = try NodeConfiguration.parse(source.text, file: "c.yaml", host: testHost)
        #expect(NodeName.isValid(configuration.cluster) && configuration.timing.contradiction == nil)
        return true
      } catch {
        check(error, of: "c.yaml", text, round: round)
        return false
      }
    }
  }

  @Test(.timeLimit(.minutes(60))) func `are refused with a place, 20,000 workload files`() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("web1.xml", try repositoryFile("Examples/web1.xml"))
    let texts = try [
      repositoryFile("Examples/workloads.yaml"),
      """
      workloads:
        - &w {name: a, xml-file: web1.xml, memory: 32, cpus: 0.1, labels: {t: w}, isolation: stop}
      ---
      workloads:
        - name: b
          connection: qemu:///system
          stop-timeout: 10s
          priority: -3
          xml: "<?xml version='1.0' encoding='UTF-8'?><domain type='qemu'>
            <uuid>0a0a0a0a-0000-0000-0000-00000000000a</uuid><memory>1</memory></domain>"
      """
    ].map { Array($0.utf8) }
    var mutator = Mutator(random: SeededGenerator(seed: 11), texts: texts)
    rounds(of: "workload files", &mutator) { text, round in
      do throws(WorkloadFileErrors) {
        let source = try SourceText(file: "w.yaml", bytes: text)
        let workloads = try WorkloadFile.parse(text: source.text, file: "w.yaml", directory: scratch.path)
        #expect(workloads.allSatisfy { WorkloadName.isValid($0.name) && $0.demand.memory > 0 && !$0.xml.isEmpty })
        return true
      } catch {
        check(error, of: "w.yaml", text, round: round)
        return false
      }
    }
  }
}
