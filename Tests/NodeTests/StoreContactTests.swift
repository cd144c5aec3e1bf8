import HoldfastController
import HoldfastModel
import HoldfastNode
import HoldfastTime
import Testing

@Suite struct `The store's silence` {
  private static let start = BootInstant(nanoseconds: 1_000_000_000_000)

  static let answers: [(Event, Bool)] = [
    (.store(.listed(ClusterListing(revision: Revision(7), entries: [:]))), true),
    (.transaction(TransactionID(1), .verdict(.committed(Revision(7)))), true),
    (.transaction(TransactionID(1), .verdict(.refused(Revision(7), current: [:]))), true),
    (.committed([], Revision(7)), true),
    (.transaction(TransactionID(1), .unknown(reason: "a time-out")), false),
    (.transaction(TransactionID(1), .notApplied(reason: "refused")), false),
    // What a watch has left to tell may be old.
    (.store(.changed([])), false), (.tick, false)
  ]

  @Test(arguments: answers.indices) func `ends with an answer to a question`(_ index: Int) {
    let (event, isAnswer) = Self.answers[index]
    var contact = StoreContact()
    #expect(contact.silence(renewed: nil, at: Self.start) == nil, "it has never answered")
    contact.take(event, at: Self.start)
    #expect(contact.silence(renewed: nil, at: Self.start + .seconds(4)) == (isAnswer ? .seconds(4) : nil))
  }

  @Test func `is that of the renewals, where a session was renewed`() {
    var contact = StoreContact()
    contact.answered(at: Self.start)
    let later = Self.start + .seconds(10)
    #expect(contact.silence(renewed: nil, at: later) == .seconds(10), "taken up, and not renewed yet")
    let renewed = Self.start + .seconds(2)
    contact.answered(at: later)
    #expect(contact.silence(renewed: renewed, at: later) == .seconds(8), "other answers keep no workload running")
    #expect(contact.silence(renewed: nil, at: later + .seconds(1)) == .seconds(1))
  }
}
