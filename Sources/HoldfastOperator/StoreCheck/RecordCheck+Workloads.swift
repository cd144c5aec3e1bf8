import HoldfastModel

/// Whether anybody may execute a workload, as far as its claim says.
enum RecordHold {
  /// The claim cannot be read: nobody can say.
  case unreadable
  /// There never was a claim, or none since the workload left protection: a domain of it may run outside, or be coming back.
  case never
  /// The claim was given up after the domain was seen gone.
  case released
  /// By a node whose session stands, or cannot be read.
  case held(NodeName)
  /// The holder's session is gone: what it had is frozen there, or gone, or the node is down.
  case lapsed(NodeName)
}

/// The records of workloads.
extension RecordCheck {
  func hold(of name: WorkloadName) -> RecordHold {
    if view.unreadable[.claim(name)] != nil { return .unreadable }
    guard let claim = view.claims[name]?.value else { return .never }
    guard let holder = claim.holder else { return claim.releasedTo == nil ? .released : .never }
    return view.isHeld(claim) ? .held(holder.node) : .lapsed(holder.node)
  }

  // MARK: unreadable

  func unreadableWorkloadRecord(_ key: RecordKey) -> (effect: String, remedy: RecordFinding.Remedy)? {
    switch key {
    // With the definition goes the rest: `missingDefinition`.
    case .intent(let name) where !isThere(.spec(name)), .placement(let name) where !isThere(.spec(name)): nil
    case .spec(let name):
      (
        "\(name) is left as it is: it is not started, moved, stopped or failed over, and the guard may have let go of it",
        specRemedy(name)
      )
    case .intent(let name):
      ("\(name) is left as it is: it is not started, moved, stopped or failed over", intentRemedy(name))
    case .placement(let name):
      ("\(name) is left as it is: it is not started, moved, stopped or failed over", placementRemedy(name))
    case .claim(let name):
      (
        "Nobody can say who may execute \(name): it is left as it is, not started, moved, stopped or failed over",
        .byHand(claimSteps(name) + [Self.again])
      )
    case .released(let name):
      (
        "`holdfast release --undo \(name)` cannot bring \(name) back. Nothing else depends on it",
        .repair(RecordRepair("what was kept of the released \(name) is deleted", deletion(of: [key])))
      )
    default: nil
    }
  }

  private static let again = "`holdfast store repair` repairs what is left."

  /// More claims than a workload has in its life.
  private static let manyClaims: Int64 = 1_000_000

  /// Above all epochs that ever were: each is a revision of its own, but for those that an adopted domain brought along from a store that is gone.
  private var highEpoch: Epoch {
    let known = view.claims.values.map(\.value.epoch.value).max() ?? 0
    return Epoch(max(listing.revision.value, known) + Self.manyClaims)
  }

  /// How a claim that stands in the way is written anew by a person, who has seen that nobody executes the workload.
  func claimSteps(_ name: WorkloadName) -> [String] {
    let uri = Self.quoted(view.identity(of: name)?.connection ?? "URI"), domain = Self.quoted(name.text)
    let record = ClaimRecord(epoch: highEpoch, holder: nil)
    let bytes = (try? codec.encode(.claim(record))) ?? []
    let value = String(decoding: bytes, as: UTF8.self)
    return [
      "Look on every node, with `virsh -c \(uri) list --all`, whether \(name) is there. Where it is anything but shut off, shut it down: `virsh -c \(uri) shutdown \(domain)` (or `destroy`). Switch off a node that does not answer, or on which it does not end. Look once more a minute later: a start may have been under way. While a copy of it executes anywhere, do not continue: it would run twice.",
      Self.preparation,
      "`etcdctl put \(Self.quoted(codec.key(.claim(name)))) '\(value)'` says that nobody executes it, with an epoch above all before."
    ]
  }

  /// A definition that cannot be read is given up only where nobody executes the workload.
  private func specRemedy(_ name: WorkloadName) -> RecordFinding.Remedy {
    let anew = "`holdfast apply -f FILE` defines it anew"
    switch hold(of: name) {
    case .released, .never:
      let keys: [RecordKey] = [.spec(name), .intent(name), .placement(name)]
      return .repair(
        RecordRepair(
          "\(name) is forgotten, but for its claim: nobody executes it under protection. Then \(anew), or `holdfast adopt` where it runs",
          deletion(of: keys, besides: [.claim(name)])))
    case .held(let node), .lapsed(let node):
      return .byHand(
        [keepDefinition(name, on: node)] + claimSteps(name)
          + ["`holdfast store repair` then forgets the damaged definition, and \(anew)."])
    case .unreadable: return .byHand(["Its claim comes first.", "`holdfast store repair` then forgets the damaged definition."])
    }
  }

  private func keepDefinition(_ name: WorkloadName, on node: NodeName) -> String {
    let uri = Self.quoted(view.identity(of: name)?.connection ?? "URI"), domain = Self.quoted(name.text)
    return
      "On \(node), `virsh -c \(uri) dumpxml --security-info \(domain) > \(domain).xml` keeps its definition if it runs there; `holdfast export` files have it, too."
  }

  /// What is wanted becomes what is so.
  private func intentRemedy(_ name: WorkloadName) -> RecordFinding.Remedy {
    func put(_ desired: IntentRecord.Desired, _ text: String) -> RecordFinding.Remedy {
      .repair(
        RecordRepair(
          text,
          replacement(
            of: .intent(name), by: .intent(IntentRecord(desired: desired)),
            besides: [.spec(name), .placement(name), .claim(name)])))
    }
    if view.unreadable[.spec(name)] != nil {
      return .byHand(["Its definition comes first; what is wanted of it goes with that."])
    }
    switch hold(of: name) {
    case .held(let node): return put(.running, "\(name) is to run, as it does on \(node)")
    case .lapsed(let node):
      return put(.running, "\(name) is to run, as it did on \(node): another node starts it, or it continues on \(node)")
    case .released: return put(.stopped, "\(name) is to stay down, as it is; `holdfast start \(name)` starts it")
    case .never where isThere(.placement(name)):
      return put(.stopped, "\(name) is to stay down, as it is; `holdfast start \(name)` starts it")
    // It may be a domain that runs and is just coming under protection.
    case .never where view.unreadable[.intent(name)] == nil:
      return .byHand([
        "`holdfast start \(name)` or `holdfast stop \(name)` says what is wanted; `holdfast release \(name)` leaves it alone."
      ])
    case .never:
      let value =
        (try? codec.encode(.intent(IntentRecord(desired: .unprotected)))).map { String(decoding: $0, as: UTF8.self) } ?? ""
      return .byHand([
        Self.preparation,
        "`etcdctl put \(Self.quoted(codec.key(.intent(name)))) '\(value)'` takes it out of protection: what runs of it runs on.",
        "Then protect it again with `holdfast adopt` or `holdfast apply`."
      ])
    case .unreadable: return .byHand(["Its claim comes first.", Self.again])
    }
  }

  /// Where somebody holds it, its place is there: without one it would be stopped.
  private func placementRemedy(_ name: WorkloadName) -> RecordFinding.Remedy {
    let others: [RecordKey] = [.spec(name), .intent(name), .claim(name)]
    switch hold(of: name) {
    case .held(let node), .lapsed(let node):
      let record = PlacementRecord(
        node: node, reason: PlacementReason(text: "it was there when its placement was repaired"), servedMove: servedMove(name))
      return .repair(
        RecordRepair(
          "\(name) has its place on \(node), which holds it; the planner continues from there",
          replacement(of: .placement(name), by: .placement(record), besides: others)))
    case .released, .never:
      return .repair(
        RecordRepair(
          "the placement is deleted: nobody executes \(name), and the planner places it anew",
          deletion(of: [.placement(name)], besides: others)))
    case .unreadable: return .byHand(["Its claim comes first.", Self.again])
    }
  }

  /// A request to move it that stands counts as served: whether it was is in the record that cannot be read.
  private func servedMove(_ name: WorkloadName) -> Int { view.intents[name]?.value.move?.serial ?? 0 }

  // MARK: missing

  func missingIntent(of name: WorkloadName) -> RecordFinding? {
    guard view.intents[name] == nil, view.unreadable[.intent(name)] == nil else { return nil }
    return RecordFinding(
      .noIntent, key: codec.key(.intent(name)), "what is wanted of \(name) is missing",
      effect: view.isProvenWanted(name)
        ? "\(name) runs on where it runs; the planner writes the record anew, unless the cluster is disarmed"
        : "\(name) is not started, moved or failed over until somebody starts or stops it", intentRemedy(name))
  }

  /// Workloads that other records speak of, and that are not defined.
  var undefined: [WorkloadName] {
    var spoken = Set(view.intents.keys).union(view.placements.keys)
    for (name, claim) in view.claims where claim.value.holder != nil { spoken.insert(name) }
    for case .intent(let name) in view.unreadable.keys { spoken.insert(name) }
    for case .placement(let name) in view.unreadable.keys { spoken.insert(name) }
    return spoken.filter { !isThere(.spec($0)) }.sorted()
  }

  func missingDefinition(of name: WorkloadName) -> RecordFinding? {
    let keys = ([.intent(name), .placement(name), .claim(name)] as [RecordKey]).filter(isThere)
    let present = keys.filter { if case .claim = $0 { false } else { true } }
    guard let first = present.first ?? keys.first else { return nil }
    switch hold(of: name) {
    case .released, .never:
      return RecordFinding(
        .noDefinition, key: codec.key(first), "\(name) is not defined, and this is left of it",
        effect: "Nothing: nobody executes it",
        .repair(
          RecordRepair(
            "what is left of \(name) is deleted, but for its claim", deletion(of: present, besides: [.spec(name), .claim(name)])
          )))
    case .held(let node), .lapsed(let node):
      return RecordFinding(
        .noDefinition, key: codec.key(.claim(name)), "\(name) is not defined, and \(node) holds it or held it last",
        effect: "What executes of it on \(node) is not protected any more, and nobody starts it elsewhere",
        .byHand(
          [keepDefinition(name, on: node)] + claimSteps(name)
            + ["`holdfast apply -f FILE` defines it anew.", Self.again]))
    case .unreadable:
      return RecordFinding(
        .noDefinition, key: codec.key(first), "\(name) is not defined, and its claim cannot be read",
        effect: "Nobody can say whether it executes", .byHand(["Its claim comes first.", Self.again]))
    }
  }

  // MARK: contradictions

  /// What is being adopted by a node that there is not waits for ever.
  var strayAdoptions: [RecordFinding] {
    view.intents.compactMap { name, intent in
      guard intent.value.desired == .adopting, let node = intent.value.adopter, !isKnown(node) else { return nil }
      return RecordFinding(
        .unknownNode, key: codec.key(.intent(name)), "\(node) is to adopt \(name), and there is no record of \(node)",
        effect: "\(name) is not protected before that node is back", .byHand(["`holdfast release \(name)` ends the adoption."]))
    }
  }

  var sameUUIDs: [RecordFinding] {
    Dictionary(grouping: view.specs.keys) { view.specs[$0]?.value.uuid.lowercased() ?? "" }.compactMap { uuid, names in
      let names = names.sorted()
      guard names.count > 1, let last = names.last else { return nil }
      let list = InWords.list(names.map(\.text), most: 5)
      return RecordFinding(
        .sameUUID, key: codec.key(.spec(last)), "\(list) have the UUID \(uuid)",
        effect: "libvirt takes one of them on a host, and one may be taken for a copy of the other",
        .byHand([
          "`holdfast workload NAME --xml` shows each: find out which of them is the original.",
          "Release the other one (`holdfast release NAME`), and apply it again with a UUID of its own."
        ]))
    }
  }
}
