import Synchronization

/// Turns graphs into programs, finds or makes their plans, and runs them; one at a time.
final class Evaluator: Sendable {
    static let shared = Evaluator()
    private let state = Mutex(State())

    /// Computes the nodes, and every node below them that a tensor stands for.
    ///
    /// - Parameter carriesErrors: Whether the nodes are to throw later why no plan could be made. Otherwise they stay as they were, and another
    ///   device may compute them. A run that failed is remembered in any case: it may have overwritten what it began with.
    func evaluate(_ nodes: [Node], on device: Device, carriesErrors: Bool = false) throws {
        try state.withLock {
            try $0.evaluate(nodes, on: device, keepingTape: GradientScope.isActive, carriesErrors: carriesErrors)
        }
    }

    func isEvaluated(_ node: Node) -> Bool {
        state.withLock { _ in
            switch node.value {
            case .none, .failed: false
            case .buffer, .scalar, .standIn: true
            }
        }
    }

    /// The value of an evaluated node.
    func array(of node: Node) throws -> HostArray {
        guard let array = try knownArray(of: node) else { fatalError("[evaluate] value of \(node.type) was not computed") }
        return array
    }

    /// The value of a node, if it is known.
    func knownArray(of node: Node) throws -> HostArray? {
        let value = state.withLock { _ in node.value }
        switch value {
        case .buffer(let buffer): return try buffer.hostArray()
        case .scalar(let scalar): return HostArray(scalar, dtype: node.type.dtype)
        case .standIn: return HostArray(zeros: node.type)
        case .failed(let error): throw error
        case .none: return nil
        }
    }

    /// The buffer or scalar of an evaluated node.
    func value(of node: Node) -> NodeValue {
        state.withLock { _ in node.value }
    }

    func label(of node: Node) -> NodeLabel? {
        if Trace.isActive { return node.label }
        return state.withLock { _ in node.label }
    }

    func setLabel(_ label: NodeLabel, of node: Node) { state.withLock { _ in node.label = label } }

    /// The inputs of a node; empty for a leaf.
    func inputs(of node: Node) -> [Node] {
        if Trace.isActive { return node.inputs }
        return state.withLock { _ in node.inputs }
    }

    /// The graph between `inputs` and `outputs`, nodes that only the caller knows, as a program of exactly these; scalars become constants.
    static func trace(_ outputs: [Node], from inputs: [Node]) -> Program {
        var state = State()
        for input in inputs { input.value = .standIn }
        state.walk(outputs)
        return state.program(from: inputs, to: outputs)
    }

    /// The unevaluated graph below the nodes as a program, without running it; the nodes in `known` are taken as inputs.
    func program(for nodes: [Node], from known: [Node] = []) -> Program {
        state.withLock { state in
            let open = known.filter { if case .none = $0.value { true } else { false } }
            for node in open { node.value = .standIn }
            state.walk(nodes)
            defer {
                state.forget()
                for node in open { node.value = .none }
            }
            return state.program()
        }
    }

    /// How many plans were made since the process began.
    var planCount: Int { state.withLock { $0.planCount } }
}

/// One evaluation's working memory, kept between evaluations so that steady state allocates nothing here.
private struct State: ~Copyable {
    private var epoch: UInt64 = 0
    fileprivate private(set) var leaves: [Node] = []
    fileprivate private(set) var interior: [Unmanaged<Node>] = []
    /// Operands of all interior nodes, one after the other: `~k` for leaf k, `i` for interior node i.
    fileprivate private(set) var operands: [Int32] = []
    private var outputs: [Int32] = []
    private var stack: [(node: Unmanaged<Node>, next: Int)] = []
    /// What the plan is run with, gives, and whose values that is.
    private var arguments: [Argument] = []
    private var buffers: [DeviceBuffer] = []
    private var results: [Node] = []
    private var hash: UInt64 = 0
    private var hasStandIn = false
    private var cache = PlanCache()
    private(set) var planCount = 0

    mutating func evaluate(_ nodes: [Node], on device: Device, keepingTape: Bool, carriesErrors: Bool) throws {
        let observer = Observation.observer
        let start = observer == nil ? 0 : Observation.now
        walk(nodes)
        defer { forget() }
        if interior.isEmpty { return }
        if hasStandIn {
            for node in interior { node._withUnsafeGuaranteedRef { $0.value = .standIn } }
            return
        }
        observer?.begin("evaluate", at: start)
        defer { observer?.end() }
        defer { release() }
        for output in outputs { results.append(interior[Int(output)].takeUnretainedValue()) }
        let entry: PlanCache.Entry
        do {
            entry = try findPlan(on: device)
        } catch {
            if carriesErrors { for node in results { node.value = .failed(error) } }
            throw error
        }
        let plan = entry.plan
        observer?.willRun(entry.program, by: plan, on: device.engine, names: leaves.map { $0.label?.path })

        if let distributed = entry.distributed {
            distributed.place(
                arguments: leaves.map { $0.label?.sharding },
                results: outputs.map { interior[Int($0)]._withUnsafeGuaranteedRef { $0.label?.sharding } })
        }
        if !keepingTape {
            interior.removeAll(keepingCapacity: true)
            for node in results { node.detach() }
        }
        // What is left of the graph holds its leaves; a leaf that only this list holds is dead, and so may be its memory.
        for position in leaves.indices {
            switch leaves[position].value {
            case .scalar(let scalar):
                arguments.append(.scalar(scalar))
            case .buffer(let buffer):
                if isKnownUniquelyReferenced(&leaves[position]) { leaves[position].value = .none }
                arguments.append(.buffer(buffer))
            case .failed(let error):
                for node in results { node.value = .failed(error) }
                throw error
            case .none, .standIn:
                fatalError("[evaluate] a leaf without a value")
            }
        }
        do {
            observer?.begin("run", at: Observation.now)
            defer { observer?.end() }
            try plan.run(&arguments, results: &buffers)
        } catch {
            // The inputs are detached and may have been overwritten: it cannot be tried again.
            for node in results { node.value = .failed(error) }
            throw error
        }
        for (node, buffer) in zip(results, buffers) { node.value = .buffer(buffer) }
    }

    /// Numbers the unevaluated nodes below `roots`, operands before uses, and hashes what they compute.
    mutating func walk(_ roots: [Node]) {
        epoch += 1
        hash = 0
        hasStandIn = false
        for root in roots {
            // A root is wanted even when no tensor stands for it any longer.
            visit(Unmanaged.passUnretained(root))
            while let top = stack.last {
                let (node, next) = top
                node._withUnsafeGuaranteedRef { node in
                    if next < node.inputCount {
                        stack[stack.count - 1].next = next + 1
                        visit(Unmanaged.passUnretained(node.input(next)))
                    } else {
                        stack.removeLast()
                        finish(node)
                    }
                }
            }
        }
        for root in roots where root.index >= 0 && root.holders.load(ordering: .relaxed) == 0 { outputs.append(root.index) }
    }

    /// Meets a node: leaves are numbered, others wait on the stack for their inputs.
    @inline(__always)
    private mutating func visit(_ reference: Unmanaged<Node>) {
        reference._withUnsafeGuaranteedRef { node in
            if node.visit == epoch { return }
            node.visit = epoch
            if case .none = node.value {
                stack.append((reference, 0))
            } else {
                node.index = ~Int32(leaves.count)
                leaves.append(node)
                if case .standIn = node.value { hasStandIn = true }
            }
        }
    }

    /// Numbers a node whose inputs are numbered.
    @inline(__always)
    private mutating func finish(_ node: Node) {
        var hash = mix(self.hash, node.localHash)
        for position in 0..<node.inputCount {
            let operand = node.input(position).index
            operands.append(operand)
            hash = mix(hash, UInt64(bitPattern: Int64(operand)))
        }
        self.hash = hash
        node.index = Int32(interior.count)
        interior.append(Unmanaged.passUnretained(node))
        if node.holders.load(ordering: .relaxed) > 0 { outputs.append(node.index) }
    }

    /// Drops what the walk gathered; the arrays keep their memory.
    mutating func forget() {
        leaves.removeAll(keepingCapacity: true)
        interior.removeAll(keepingCapacity: true)
        operands.removeAll(keepingCapacity: true)
        outputs.removeAll(keepingCapacity: true)
        stack.removeAll(keepingCapacity: true)
    }

    /// Lets go of what the run was about; the arrays keep their memory.
    private mutating func release() {
        arguments.removeAll(keepingCapacity: true)
        buffers.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
    }

    private mutating func findPlan(on device: Device) throws -> PlanCache.Entry {
        let key = PlanCache.Key(
            engine: device.engine.name, numerics: Numerics.current, precision: Precision.current,
            hash: outputs.reduce(hash) { mix($0, UInt64(bitPattern: Int64($1))) })
        for entry in cache.candidates(key) where matches(entry) {
            cache.touch(entry)
            return entry
        }
        let program = program()
        let start = Observation.now
        let plan = try phase("plan") { try device.engine.plan(program) }
        planCount += 1
        PlanLog.planned(
            program, plan, number: planCount, nanoseconds: Observation.now - start, among: cache.programs(on: device.engine.name))
        let entry = PlanCache.Entry(program: program, operands: operands, outputs: outputs, plan: plan)
        cache.insert(key, entry)
        return entry
    }

    /// Whether the walked graph is the entry's program.
    private func matches(_ entry: PlanCache.Entry) -> Bool {
        guard operands == entry.operands, outputs == entry.outputs, interior.count == entry.program.instructions.count,
            leaves.count == entry.program.inputs.count
        else { return false }
        // Through pointers: iterators would take hold of everything that they give.
        return entry.program.inputs.withUnsafeBufferPointer { inputs in
            leaves.withUnsafeBufferPointer { leaves in
                leaves.indices.allSatisfy {
                    leaves[$0].type == inputs[$0].type && leaves[$0].isScalar == inputs[$0].isScalar
                        && (leaves[$0].label != nil) == inputs[$0].isParameter
                }
            }
        }
            && entry.program.instructions.withUnsafeBufferPointer { instructions in
                interior.indices.allSatisfy { position in
                    interior[position]._withUnsafeGuaranteedRef {
                        $0.type == instructions[position].type && $0.primitive.isEqual(to: instructions[position].primitive)
                    }
                }
            }
    }

    /// The walked graph as a program.
    func program() -> Program {
        func number(_ operand: Int32) -> Int { operand < 0 ? Int(~operand) : leaves.count + Int(operand) }
        var position = 0
        let instructions = interior.map { reference in
            reference._withUnsafeGuaranteedRef { node in
                let count = node.inputCount
                defer { position += count }
                return Program.Instruction(node.primitive, operands[position..<position + count].map(number), node.type)
            }
        }
        return Program(
            inputs: leaves.map { Program.Input(type: $0.type, isScalar: $0.isScalar, isParameter: $0.label != nil) },
            instructions: instructions,
            outputs: outputs.map(number))
    }
}

extension State {
    /// The walked graph as a program of these inputs, used or not, in order; scalars become constants.
    func program(from inputs: [Node], to outputs: [Node]) -> Program {
        var instructions: [Program.Instruction] = []
        var leafNumbers: [Int] = []
        for leaf in leaves {
            if let position = inputs.firstIndex(where: { $0 === leaf }) {
                leafNumbers.append(position)
            } else if case .scalar(let scalar) = leaf.value {
                leafNumbers.append(inputs.count + instructions.count)
                instructions.append(Program.Instruction(Fill(scalar.double, leaf.type), [], leaf.type))
            } else {
                fatalError("[trace] a composite's body may not hold an array of its own (\(leaf.type))")
            }
        }
        let base = inputs.count + instructions.count
        func number(_ operand: Int32) -> Int { operand < 0 ? leafNumbers[Int(~operand)] : base + Int(operand) }
        var position = 0
        for reference in interior {
            reference._withUnsafeGuaranteedRef { node in
                let operands = self.operands[position..<position + node.inputCount].map(number)
                position += node.inputCount
                instructions.append(Program.Instruction(node.primitive, operands, node.type))
            }
        }
        return Program(
            inputs: inputs.map { Program.Input(type: $0.type, isScalar: false) }, instructions: instructions,
            outputs: outputs.map { number($0.index) })
    }
}

extension Node {
    fileprivate var isScalar: Bool {
        if case .scalar = value { true } else { false }
    }
}

/// Plans by program, bounded: the least recently used goes first.
private struct PlanCache: ~Copyable {
    struct Key: Hashable {
        let engine: String
        let numerics: Numerics
        let precision: Precision
        let hash: UInt64
    }
    final class Entry {
        let program: Program
        let operands: [Int32]
        let outputs: [Int32]
        let plan: any Plan
        /// The plan, if it wants to know how parameters are placed.
        let distributed: (any DistributedPlan)?
        var lastUse: UInt64 = 0

        init(program: Program, operands: [Int32], outputs: [Int32], plan: any Plan) {
            self.program = program
            self.operands = operands
            self.outputs = outputs
            self.plan = plan
            distributed = plan as? any DistributedPlan
        }
    }

    private static let capacity = 512
    private var entries: [Key: [Entry]] = [:]
    private var count = 0
    private var clock: UInt64 = 0

    /// Plans whose programs have this hash.
    func candidates(_ key: Key) -> [Entry] { entries[key] ?? [] }

    mutating func touch(_ entry: Entry) {
        clock += 1
        entry.lastUse = clock
    }

    mutating func insert(_ key: Key, _ entry: Entry) {
        if count >= Self.capacity { evict() }
        touch(entry)
        entries[key, default: []].append(entry)
        count += 1
    }

    func programs(on engine: String) -> [Program] {
        entries.filter { $0.key.engine == engine }.values.joined().sorted { $0.lastUse > $1.lastUse }.map(\.program)
    }

    /// Drops the half that was used longest ago, so that the cost of finding it is spread over many insertions.
    private mutating func evict() {
        let ages = entries.values.joined().map(\.lastUse).sorted()
        let limit = ages[ages.count / 2]
        entries = entries.mapValues { $0.filter { $0.lastUse > limit } }.filter { !$0.value.isEmpty }
        count = entries.values.reduce(0) { $0 + $1.count }
    }
}
