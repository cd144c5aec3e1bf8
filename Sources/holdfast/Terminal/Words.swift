import Glibc
import HoldfastModel
import HoldfastOperator
import Housekeeping
import LinuxBasics

/// Numbers as people read them.
enum Words {
  /// MiB.
  static func memory(_ mebibytes: Int) -> String { InWords.memory(mebibytes) }

  /// `1.2 MiB`, `2.0 GiB`.
  static func bytes(_ count: Int64) -> String { StorePicture.bytes(count) }

  /// Both in the whole's unit: `3.5 of 16.0 GiB`.
  static func memory(_ mebibytes: Int, of whole: Int) -> String {
    whole < 1024
      ? "\(mebibytes) of \(whole) MiB"
      : "\(InWords.tenths(Double(mebibytes) / 1024)) of \(InWords.tenths(Double(whole) / 1024)) GiB"
  }

  /// Above a list that a node gives which has not read the store.
  ///
  /// - Parameter things: such as `nodes`.
  static func unread(_ terminal: Terminal, _ things: String) -> [String] {
    terminal.wrapped(
      "Other \(things) are not known: the store has not been read since holdfastd started here.", to: terminal.columns
    ).map { terminal.styled($0, .bad) }
  }

  static func cpus(_ count: Double) -> String { InWords.decimal(count) }

  /// About so long: `41 s`, `2 min`, `1 h 5 min`.
  static func about(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    if whole < 100 { return "\(whole) s" }
    let minutes = (whole + 30) / 60
    return minutes < 60 ? "\(minutes) min" : "\(minutes / 60) h\(minutes % 60 == 0 ? "" : " \(minutes % 60) min")"
  }

  /// Memory in MiB and processors: `4.0 GiB, 2 cpus`.
  static func demand(_ memory: Int, _ cpus: Double) -> String {
    "\(self.memory(memory)), \(InWords.cpus(cpus))"
  }

  /// A share as `43 %`.
  static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

  /// With two decimals.
  static func hundredths(_ value: Double) -> String {
    let scaled = Int((value * 100).rounded())
    return "\(scaled / 100).\(scaled % 100 < 10 ? "0" : "")\(scaled % 100)"
  }

  /// An amount of a resource: memory in MiB.
  static func amount(_ value: Double, of resource: String) -> String {
    switch resource {
    case "memory": memory(Int(value))
    default: cpus(value)
    }
  }

  static func count(_ number: Int, _ thing: String) -> String { "\(number) \(thing)\(number == 1 ? "" : "s")" }

  /// This host's local time: `04:12:07`, with the date in front when it is not `today`'s.
  static func clock(_ milliseconds: Int64, today: Int64) -> String {
    let (then, now) = (local(milliseconds), local(today))
    let isToday = then.tm_year == now.tm_year && then.tm_yday == now.tm_yday
    return isToday ? format(then, "%H:%M:%S") : format(then, "%b %d %H:%M:%S")
  }

  /// `5 times in the last 10 minutes without being told to, last at 04:12:07`; nil: it did not.
  static func ends(of workload: WorkloadInfo) -> String? {
    guard let count = workload.recentEnds, let last = workload.lastEnd else { return nil }
    let times = count == 1 ? "once" : "\(count) times"
    return
      "\(times) in the last \(ClusterStatus.recentPeriod / 60_000) minutes without being told to, last at \(clock(last.milliseconds, today: now()))"
  }

  static func zone(_ milliseconds: Int64) -> String { format(local(milliseconds), "%Z") }

  private static func local(_ milliseconds: Int64) -> tm {
    var seconds = time_t(milliseconds / 1000)
    var fields = tm()
    localtime_r(&seconds, &fields)
    return fields
  }

  private static func format(_ fields: tm, _ pattern: String) -> String {
    var fields = fields
    var buffer = [CChar](repeating: 0, count: 64)
    let length = strftime(&buffer, buffer.count, pattern, &fields)
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func now() -> Int64 { WallClock.milliseconds }
}
