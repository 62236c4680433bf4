/// The workloads by their names.
public enum Workloads {
    typealias Entry = (name: String, make: () -> Workload)

    /// Every family's list; a new family is a file with its list, and a line here.
    private static var families: [[Entry]] {
        [
            classifiers,
            residualNetworks,
            recurrentNetworks,
            transformers,
            generativeNetworks,
            embeddingModels,
            speechNetworks,
            imageNetworks,
            micro,
        ]
    }

    /// Names in the order of the specification: training, inference, micro.
    public static var names: [String] {
        let groups = "TIM"
        return families.joined().map(\.name).sorted { a, b in
            let (first, second) = (groups.firstIndex(of: a.first!), groups.firstIndex(of: b.first!))
            return first == second ? a < b : first! < second!
        }
    }

    /// A workload made ready; `nil` if there is none of this name.
    public static func make(_ name: String) -> Workload? {
        families.joined().first { $0.name == name }?.make()
    }
}
