import CKernels
import HillockCore

/// Changes parameters and what an optimizer remembers of them, all in one parallel loop.
final class OptimizerStep: InPlaceStep {
    enum Kind: Equatable {
        /// Scalars: rate, decay, momentum, share.
        case sgd
        /// The same.
        case momentum(isNesterov: Bool)
        /// Scalars: rate, correction, ε, share₁, β₂, share₂, decay, keep.
        case adam
    }

    /// Where a gradient is.
    enum Gradient {
        case dense(BufferID)
        /// Rows to be added up by groups.
        case grouped(BufferID, updates: (buffer: BufferID, view: Strided))
        /// Rows to be added where the indices say, at once.
        case added(BufferID, TensorType, updates: BufferID)
        /// The product of two matrices, computed where it is used.
        case product((buffer: BufferID, view: Strided), (buffer: BufferID, view: Strided))

        var buffers: [BufferID] {
            switch self {
            case .dense(let buffer): [buffer]
            case .grouped(let groups, let updates): [groups, updates.buffer]
            case .added(let indices, _, let updates): [indices, updates]
            case .product(let left, let right): [left.buffer, right.buffer]
            }
        }
    }

    /// One parameter; `sources` and `targets` are the parameter and then its slots, as they were and as they will be.
    struct Parameter {
        let shape: Shape
        /// That of a dense gradient, sources and targets.
        let layout: PhysicalLayout
        let gradient: Gradient
        let sources: [BufferID]
        let targets: [BufferID]
        let decays: Bool
        let isSparse: Bool

        var rowLength: Int { shape.dimensions.dropFirst().reduce(1, *) }
    }

    private let kind: Kind
    private let scalars: [BufferID]
    private let parameters: [Parameter]
    private let tensors: UnsafeMutablePointer<hk_optimizer_tensor>
    /// The scalars' values in a run: a step asks for no memory.
    private let values: UnsafeMutablePointer<Float>
    /// For each parameter what is known of its rows in a run.
    private var pasts: [RowPast?]

    init(_ kind: Kind, scalars: [BufferID], _ parameters: [Parameter]) {
        self.kind = kind
        self.scalars = scalars
        self.parameters = parameters
        tensors = .allocate(capacity: parameters.count)
        values = .allocate(capacity: scalars.count)
        pasts = [RowPast?](repeating: nil, count: parameters.count)
    }

    deinit {
        tensors.deallocate()
        values.deallocate()
    }

    var reads: [BufferID] { scalars + parameters.flatMap { $0.sources + $0.gradient.buffers } }
    var writes: [BufferID] { parameters.flatMap(\.targets) }
    var scratchByteCount: Int { 0 }

    func layout(of buffer: BufferID) -> PhysicalLayout? {
        parameters.first { ($0.sources + $0.targets + $0.gradient.buffers).contains(buffer) }?.layout ?? .plain
    }

    /// Old values that are read for nothing else.
    var overlays: [(source: BufferID, target: BufferID)] {
        var readers: [BufferID: Int] = [:]
        for buffer in reads { readers[buffer, default: 0] += 1 }
        return parameters.flatMap { zip($0.sources, $0.targets).map { ($0, $1) } }.filter { readers[$0.0] == 1 }
    }

    /// The parameters of which rows are left out that have no gradient and no past, and the slots that say it, as they were and will be.
    var tables: [(parameter: Int, slots: [(source: BufferID, target: BufferID)])] {
        parameters.enumerated().compactMap { position, parameter in
            guard case .grouped = parameter.gradient, !parameter.isSparse else { return nil }
            return (position, zip(parameter.sources, parameter.targets).dropFirst().map { ($0, $1) })
        }
    }

    /// What is known of a table before a run, if anything is.
    func recall(_ past: RowPast?, ofParameter position: Int) throws {
        let rows = parameters[position].shape[0], unit = Int(hk_optimizer_unit_rows(Int64(parameters[position].rowLength)))
        pasts[position] = try past ?? RowPast(units: (rows + unit - 1) / unit)
    }

    /// What is known of a table after a run, once: the step does not hold on to it.
    func past(ofParameter position: Int) -> RowPast? {
        defer { pasts[position] = nil }
        return pasts[position]
    }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        for (position, scalar) in scalars.enumerated() { values[position] = pointers[scalar].load(as: Float.self) }
        var numbers = hk_optimizer_step_numbers()
        numbers.rate = values[0]
        let (decay, keep): (Float, Float)
        switch kind {
        case .sgd, .momentum:
            numbers.kind = Int32(kind == .sgd ? hk_optimizer_sgd.rawValue : hk_optimizer_momentum.rawValue)
            numbers.nesterov = kind == .momentum(isNesterov: true)
            (decay, keep) = (values[1], 1)
            (numbers.momentum, numbers.share) = (values[2], values[3])
        case .adam:
            numbers.kind = Int32(hk_optimizer_adam.rawValue)
            (numbers.correction, numbers.epsilon, numbers.share1) = (values[1], values[2], values[3])
            (numbers.beta2, numbers.share2) = (values[4], values[5])
            (decay, keep) = (values[6], values[7])
        }
        var count = 0
        for (position, parameter) in parameters.enumerated() where parameter.shape.count > 0 {
            if parameter.isSparse { copyWhereApart(parameter, pointers) }
            if case .added(let indices, let type, let updates) = parameter.gradient {
                copyWhereApart(parameter, pointers)
                let bad = hk_scatter_add_scaled_rows(
                    pointers[parameter.targets[0]].assumingMemoryBound(to: Float.self), Int64(parameter.shape[0]),
                    Int64(parameter.rowLength), Int32(type.dtype.rawValue), pointers[indices], Int64(type.shape.count),
                    pointers[updates].assumingMemoryBound(to: Float.self), -numbers.rate)
                if bad >= 0 { throw indexError("scatteradd", Int(bad), pointers[indices], type.dtype, rows: parameter.shape[0]) }
            } else {
                tensors[count] = tensor(parameter, pointers, parameter.decays ? decay : 0, parameter.decays ? keep : 1)
                if let past = pasts[position] {
                    tensors[count].past = past.marks.pointer.assumingMemoryBound(to: UInt8.self)
                    tensors[count].knows_past = past.isKnown
                }
                count += 1
            }
        }
        hk_optimizer_run(&numbers, tensors, Int64(count))
    }

    /// Puts the old values where new ones are written here and there only.
    private func copyWhereApart(_ parameter: Parameter, _ pointers: UnsafePointer<UnsafeMutableRawPointer>) {
        for (source, target) in zip(parameter.sources, parameter.targets) where pointers[source] != pointers[target] {
            pointers[target].copyMemory(from: pointers[source], byteCount: parameter.shape.count * 4)
        }
    }

    private func tensor(
        _ parameter: Parameter, _ pointers: UnsafePointer<UnsafeMutableRawPointer>, _ decay: Float, _ keep: Float
    ) -> hk_optimizer_tensor {
        func floats(_ buffer: BufferID) -> UnsafeMutablePointer<Float> { pointers[buffer].assumingMemoryBound(to: Float.self) }
        // Sparse ones were copied to where they will be.
        let sources = parameter.isSparse ? parameter.targets : parameter.sources
        var tensor = hk_optimizer_tensor()
        tensor.count = Int64(parameter.shape.count)
        tensor.parameter = UnsafePointer(floats(sources[0]))
        tensor.new_parameter = floats(parameter.targets[0])
        if sources.count > 1 {
            tensor.slots.0 = UnsafePointer(floats(sources[1]))
            tensor.new_slots.0 = floats(parameter.targets[1])
        }
        if sources.count > 2 {
            tensor.slots.1 = UnsafePointer(floats(sources[2]))
            tensor.new_slots.1 = floats(parameter.targets[2])
        }
        tensor.decay = decay
        tensor.keep = keep
        tensor.width = Int64(parameter.rowLength)
        tensor.touched_only = parameter.isSparse
        switch parameter.gradient {
        case .dense(let buffer): tensor.gradient = UnsafePointer(floats(buffer))
        case .grouped(let groups, let updates):
            tensor.groups = UnsafePointer(pointers[groups].assumingMemoryBound(to: hk_row_groups.self))
            tensor.updates = UnsafePointer(floats(updates.buffer) + updates.view.offset)
            tensor.update_row = Int64(updates.view.strides[0])
        case .product(let left, let right):
            tensor.factors = (
                UnsafePointer(floats(left.buffer) + left.view.offset), UnsafePointer(floats(right.buffer) + right.view.offset)
            )
            tensor.depth = Int64(left.view.shape[1])
            (tensor.left_row, tensor.left_term) = (Int64(left.view.strides[0]), Int64(left.view.strides[1]))
            tensor.right_term = Int64(right.view.strides[0])
        case .added: break
        }
        return tensor
    }

    var explanation: String {
        var (rows, products) = (0, "")
        for parameter in parameters {
            switch parameter.gradient {
            case .dense: break
            case .grouped, .added: rows += 1
            case .product(let left, let right): products += ", of it the product \(left.view.shape) × \(right.view.shape)"
            }
        }
        let count = parameters.count == 1 ? "1 parameter" : "\(parameters.count) parameters"
        return "\(kind) of \(count)\(rows == 0 ? "" : ", \(rows) of them by rows")\(products)"
    }

    /// Those of the products that are computed here.
    var floatingPointOperations: Int? {
        let counts = parameters.compactMap { parameter -> Int? in
            if case .product(let left, _) = parameter.gradient { 2 * left.view.shape[1] * parameter.shape.count } else { nil }
        }
        return counts.isEmpty ? nil : counts.reduce(0, +)
    }
}

/// Groups positions by the row that they name.
final class GroupRowsStep: Step {
    private let rows: Int
    private let type: TensorType
    private let indices: BufferID
    private let target: BufferID
    private static let headerByteCount = 64

    /// Bytes of the buffer that the groups of `count` indices take.
    static func byteCount(_ count: Int) -> Int { headerByteCount + Int(hk_row_groups_bytes(Int64(count))) }

    init(rows: Int, _ type: TensorType, _ indices: BufferID, _ target: BufferID) {
        self.rows = rows
        self.type = type
        self.indices = indices
        self.target = target
    }

    var reads: [BufferID] { [indices] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        let header = pointers[target].bindMemory(to: hk_row_groups.self, capacity: 1)
        let bad = hk_group_rows(
            Int64(rows), Int32(type.dtype.rawValue), pointers[indices], Int64(type.shape.count), pointers[target] + Self.headerByteCount,
            header)
        if bad >= 0 { throw indexError("scatteradd", Int(bad), pointers[indices], type.dtype, rows: rows) }
    }

    var explanation: String { "group \(type) by \(rows) rows" }
}
