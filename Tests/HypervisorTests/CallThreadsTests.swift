import Foundation
import LibvirtHypervisor
import Synchronization
import Testing

/// Blocking calls with a time limit.
@Suite struct CallThreadsTests {
  /// A call that blocks until it is let go.
  private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func wait() { semaphore.wait() }
    func open(_ times: Int = 1) { for _ in 0..<times { semaphore.signal() } }
  }

  /// What a call came to, in a word.
  private func outcome<Value: Sendable>(
    of threads: CallThreads, limit: Duration?, late: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable () throws(LibvirtError) -> Value
  ) async -> String {
    do throws(CallFailure) {
      return "\(try await threads.run(limit: limit, late: late, body))"
    } catch {
      switch error {
      case .notBegun: return "not begun"
      case .timedOut: return "timed out"
      case .abandoned(let reason): return reason
      case .libvirt(let error): return error.message
      }
    }
  }

  @Test func `results and errors are handed over`() async {
    let threads = CallThreads(name: "t", atOnce: 2, hangingAtMost: 2)
    #expect(await outcome(of: threads, limit: .seconds(5)) { 42 } == "42")
    let failure = await outcome(of: threads, limit: nil) { () throws(LibvirtError) -> Int in
      throw LibvirtError(code: 1, source: 0, message: "no")
    }
    #expect(failure == "no")
    threads.close()
    #expect(await outcome(of: threads, limit: nil) { 42 } == "not begun")
  }

  @Test func `a call that hangs costs its caller no more than the limit, and the others nothing`() async {
    let threads = CallThreads(name: "t", atOnce: 1, hangingAtMost: 4)
    let gate = Gate()
    let (returned, late) = AsyncStream.makeStream(of: Void.self)
    #expect(await outcome(of: threads, limit: .milliseconds(50), late: { late.yield() }) { gate.wait() } == "timed out")
    #expect(await outcome(of: threads, limit: .seconds(5)) { 1 } == "1")
    gate.open()
    for await _ in returned { break }
    threads.close()
  }

  @Test func `a call that nobody had time for was certainly not begun`() async {
    let threads = CallThreads(name: "t", atOnce: 1, hangingAtMost: 4)
    let gate = Gate()
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    async let first = outcome(of: threads, limit: nil) {
      begin.yield()
      gate.wait()
    }
    for await _ in begun { break }
    let ran = Mutex(false)
    let second = await outcome(of: threads, limit: .milliseconds(50)) { ran.withLock { $0 = true } }
    #expect(second == "not begun")
    gate.open()
    _ = await first
    #expect(await outcome(of: threads, limit: nil) { 1 } == "1")
    #expect(!ran.withLock { $0 })
    threads.close()
  }

  @Test func `where waiting is not limited, one that hangs costs those behind it nothing but time`() async throws {
    let threads = CallThreads(name: "t", atOnce: 1, hangingAtMost: 4, limitsWaiting: false)
    let gate = Gate()
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    async let hung = outcome(of: threads, limit: .milliseconds(300)) {
      begin.yield()
      gate.wait()
    }
    for await _ in begun { break }
    // A limit that is over before the other's.
    #expect(await outcome(of: threads, limit: .milliseconds(50)) { 1 } == "1")
    #expect(await hung == "timed out")
    gate.open()
    threads.close()
  }

  /// As a connection has them: eight calls that hang, and others beside them.
  @Test func `what hangs on some threads costs those of another kind nothing`() async {
    let calls = CallThreads(name: "calls", atOnce: 4, hangingAtMost: 8)
    let others = ["looks", "destroy"].map { CallThreads(name: $0, atOnce: 4, hangingAtMost: 8, limitsWaiting: false) }
    let gate = Gate()
    for _ in 1...8 { #expect(await outcome(of: calls, limit: .milliseconds(20)) { gate.wait() } == "timed out") }
    #expect(await outcome(of: calls, limit: .seconds(5)) { 1 } == "not begun")
    for threads in others {
      for number in 1...8 { #expect(await outcome(of: threads, limit: .seconds(5)) { number } == "\(number)") }
    }
    gate.open(8)
    for threads in others + [calls] { threads.close() }
  }

  @Test func `nobody waits any more when all is given up`() async {
    let threads = CallThreads(name: "t", atOnce: 1, hangingAtMost: 4)
    let gate = Gate()
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    async let running = outcome(of: threads, limit: nil) {
      begin.yield()
      gate.wait()
    }
    for await _ in begun { break }
    threads.abandonAll(reason: "given up")
    #expect(await running == "given up")
    #expect(await outcome(of: threads, limit: .seconds(5)) { 1 } == "1")
    gate.open()
    threads.close()
  }

  @Test func `what hangs is bounded`() async {
    let threads = CallThreads(name: "t", atOnce: 2, hangingAtMost: 2)
    let gate = Gate()
    for _ in 1...2 { #expect(await outcome(of: threads, limit: .milliseconds(20)) { gate.wait() } == "timed out") }
    #expect(await outcome(of: threads, limit: .seconds(5)) { 1 } == "not begun")
    gate.open(2)
    // They return on their own threads: then there is room again.
    var last = "not begun"
    while last == "not begun" { last = await outcome(of: threads, limit: .seconds(5)) { 1 } }
    #expect(last == "1")
    threads.close()
  }
}
