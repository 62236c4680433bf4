/// An operation composed of others that stays one node of the graph, so that an engine may replace it by a kernel of its own.
///
/// The body says what it means, in tensor operations; its gradient is the body's. An engine without a kernel inlines the body, so that
/// keeping a composite whole can never lose a gradient, and a kernel is tested against the body. Attributes are stored properties.
public protocol Composite: Primitive {
    /// Shape rule: the types of the results for inputs of these types; at least one.
    /// - Throws: ``ShapeError`` where the inputs do not fit the operation or each other.
    func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType]

    /// The results, in tensor operations on the inputs. Nothing may be evaluated in it, and arrays may not be captured.
    func body(_ inputs: [Tensor]) -> [Tensor]

    /// StableHLO text of all results, given values and types of the inputs: the body's, unless something better exists, such as a loop.
    func stableHLO(
        _ inputs: [StableHLOValue], of types: [TensorType], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue]
}

extension Composite {
    /// The type of the first result.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { try outputTypes(for: inputs)[0] }

    /// The body's gradient, itself a composite.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        CompositeGradient.apply(self, inputs, [upstream])
    }

    /// The first result by the body's primitives.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray { evaluateAll(inputs)[0] }

    /// None: the text of a composite is that of all its results.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        throw StableHLOError(Self.name, "a composite is written with all its results")
    }

    /// The text of the body.
    public func stableHLO(
        _ inputs: [StableHLOValue], of types: [TensorType], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        try text.inline(Trace.program(of: self, for: types), inputs)
    }

    /// The results by the body's primitives: the definition that kernels are tested against.
    package func evaluateAll(_ inputs: [HostArray]) -> [HostArray] {
        let program = ExpandComposites.all.run(Trace.program(of: self, for: inputs.map { TensorType($0.dtype, $0.shape) }))
        return ReferenceEngine.evaluate(program, inputs)
    }
}

extension Tensor {
    /// Applies a composite after its shape rule; a wrong call stops here.
    package static func composite<C: Composite>(_ composite: C, _ inputs: [Tensor], at location: SourceLocation? = nil) -> [Tensor] {
        do {
            let types = try composite.outputTypes(for: inputs.map(\.type))
            let node = Node(
                composite, types[0], first: inputs.first?.node, second: inputs.count > 1 ? inputs[1].node : nil,
                others: inputs.count > 2 ? inputs.dropFirst(2).map(\.node) : [], resultCount: types.count)
            if types.count == 1 { return [Tensor(new: node)] }
            node.holders.store(0, ordering: .relaxed)
            return types.enumerated().map {
                Tensor(new: Node(CompositeResult(index: $0.offset, type: $0.element), $0.element, first: node))
            }
        } catch {
            return [failed(error, inputs, at: location)]
        }
    }
}

/// One of several results of a composite. Its input stands for all of them and is nobody's value.
public struct CompositeResult: Primitive {
    /// `result`
    public static let name = "result"
    /// Position among the results.
    public let index: Int
    /// Element type and shape.
    public let type: TensorType

    /// The result at `index`, of this type.
    package init(index: Int, type: TensorType) {
        self.index = index
        self.type = type
    }

    /// ``type``
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { type }

    /// None of its own: the walk hands the upstream gradients of all results to the composite together.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil] }

    /// Composites are expanded before anything is evaluated.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        fatalError("[result] is not computed by itself")
    }

    /// Written with its composite.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        throw StableHLOError(Self.name, "its operand is no composite that was written")
    }
}

/// The gradient of a composite: from its inputs and the gradients with respect to its results to those with respect to its floating inputs.
///
/// Inputs: the composite's, then one upstream gradient for each result in ``upstreams``. Results: one for each floating input, in order;
/// an engine computes those that are used.
public struct CompositeGradient: Composite {
    /// `gradient`
    public static let name = "gradient"
    /// What is differentiated.
    public let forward: any Composite
    /// How many inputs it has.
    public let inputCount: Int
    /// The results that an upstream gradient is given for.
    public let upstreams: [Int]

    /// Gradients by input, `nil` for inputs that are not floating. `upstreams` has an entry for each result.
    static func apply(_ forward: any Composite, _ inputs: [Tensor], _ upstreams: [Tensor?]) -> [Tensor?] {
        let given = upstreams.indices.filter { upstreams[$0] != nil }
        let gradient = CompositeGradient(forward: forward, inputCount: inputs.count, upstreams: given)
        var results = Tensor.composite(gradient, inputs + given.map { upstreams[$0]! })[...]
        return inputs.map { $0.dtype.isFloatingPoint ? results.popFirst() : nil }
    }

    /// The types of the floating inputs.
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        inputs.prefix(inputCount).filter(\.dtype.isFloatingPoint)
    }

    /// The forward body, differentiated.
    public func body(_ inputs: [Tensor]) -> [Tensor] {
        let variables = Array(inputs.prefix(inputCount))
        let results = forward.body(variables)
        return vectorJacobianProduct(
            of: upstreams.map { results[$0] }, with: Array(inputs.dropFirst(inputCount)),
            withRespectTo: variables.filter(\.dtype.isFloatingPoint))
    }

    /// Same composite, same attributes.
    public static func == (a: CompositeGradient, b: CompositeGradient) -> Bool {
        a.inputCount == b.inputCount && a.upstreams == b.upstreams && a.forward.isEqual(to: b.forward)
    }

    /// Hashes the composite and which upstream gradients there are.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(forward.identityHash)
        hasher.combine(inputCount)
        hasher.combine(upstreams)
    }
}
