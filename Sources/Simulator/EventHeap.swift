/// What is going to happen, by moment and, for one moment, in the order in which it was planned.
struct EventHeap {
  struct Entry {
    var at: Moment
    var sequence: UInt64
    var body: () -> Void

    func comesBefore(_ other: Entry) -> Bool { at == other.at ? sequence < other.sequence : at < other.at }
  }

  private var entries: [Entry] = []
  private var sequence: UInt64 = 0

  var next: Moment? { entries.first?.at }

  mutating func plan(at moment: Moment, _ body: @escaping () -> Void) {
    sequence += 1
    entries.append(Entry(at: moment, sequence: sequence, body: body))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].comesBefore(entries[parent]) else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  mutating func take() -> Entry? {
    guard !entries.isEmpty else { return nil }
    entries.swapAt(0, entries.count - 1)
    let taken = entries.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && entries[child].comesBefore(entries[least]) {
        least = child
      }
      guard least != parent else { return taken }
      entries.swapAt(parent, least)
      parent = least
    }
  }

  mutating func removeAll() { entries.removeAll() }
}
