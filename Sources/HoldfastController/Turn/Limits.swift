/// The controller's bounds and waits, each with its unit. What should follow the cluster's pace is scaled with the TTL, in `Timing`. What is here
/// follows another pace: libvirt's, the store's, or people's.
enum Limits {
  // Transactions. etcd takes 128 operations in one.

  /// Claims in one transaction: four conditions each at most, and one for the session.
  static let claimsAtOnce = 30
  /// Placements in one transaction: four conditions each with that for the node.
  static let placementsAtOnce = 30
  /// Intents that are restored in one transaction: four conditions each.
  static let intentsAtOnce = 20
  /// Conditions on claims when a thaw is validated. That the session stands is the proof; these make an error of ours show as a refusal.
  static let validatedClaims = 100
  /// Changes seen of an earlier session of this node: after more, it is another host that renews it, and no request that came late.
  static let lateRenewals = 3
  /// Earlier sessions of this node that the opening of one removes. The rest are declared expired by others.
  static let sessionsAtOnce = 30
  /// Adoptions in doubt that the end of a session takes as conditions.
  static let adoptionsInDoubt = 100

  // What one node does at a time.

  /// Starts under way: libvirt's own limit for one client is near.
  static let startsAtOnce = 4

  // Waits.

  /// The finest step in which the controller asks to be woken.
  static let finestAlarm: Duration = .milliseconds(1)
  /// Between attempts at a freeze without the guard, while they are few, and afterwards.
  static let directFreezePause: (first: Duration, later: Duration) = (.milliseconds(5), .milliseconds(100))
  /// Attempts at a freeze without the guard before people are told.
  static let directFreezeAttempts = 100
  /// After a call's end its effect may take so long to be seen before everything is observed anew. That is libvirt's pace, which no TTL changes: an event
  /// that has not come by then is lost, and asking sooner would have a busy libvirt looked through for nothing. No deadline depends on it: the guard's
  /// covers the domain meanwhile.
  static let settling: Duration = .seconds(1)
  /// The pause after an operation on a domain failed. It keeps this node from asking libvirt in a circle for what has just been refused; whatever is in the way
  /// there, a lock or a disk, does not go faster with a shorter TTL. A failover waits for it only where a start has failed on its new node.
  static let afterFailure: Duration = .seconds(1)
  /// A workload that was claimed and not started is given up where libvirt does not answer for so long: longer than a restart of libvirtd takes.
  static let silentHypervisor: Duration = .seconds(10)
  /// The longest wait between attempts to resume a paused domain, in seconds: one for each that failed.
  static let longestResumePause = 10
  /// The pause after a failed write of a claim doubles with each in a row, so many times: up to eight times `Timing.retryPause`.
  static let writePauseDoublings = 3
  /// The longest for which a plan says that it stays as it is, in seconds: a day, as windows of the policies come once a day.
  static let longestPlan: Double = 86_400
  /// A workload that ran for so long has its earlier failures forgiven.
  static let ranWell: Duration = .seconds(60)
  /// A workload that ran for so long has it forgiven, too, that its checks failed on other nodes.
  static let ranWellForLong: Duration = .seconds(1800)
  /// Ends in a row that make the next start wait longer: 1 s doubled each time, up to this many.
  static let lengtheningEnds = 5
  /// The end in a row after which the next start waits for the first time.
  static let firstLengtheningEnd = 2
  /// A workload that fails its checks also after the restarts that its policy allows runs on for so long before it is restarted again: doubled each time, so
  /// often at most.
  static let unwellPause: Duration = .seconds(30)
  static let lengtheningUnwell = 5
  /// So many workloads, and most of those that are asked over the node's network: if they fail at once, it may be the network's fault. They are ended
  /// when they have failed for so long.
  static let unwellTogether = 4
  static let unwellTogetherPause: Duration = .seconds(300)
  /// Whether it is still so is looked at again after so long.
  static let unwellTogetherLook: Duration = .seconds(10)
  /// Those that are not seen well again when most are have the time that their own checks need for it, and so much more: answers that come later than
  /// that count for nothing (`HoldfastChecks`).
  static let unwellTogetherLateness: Duration = .seconds(2)
  /// Changes of a workload's health that are told at once within `healthNotePause`: that it fails, and that it is well again. What changes more
  /// often is counted, and told once in that time.
  static let healthNotesAtOnce = 2
  static let healthNotePause: Duration = .seconds(60)
  /// No more ends in a row are counted.
  static let countedEnds = 1000
  /// Attempts at a live migration before the workload is stopped and started instead.
  static let migrationAttempts = 2
  /// A start that libvirt took before it made a placeholder comes to its list of domains within so long, and is refused there: in between it reads the XML
  /// and no more. Only then may the placeholder go for what arrives by a migration, as that runs elsewhere meanwhile.
  static let lateStart: Duration = .seconds(3)
  /// A node that leaves waits for so long until a workload that is to be moved while it runs can be: until it is told how it is, and is marked.
  static let readiness: Duration = .seconds(30)
  /// What is paused for an I/O error, and resumed by its policy, is left alone for so long before each attempt.
  static let ioErrorPause: Duration = .seconds(10)
  /// Before a live migration is tried again where the workload is not to be stopped.
  static let migrationPause: Duration = .seconds(60)
  /// Before a live migration is tried again that libvirt refused as it works at the domain; times the attempts, up to so many.
  static let busyPause: Duration = .seconds(5)
  static let longestBusyPauses = 12
  /// Other nodes' wall clocks are compared with this node's over so long, and told when they are off by more than that.
  static let clockWindow: Duration = .seconds(30)
  static let clockTolerance: Duration = .seconds(10)
  /// The pause between two writes of the node's report. It bounds what reports cost the store, which is as fast at any TTL. Nothing that a failover waits
  /// for is in a report: sessions, claims and placements are written at once.
  static let reportPause: Duration = .seconds(1)
  /// Differences that a report tells of workloads from their definitions: so many differences of one, and so many in all.
  static let differencesOfOne = 8
  static let differencesTold = 400
  /// Workloads that a report tells of as they fail their checks, or as nobody knows.
  static let unwellTold = 200
  /// Workloads of which a report tells that they write to a file of their node alone.
  static let ownDisksTold = 1000
  /// A disarmed cluster's sessions when nobody said for how long: the store may be away for so long.
  static let disarmedTTL: Duration = .seconds(600)
  /// The longest that a record may say.
  static let longestDisarmedTTL: Duration = .seconds(86_400)
  /// Before somebody is asked again who has an address, where somebody else has: doubled each time, up to the second figure. And where nobody can tell, so often
  /// before the address is raised all the same: the claim is the proof, and a link without carrier is no reason to be without it when the carrier is back.
  static let addressTakenPause: (first: Duration, most: Duration) = (.seconds(5), .seconds(60))
  static let addressPause: Duration = .seconds(1)
  static let addressQuestions = 3
  /// The guard raises an address within milliseconds. One that it has not raised after so long is told of, and the guard is told again, and then so often.
  static let addressIsLate: Duration = .seconds(2)
  static let addressReminder: Duration = .seconds(5)
  /// A node on which a start failed is left out for so long, times the number of failures up to the second figure.
  static let cooling: (seconds: Int, most: Int) = (30, 20)
}
