import HoldfastController
import HoldfastModel

/// What is going to happen, by moment and, for one moment, in the order in which it was planned.
struct EventHeap {
  /// Something planned, perhaps on a host that may reboot or be paused before.
  struct Entry {
    /// The host's index; negative: nowhere in particular.
    var host: Int32
    /// The host's boot in which it was planned.
    var boot: Int32
    var deed: Deed
  }

  /// What happens; most of it without a closure, which would cost more than the rest.
  enum Deed {
    case body(() -> Void)
    /// News of the store reach a watch: half of all that happens.
    case news(Watcher, Revision)
    /// A request reaches the store, is carried out there, and its answer reaches the controller.
    case arrives(Request)
    case applies(Request)
    case returns(Request)
    case timesOut(ControllerProcess, TransactionID)
    /// A controller's alarm, if it was not set anew.
    case wakes(ControllerProcess, Int)

    func callAsFunction() {
      switch self {
      case .body(let body): body()
      case .news(let watcher, let revision): watcher.arrive(revision)
      case .arrives(let request): request.arrives()
      case .applies(let request): request.process.world.store.work(on: request)
      case .returns(let request): request.returns()
      case .timesOut(let process, let id): process.timedOut(id)
      case .wakes(let process, let alarm): process.wakes(alarm)
      }
    }
  }

  /// Without references, so that the heap moves plain words.
  private struct Key {
    var at: Int64
    /// When it was planned, and below that in which slot its entry is.
    var order: UInt64

    func comesBefore(_ other: Key) -> Bool { at == other.at ? order < other.order : at < other.at }
  }
  private static let slotBits: UInt64 = 24

  private var keys: [Key] = []
  private var slots: [Entry?] = []
  private var free: [Int] = []
  private var sequence: UInt64 = 0

  var next: Moment? { keys.first.map { Moment(nanoseconds: $0.at) } }

  mutating func plan(at moment: Moment, _ entry: Entry) {
    let slot: Int
    if let reused = free.popLast() {
      slots[reused] = entry
      slot = reused
    } else {
      slots.append(entry)
      slot = slots.count - 1
    }
    sequence += 1
    let key = Key(at: moment.nanoseconds, order: sequence << Self.slotBits | UInt64(slot))
    keys.append(key)
    keys.withUnsafeMutableBufferPointer { keys in
      var child = keys.count - 1
      while child > 0 {
        let parent = (child - 1) / 4
        guard key.comesBefore(keys[parent]) else { break }
        keys[child] = keys[parent]
        child = parent
      }
      keys[child] = key
    }
  }

  /// What comes first; nil when nothing is planned.
  mutating func take() -> (at: Moment, entry: Entry)? {
    guard let first = keys.first, let last = keys.popLast() else { return nil }
    if !keys.isEmpty { sink(last) }
    let slot = Int(first.order & (1 << Self.slotBits - 1))
    guard let entry = slots[slot].take() else { return nil }
    free.append(slot)
    return (Moment(nanoseconds: first.at), entry)
  }

  private mutating func sink(_ key: Key) {
    keys.withUnsafeMutableBufferPointer { keys in
      var parent = 0
      while true {
        let begin = 4 * parent + 1
        guard begin < keys.count else { break }
        var least = begin
        for child in begin + 1..<max(begin + 1, min(begin + 4, keys.count)) where keys[child].comesBefore(keys[least]) {
          least = child
        }
        guard keys[least].comesBefore(key) else { break }
        keys[parent] = keys[least]
        parent = least
      }
      keys[parent] = key
    }
  }

  mutating func removeAll() {
    keys.removeAll()
    slots.removeAll()
    free.removeAll()
  }
}
