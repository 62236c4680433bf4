import Foundation
import Hillock
import Workloads

/// Trains a workload for five steps on one device, then on the devices of meshes in each way of placing parameters: do losses agree, and how
/// much does each device hold?
struct MeshCheck {
    /// Of which devices: `xla-cpu`, `cuda` …
    let kind: String
    /// How many.
    let devices: Int
    /// Relative difference of losses that is allowed.
    private static let tolerance = 1e-4

    private struct Run {
        var losses: [Double] = []
        var milliseconds = Double.infinity
        /// Bytes that each device holds of parameters, and of what the optimizer remembers.
        var parameters: [Int] = []
        var state: [Int] = []
    }

    /// Prints a table of the ways for each workload; gives how many workloads do not agree.
    func run(_ names: [String]) throws -> Int {
        let (half, other) = (devices >= 4 ? devices / 4 : 1, devices >= 4 ? 4 : devices)
        let ways: [(String, Mesh, ShardingPolicy)] = [
            ("data parallel", Mesh(data: devices), .dataParallel), ("fully sharded", Mesh(data: devices), .fullySharded),
            ("tensor parallel", Mesh(data: half, model: other), .tensorParallel(Workload.shardingRules)),
        ]
        return try names.count { name in
            let single = try train(name, on: Device(named: kind))
            print("\(name) on \(kind): losses \(single.losses), \(Self.text(single))")
            return try ways.count { title, mesh, policy in
                let run = try train(name, on: .mesh(mesh, of: kind), policy)
                let difference = zip(run.losses, single.losses).map { abs($0 - $1) / abs($1) }.max() ?? .infinity
                let share = { (part: [Int], whole: [Int]) -> String in
                    part.map { String(format: "%.1f", 100 * Double($0) / Double(whole[0])) }.uniqued().joined(separator: ", ") + " %"
                }
                print(
                    """
                    \(name) \(title) (\(mesh)): losses differ by \(String(format: "%.1e", difference)) at most, \(Self.text(run)); each device holds \
                    \(share(run.parameters, single.parameters)) of the parameters, \(share(run.state, single.state)) of the optimizer's state
                    """)
                return difference > Self.tolerance
            } > 0
        }
    }

    private func train(_ name: String, on device: Device, _ policy: ShardingPolicy? = nil) throws -> Run {
        try Device.$current.withValue(device) {
            guard let workload = Workloads.make(name), let model = workload.model, let optimizer = workload.optimizer else {
                throw CheckError(description: "\(name) has no parameters to place")
            }
            if let policy, let mesh = device.mesh { model.place(on: mesh, policy) }
            var run = Run()
            for _ in 0..<5 {
                let start = DispatchTime.now().uptimeNanoseconds
                run.losses.append(try workload.step().item())
                run.milliseconds = min(run.milliseconds, Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6)
            }
            run.parameters = try Self.bytes(model.parameters.map(\.parameter.value))
            run.state = try Self.bytes(optimizer.state.filter { $0.name != "step" }.map(\.tensor))
            return run
        }
    }

    private static func bytes(_ tensors: [Tensor]) throws -> [Int] {
        let counts = try tensors.map { try $0.byteCounts() }
        return counts[0].indices.map { device in counts.reduce(0) { $0 + $1[device] } }
    }

    private static func text(_ run: Run) -> String {
        let bytes = "\(run.parameters.max() ?? 0) + \(run.state.max() ?? 0) bytes on a device"
        return "\(bytes), fastest step \(String(format: "%.0f", run.milliseconds)) ms"
    }
}

extension Array where Element: Hashable {
    /// Each element once, in order.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
