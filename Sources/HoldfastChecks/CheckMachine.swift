import HoldfastModel
import HoldfastTime

/// The checks of one node's workloads as a state machine: `(event, now) → actions`. It says when which probe is to be made, counts the answers,
/// and tells nothing but changes of health. No I/O, no clock, no tasks.
///
/// Probes are spread over their intervals, one of a check at a time. What an answer costs does not hang on how many checks there are, but for the
/// logarithm.
public struct CheckMachine: Sendable {
  public enum Event: Hashable, Sendable {
    /// A wake-up that was asked for, or just time passing.
    case tick
    /// A run is to be looked at from now on, or what was said of it has changed.
    case check(CheckSubject)
    /// Nothing of the workload is to be looked at any more.
    case end(WorkloadName)
    case answered(ProbeResult)
  }

  public enum Action: Hashable, Sendable {
    case probe(ProbeRequest)
    /// Nobody waits for the answer any more.
    case giveUp(ProbeID)
    /// The health of a run is another than it was. A run begins as `starting`, which is not told.
    case tell(WorkloadName, run: Int, WorkloadHealth)
    /// Send `tick` at this instant. A later one replaces it only by the next action of this kind.
    case wake(BootInstant)
  }

  private struct Slot: Sendable {
    var workload: WorkloadName
    var course: CheckCourse<HealthCheck>
  }

  private struct Patient: Sendable {
    var subject: CheckSubject
    /// Of its checks, in their order.
    var slots: [Int]
    var told: WorkloadHealth
  }

  private var patients: [WorkloadName: Patient] = [:]
  private var slots: [Slot?] = []
  private var free: [Int] = []
  private var queue = DueQueue()
  private var lastSerial: UInt64 = 0
  private var alarm: BootInstant?
  private var actions: [Action] = []
  /// The first transition of a check that is none of the listed ones; nil: there was none.
  public private(set) var breach: String?

  public init() {}

  /// How many checks are followed.
  public var count: Int { slots.count - free.count }

  /// What is known of the workload's run; nil: it is not looked at.
  public func health(of workload: WorkloadName) -> WorkloadHealth? { patients[workload]?.told }

  // MARK: events

  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    switch event {
    // One that rang a moment early must not have been the last.
    case .tick: alarm = nil
    case .check(let subject): check(subject, now: now)
    case .end(let workload): end(workload)
    case .answered(let result): answered(result, now: now)
    }
    while let slot = queue.take(by: now) { act(on: slot, now: now) }
    if let next = queue.next, next != alarm {
      alarm = next
      actions.append(.wake(next))
    }
    defer { actions.removeAll(keepingCapacity: true) }
    return actions
  }

  private mutating func answered(_ result: ProbeResult, now: BootInstant) {
    let slot = result.id.slot
    guard slots.indices.contains(slot), slots[slot] != nil else { return }
    let hasChanged = slots[slot]?.course.answered(result.id, result.answer, at: now) ?? false
    plan(slot)
    if hasChanged, let workload = slots[slot]?.workload { tell(workload) }
  }

  /// A probe is to begin, or its answer has not come.
  private mutating func act(on slot: Int, now: BootInstant) {
    guard let entry = slots[slot], let patient = patients[entry.workload] else { return }
    if let late = entry.course.underWay {
      actions.append(.giveUp(late))
      return answered(ProbeResult(late, .cannotTell(reason: "the probe did not end")), now: now)
    }
    lastSerial += 1
    let id = ProbeID(slot: slot, serial: lastSerial), check = entry.course.check
    slots[slot]?.course.asks(id, at: now)
    plan(slot)
    actions.append(
      .probe(
        ProbeRequest(
          id: id, workload: entry.workload, check: check.name, place: patient.subject.place, probe: check.probe,
          timeout: check.timeout)))
  }

  // MARK: who is looked at

  private mutating func check(_ subject: CheckSubject, now: BootInstant) {
    let workload = subject.workload
    if let known = patients[workload], known.subject.run != subject.run { end(workload) }
    let known = patients[workload]
    var kept = known?.slots ?? [], slots: [Int] = []
    for check in subject.checks {
      if let index = kept.firstIndex(where: { self.slots[$0]?.course.check == check }) {
        slots.append(kept.remove(at: index))
      } else {
        slots.append(begin(check, of: workload, now: now))
      }
    }
    for slot in kept { drop(slot) }
    patients[workload] = Patient(subject: subject, slots: slots, told: known?.told ?? WorkloadHealth(.starting))
    for slot in slots {
      if subject.isOnHold { hold(slot) } else { goOn(slot, now: now) }
    }
    tell(workload)
  }

  private mutating func begin(_ check: HealthCheck, of workload: WorkloadName, now: BootInstant) -> Int {
    let course = CheckCourse(check, first: Self.first(of: check, of: workload, after: now), now: now)
    let slot: Int
    if let reused = free.popLast() {
      slots[reused] = Slot(workload: workload, course: course)
      slot = reused
    } else {
      slots.append(Slot(workload: workload, course: course))
      slot = slots.count - 1
    }
    plan(slot)
    return slot
  }

  private mutating func hold(_ slot: Int) {
    if let id = slots[slot]?.course.underWay { actions.append(.giveUp(id)) }
    _ = slots[slot]?.course.hold()
    plan(slot)
  }

  private mutating func goOn(_ slot: Int, now: BootInstant) {
    guard let entry = slots[slot] else { return }
    slots[slot]?.course.goOn(first: Self.first(of: entry.course.check, of: entry.workload, after: now), now: now)
    plan(slot)
  }

  private mutating func end(_ workload: WorkloadName) {
    guard let patient = patients.removeValue(forKey: workload) else { return }
    for slot in patient.slots { drop(slot) }
  }

  private mutating func drop(_ slot: Int) {
    if let id = slots[slot]?.course.underWay { actions.append(.giveUp(id)) }
    keep(slots[slot]?.course.breach)
    slots[slot] = nil
    free.append(slot)
    queue.remove(slot)
  }

  // MARK: the rest

  /// When the first probe begins: soon, and for each check at another time, so that those that begin together do not stay together.
  private static func first(of check: HealthCheck, of workload: WorkloadName, after now: BootInstant) -> BootInstant {
    let span = UInt64(clamping: min(check.interval, CheckLimits.firstWithin).wholeNanoseconds)
    let mixed = (workload.code ^ check.name.code &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return now + Duration(wholeNanoseconds: Int64((mixed >> 16) % max(1, span)))
  }

  private mutating func plan(_ slot: Int) {
    guard let due = slots[slot]?.course.due else { return queue.remove(slot) }
    let grain = CheckLimits.grain.wholeNanoseconds
    queue.set(slot, at: BootInstant(nanoseconds: (due.nanoseconds + grain - 1) / grain * grain))
  }

  private mutating func tell(_ workload: WorkloadName) {
    guard let patient = patients[workload] else { return }
    let courses = patient.slots.compactMap { slots[$0]?.course }
    for course in courses { keep(course.breach) }
    let health = WorkloadHealth(courses.map { ($0.check, $0.health) })
    guard health != patient.told else { return }
    patients[workload]?.told = health
    actions.append(.tell(workload, run: patient.subject.run, health))
  }

  private mutating func keep(_ found: String?) { if breach == nil { breach = found } }
}
