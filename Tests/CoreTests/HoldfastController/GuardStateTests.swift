import HoldfastController
import HoldfastTime
import Testing

/// What may follow what, of the states that the guard's link is made of.
@Suite struct GuardStateTests {
  private static let soon = BootInstant.zero + .seconds(1), later = BootInstant.zero + .seconds(2)

  @Test(arguments: [
    // Everything frozen is decided about, the claims are validated, and only then is the guard told.
    (Thaw.settling(asked: nil), Thaw.validating(asked: nil), true), (.validating(asked: nil), .resuming(goingOn: 2), true),
    (.settling(asked: nil), .resuming(goingOn: 2), false), (.resuming(goingOn: 2), .validating(asked: 2), false),
    (.resuming(goingOn: 2), .resuming(goingOn: 3), false),
    // A refusal may be of another command: the thaw may come still.
    (.resuming(goingOn: 2), .settling(asked: 2), true), (.resuming(goingOn: 2), .settling(asked: nil), false),
    (.settling(asked: 2), .validating(asked: 2), true), (.settling(asked: 2), .validating(asked: nil), false),
    (.validating(asked: 2), .settling(asked: 2), true), (.settling(asked: nil), .settling(asked: 2), false),
    // A wait for claims begins and ends; it is not put off, and it does not outlast what it is a part of.
    (.settling(asked: 2), .settling(asked: 2, awaited: soon), true),
    (.settling(asked: 2, awaited: soon), .settling(asked: 2), true),
    (.settling(asked: 2, awaited: soon), .settling(asked: 2, awaited: later), false),
    (.settling(asked: nil, awaited: soon), .validating(asked: nil), true),
    (.validating(asked: nil), .settling(asked: nil, awaited: soon), false),
    (.resuming(goingOn: 2), .settling(asked: 2, awaited: soon), false)
  ])
  func `nothing is thawed that was not validated`(from: Thaw, to: Thaw, isLegal: Bool) {
    #expect(from.mayBecome(to) == isLegal)
    #expect(from.mayBecome(from), "what is known besides may change meanwhile")
  }

  @Test(arguments: [
    (Shortening.none, Shortening.asked(soon), true), (.asked(soon), .answered(soon), true), (.answered(soon), .none, true),
    (.asked(soon), .none, true), (.none, .answered(soon), false), (.asked(soon), .answered(later), false),
    (.asked(soon), .asked(later), false), (.answered(soon), .asked(soon), false)
  ])
  func `a shorter deadline is asked for, answered, and then believed`(from: Shortening, to: Shortening, isLegal: Bool) {
    #expect(from.mayBecome(to) == isLegal)
  }

  @Test(arguments: [
    (DirectFreeze.none, DirectFreeze.wanted(attempts: 0, next: soon), true),
    (.wanted(attempts: 1, next: soon), .confirmed(since: later), true), (.none, .confirmed(since: soon), false),
    (.confirmed(since: soon), .wanted(attempts: 0, next: later), true), (.confirmed(since: soon), .none, false),
    (.wanted(attempts: 1, next: soon), .none, false)
  ])
  func `a freeze without the guard lasts until one is back`(from: DirectFreeze, to: DirectFreeze, isLegal: Bool) {
    #expect(from.mayBecome(to) == isLegal)
  }
}
