import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Testing

/// libvirt paused a domain as a disk of it has an I/O error: its policy says what follows.
@Suite struct IOErrorTests {
  /// n1 runs w1, which is paused for an I/O error.
  private func broken(_ policy: OnIOError?) throws -> (Rig, DomainObservation) {
    var rig = Rig.running()
    rig.domainsObey = true
    if let policy {
      let rules = PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "on-io-error w1 \(policy.rawValue)")])
      rig.write([.put(.policies, .policies(rules))])
    }
    rig.apply("w1")
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.paused, .ioError)
    rig.actions = []
    rig.sees(domain)
    return (rig, domain)
  }

  private func resumes(_ rig: Rig) -> Int { rig.actions.count { if case .resume = $0 { true } else { false } } }

  @Test(arguments: [nil, .leave] as [OnIOError?]) func `it is left paused`(policy: OnIOError?) throws {
    var (rig, _) = try broken(policy)
    rig.pass(.seconds(60))
    #expect(resumes(rig) == 0 && rig.stops().isEmpty && rig.report()?.paused?["w1"]?.contains("I/O error") == true)
  }

  @Test func `it is resumed every ten seconds until its disk answers, which is told once`() throws {
    var (rig, domain) = try broken(.resume)
    rig.pass(.seconds(9))
    #expect(resumes(rig) == 0)
    for attempt in 1...3 {
      rig.pass(.seconds(2))
      #expect(resumes(rig) == attempt)
      // It goes on, meets the error again, and is paused before anybody has seen it.
      rig.send(.operation("w1", .resume, .done))
      rig.pass(.seconds(8))
    }
    #expect(rig.notes().count { $0 == .stopping } == 1 && rig.stops().isEmpty)
    rig.pass(.seconds(2))
    (domain.state, domain.reason) = (.running, nil)
    rig.sees(domain)
    rig.send(.operation("w1", .resume, .done))
    rig.actions = []
    rig.pass(.seconds(60))
    #expect(resumes(rig) == 0 && rig.claim("w1")?.activity == .running)
  }

  @Test func `it is ended and started anew, and that counts as an end`() throws {
    var (rig, _) = try broken(.restart)
    #expect(rig.stops() == [.zero])
    rig.pass(.seconds(1))
    #expect(rig.starts().count == 1 && rig.claim("w1")?.ends == 1 && rig.notes().count { $0 == .vanished } == 1)
    // The second time the start waits.
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.paused, .ioError)
    rig.sees(domain)
    #expect(rig.stops().count == 2 && rig.starts().count == 1)
    rig.pass(.seconds(2))
    #expect(rig.starts().count == 2 && rig.claim("w1")?.ends == 2)
  }

  @Test(arguments: [OnIOError.resume, .restart])
  func `what an operator paused is left alone`(policy: OnIOError) throws {
    var (rig, domain) = try broken(nil)
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .pause)))])
    let rules = PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "on-io-error w1 \(policy.rawValue)")])
    rig.write([.put(.policies, .policies(rules))])
    rig.pass(.seconds(30))
    #expect(resumes(rig) == 0 && rig.stops().isEmpty)
    // What is paused for another reason is somebody's wish.
    domain.reason = .suspended
    rig.sees(domain)
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
    rig.pass(.seconds(30))
    #expect(resumes(rig) == 0 && rig.stops().isEmpty)
  }
}
