import ArgumentParser
import Hillock

/// `hillock devices`
struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "devices", abstract: "Show what can compute on this machine.")

    func run() {
        let machine = MachineDescription.current(engine: Device.cpu.description)
        let memory = NumberText.fixed(Double(machine.memory) / 1_073_741_824, 1)
        let place =
            "\(machine.processor), \(machine.cores) \(machine.cores == 1 ? "core" : "cores"), \(memory) GiB of memory; \(CPUEngine.details)"
        let reference = Device.reference.description
        if Device.cpu.description != reference { print("\(Device.cpu.description.padding(to: 10))  \(place) (used)") }
        let isUsed = Device.cpu.description == reference
        print("\(reference.padding(to: 10))  the slow definition of every operation, for tests\(isUsed ? "; \(place) (used)" : "")")
    }
}
