import DomainXML
import HoldfastModel
import Testing

/// What a definition asks of the libvirt that is to run it.
@Suite struct `A domain's requirement` {
  private static func domain(
    _ cpu: String = "", type: String = "kvm", os: String = "<type arch='x86_64' machine='q35'>hvm</type>",
    emulator: String = ""
  ) -> String {
    """
    <domain type='\(type)'><name>w1</name><memory>1048576</memory><os>\(os)</os>\(cpu)
      <devices>\(emulator)</devices></domain>
    """
  }

  private static func requirement(_ cpu: String, type: String = "kvm") throws -> DomainRequirement {
    try #require(DomainRequirement(of: domain(cpu, type: type)))
  }

  @Test func `has the machine, the domain's type and the emulator`() throws {
    #expect(
      DomainRequirement(of: Self.domain())
        == DomainRequirement(type: "kvm", architecture: "x86_64", machine: "q35"))
    #expect(
      DomainRequirement(of: Self.domain(type: "qemu", os: "<type>hvm</type>", emulator: "<emulator> /usr/bin/kvm\n</emulator>"))
        == DomainRequirement(type: "qemu", emulator: "/usr/bin/kvm"))
  }

  @Test(arguments: [
    "", "no XML", "<domain/>", "<domain type='lxc'><os><type>exe</type><init>/sbin/init</init></os></domain>",
    "<domain type='xen'><os><type>linux</type></os></domain>", "<domain type='kvm'><os><type>hvm</os></domain>"
  ])
  func `is none for what is no virtual machine`(text: String) { #expect(DomainRequirement(of: text) == nil) }

  @Test func `is the same for definitions that differ in other things`() throws {
    let one = try Self.requirement(
      "<cpu mode='custom' match='exact' check='partial'><model fallback='allow'>EPYC</model>"
        + "<topology sockets='1' cores='2' threads='1'/><feature policy='require' name='svm'/><feature policy='disable' name='x2apic'/></cpu>"
    )
    let other = try Self.requirement(
      "<cpu match='exact'>\n<feature name='x2apic' policy='disable'/>\n<feature name='svm'/>\n<model>EPYC</model>\n</cpu>")
    #expect(one == other)
    #expect(
      one.cpu?.xml
        == "<cpu mode='custom' match='exact'><model>EPYC</model><feature policy='require' name='svm'/>"
        + "<feature policy='disable' name='x2apic'/></cpu>")
    #expect(try Self.requirement("<cpu><model>EPYC-Rome</model></cpu>") != one)
  }

  @Test func `of one that runs is its CPU, all of it, and the same again from a report`() throws {
    let running =
      "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>EPYC-Rome</model><vendor>AMD</vendor>"
      + "<topology sockets='1' cores='2' threads='1'/><feature policy='require' name='x2apic'/></cpu>"
    let found = try #require(DomainRequirement(running: Self.domain(running, emulator: "<emulator>/usr/bin/kvm</emulator>")))
    let cpu = try #require(found.cpu)
    #expect(found.machine == nil && found.emulator == nil && found.type == "kvm" && found.architecture == "x86_64")
    #expect(cpu.model == "EPYC-Rome" && cpu.check == .full && cpu.asksForMore && cpu.isCompared)
    let told = GuestCPU(connection: "qemu:///system", type: found.type, architecture: found.architecture, xml: cpu.xml)
    #expect(DomainRequirement(of: told) == found)
  }

  @Test(arguments: ["", "<cpu mode='host-passthrough'/>", "<cpu mode='host-model'/>", "<cpu><topology cores='2'/></cpu>"])
  func `of one that runs is none where its CPU is not named`(cpu: String) {
    #expect(DomainRequirement(running: Self.domain(cpu)) == nil)
  }

  @Test(arguments: ["", "<cpu/>", "<cpu><model/></cpu>", "<domain><model>EPYC</model></domain>"])
  func `is none for what a report does not name`(xml: String) {
    #expect(DomainRequirement(of: GuestCPU(connection: "qemu:///system", type: "kvm", architecture: nil, xml: xml)) == nil)
  }

  @Test(arguments: [
    // (the element, of kvm, of qemu, more is asked for than the model)
    ("<cpu><model>EPYC</model></cpu>", true, false, false),
    ("<cpu check='none'><model>EPYC</model></cpu>", false, false, false),
    ("<cpu check='partial'><model>EPYC</model></cpu>", true, true, false),
    ("<cpu check='full'><model>EPYC</model></cpu>", true, true, false),
    ("<cpu><model>EPYC</model><vendor>AMD</vendor></cpu>", true, false, true),
    ("<cpu match='strict'><model>EPYC</model></cpu>", true, false, true),
    ("<cpu match='minimum'><model>EPYC</model></cpu>", true, false, false),
    ("<cpu><model>EPYC</model><feature policy='optional' name='svm'/></cpu>", true, false, false),
    ("<cpu><model>EPYC</model><feature policy='forbid' name='svm'/></cpu>", true, false, true),
    ("<cpu><model>EPYC</model><feature policy='require' name='vmx-ept'/></cpu>", true, false, false),
    ("<cpu mode='host-model'/>", false, false, false),
    ("<cpu mode='host-passthrough' check='none' migratable='on'/>", false, false, false),
    ("<cpu><topology sockets='1' cores='4' threads='1'/></cpu>", false, false, false)
  ])
  func `has a CPU that is compared where libvirt compares it`(cpu: String, kvm: Bool, qemu: Bool, more: Bool) throws {
    let one = try #require(try Self.requirement(cpu).cpu), other = try #require(try Self.requirement(cpu, type: "qemu").cpu)
    #expect(one.isCompared == kvm && other.isCompared == qemu && one.asksForMore == more)
    #expect(!one.xml.contains("vmx-"))
  }

  @Test func `has no text of the definition as markup`() throws {
    let cpu = try #require(try Self.requirement("<cpu><model>a&lt;b&amp;'c</model></cpu>").cpu)
    #expect(cpu.xml == "<cpu mode='custom' match='exact'><model>a&lt;b&amp;&apos;c</model></cpu>")
  }
}

/// What libvirt says that it can run.
@Suite struct `libvirt's capabilities` {
  @Test func `tell emulators and domain types by architecture`() throws {
    let host = try #require(
      HostCapabilities(
        """
        <capabilities>
          <host><uuid>u</uuid><cpu><arch>x86_64</arch><model>EPYC</model></cpu></host>
          <guest><os_type>hvm</os_type><arch name='i686'><wordsize>32</wordsize><emulator>/usr/bin/qemu-system-i386</emulator>
            <machine maxCpus='255'>pc</machine><domain type='qemu'/></arch></guest>
          <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>
            <domain type='qemu'/><domain type='kvm'/></arch></guest>
          <guest><os_type>xen</os_type><arch name='armv7l'><domain type='xen'/></arch></guest>
        </capabilities>
        """))
    #expect(host.architecture == "x86_64" && host.guests.keys.sorted() == ["i686", "x86_64"])
    #expect(host.guests["i686"]?.domainTypes == ["qemu"])
    #expect(host.guests["x86_64"] == .init(emulator: "/usr/bin/qemu-system-x86_64", domainTypes: ["kvm", "qemu"]))
  }

  @Test func `tell CPU modes and models of a machine`() throws {
    let domain = try #require(
      DomainCapabilities(
        """
        <domainCapabilities><path>/usr/bin/qemu-system-x86_64</path><domain>kvm</domain><arch>x86_64</arch>
          <cpu>
            <mode name='host-passthrough' supported='yes'/>
            <mode name='host-model' supported='no'/>
            <mode name='custom' supported='yes'>
              <model usable='yes' vendor='unknown'>qemu64</model><model usable='no' vendor='Intel'>Icelake-Server</model>
            </mode>
          </cpu>
        </domainCapabilities>
        """))
    #expect(domain.modes == ["host-passthrough": true, "host-model": false, "custom": true])
    #expect(domain.models == ["qemu64", "Icelake-Server"] && domain.usableModels == ["qemu64"])
  }

  @Test(arguments: ["", " ", "<capabilities>", "<other/>", "<!DOCTYPE x><capabilities></capabilities>"])
  func `are nothing where the answer is something else`(text: String) {
    #expect(DomainCapabilities(text) == nil)
    #expect(HostCapabilities(text)?.guests ?? [:] == [:])
  }
}
