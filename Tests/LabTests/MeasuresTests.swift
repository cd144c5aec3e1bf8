import Lab
import Testing

/// What is read of a process's threads. Needs no lab.
struct MeasuresTests {
  /// As the kernel writes both files, much shortened.
  private static func thread(_ milliseconds: String, _ wakeUps: Int) -> String {
    """
    Name:\tholdfast-guard
    Threads:\t2
    voluntary_ctxt_switches:\t\(wakeUps)
    nonvoluntary_ctxt_switches:\t17
    holdfast-guard (4711, #threads: 2)
    -------------------------------------------------------------------
    se.exec_start                                :      13991944.088441
    se.sum_exec_runtime                          :      \(milliseconds)
    nr_switches                                  :                  900

    """
  }

  @Test func `all threads together`() throws {
    let spent = try #require(LabCluster.Spent(Self.thread("1250.500000", 40) + Self.thread("0.250000", 2)))
    #expect(spent.wakeUps == 42)
    #expect(abs(spent.cpuSeconds - 1.25075) < 1e-9)
  }

  @Test(arguments: ["", "cat: /proc/7/task/7/status: No such file or directory", "voluntary_ctxt_switches:\t3\n"])
  func `files that do not say it`(text: String) { #expect(LabCluster.Spent(text) == nil) }
}
