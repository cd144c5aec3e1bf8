import HoldfastModel
import HoldfastTime

/// What whoever makes the probes of node checks is asked for. It is answered once, by a `ProbeResult`, unless it is given up before.
public struct NodeProbeRequest: Hashable, Sendable {
  public var id: ProbeID
  public var check: CheckName
  public var probe: NodeProbe
  /// As of a `ProbeRequest`.
  public var timeout: Duration

  public init(id: ProbeID, check: CheckName, probe: NodeProbe, timeout: Duration) {
    self.id = id
    self.check = check
    self.probe = probe
    self.timeout = timeout
  }
}

/// The checks of one node as a state machine: `(event, now) → actions`. It says when which probe is to be made, counts the answers as those of
/// workloads' checks are counted, and tells nothing but changes. No I/O, no clock, no tasks.
public struct NodeCheckMachine: Sendable {
  public enum Event: Hashable, Sendable {
    /// A wake-up that was asked for, or just time passing.
    case tick
    /// These are made from now on, in place of those before; what is the same as before goes on as it is.
    case check([NodeCheck])
    case answered(ProbeResult)
  }

  public enum Action: Hashable, Sendable {
    case probe(NodeProbeRequest)
    /// Nobody waits for the answer any more.
    case giveUp(ProbeID)
    /// The checks as they are now, in their order: one of them is another than it was, or they are others.
    case tell([NodeCheckState])
    /// Send `tick` at this instant. A later one replaces it only by the next action of this kind.
    case wake(BootInstant)
  }

  private struct Slot: Sendable {
    var course: CheckCourse<NodeCheck>
    /// Numbers the slots of one life: a place is used again.
    var number: Int
  }

  /// In the order of the checks.
  private var slots: [Slot] = []
  private var lastNumber = 0
  private var lastSerial: UInt64 = 0
  private var told: [NodeCheckState]?
  private var alarm: BootInstant?
  private var actions: [Action] = []
  /// The first transition of a check that is none of the listed ones; nil: there was none.
  public private(set) var breach: String?

  public init() {}

  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    switch event {
    case .tick: alarm = nil
    case .check(let checks): check(checks, now: now)
    case .answered(let result): answered(result, now: now)
    }
    // A node has a few dozen checks at most.
    for index in slots.indices {
      if let due = slots[index].course.due, due <= now { act(on: index, now: now) }
    }
    tell()
    if let next = slots.compactMap({ $0.course.due }).min(), next != alarm {
      alarm = next
      actions.append(.wake(next))
    }
    defer { actions.removeAll(keepingCapacity: true) }
    return actions
  }

  private mutating func check(_ checks: [NodeCheck], now: BootInstant) {
    var kept = slots
    slots = checks.map { check in
      if let index = kept.firstIndex(where: { $0.course.check == check }) { return kept.remove(at: index) }
      lastNumber += 1
      return Slot(course: CheckCourse(check, first: Self.first(of: check, after: now), now: now), number: lastNumber)
    }
    for slot in kept {
      if let id = slot.course.underWay { actions.append(.giveUp(id)) }
      keep(slot.course.breach)
    }
  }

  private mutating func answered(_ result: ProbeResult, now: BootInstant) {
    guard let index = slots.firstIndex(where: { $0.number == result.id.slot }) else { return }
    _ = slots[index].course.answered(result.id, result.answer, at: now)
  }

  /// A probe is to begin, or its answer has not come.
  private mutating func act(on index: Int, now: BootInstant) {
    if let late = slots[index].course.underWay {
      actions.append(.giveUp(late))
      return answered(ProbeResult(late, .cannotTell(reason: "the probe did not end")), now: now)
    }
    lastSerial += 1
    let id = ProbeID(slot: slots[index].number, serial: lastSerial), check = slots[index].course.check
    slots[index].course.asks(id, at: now)
    actions.append(.probe(NodeProbeRequest(id: id, check: check.name, probe: check.probe, timeout: check.timeout)))
  }

  /// Soon, and for each check at another time.
  private static func first(of check: NodeCheck, after now: BootInstant) -> BootInstant {
    let span = UInt64(clamping: min(check.interval, CheckLimits.firstWithin).wholeNanoseconds)
    let mixed = check.name.code &* 0xD6E8_FEB8_6659_FD93
    return now + Duration(wholeNanoseconds: Int64((mixed >> 16) % max(1, span)))
  }

  private mutating func tell() {
    for slot in slots { keep(slot.course.breach) }
    let states = slots.map { NodeCheckState($0.course.check.name, $0.course.health) }
    guard states != told ?? [] else { return }
    told = states
    actions.append(.tell(states))
  }

  private mutating func keep(_ found: String?) { if breach == nil { breach = found } }
}
