import HillockCore

/// How the parameters of a model lie on the devices of a mesh. The model stays what it is: a policy looks at names and shapes.
public struct ShardingPolicy: Sendable {
    /// Says how the parameter of this path and shape lies on a mesh.
    private let rule: @Sendable (String, Shape, Mesh) -> Sharding

    /// A policy by a rule of one's own, from a parameter's path and shape.
    public init(_ rule: @escaping @Sendable (_ path: String, _ shape: Shape, _ mesh: Mesh) -> Sharding) { self.rule = rule }

    /// How a parameter lies.
    public func sharding(of path: String, _ shape: Shape, on mesh: Mesh) -> Sharding { rule(path, shape, mesh) }

    /// Every device has the whole model and sees its part of the samples.
    public static let dataParallel = ShardingPolicy { _, _, _ in .replicated }

    /// Parameters, gradients and what the optimizer remembers are divided along the mesh's axis `data`, and put together where they are
    /// needed (Rajbhandari et al., ZeRO: memory optimizations toward training trillion parameter models, 2020, stage 3). A parameter is
    /// divided along its longest axis that can be; one that has none is whole everywhere.
    public static let fullySharded = ShardingPolicy { _, shape, mesh in
        .firstFitting((0..<shape.rank).sorted { (-shape[$0], $0) < (-shape[$1], $1) }, of: shape, by: "data", on: mesh)
    }

    /// Layers are divided along the mesh's axis `model` by the rules, the first whose pattern fits deciding (Shoeybi et al., Megatron-LM, 2019);
    /// what no rule fits, or the mesh does not divide, is whole everywhere.
    public static func tensorParallel(_ rules: [ShardingRule] = ShardingRule.transformer) -> ShardingPolicy {
        ShardingPolicy { path, shape, mesh in
            guard let rule = rules.first(where: { $0.fits(path) }), rule.axis < shape.rank else { return .replicated }
            return .firstFitting([rule.axis], of: shape, by: "model", on: mesh)
        }
    }
}

/// Which axis of which parameters is divided along the mesh's axis `model`.
public struct ShardingRule: Hashable, Sendable {
    /// The parameters' path; `*` stands for any number of letters: `*.linear1.weight`.
    public let pattern: String
    /// The parameter's axis: 0 divides a linear layer's outputs, 1 its inputs.
    public let axis: Int

    /// Divides an axis of the parameters whose path fits a pattern.
    public init(_ pattern: String, axis: Int) {
        self.pattern = pattern
        self.axis = axis
    }

    /// What this library's attention, feed-forward and embedding layers want: the first product of a pair by its outputs, the second by its
    /// inputs, so that between the two nothing need be exchanged; embeddings by their features. Attention's first product gives queries, keys
    /// and values in one, and a device's share of its rows are not whole heads: what it gives is exchanged, and then each device computes
    /// some heads, if their number can be divided.
    public static let transformer = [
        ShardingRule("*in_proj_weight", axis: 0), ShardingRule("*in_proj_bias", axis: 0), ShardingRule("*out_proj.weight", axis: 1),
        ShardingRule("*linear1.weight", axis: 0), ShardingRule("*linear1.bias", axis: 0), ShardingRule("*linear2.weight", axis: 1),
        ShardingRule("*embedding*.weight", axis: 1),
    ]

    /// Whether a path fits the pattern.
    public func fits(_ path: String) -> Bool {
        var parts = pattern.split(separator: "*", omittingEmptySubsequences: false)[...]
        guard let first = parts.popFirst(), path.hasPrefix(first) else { return false }
        guard let last = parts.popLast() else { return path == pattern }
        var rest = path.dropFirst(first.count)
        for part in parts where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}

extension Sharding {
    /// A division of the first of these axes that can be; one that cannot where the mesh has no axis of this name, which is a mistake.
    fileprivate static func firstFitting(_ axes: [Int], of shape: Shape, by name: String, on mesh: Mesh) -> Sharding {
        let divisions = axes.map { Sharding(axis: $0, by: name) }
        if mesh.size(of: name) == nil { return divisions.first ?? .replicated }
        return divisions.first { $0.fault(for: TensorType(.float32, shape), on: mesh) == nil } ?? .replicated
    }
}

extension ParameterOwner {
    /// Says how the parameters lie on the devices of a mesh: wherever they are computed with there, and whatever their values become. What an
    /// optimizer remembers of them lies likewise. Elsewhere it changes nothing. Buffers are whole on every device.
    ///
    ///     model.place(on: mesh, .fullySharded)
    public func place(on mesh: Mesh, _ policy: ShardingPolicy) {
        for (path, parameter) in contents().parameters {
            let sharding = policy.sharding(of: path, parameter.shape, on: mesh)
            if var fault = sharding.fault(for: parameter.type, on: mesh) {
                fault.layer = path
                misuse(fault)
                continue
            }
            parameter.sharding = sharding
        }
    }
}
