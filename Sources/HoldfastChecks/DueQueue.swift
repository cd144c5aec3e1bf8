import HoldfastTime

/// Which slots are due, and when: a heap in which every slot stands once at most, so that it never holds more than there are.
struct DueQueue: Sendable {
  private struct Entry: Sendable {
    var at: BootInstant
    var slot: Int

    func comesBefore(_ other: Entry) -> Bool { at == other.at ? slot < other.slot : at < other.at }
  }
  private var heap: [Entry] = []
  /// By slot: where it stands in the heap; -1: nowhere.
  private var places: [Int] = []

  /// The first that is due; nil: none is ever.
  var next: BootInstant? { heap.first?.at }
  var count: Int { heap.count }

  /// The slot is due then, and not when it was due before.
  mutating func set(_ slot: Int, at instant: BootInstant) {
    while places.count <= slot { places.append(-1) }
    let entry = Entry(at: instant, slot: slot)
    guard places[slot] >= 0 else {
      heap.append(entry)
      return rise(heap.count - 1)
    }
    let place = places[slot]
    heap[place] = entry
    settle(place)
  }

  mutating func remove(_ slot: Int) {
    guard slot < places.count, places[slot] >= 0 else { return }
    let place = places[slot]
    places[slot] = -1
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    settle(place)
  }

  /// The first slot that is due by then, which is due no more; nil: none is.
  mutating func take(by now: BootInstant) -> Int? {
    guard let first = heap.first, first.at <= now else { return nil }
    remove(first.slot)
    return first.slot
  }

  private mutating func settle(_ place: Int) {
    let entry = heap[place]
    rise(place)
    if heap[place].slot == entry.slot { sink(place) }
  }

  private mutating func rise(_ start: Int) {
    var place = start
    let entry = heap[place]
    while place > 0, entry.comesBefore(heap[(place - 1) / 2]) {
      put(heap[(place - 1) / 2], in: place)
      place = (place - 1) / 2
    }
    put(entry, in: place)
  }

  private mutating func sink(_ start: Int) {
    var place = start
    let entry = heap[place]
    while 2 * place + 1 < heap.count {
      var child = 2 * place + 1
      if child + 1 < heap.count, heap[child + 1].comesBefore(heap[child]) { child += 1 }
      guard heap[child].comesBefore(entry) else { break }
      put(heap[child], in: place)
      place = child
    }
    put(entry, in: place)
  }

  private mutating func put(_ entry: Entry, in place: Int) {
    heap[place] = entry
    places[entry.slot] = place
  }
}
