import HillockCore
import HillockNN

/// What every optimizer keeps: what it changes, and tensors of the same shapes that it remembers.
struct OptimizerCore {
    let name: String
    let names: [String]
    let parameters: [Parameter]
    let buffers: [Buffer]
    /// Whether weight decay applies, by parameter.
    let decays: [Bool]
    /// Names of what is remembered for each parameter, PyTorch's: `exp_avg`.
    let slotNames: [String]
    /// Parameters that are changed together, by position.
    let groups: [[Int]]
    /// By slot, then by parameter.
    var slots: [[Tensor]]
    var stepCount = 0

    init(_ name: String, _ owner: some ParameterOwner, slots slotNames: [String], decaying: DecayFilter) {
        let contents = owner.contents()
        self.name = name
        names = contents.parameters.map(\.name)
        parameters = contents.parameters.map(\.parameter)
        buffers = contents.buffers.map(\.buffer)
        decays = contents.parameters.map { decaying($0.name, $0.parameter) }
        self.slotNames = slotNames
        groups = Self.groups(of: parameters)
        // Each with memory of its own, which the first step may write: zeros of a table take none where no row is touched.
        slots = slotNames.map { _ in
            contents.parameters.map { Tensor(HostArray(zeros: $0.parameter.type, isWrittenHereAndThere: $0.parameter.hasSparseGradient)) }
        }
        // Known from the first step on, so that the first step is the same program as all others.
        evaluate(written)
    }

    /// Small parameters of a dtype are changed in one pass, since each alone is hardly worth one; a large one by itself, as soon as its
    /// gradient is there, so that this need not be kept until all others are.
    private static func groups(of parameters: [Parameter]) -> [[Int]] {
        var small: [DType: [Int]] = [:]
        var groups: [[Int]] = []
        for (position, parameter) in parameters.enumerated() {
            if parameter.shape.count >= 1 << 16 || parameter.hasSparseGradient {
                groups.append([position])
            } else {
                small[parameter.value.dtype, default: []].append(position)
            }
        }
        return groups + small.values.sorted { $0[0] < $1[0] }
    }

    /// Takes the gradients, if they are the parameters' own, and the loss.
    func take(_ gradients: Gradients) -> (values: [Tensor], loss: [Tensor])? {
        let given = gradients.parameters
        guard given.count == parameters.count, zip(given, parameters).allSatisfy({ $0 === $1 }) else {
            misuse(
                ShapeError(
                    name, "gradients are of \(given.count) other parameters than the optimizer's \(parameters.count)",
                    hint: "differentiate by optimizer.parameters"))
            return nil
        }
        let (values, loss) = gradients.take()
        guard values.count == parameters.count else {
            misuse(ShapeError(name, "gradients were taken by an update before", hint: "differentiate anew for each step"))
            return nil
        }
        return (values, loss.map { [$0] } ?? [])
    }

    /// Everything that a step writes: the parameters, what is remembered for them, and the model's buffers.
    var written: [Tensor] { parameters.map(\.value) + slots.joined() + buffers.map(\.value) }

    var state: [(name: String, tensor: Tensor)] {
        var state = [(name: "step", tensor: Tensor([Int64(stepCount)], shape: []))]
        for (position, name) in names.enumerated() {
            for (slot, slotName) in slotNames.enumerated() { state.append(("\(name).\(slotName)", slots[slot][position])) }
        }
        return state
    }

    mutating func restore(_ tensors: [String: HostArray]) throws(WeightsError) {
        var error = WeightsError()
        var unexpected = Set(tensors.keys)
        func take(_ name: String, _ type: TensorType) -> HostArray? {
            unexpected.remove(name)
            guard let array = tensors[name] else {
                error.missing.append(name)
                return nil
            }
            let got = TensorType(array.dtype, array.shape)
            // No conversion: the steps that follow must be the same to the last bit.
            if got != type { error.misshaped.append(.init(name: name, expected: type, got: got)) }
            return array
        }
        let step = take("step", TensorType(.int64, .scalar))
        var arrays = slotNames.map { _ in [HostArray]() }
        for (position, name) in names.enumerated() {
            for (slot, slotName) in slotNames.enumerated() {
                if let array = take("\(name).\(slotName)", parameters[position].type) { arrays[slot].append(array) }
            }
        }
        error.unexpected = unexpected.sorted()
        guard error.isEmpty, let step else { throw error }
        stepCount = Int(step.integers[0])
        slots = arrays.map { $0.map { Tensor($0) } }
    }
}

/// Numbers of a step as scalars of a dtype, made once for all parameters; inputs of the program, so that others are the same program.
struct StepScalars {
    private let values: [Double]
    private var known: [DType: [Tensor]] = [:]

    init(_ values: [Double]) { self.values = values }

    subscript(_ dtype: DType) -> [Tensor] {
        mutating get {
            if let scalars = known[dtype] { return scalars }
            let scalars = values.map { Tensor(hoisting: .real($0), dtype: dtype) }
            known[dtype] = scalars
            return scalars
        }
    }
}

/// Stops for a setting outside its range.
func check(_ optimizer: String, _ name: String, _ value: Double, in range: String, _ isInside: Bool) {
    if !isInside { misuse(ShapeError(optimizer, "\(name) is \(value), expected \(range)")) }
}
