import ArgumentParser
import Hillock

/// `hillock devices list`
struct DevicesListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show what there is, and why not the rest.")

    func run() {
        let machine = MachineDescription.current(engine: Device.cpu.description)
        let memory = NumberText.fixed(Double(machine.memory) / 1_073_741_824, 1)
        let note = Precision.$current.withValue(.bfloat16) { Device.cpu.precisionNote }
        let place =
            "\(machine.processor), \(machine.cores) \(machine.cores == 1 ? "core" : "cores"), \(memory) GiB of memory; \(CPUEngine.details)"
            + "; \(note ?? "bf16")"
        let reference = Device.reference.description
        if Device.cpu.description != reference { print("\(Device.cpu.description.padding(to: 10))  \(place) (used)") }
        let isUsed = Device.cpu.description == reference
        print("\(reference.padding(to: 10))  the slow definition of every operation, for tests\(isUsed ? "; \(place) (used)" : "")")
        for survey in AcceleratorSurvey.all() {
            for (name, description) in survey.devices {
                print("\(name.padding(to: 10))  \(survey.title): \(description); \(survey.plugin ?? "")")
            }
            if let problem = survey.problem { print("\(survey.kind.padding(to: 10))  \(survey.title): \(problem)") }
        }
    }
}
